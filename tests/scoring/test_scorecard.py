from __future__ import annotations

import math
import random
from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.scoring.scorecard import (
    NO_BIN,
    UNKNOWN,
    Bin,
    Characteristic,
    Part,
    Scorecard,
    Scored,
    Value,
    check_scorecard,
    most_lost,
    odds_at,
    score_with,
)

NAN = float("nan")


def age(**changes: Any) -> Characteristic:
    plain = Characteristic(
        name="age",
        reads="declared.age_years",
        bins=(
            Bin(points=40, label="under 25", below=25),
            Bin(points=60, label="25 to 40", at_least=25, below=40),
            Bin(points=75, label="40 and over", at_least=40),
        ),
        missing=30,
        reason="age-of-applicant",
    )
    return msgspec.structs.replace(plain, **changes)


def employment(**changes: Any) -> Characteristic:
    plain = Characteristic(
        name="employment",
        reads="declared.employment",
        bins=(
            Bin(points=80, label="employed", words=("permanent", "civil-servant")),
            Bin(points=55, label="own account", words=("self-employed",)),
        ),
        missing=50,
        reason="kind-of-employment",
    )
    return msgspec.structs.replace(plain, **changes)


def shared(**changes: Any) -> Characteristic:
    plain = Characteristic(
        name="device-shared",
        reads="links.device_shared",
        bins=(Bin(points=-20, label="shared", words=("yes",)), Bin(points=15, label="own", words=("no",))),
        missing=5,
        reason="shared-device",
    )
    return msgspec.structs.replace(plain, **changes)


def card(*characteristics: Characteristic, **changes: Any) -> Scorecard:
    plain = Scorecard(
        name="worked",
        base_points=600,
        base_odds=50,
        pdo=20,
        characteristics=characteristics or (age(), employment(), shared()),
    )
    return msgspec.structs.replace(plain, **changes)


def fixed(points: float) -> Scorecard:
    """A card that gives everybody these points."""
    return card(age(bins=(Bin(points=points, label="any"),), missing=points))


def part_of(each: Characteristic, value: Value) -> Part:
    return score_with(card(each), {each.reads: value}).parts[0]


# ------------------------------------------------------------------------------------------- points and odds


def test_points_are_the_sum_over_the_characteristics() -> None:
    scored = score_with(
        card(), {"declared.age_years": 30, "declared.employment": "permanent", "links.device_shared": True}
    )
    assert [part.points for part in scored.parts] == [60, 80, -20]
    assert scored.points == 120


def test_at_the_base_points_the_pd_is_that_of_the_base_odds() -> None:
    assert score_with(fixed(600), {}).pd == pytest.approx(1 / 51, abs=1e-15)


def test_twenty_points_above_the_base_the_odds_are_a_hundred_to_one() -> None:
    assert score_with(fixed(620), {}).pd == pytest.approx(1 / 101, abs=1e-15)


@pytest.mark.parametrize(("points", "odds"), [(600, "50.0"), (601, "51.8"), (604, "57.4"), (580, "25.0")])
def test_odds_are_those_of_factor_and_offset(points: float, odds: str) -> None:
    # The textbook form of the same scale: score = offset + factor · ln(odds), factor = pdo / ln 2 = 28.8539 and
    # offset = 600 - factor · ln 50 = 487.123.
    factor = 20 / math.log(2)
    offset = 600 - factor * math.log(50)
    assert odds_at(card(), points) == pytest.approx(math.exp((points - offset) / factor), rel=1e-12)
    assert f"{odds_at(card(), points):.1f}" == odds


def test_the_sum_of_points_is_exactly_rounded() -> None:
    tenths = tuple(
        Characteristic(name=f"c{i}", reads="x", bins=(Bin(points=0.1, label="any"),), missing=0.0, reason="r")
        for i in range(10)
    )
    assert score_with(card(*tenths), {"x": 1.0}).points == 1.0


@pytest.mark.parametrize("points", [1e6, -1e6])
def test_a_pd_is_never_0_or_1(points: float) -> None:
    assert 0 < score_with(fixed(points), {}).pd < 1


def test_the_smallest_pdo_does_not_overflow() -> None:
    assert 0 < score_with(msgspec.structs.replace(fixed(1e6), pdo=5e-324), {}).pd < 1


