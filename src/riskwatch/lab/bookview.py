"""The book of a portfolio as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from riskwatch.agents.explaining import money
from riskwatch.lab.budgetuse import BudgetUse
from riskwatch.lab.collectionbook import CollectionBook
from riskwatch.lab.cures import CURE_DAYS, CureRate
from riskwatch.lab.fittedtable import FittedTable
from riskwatch.lab.loanpath import ENDS, STATES
from riskwatch.lab.loanrecords import without_moves
from riskwatch.lab.portfoliobook import Book, Collections, LoanBook
from riskwatch.lab.rollrates import RollRates
from riskwatch.lab.verdicts import percent
from riskwatch.lab.vintages import Vintage
from riskwatch.policy.collectionvocabulary import BUCKETS

MOST_MONTHS = 12
"""Months on book that the table of vintages shows; a plot shows all."""
MOST_REFUSALS = 8
_SHORT = {"written-off": "w/off"}


def render_book(book: Book) -> RenderableType:
    """Tables, top to bottom: how the loans stand, roll rates, vintages, cures, recoveries; the contact budget,
    actions."""
    parts: list[RenderableType] = []
    if not book.loans and not without_moves(book.absent):
        parts.append("No loans: the topics hold no record of any.")
    for loans in book.loans:
        parts += [_title(f"Loans of {loans.tenant} in {loans.currency}"), _facts(loans, book), ""]
        parts += [roll_table(loans.rolls, f"Roll rates, {loans.currency}"), ""]
        if loans.vintages:
            parts += [vintage_table(loans.vintages), ""]
        if loans.cures:
            parts += [cure_table(loans.cures), ""]
    for collections in book.collections:
        parts += _collections(collections)
    if book.absent:
        parts.append(f"[yellow]topics that the broker does not have: {escape(', '.join(book.absent))}[/]")
    return Group(*parts)


def roll_table(rolls: RollRates, title: str) -> RenderableType:
    """Bucket at a month's beginning down, state at its end across: shares of the bucket's loans, then of its amount."""
    if not rolls.months:
        return f"[italic]{title}[/]\n[dim]no whole month with a loan in it yet[/]"
    columns = states_of(rolls)
    first, last = rolls.months[0], rolls.months[-1]
    told = f"{first:%B %Y}" if first == last else f"{first:%B %Y} to {last:%B %Y}"
    table = FittedTable(
        f"{title}: where loans of a bucket are a month later, by loans and by amount",
        ["from", "loans", "amount", *(_SHORT.get(state, state) for state in columns)],
        caption=f"{told}; a loan counts once a month; second line: by amount",
    )
    for bucket in (each for each in BUCKETS if each in rolls.cells):
        row = rolls.row(bucket)
        cells = [_rolled(rolls, bucket, state) for state in columns]
        table.add_row(bucket, f"{row.loans:,}", money(row.amount), *cells)
    return table


def states_of(rolls: RollRates) -> list[str]:
    """The states that loans rolled to or from, mildest first, the ends last."""
    found = {state for row in rolls.cells.values() for state in row} | set(rolls.cells)
    return [state for state in STATES if state in found]


def vintage_table(vintages: Sequence[Vintage]) -> RenderableType:
    """Opening months down, months on book across: shares ever more than 30 days past due, by loans and principal."""
    most = min(MOST_MONTHS, max(vintage.points[-1].months for vintage in vintages))
    table = FittedTable(
        "Vintages: share ever more than 30 days past due, by months on book, by loans and by principal",
        ["opened", "loans", "principal", *(str(months) for months in range(1, most + 1))],
        caption="·: not every loan of the month has been on book for so long; second line: by principal",
    )
    for vintage in vintages:
        points = [point for point in vintage.points if 1 <= point.months <= most]
        cells = [f"{whole(point.loans)}\n[dim]{whole(point.principal)}[/]" for point in points]
        cells += ["[dim]·[/]"] * (most - len(cells))
        table.add_row(f"{vintage.month:%Y-%m}", f"{vintage.loans:,}", money(vintage.principal), *cells)
    return table


def cure_table(cures: Sequence[CureRate]) -> RenderableType:
    """Buckets down: how many entered, and shares back in M0 or settled within days, of those seen long enough."""
    table = FittedTable(
        "Cures: of loans that entered a bucket, back in M0 or settled within",
        ["bucket", "entered", *(f"{days} days" for days in CURE_DAYS)],
    )
    for each in cures:
        cells = [
            "[dim]·[/]" if seen.share is None else f"{whole(seen.share)} [dim]of {seen.observed:,}[/]"
            for seen in each.within
        ]
        table.add_row(each.bucket, f"{each.entered:,}", *cells)
    return table


def limit_table(budget: BudgetUse) -> RenderableType:
    """Each limit of the jurisdiction: in how many customer-weeks it counted contacts, the peak, the share used."""
    table = FittedTable(
        "Contact budget: most contacts in a window of the limit, customer by customer and week by week",
        ["limit", "allowed", "weeks", "highest", "used", "at the limit", "over"],
    )
    for each in budget.limits:
        over = f"[bold red]{each.over:,}[/]" if each.over else "0"
        full = f"{each.peaks.get(each.most, 0):,}"
        table.add_row(
            f"{each.rules} {each.limit}", str(each.most), f"{each.weeks:,}", str(each.highest), whole(each.used),
            full, over,
        )  # fmt: skip
    return table


def action_table(actions: CollectionBook) -> RenderableType:
    """Actions by stage and channel, and what became of them."""
    headings = ["stage", "channel", "ordered", "done", "expired", "other end", "open"]
    table = FittedTable("Collections actions", headings, keys=2)
    for each in actions.stages:
        counts = (each.ordered, each.done, each.expired, each.others, each.open)
        table.add_row(escape(each.stage or "–"), each.channel, *(f"{count:,}" for count in counts))
    return table


def uplift_table(actions: CollectionBook) -> RenderableType:
    """Treated loans against held-out ones, by stage."""
    table = FittedTable(
        "What treatment brings: current or settled 30 days later, treated against held out",
        ["stage", "treated", "current", "held out", "current", "uplift", "95 % interval"],
    )
    for each in actions.uplifts:
        shares = [
            whole(cured / loans if loans else None)
            for cured, loans in ((each.treated_cured, each.treated), (each.held_cured, each.held))
        ]
        span = "" if each.low is None or each.high is None else f"{each.low:+.1%} to {each.high:+.1%}"
        uplift = "" if each.difference is None else f"{each.difference:+.1%}"
        table.add_row(escape(each.stage), f"{each.treated:,}", shares[0], f"{each.held:,}", shares[1], uplift, span)
    return table


def whole(share: float | None) -> str:
    """A share in whole per cents; empty where there is none. What is not all and not nothing never reads so."""
    if share is None:
        return ""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def _collections(told: Collections) -> list[RenderableType]:
    budget, actions = told.budget, told.actions
    parts: list[RenderableType] = [_title(f"Collections of {told.tenant}")]
    facts = _grid()
    facts.add_row("contacts", f"{budget.contacts:,} made, {budget.unreported:,} ordered ones unreported")
    if budget.weekly:
        weeks = ", ".join(f"{count}: {weeks:,}" for count, weeks in budget.weekly.items())
        facts.add_row("a week", f"customers' weeks by their contacts: {weeks}")
    if budget.refused:
        facts.add_row("refused", counted(budget.refused.items(), MOST_REFUSALS))
    if budget.unknown:
        facts.add_row("[yellow]rules[/]", f"[yellow]not at hand: {escape(', '.join(budget.unknown))}[/]")
    if actions.endings:
        facts.add_row("closed", counted(actions.endings.items(), len(actions.endings)))
    if actions.held:
        facts.add_row("held out", f"{actions.held:,} loans, to measure by")
    parts += [facts, ""]
    if budget.limits:
        parts += [limit_table(budget), ""]
    if actions.stages:
        parts += [action_table(actions), ""]
    if actions.uplifts:
        parts += [uplift_table(actions), ""]
    return parts


def counted(counts: Iterable[tuple[str, int]], most: int) -> str:
    """Names with their counts in one line, the first `most` of them."""
    pairs = list(counts)
    told = ", ".join(f"{count:,} {escape(name)}" for name, count in pairs[:most])
    rest = sum(count for _, count in pairs[most:])
    return f"{told}, {rest:,} others" if rest else told


def _facts(loans: LoanBook, book: Book) -> Table:
    facts = _grid()
    assert book.as_of is not None
    facts.add_row("as of", f"{book.as_of:%Y-%m-%d %H:%M} UTC, by event time")
    facts.add_row("loans", f"{loans.loans:,}")
    stands = [(state, *loans.standing[state]) for state in STATES if state in loans.standing]
    facts.add_row("stand", ", ".join(f"{count:,} {state}" for state, count, _ in stands))
    owed = sum(amount for state, _, amount in stands if state not in ENDS)
    facts.add_row("owed", f"{money(owed)} {loans.currency}")
    recovery = loans.recovery
    if recovery.loans:
        facts.add_row(
            "written off",
            f"{recovery.loans:,} loans with {money(recovery.written_off)}; {money(recovery.recovered)} recovered "
            f"({percent(recovery.share)}) of {recovery.paying:,} loans",
        )
    return facts


def _rolled(rolls: RollRates, bucket: str, state: str) -> str:
    share = rolls.share(bucket, state)
    if not share:
        return "[dim]·[/]"
    amount = rolls.share(bucket, state, by_amount=True)
    style = "" if state == bucket else "green" if state == "settled" or _milder(state, bucket) else "red"
    told = f"[{style}]{whole(share)}[/]" if style else whole(share)
    return f"{told}\n[dim]{whole(amount)}[/]"


def _milder(state: str, bucket: str) -> bool:
    return state in BUCKETS and BUCKETS.index(state) < BUCKETS.index(bucket)


def _title(text: str) -> str:
    return f"\n[bold]{escape(text)}[/]"


def _grid() -> Table:
    """Of labels and what they say."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column()
    facts.add_column(overflow="fold")
    return facts
