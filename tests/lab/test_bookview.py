"""What the report says, and what its plots hold."""

from __future__ import annotations

import io
from collections import Counter
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from loan_making import action, closed, contact, day, looked_at, moved, opened, paid
from rich.console import Console

from riskwatch.lab.bookplots import plots, write_book
from riskwatch.lab.bookview import counted, render_book, whole
from riskwatch.lab.loanpath import Zones
from riskwatch.lab.loanrecords import BookRecords
from riskwatch.lab.portfoliobook import Book, make_book
from riskwatch.lab.svg import Bars, Curve, Square, bars, curves, heat_map
from riskwatch.policy.contactfile import packaged_rules

SPACE = "{http://www.w3.org/2000/svg}"


def book(**more: object) -> Book:
    calls = [action(day(36), "x", considered=[looked_at("limits.calls-a-day")]), action(day(37), "h", holdout=True)]
    records = BookRecords(
        opened=[opened(day(4)), opened(day(5), "k"), opened(day(6), "m", currency="EUR")],
        moves=[moved(day(35), "M0", "M1"), moved(day(65), "M1", "M2"), moved(day(100), "M2", "written-off")],
        money=[paid(day(110), 250)],
        contacts=[contact(day(36 + n / 24)) for n in range(4)],
        actions=calls,
        closings=[closed(calls[0], "done", day(37))],
        newest=day(125),
        **more,  # type: ignore[arg-type]
    )
    return make_book(records, {"cn": packaged_rules("cn")}, Zones())


def said(told: Book, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(render_book(told))
    return out.getvalue()


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SPACE}text")]


def rows(text: str, first: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.split()[:1] == [first]]


def test_the_report_has_rolls_vintages_cures_recoveries_budget_actions_and_uplift() -> None:
    text = said(book())
    # Over three months the loan k stays; the other goes M0 → M1 → M2 → written off.
    assert rows(text, "M1")[0] == ["M1", "1", "10.00", "·", "·", "100%", "·"]
    assert ["2025-01", "2", "20.00", "0%", "0%", "50%"] in rows(text, "2025-01")
    assert "1 loans with 10.00; 2.50 recovered (25.0%) of 1 loans" in " ".join(text.split())
    assert ["M1", "1", "0%", "of", "1", "0%", "of", "1", "0%", "of", "1"] in rows(text, "M1")
    assert ["cn", "calls-a-day", "3", "1", "4", "133%", "0", "1"] in rows(text, "cn")
    assert ["refused", "1", "limits.calls-a-day"] in rows(text, "refused")
    assert ["early", "phone", "1", "1", "0", "0", "0"] in rows(text, "early")
    assert any(row[:2] == ["early", "1"] for row in rows(text, "early"))


def test_each_currency_has_its_tables() -> None:
    text = said(book())
    assert text.count("Loans of t in") == 2
    assert text.index("Loans of t in CNY") < text.index("Loans of t in EUR")


def test_an_empty_book_says_so_and_names_what_is_absent() -> None:
    assert "No loans" in said(make_book(BookRecords(), {}, Zones()))
    text = said(book(absent=["riskwatch.loan-moves.v1"]))
    assert "Loans of" not in text  # all of them would look current
    assert "Collections of t" in text
    (uplift,) = book(absent=["riskwatch.loan-moves.v1"]).collections[0].actions.uplifts
    assert (uplift.treated, uplift.held) == (0, 0)
    assert "topics that the broker does not have: riskwatch.loan-moves.v1" in text
    assert list(plots(make_book(BookRecords(), {}, Zones()))) == []


def test_a_loan_of_this_month_has_no_rolls_yet() -> None:
    young = make_book(BookRecords(opened=[opened(day(4))], newest=day(9)), {}, Zones())
    assert "no whole month with a loan in it yet" in said(young)
    assert list(plots(young)) == []


def test_plots_are_files_that_a_browser_reads(tmp_path: object) -> None:
    written = write_book(book(), tmp_path / "new")  # type: ignore[operator]
    assert sorted(each.name for each in written) == [
        "book.json", "contact-budget-t.svg", "roll-rates-t-cny.svg", "roll-rates-t-eur.svg", "vintages-t-cny.svg",
        "vintages-t-eur.svg",
    ]  # fmt: skip
    for each in written:
        if each.suffix == ".svg":
            ElementTree.parse(each)


def test_the_heat_map_holds_each_cell_s_share_and_loans() -> None:
    svg = dict(plots(book()))["roll-rates-t-cny.svg"]
    held = texts(svg)
    assert [each for each in held if each in ("M1", "M2", "written-off")] == ["M1", "M2", "written-off"]
    assert "M0 (4)" in held
    assert {"75.0%", "3 loans", "amount 75.0%", "25.0%", "1 loan", "100.0%"} <= set(held)