# ------------------------------------------------------------------------------------------- bins


@pytest.mark.parametrize(
    ("years", "label"),
    [(24.999, "under 25"), (25, "25 to 40"), (39, "25 to 40"), (40, "40 and over"), (0, "under 25"), (-1, "under 25"),
     (math.inf, "40 and over"), (-math.inf, "under 25"), (10**400, "40 and over")],
)  # fmt: skip
def test_a_range_holds_its_lower_bound_and_not_its_upper(years: float, label: str) -> None:
    assert part_of(age(), years).label == label


@pytest.mark.parametrize(
    ("word", "label"), [("permanent", "employed"), ("civil-servant", "employed"), ("self-employed", "own account")]
)
def test_a_word_is_in_the_bin_that_lists_it(word: str, label: str) -> None:
    assert part_of(employment(), word).label == label


@pytest.mark.parametrize(("value", "label"), [(True, "shared"), (False, "own"), ("yes", "shared"), ("no", "own")])
def test_booleans_are_the_words_yes_and_no(value: Value, label: str) -> None:
    assert part_of(shared(), value).label == label


@pytest.mark.parametrize("each", [age(), employment(), shared()])
@pytest.mark.parametrize("value", [None, NAN])
def test_an_unknown_value_has_its_own_points_and_says_so(each: Characteristic, value: Value) -> None:
    part = part_of(each, value)
    assert (part.points, part.label, part.value) == (each.missing, UNKNOWN, None)


def test_a_name_that_is_not_there_is_unknown() -> None:
    assert [part.label for part in score_with(card(), {}).parts] == [UNKNOWN] * 3


@pytest.mark.parametrize(
    ("each", "value"),
    [
        (employment(), "retired"),
        (employment(), "Permanent"),
        (employment(), 1.0),
        (employment(), True),
        (age(), "30"),
        (age(), True),
        (age(), False),
    ],
)
def test_a_value_in_no_bin_counts_as_missing_and_says_so(each: Characteristic, value: Value) -> None:
    part = part_of(each, value)
    assert (part.points, part.label, part.value) == (each.missing, NO_BIN, value)


def test_a_number_in_a_gap_that_is_meant_counts_as_missing() -> None:
    each = age(bins=(Bin(points=40, label="score", at_least=300, below=850),), gaps=True)
    assert [part_of(each, value).label for value in (-9999, 300, 849, 850)] == [NO_BIN, "score", "score", NO_BIN]


def test_scores_of_equal_values_are_equal_where_a_value_is_not_a_number() -> None:
    assert score_with(card(), {"declared.age_years": NAN}) == score_with(card(), {"declared.age_years": float("nan")})


def test_a_part_says_what_it_read_and_which_reason_it_gives() -> None:
    assert part_of(age(), 30) == Part(
        characteristic="age", reads="declared.age_years", value=30, label="25 to 40", points=60, lost=15,
        reason="age-of-applicant",
    )  # fmt: skip


def test_a_scored_applicant_travels_as_json() -> None:
    scored = score_with(card(), {"declared.age_years": 30.5, "declared.employment": "retired"})
    assert msgspec.json.decode(msgspec.json.encode(scored), type=Scored) == scored


# ------------------------------------------------------------------------------------------- reasons


def test_points_are_lost_against_the_best_bin() -> None:
    assert [part_of(age(), years).lost for years in (20, 30, 50, None)] == [35, 15, 0, 45]


def test_missing_counts_as_a_bin_where_it_is_the_best() -> None:
    assert part_of(age(missing=90), 50).lost == 15


def test_reasons_are_ranked_by_points_lost_and_leave_out_what_lost_none() -> None:
    values: dict[str, Value] = {
        "declared.age_years": 50,
        "declared.employment": "self-employed",
        "links.device_shared": True,
    }
    assert [(part.reason, part.lost) for part in most_lost(score_with(card(), values))] == [
        ("shared-device", 35),
        ("kind-of-employment", 25),
    ]


def equal_losses(*points: tuple[float, float]) -> Scorecard:
    return card(
        *(
            Characteristic(
                name=f"c{place}", reads="x", bins=(Bin(points=best, label="any"),), missing=missing, reason=f"r{place}"
            )
            for place, (best, missing) in enumerate(points)
        )
    )


