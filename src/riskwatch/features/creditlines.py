"""A customer's lines of credit as the account keeps them: live and shadow states, what speaks of fraud, and how the
behaviour score went.

Changed in place, in journal order; time is an argument. Everything here is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from riskwatch.features.credit import CreditState, next_look

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
MAX_LINES = 16
"""Lines of a customer that are kept; beyond it the one that rested longest goes, those that are frozen or have
something announced last."""
MAX_CASES = 16
MAX_SUSPICIONS = 32
"""Fraud alerts that are kept; beyond it the oldest goes, those that are not severe first."""
SUSPICION_DAYS = 30
"""A fraud alert is open for so long, unless a verdict clears it before."""
HISTORY_DAYS = 90
_WEEKS_KEPT = HISTORY_DAYS // 7 + 2


class Suspicion(Struct, frozen=True, array_like=True, gc=False):
    """A fraud alert about the customer. `severe`: high or critical."""

    alert_id: str
    at_ms: int
    severe: bool


class Points(Struct, array_like=True):
    """Behaviour scores. `weeks`: (week since 1970, most points in it), in order; `newest`: None before the first."""

    weeks: list[tuple[int, float]] = []
    newest: float | None = None


class ScoreHistory(Struct, array_like=True):
    """The behaviour scores of a line. What was scored since the tick at `clock_ms` is `fresh` and not `known`, so that
    what an entry is told does not depend on how many entries are taken up at once."""

    known: Points
    fresh: Points
    clock_ms: int = 0


class CreditLine(Struct, kw_only=True, omit_defaults=True):
    """A line of credit. `live`: its terms in force and announced; `shadows`: the line as each policy in shadow would
    have it, by the policy's version; `scores`: None before the first."""

    live: CreditState
    shadows: dict[str, CreditState] = {}
    scores: ScoreHistory | None = None


class Credit(Struct, kw_only=True, omit_defaults=True):
    """A customer's credit. `cases`: ids of the frauds that are confirmed and not cleared; `suspected_ms`: from when on
    the lines are to be looked at for a suspicion, 0 for none."""

    lines: list[CreditLine] = []
    suspicions: list[Suspicion] = []
    cases: list[str] = []
    suspected_ms: int = 0


def line_of(credit: Credit, product: str, currency: str) -> CreditLine | None:
    """The customer's line with a product in a currency."""
    return next((line for line in credit.lines if (line.live.product, line.live.currency) == (product, currency)), None)


def put_line(credit: Credit, live: CreditState) -> CreditLine:
    """The live state of a line, which begins where there is none."""
    line = line_of(credit, live.product, live.currency)
    if line is None:
        line = CreditLine(live=live)
        credit.lines.append(line)
        if len(credit.lines) > MAX_LINES:
            credit.lines.remove(min(credit.lines[:-1], key=_rest))
    line.live = live
    return line


def _rest(line: CreditLine) -> tuple[bool, int]:
    live = line.live
    return live.frozen or live.announced, live.changed_ms


def look_at(credit: Credit) -> int | None:
    """The next instant (ms) at which the lines are to be looked at, None for never. What a policy in shadow announced
    brings no look: nothing but its own record may differ where there is one."""
    looks = [at for line in credit.lines if (at := next_look(line.live)) is not None]
    if credit.suspected_ms:
        looks.append(credit.suspected_ms)
    return min(looks, default=None)


# ---------------------------------------------------------------------------------------------------------- suspicions


def suspect(credit: Credit, suspicion: Suspicion, look_ms: int) -> None:
    """A fraud alert was raised. Where there are lines, they are to be looked at from `look_ms` on. A repeat changes
    nothing."""
    if any(each.alert_id == suspicion.alert_id for each in credit.suspicions):
        return
    credit.suspicions = [
        each for each in credit.suspicions if each.at_ms > suspicion.at_ms - 2 * SUSPICION_DAYS * DAY_MS
    ]
    credit.suspicions.append(suspicion)
    if len(credit.suspicions) > MAX_SUSPICIONS:
        credit.suspicions.remove(min(credit.suspicions, key=lambda each: (each.severe, each.at_ms, each.alert_id)))
    if credit.lines:
        credit.suspected_ms = min(credit.suspected_ms or look_ms, look_ms)


def unsuspect(credit: Credit, alert_id: str) -> None:
    """A fraud alert was withdrawn."""
    credit.suspicions = [each for each in credit.suspicions if each.alert_id != alert_id]


def confirm(credit: Credit, case_id: str) -> None:
    """A fraud of the customer was confirmed."""
    if case_id not in credit.cases:
        credit.cases.append(case_id)
        del credit.cases[:-MAX_CASES]


def clear(credit: Credit, case_id: str, at_ms: int) -> None:
    """A verdict clears a case, and with it every alert that was raised up to then."""
    credit.cases = [each for each in credit.cases if each != case_id]
    credit.suspicions = [each for each in credit.suspicions if each.at_ms > at_ms]


def open_suspicions(credit: Credit, now_ms: int) -> list[Suspicion]:
    """The fraud alerts that are open at `now_ms`."""
    return [each for each in credit.suspicions if each.at_ms > now_ms - SUSPICION_DAYS * DAY_MS]


# -------------------------------------------------------------------------------------------------------------- scores


def score(line: CreditLine, points: float, now_ms: int, clock_ms: int) -> None:
    """The line was scored at `now_ms`; `clock_ms`: the newest tick by then."""
    history = line.scores
    if history is None:
        history = line.scores = ScoreHistory(Points(), Points(), clock_ms)
    if clock_ms > history.clock_ms:
        history.known, history.fresh, history.clock_ms = _joined(history.known, history.fresh), Points(), clock_ms
    history.fresh = _joined(history.fresh, Points([(now_ms // WEEK_MS, points)], points))


def newest_points(line: CreditLine) -> float | None:
    """The newest behaviour score of a line, None before the first."""
    history = line.scores
    if history is None:
        return None
    return history.known.newest if history.fresh.newest is None else history.fresh.newest


def score_change(lines: Iterable[CreditLine], now_ms: int, clock_ms: int) -> float:
    """The newest points minus the most of 90 days (by weeks), 0 at best, of the line that fell farthest; NaN where none
    was scored. `clock_ms`: the newest tick; what was scored after it is not known yet."""
    changes = []
    since = (now_ms - HISTORY_DAYS * DAY_MS) // WEEK_MS
    for line in lines:
        history = line.scores
        if history is None:
            continue
        points = _joined(history.known, history.fresh) if clock_ms > history.clock_ms else history.known
        if points.newest is not None:
            best = max((most for week, most in points.weeks if week >= since), default=points.newest)
            changes.append(min(0.0, points.newest - best))
    return min(changes, default=float("nan"))


def _joined(before: Points, after: Points) -> Points:
    if after.newest is None:
        return before
    best = dict(before.weeks)
    for week, most in after.weeks:
        best[week] = max(best.get(week, most), most)
    return Points(sorted(best.items())[-_WEEKS_KEPT:], after.newest)
