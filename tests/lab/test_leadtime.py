"""Lead time at a fixed budget, against a slow recomputation in plain Python, and by hand where a hand can."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskwatch.lab.delinquency import DAY_MS, Book, LoanKey, Spell
from riskwatch.lab.exposure import HORIZON_DAYS, Exposure, Rank, held_out
from riskwatch.lab.leadtime import MEMORY_MONTHS, LeadTime, measure
from riskwatch.streams.packing import to_ms

BEGIN = to_ms(datetime(2024, 1, 1, tzinfo=UTC))
HORIZON_MS = HORIZON_DAYS * DAY_MS


def month(at_ms: int) -> int:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.year * 12 + at.month - 1


def random_book(random: Random, customers: int = 40) -> Book:
    """Some loans over two years; a few fall behind, some again."""
    book = Book()
    for customer in range(customers):
        for loan in range(random.randint(1, 2)):
            key: LoanKey = ("bank", f"c{customer}", f"l{customer}-{loan}")
            at = BEGIN + random.randint(0, 300) * DAY_MS
            spells = []
            for _ in range(random.randint(1, 3)):
                ends = at + random.randint(1, 250) * DAY_MS
                reached = random.random() < 0.5
                further = ends + 30 * DAY_MS if reached and random.random() < 0.5 else None
                known = reached or random.random() < 0.7
                spells.append(Spell(begins=at, ends=ends, reached=reached, known=known, further=further))
                if not known:
                    break
                at = ends + random.randint(1, 60) * DAY_MS
            book.spells[key] = spells
    return book


def random_ranks(random: Random, book: Book, count: int) -> list[Rank]:
    """Distinct values, so that no order of equal ones matters."""
    values = random.sample(range(10 * count), count)
    loans = sorted(book.spells)
    return [
        Rank(*random.choice(loans), at_ms=BEGIN + random.randint(0, 800 * 24) * 3_600_000, value=float(value))
        for value in values
    ]


def slowly(book: Book, ranks: list[Rank], budget: float, held: bool) -> dict[str, object]:
    """The definition, word by word."""
    at_risk: dict[int, set[LoanKey]] = defaultdict(set)
    for loan, spells in book.spells.items():
        for spell in spells:
            for at in range(spell.begins, spell.ends, DAY_MS):
                at_risk[month(at)].add(loan)
            at_risk[month(spell.ends - 1)].add(loan)
    months = sorted(at_risk)
    judged = months[max(1, len(months) // 4) :]
    hits = []
    for rank in ranks:
        loan = rank.tenant, rank.customer_id, str(rank.loan_id)
        if any(spell.begins <= rank.at_ms < spell.ends for spell in book.spells[loan]):
            hits.append((rank.at_ms, loan, rank.value))
    best: dict[tuple[int, LoanKey], float] = {}
    for at, loan, value in hits:
        unit = month(at), loan
        best[unit] = max(value, best.get(unit, -1.0))
    of_part = {m: {loan for loan in at_risk[m] if held_out(loan[0], loan[1]) == held} for m in months}
    warned: dict[tuple[int, LoanKey], int] = {}
    spent, carried = 0, 0.0
    for m in months:
        carried += budget * len(of_part.get(m - 1, ()))
        room = int(carried + 1e-9) - spent
        spent = int(carried + 1e-9)
        if m not in judged:
            continue
        before = [(k, loan) for k in range(m - MEMORY_MONTHS, m) for loan in at_risk.get(k, ())]
        before = [(k, loan) for k, loan in before if not held_out(loan[0], loan[1])]
        values = sorted((best[unit] for unit in before if unit in best), reverse=True)
        allowed = int(budget * len(before))
        if not allowed:
            continue
        threshold = -1.0 if len(values) <= allowed else values[allowed - 1]
        for at, loan, value in sorted(hits):
            unit = m, loan
            if month(at) == m and loan in of_part[m] and value >= threshold and unit not in warned and room:
                warned[unit] = at
                room -= 1
    right = known = 0
    for (_, loan), at in warned.items():
        falls = [spell.ends for spell in book.spells[loan] if spell.reached and at < spell.ends <= at + HORIZON_MS]
        last = book.spells[loan][-1]
        right += bool(falls)
        known += bool(falls) or last.known or last.ends >= at + HORIZON_MS
    reached = found = further = further_found = 0
    for loan, spells in book.spells.items():
        if held_out(loan[0], loan[1]) != held:
            continue
        since = 0
        for spell in spells:
            if not spell.reached:
                continue
            if month(spell.ends) in judged:
                mine = [at for (_, one), at in warned.items() if one == loan and since <= at < spell.ends]
                hit = any(at >= spell.ends - HORIZON_MS for at in mine)
                reached, found = reached + 1, found + hit
                further, further_found = further + bool(spell.further), further_found + (hit and bool(spell.further))
            since = spell.ends
    accounts = sum(len(of_part[m]) for m in judged)
    return {
        "accounts": accounts, "warned": len(warned), "reached": reached, "found": found, "further": further,
        "further_found": further_found, "precision": right / known if known else None,
    }  # fmt: skip


def figures(row: LeadTime) -> dict[str, object]:
    names = ("accounts", "warned", "reached", "found", "further", "further_found", "precision")
    return {name: getattr(row, name) for name in names}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.sampled_from([0.01, 0.05, 0.2]), held=st.booleans())
def test_the_figures_are_those_of_the_definition(seed: int, budget: float, held: bool) -> None:
    random = Random(seed)
    book = random_book(random)
    ranks = random_ranks(random, book, 600)
    exposure = Exposure(book)
    rows = measure("m", exposure, exposure.hits(ranks), (budget,))
    (row,) = [row for row in rows if (row.part == "held out") == held]
    assert figures(row) == slowly(book, ranks, budget, held)


def someone(held: bool) -> str:
    return next(name for name in (f"c{number}" for number in range(100)) if held_out("bank", name) == held)


def two_years(reached: dict[str, int]) -> Book:
    """A loan each for a hundred persons from the first of January 2024 on; some reach 30 days past due so many days
    later."""
    book = Book()
    for number in range(100):
        customer = f"c{number}"
        ends = BEGIN + reached.get(customer, 700) * DAY_MS
        book.spells["bank", customer, "l"] = [Spell(begins=BEGIN, ends=ends, reached=customer in reached)]
    return book


def measured(book: Book, *ranks: Rank, budget: float = 1.0) -> LeadTime:
    exposure = Exposure(book)
    return measure("m", exposure, exposure.hits(ranks), (budget,))[0]


def warning(customer: str, on_day: float, loan_id: str | None = "l", value: float = 1.0) -> Rank:
    return Rank("bank", customer, loan_id, BEGIN + int(on_day * DAY_MS), value)


def test_lead_is_counted_in_days_from_the_earliest_warning_within_the_horizon() -> None:
    name = someone(held=True)
    row = measured(two_years({name: 600}), *(warning(name, on_day) for on_day in (410, 426, 500, 599)))
    assert (row.reached, row.found, row.lead_median) == (1, 1, 174.0)


@pytest.mark.parametrize("on_day", [419.9, 600, 650])
def test_a_warning_long_before_or_not_before_finds_nothing(on_day: float) -> None:
    name = someone(held=True)
    row = measured(two_years({name: 600}), warning(name, on_day))
    assert (row.reached, row.found, row.share, row.lead_median) == (1, 0, 0.0, None)


def test_a_loan_past_due_is_not_warned_of_until_it_is_cured() -> None:
    name = someone(held=True)
    book = two_years({name: 500})
    book.spells["bank", name, "l"].append(Spell(begins=BEGIN + 560 * DAY_MS, ends=BEGIN + 640 * DAY_MS, reached=True))
    row = measured(book, warning(name, 530), warning(name, 570))
    assert (row.reached, row.found, row.warned, row.lead_median) == (2, 1, 1, 70.0)


def test_a_warning_before_an_earlier_fall_does_not_count_for_the_next() -> None:
    name = someone(held=True)
    book = two_years({name: 500})
    book.spells["bank", name, "l"].append(Spell(begins=BEGIN + 510 * DAY_MS, ends=BEGIN + 560 * DAY_MS, reached=True))
    row = measured(book, warning(name, 450))
    assert (row.reached, row.found, row.lead_median) == (2, 1, 50.0)


def test_a_warning_about_a_customer_is_about_each_of_their_loans_and_costs_as_many() -> None:
    name = someone(held=True)
    book = two_years({name: 500})
    book.spells["bank", name, "m"] = [Spell(begins=BEGIN, ends=BEGIN + 700 * DAY_MS)]
    row = measured(book, warning(name, 450, loan_id=None))
    assert (row.warned, row.found, row.precision) == (2, 1, 0.5)


def test_thresholds_come_from_the_development_part_alone() -> None:
    """What the persons held out rank at changes nothing for others."""
    name, other = someone(held=True), someone(held=False)
    book = two_years({name: 600})
    ranks = [warning(other, on_day, value=5.0) for on_day in range(0, 600, 5)]
    base = measured(book, warning(name, 550, value=4.0), *ranks, budget=0.02)
    assert base.found == 1, "one of about fifty is warned of in a month, and the next lower rank has room"
    ranks += [warning(f"c{n}", on_day, value=9.0) for n in range(100) for on_day in (540,) if held_out("bank", f"c{n}")]
    assert base.threshold == measured(book, warning(name, 550, value=4.0), *ranks, budget=0.02).threshold


def test_no_month_warns_of_more_than_its_budget() -> None:
    book = two_years({})
    ranks = [warning(f"c{n}", on_day) for n in range(100) for on_day in range(400, 690)]
    persons = sum(held_out("bank", f"c{n}") for n in range(100))
    row = measured(book, *ranks, budget=0.1)
    exposure = Exposure(book)
    assert row.warned <= 0.1 * persons * len(exposure.months)
    assert row.warned >= int(0.1 * persons) * 8


def test_what_happens_after_the_end_that_is_looked_at_is_not_known() -> None:
    name = someone(held=True)
    book = two_years({name: 600})
    exposure = Exposure(book, until_ms=BEGIN + 590 * DAY_MS)
    row = measure("m", exposure, exposure.hits([warning(name, 550)]), (1.0,))[0]
    assert (row.reached, row.warned, row.precision) == (0, 1, None)


def test_by_days_past_due_ranks_those_that_missed_a_payment_from_the_day_after() -> None:
    book = Book()
    due = BEGIN + 10 * DAY_MS
    book.spells["bank", "c1", "l"] = [
        Spell(begins=BEGIN, ends=BEGIN + 40 * DAY_MS, late=[(due, due + 4 * DAY_MS)]),
    ]
    hits = Exposure(book).by_dpd()
    assert list(zip(((hits.at - due) // DAY_MS).tolist(), hits.value.tolist(), strict=True)) == [(1, 1), (2, 2), (3, 3)]


def test_chance_spends_what_it_may_and_finds_about_as_much_of_the_falls_as_of_the_accounts() -> None:
    random = Random(7)
    reached = {f"c{number}": random.randint(300, 690) for number in range(100)}
    book = two_years(reached)
    exposure = Exposure(book)
    row = measure("chance", exposure, exposure.by_chance(), (0.1,))[0]
    assert row.accounts > 300
    assert 0.05 < row.warned / row.accounts <= 0.1


def test_about_half_of_the_persons_are_held_out_and_the_same_ones_for_ever() -> None:
    share = sum(held_out("bank", f"person-{number}") for number in range(4_000)) / 4_000
    assert 0.47 < share < 0.53
    assert [held_out("bank", f"c{number}") for number in range(8)] == [held_out("bank", f"c{n}") for n in range(8)]
    assert held_out("bank", "c1", "one seed") != held_out("bank", "c1", "x") or held_out("bank", "c2", "one seed") != (
        held_out("bank", "c2", "x")
    )


def test_nothing_is_judged_where_nobody_was_at_risk() -> None:
    assert measure("m", Exposure(Book()), Exposure(Book()).hits([])) == []