def test_ties_stand_in_the_cards_order() -> None:
    scored = score_with(equal_losses((10, 5), (25, 15), (5, 0), (7, 2), (11, 1), (5, 0)), {})
    assert [part.reason for part in most_lost(scored, 5)] == ["r1", "r4", "r0", "r2", "r3"]


def test_losses_that_are_equal_in_decimals_are_a_tie() -> None:
    # In binary 0.3 - 0.1 is a little below 0.2, which would set the second before the first.
    assert [part.reason for part in most_lost(score_with(equal_losses((0.3, 0.1), (0.2, 0)), {}))] == ["r0", "r1"]


@pytest.mark.parametrize(("most", "count"), [(0, 0), (1, 1), (4, 4), (9, 6)])
def test_there_are_at_most_as_many_reasons_as_asked_for(most: int, count: int) -> None:
    assert len(most_lost(score_with(equal_losses(*[(2, 1)] * 6), {}), most)) == count


def test_there_are_four_reasons_unless_told_otherwise() -> None:
    assert len(most_lost(score_with(equal_losses(*[(2, 1)] * 6), {}))) == 4


def test_a_count_of_reasons_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="most is -1"):
        most_lost(score_with(card(), {}), -1)


# ------------------------------------------------------------------------------------------- faults


def test_a_sound_card_has_no_faults() -> None:
    assert check_scorecard(card()) == []


def ranges(*bounds: tuple[float | None, float | None], **changes: Any) -> Characteristic:
    bins = tuple(Bin(points=1, label=f"b{i}", at_least=low, below=high) for i, (low, high) in enumerate(bounds))
    return age(bins=bins, **changes)


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (card(name=" "), "the scorecard has no name"),
        (card(pdo=0), "pdo is 0"),
        (card(pdo=-20), "pdo is -20"),
        (card(pdo=NAN), "pdo is nan"),
        (card(pdo=math.inf), "pdo is inf"),
        (card(base_odds=0), "base_odds is 0"),
        (card(base_odds=-50), "base_odds is -50"),
        (card(base_odds=math.inf), "base_odds is inf"),
        (card(base_odds=NAN), "base_odds is nan"),
        (card(base_points=NAN), "base_points is nan"),
        (card(characteristics=()), "the scorecard has no characteristics"),
        (card(age(), age(reads="other")), "characteristic `age` is there more than once"),
        (card(age(name="")), "characteristic ``: `name` is empty"),
        (card(age(reads=" ")), "`reads` is empty"),
        (card(age(reason="")), "`reason` is empty"),
        (card(age(missing=NAN)), "`missing` is nan"),
        (card(age(bins=())), "it has no bins"),
        (card(age(bins=(Bin(points=math.inf, label="any"),))), "bin 1 `any`: points is inf"),
        (card(age(bins=(Bin(points=1e7, label="any"),))), "points is 10000000.0; points are numbers from -1000000"),
        (card(age(bins=(Bin(points=1, label=" "),))), "bin 1 ` `: the label is empty"),
        (card(age(bins=(Bin(points=1, label="a", below=5), Bin(points=2, label="a", at_least=5)))), "the label `a` is"),
        (card(ranges((None, NAN), (5, None))), "bin 1 `b0`: `below` is nan"),
        (card(ranges((-math.inf, 5), (5, None))), "bin 1 `b0`: `at_least` is -inf"),
        (card(ranges((None, 5), (5, 5), (5, None))), "bin 2 `b1`: no number is at least 5 and below 5"),
        (card(ranges((None, 5), (9, 5), (5, None))), "bin 2 `b1`: no number is at least 9 and below 5"),
        (card(ranges((None, 30), (28.5, None))), "bins `b0` and `b1` both hold numbers from 28.5 to below 30"),
        (card(ranges((None, None), (5, 8))), "bins `b0` and `b1` both hold numbers from 5 to below 8"),
        (card(ranges((None, 5), (None, 8), (8, None))), "bins `b0` and `b1` both hold numbers below 5"),
        (card(ranges((None, 5), (5, None), (9, None))), "bins `b1` and `b2` both hold numbers from 9 on"),
        (card(ranges((None, None), (None, None))), "bins `b0` and `b1` both hold numbers of any size"),
        (card(ranges((None, 5), (6, None))), "no bin holds numbers from 5 to below 6"),
        (card(ranges((18, 25), (25, None))), "no bin holds numbers below 18"),
        (card(ranges((None, 25), (25, 60))), "no bin holds numbers from 60 on"),
        (card(employment(bins=(Bin(points=1, label="a", words=("x", "x")),))), 'the word "x" is there more than once'),
        (
            card(employment(bins=(Bin(points=1, label="a", words=("x",)), Bin(points=2, label="b", words=("x",))))),
            'the word "x" is there more than once',
        ),
        (card(employment(bins=(Bin(points=1, label="a", words=("",)),))), "bin 1 `a`: a word is empty"),
        (
            card(employment(bins=(Bin(points=1, label="a", words=("x",)), Bin(points=2, label="b", below=5)))),
            "bins of numbers (`b`) stand beside bins of words",
        ),
        (
            card(employment(bins=(Bin(points=1, label="a", words=("x",), at_least=5),))),
            "bin 1 `a`: it has words and bounds",
        ),
    ],
)
def test_each_fault_is_told_alone_and_in_words(faulty: Scorecard, said: str) -> None:
    (fault,) = check_scorecard(faulty)
    assert said in fault