def test_names_of_institutions_do_no_harm_in_a_plot_or_a_file_name() -> None:
    odd = make_book(BookRecords(opened=[opened(day(4), tenant="a<b>&../x")], newest=day(99)), {}, Zones())
    for name, svg in plots(odd):
        assert "/" not in name
        assert any("a<b>&../x" in each for each in texts(svg))
    assert "a<b>&../x" in said(odd)


@pytest.mark.parametrize(
    "svg",
    [
        heat_map("t", [], [], [], "n"),
        curves("t", "x", [], "n"),
        curves("t", "x", [Curve("c", ((0.0, 0.0),))], "n"),
        bars("t", "x", [Bars("b", {})], "n"),
        bars("t", "x", [], "n"),
    ],
)
def test_plots_of_nothing_are_plots(svg: str) -> None:
    assert "t" in texts(svg)


def test_a_curve_rises_from_the_axis_to_its_share() -> None:
    root = ElementTree.fromstring(curves("t", "x", [Curve("c", ((0.0, 0.0), (2.0, 0.4)))], "n"))
    line = next(root.iter(f"{SPACE}polyline")).attrib["points"].split()
    (x, y), (to_x, to_y) = (tuple(map(float, each.split(","))) for each in line)
    assert (to_x - x, to_y < y) == (pytest.approx(520), True)
    assert "40 %" in texts(curves("t", "x", [Curve("c", ((0.0, 0.0), (2.0, 0.4)))], "n"))


def test_bars_beyond_the_limit_are_told_by_their_colour() -> None:
    root = ElementTree.fromstring(bars("t", "x", [Bars("b", {1: 4, 3: 2}, limit=2)], "n"))
    fills = [each.attrib["fill"] for each in root.iter(f"{SPACE}rect") if each.attrib.get("width") != "100%"]
    assert len(set(fills)) == 2


def test_a_larger_share_is_a_darker_square() -> None:
    def shade(share: float) -> int:
        svg = heat_map("t", ["r"], ["c"], [[Square(share, ("x",))]], "n")
        fill = [each.attrib["fill"] for each in ElementTree.fromstring(svg).iter(f"{SPACE}rect")][1]
        return sum(int(fill[at : at + 2], 16) for at in (1, 3, 5))

    assert shade(0.0) > shade(0.3) > shade(0.9)


def test_what_is_beyond_the_first_names_is_summed_up() -> None:
    assert counted([("a", 3), ("b", 2), ("c", 1)], 2) == "3 a, 2 b, 1 others"
    assert counted([("a", 3)], 2) == "3 a"


def long_book() -> Book:
    """Loans of large amounts, fourteen months on book, that roll to every bucket and end written off."""
    steps = ["M0", "M1", "M2", "M3", "written-off"]
    moves = [
        moved(day(30 * at + 5), before, after, loan, exposure=98_765_432_100)
        for loan in "ab"
        for at, (before, after) in enumerate(pairwise(steps), 1)
    ]
    loans = [opened(day(4), each, 98_765_432_100, instalments=12) for each in "abcdefg"]
    return make_book(BookRecords(opened=loans, moves=moves, newest=day(440)), {}, Zones())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_cell_is_cut_and_no_digit_is_lost_at_any_width(width: int) -> None:
    wide, text = said(long_book(), 1_000), said(long_book(), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    cells = Counter(word for word in wide.split() if word[-1] in "%0123456789")
    assert Counter({word: count for word, count in Counter(text.split()).items() if word in cells}) >= cells


def test_columns_that_do_not_fit_go_into_a_further_table_with_its_rows_named() -> None:
    parts = rows(said(long_book(), 60), "2025-01")
    assert len(parts) == 2
    assert parts[0][:3] == ["2025-01", "7", "6,913,580,247.00"]
    assert parts[0][3:] + parts[1][1:] == ["0%", "0%", *["29%"] * 10]
    (whole_row,) = rows(said(long_book(), 200), "2025-01")
    assert whole_row == parts[0] + parts[1][1:]


@pytest.mark.parametrize(
    ("share", "told"),
    [(None, ""), (0.0, "0%"), (0.004, "<1%"), (0.0051, "1%"), (0.875, "88%"), (0.9949, "99%"),
     (0.996, ">99%"), (1.0, "100%"), (1.333, "133%")],
)  # fmt: skip
def test_a_share_is_told_in_whole_per_cents_and_never_as_all_or_nothing_where_it_is_not(
    share: float | None, told: str
) -> None:
    assert whole(share) == told
