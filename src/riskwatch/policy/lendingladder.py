"""The order of priority in which an application is decided: the first step that has something to say decides.

Every rule has been judged and the score is known before the first step is asked, so the order changes what decides and
never what is known. A step says its outcome and the reasons that made it; the rest of the ladder is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from riskwatch.policy.adverse import (
    ALLOWED_ALWAYS,
    AMOUNT_REDUCED,
    APPLICATION_INCOMPLETE,
    BUREAU_UNAVAILABLE,
    IDENTITY_UNVERIFIED,
    LIMIT_BELOW_MINIMUM,
    LINKS_MISSING,
    RECORD_UNAVAILABLE,
    RISK_ABOVE_AUTOMATIC,
)
from riskwatch.policy.grading import Grade, Offer
from riskwatch.scoring.scorecard import Part, Value

Outcome = Literal["approve", "refer", "decline"]
Family = Literal["admission", "antifraud"]

MOST_REASONS = 4
"""Reasons of one outcome. The official commentary on Regulation B holds that more are not likely to help."""


class Judged(Struct, frozen=True, kw_only=True):
    """A rule at this application. `fired` is None where its condition is unknown. `legal`: a bar that the law sets."""

    rule: str
    family: Family
    outcome: Literal["decline", "refer"]
    reason: str
    priority: int
    legal: bool
    fired: bool | None
    values: dict[str, Value]


class Why(Struct, frozen=True, kw_only=True):
    """A reason before it has its texts."""

    code: str
    values: dict[str, Value]


class Case(Struct, frozen=True, kw_only=True):
    """What is known when an application is decided. `judged`: by priority; `missing`: required inputs that are unknown;
    `lost`: parts of the score that lost points, most first."""

    judged: tuple[Judged, ...]
    missing: tuple[str, ...]
    listed: Value
    grade: Grade | None
    pd: float
    refer_above_pd: float | None
    offer: Offer | None
    requested: float | None
    lost: tuple[Part, ...]


class Verdict(Struct, frozen=True, kw_only=True):
    """What a step decided, and why, the most important reason first."""

    outcome: Outcome
    whys: tuple[Why, ...]


class Step(Struct, frozen=True, kw_only=True):
    """One rung. `decide` gives None where the step has nothing to say."""

    name: str
    description: str
    decide: Callable[[Case], Verdict | None]


def is_missing(value: Value) -> bool:
    """Whether a required input counts as unknown: a flag has to be yes, everything else has to be known."""
    return value is None or value is False


def _verdict(outcome: Outcome, whys: Iterable[Why]) -> Verdict | None:
    kept: dict[str, Why] = {}
    for why in whys:
        kept.setdefault(why.code, why)
    return Verdict(outcome=outcome, whys=tuple(kept.values())[:MOST_REASONS]) if kept else None


def _why(judged: Judged) -> Why:
    return Why(code=judged.reason, values=judged.values)


def _fired(family: Family, outcome: Outcome) -> Callable[[Case], Verdict | None]:
    def decide(case: Case) -> Verdict | None:
        return _verdict(
            outcome,
            (_why(each) for each in case.judged if each.family == family and each.outcome == outcome and each.fired),
        )

    return decide


def _antifraud_refers(case: Case) -> Verdict | None:
    """Somebody on the allow list was looked at before: what would call for a person again is passed over. It lifts no
    decline, no legal bar, and nothing that is required."""
    return None if case.listed == "allow" else _fired("antifraud", "refer")(case)


def _legal_bars(case: Case) -> Verdict | None:
    bars = [each for each in case.judged if each.legal]
    fired = [each for each in bars if each.fired]
    for outcome in ("decline", "refer"):
        verdict = _verdict(outcome, (_why(each) for each in fired if each.outcome == outcome))
        if verdict is not None:
            return verdict
    return None


def _allowed_always(case: Case) -> Verdict | None:
    if case.listed != "allow-always":
        return None
    unjudged = _unjudged(case)
    if unjudged:  # the list does not lift a legal bar, and whether one stands is not known
        return _verdict("refer", _absent(unjudged))
    whys = [Why(code=ALLOWED_ALWAYS, values={"library.listed": case.listed})]
    if case.offer is None:  # there is nothing that could be approved: a person finds what is right
        return _verdict("refer", [*whys, Why(code=LIMIT_BELOW_MINIMUM, values={})])
    return _verdict("approve", whys)


_MISSING: Mapping[str, str] = {
    "application": APPLICATION_INCOMPLETE,
    "declared": APPLICATION_INCOMPLETE,
    "derived": APPLICATION_INCOMPLETE,
    "bureau": BUREAU_UNAVAILABLE,
    "identity": IDENTITY_UNVERIFIED,
    "links": LINKS_MISSING,
    "library": LINKS_MISSING,
    "own": RECORD_UNAVAILABLE,
    "behaviour": RECORD_UNAVAILABLE,
}


def _unjudged(case: Case) -> tuple[str, ...]:
    """What legal bars that cannot be judged do not know."""
    bars = [each for each in case.judged if each.legal and each.fired is None]
    return tuple(dict.fromkeys(name for each in bars for name, value in each.values.items() if value is None))


def _absent(names: Iterable[str]) -> list[Why]:
    by_code: dict[str, dict[str, Value]] = {}
    for name in names:
        by_code.setdefault(_MISSING[name.partition(".")[0]], {})[name] = None
    return [Why(code=code, values=values) for code, values in by_code.items()]


def _required(case: Case) -> Verdict | None:
    """A legal bar that cannot be judged is not known to be clear: what it lacks is required as well. It stands here,
    after all that declines, so that nobody turns a decline into a referral by leaving a field out."""
    return _verdict("refer", _absent(dict.fromkeys((*case.missing, *_unjudged(case)))))


def _score_whys(case: Case) -> list[Why]:
    return [Why(code=part.reason, values={part.reads: part.value}) for part in case.lost]


def _no_grade(case: Case) -> Verdict | None:
    return None if case.grade is not None else _verdict("decline", _score_whys(case))


def _too_risky(case: Case) -> Verdict | None:
    if case.refer_above_pd is None or case.pd <= case.refer_above_pd:
        return None
    return _verdict("refer", [Why(code=RISK_ABOVE_AUTOMATIC, values={"pd": case.pd}), *_score_whys(case)])


def _no_offer(case: Case) -> Verdict | None:
    if case.offer is not None:
        return None
    return _verdict("decline", [Why(code=LIMIT_BELOW_MINIMUM, values={}), *_score_whys(case)])


def _approved(case: Case) -> Verdict | None:
    """Reasons of an approval: less than was asked for, and what lost points (for a grade that is not the best)."""
    offer = case.offer
    whys = []
    if offer is not None and case.requested is not None and offer.amount < case.requested:
        whys.append(Why(code=AMOUNT_REDUCED, values={"application.amount": case.requested}))
    whys += _score_whys(case)
    return _verdict("approve", whys) or Verdict(outcome="approve", whys=())


LADDER: tuple[Step, ...] = (
    Step(name="legal-bars", description="What the law forbids, before any list.", decide=_legal_bars),
    Step(
        name="allow-always",
        description="The list of those that only a legal bar stops.",
        decide=_allowed_always,
    ),
    Step(
        name="antifraud-declines",
        description="Anti-fraud rules that decline.",
        decide=_fired("antifraud", "decline"),
    ),
    Step(
        name="admission-declines",
        description="Admission rules that decline.",
        decide=_fired("admission", "decline"),
    ),
    Step(
        name="required",
        description="Required inputs, and what a legal bar reads, refer where unknown.",
        decide=_required,
    ),
    Step(
        name="antifraud-refers",
        description="Anti-fraud rules that refer; passed over for those on the `allow` list.",
        decide=_antifraud_refers,
    ),
    Step(name="admission-refers", description="Admission rules that refer.", decide=_fired("admission", "refer")),
    Step(name="grade", description="A probability of default above the last grade declines.", decide=_no_grade),
    Step(
        name="refer-above-pd",
        description="A probability of default above `refer_above_pd` refers.",
        decide=_too_risky,
    ),
    Step(name="offer", description="A limit below the smallest loan declines.", decide=_no_offer),
    Step(name="approve", description="What is left is approved.", decide=_approved),
)
"""In order. The last always decides."""