def test_the_order_of_ranges_in_a_card_does_not_matter() -> None:
    assert check_scorecard(card(ranges((5, 9), (9, None), (None, 5)))) == []


def test_a_gap_that_is_meant_is_no_fault() -> None:
    assert check_scorecard(card(ranges((300, 500), (550, 850), gaps=True))) == []


def test_an_overlap_is_a_fault_where_gaps_are_meant() -> None:
    assert len(check_scorecard(card(ranges((300, 500), (450, 850), gaps=True)))) == 1


def test_a_bin_that_covers_several_others_overlaps_each_of_them() -> None:
    assert len(check_scorecard(card(ranges((None, None), (1, 2), (3, 4))))) == 2


def test_every_fault_is_told_with_its_characteristic() -> None:
    faults = check_scorecard(card(ranges((18, 25), (30, 60)), employment(missing=NAN), pdo=0))
    assert [fault.split(":")[0].split(" is ")[0] for fault in faults] == [
        "pdo",
        *["characteristic `age`"] * 3,
        "characteristic `employment`",
    ]


# ------------------------------------------------------------------------------------------- laws

QUARTERS = st.integers(-400, 400).map(lambda n: n / 4)
"""Points whose sums are exact in a float."""
CUTS = st.lists(st.integers(-50, 50), unique=True, max_size=6).map(sorted)
WORDS = ("a", "b", "c", "yes", "no")
VALUES = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-60, 60), st.sampled_from((*WORDS, "d", "")))


@st.composite
def numeric(draw: st.DrawFn, name: str) -> Characteristic:
    cuts: list[float | None] = [None, *draw(CUTS), None]
    bins = [
        Bin(points=draw(QUARTERS), label=f"bin {i}", at_least=low, below=high)
        for i, (low, high) in enumerate(pairwise(cuts))
    ]
    return Characteristic(name=name, reads=name, bins=tuple(bins), missing=draw(QUARTERS), reason=name)


@st.composite
def wordy(draw: st.DrawFn, name: str) -> Characteristic:
    chosen = draw(st.lists(st.sampled_from(WORDS), unique=True, min_size=1))
    cut = draw(st.integers(0, len(chosen) - 1))
    groups = [group for group in (chosen[:cut], chosen[cut:]) if group]
    bins = [Bin(points=draw(QUARTERS), label=f"bin {i}", words=tuple(group)) for i, group in enumerate(groups)]
    return Characteristic(name=name, reads=name, bins=tuple(bins), missing=draw(QUARTERS), reason=name)


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    count = draw(st.integers(1, 5))
    made = tuple(draw(st.one_of(numeric(f"c{i}"), wordy(f"c{i}"))) for i in range(count))
    return Scorecard(
        name="drawn",
        base_points=draw(QUARTERS),
        base_odds=draw(st.integers(1, 100)),
        pdo=draw(st.integers(1, 100)),
        characteristics=made,
    )


NAMED = st.dictionaries(st.sampled_from([f"c{i}" for i in range(6)]), VALUES)


def slow_points(each: Characteristic, value: Value) -> Fraction:
    """Recomputed by position among the cuts, and by a table of words."""
    missing = Fraction(each.missing)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return missing
    table = {word: Fraction(one.points) for one in each.bins for word in one.words}
    if table:
        word = ("no", "yes")[value] if isinstance(value, bool) else value
        return table.get(word, missing) if isinstance(word, str) else missing
    if isinstance(value, bool | str):
        return missing
    cuts = [one.at_least for one in each.bins if one.at_least is not None]
    return Fraction(each.bins[bisect_right(cuts, value)].points)


@given(cards())
def test_a_card_of_tiles_and_distinct_words_has_no_faults(drawn: Scorecard) -> None:
    assert check_scorecard(drawn) == []


@given(cards(), NAMED)
def test_points_equal_a_slow_recomputation(drawn: Scorecard, values: dict[str, Value]) -> None:
    expected = sum(slow_points(each, values.get(each.reads)) for each in drawn.characteristics)
    assert Fraction(score_with(drawn, values).points) == expected


@given(cards(), NAMED, st.randoms(use_true_random=False))
def test_the_order_of_the_values_does_not_matter(
    drawn: Scorecard, values: dict[str, Value], shuffler: random.Random
) -> None:
    items = list(values.items())
    shuffler.shuffle(items)
    assert score_with(drawn, dict(items)) == score_with(drawn, values)


@given(cards(), NAMED)
def test_the_order_of_the_characteristics_does_not_change_the_score(drawn: Scorecard, values: dict[str, Value]) -> None:
    turned = msgspec.structs.replace(drawn, characteristics=drawn.characteristics[::-1])
    scored, again = score_with(drawn, values), score_with(turned, values)
    assert (scored.points, scored.pd, scored.parts) == (again.points, again.pd, again.parts[::-1])


@given(cards(), NAMED)
def test_the_sum_of_lost_points_is_what_the_best_possible_has_more(drawn: Scorecard, values: dict[str, Value]) -> None:
    scored = score_with(drawn, values)
    best = sum(max([each.missing, *(one.points for one in each.bins)]) for each in drawn.characteristics)
    assert sum(part.lost for part in scored.parts) == best - scored.points
    assert all(part.lost >= 0 for part in scored.parts)


@given(cards(), NAMED)
def test_a_pd_lies_between_0_and_1(drawn: Scorecard, values: dict[str, Value]) -> None:
    assert 0 < score_with(drawn, values).pd < 1


POINTS = st.floats(-500, 500)


@given(cards(), POINTS, st.floats(0.25, 100))
def test_adding_points_raises_the_odds(drawn: Scorecard, points: float, more: float) -> None:
    here, there = odds_at(drawn, points), odds_at(drawn, points + more)
    assert here < there or here == there in (2.0**52, 2.0**-52)


@given(cards(), NAMED, st.integers(1, 400).map(lambda n: n / 4))
def test_a_better_bin_never_raises_the_pd(drawn: Scorecard, values: dict[str, Value], more: float) -> None:
    first = drawn.characteristics[0]
    raised = msgspec.structs.replace(
        first,
        missing=first.missing + more,
        bins=tuple(msgspec.structs.replace(one, points=one.points + more) for one in first.bins),
    )
    better = msgspec.structs.replace(drawn, characteristics=(raised, *drawn.characteristics[1:]))
    assert score_with(better, values).pd <= score_with(drawn, values).pd


@given(POINTS, st.floats(20, 100), st.floats(0.1, 100))
def test_pdo_points_double_the_odds(points: float, pdo: float, base_odds: float) -> None:
    # ±500 points at a pdo of 20 or more are 25 doublings: no cut.
    scale = card(base_points=0, base_odds=base_odds, pdo=pdo)
    assert odds_at(scale, points + pdo) / odds_at(scale, points) == pytest.approx(2, abs=1e-12, rel=0)


@given(cards(), NAMED, st.integers(0, 7))
def test_reasons_are_the_worst_parts(drawn: Scorecard, values: dict[str, Value], most: int) -> None:
    scored = score_with(drawn, values)
    told = [part.lost for part in most_lost(scored, most)]
    assert told == sorted((part.lost for part in scored.parts if part.lost > 0), reverse=True)[:most]
