"""A lending policy, and the assessment of one application by it.

`assess` judges every rule and scores every application, whatever decides in the end. `LADDER` is the order of priority:
the first step that has something to say decides, and only its reasons are given. A rule whose condition is unknown does
not fire; a legal bar that cannot be judged refers, for it is not known to be clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from riskwatch.policy.accountpolicy import AccountPolicy
from riskwatch.policy.adverse import Texts, text_of
from riskwatch.policy.grading import Grade, Offer, Pricing, grade_of, make_offer
from riskwatch.policy.lendingcondition import LendingCondition, canonical, check_lending_condition
from riskwatch.policy.lendingladder import LADDER, Case, Family, Judged, Outcome, Why, is_missing
from riskwatch.policy.lendingvocabulary import facts_of, number_of, record_of, spellings_of
from riskwatch.policy.plans import Plan, PlanTerms, make_plan
from riskwatch.scoring.scorecard import Part, Scorecard, Value, most_lost, score_with
from riskwatch.streams.events import Product

__all__ = [
    "AdmissionRule",
    "Assessment",
    "LendingPolicy",
    "Outcome",
    "ReasonCode",
    "Said",
    "Texts",
    "assess",
]


NEEDED: tuple[str, ...] = ("application.amount", "application.term_months", "own.outstanding")
"""Inputs without which nothing can be offered: required by every policy, whatever its `required` says."""
ANSWERED = "links.answered"


class AdmissionRule(Struct, frozen=True, kw_only=True):
    """A rule of admission or against fraud, as written. Smaller `priority` is told first. `legal`: a bar that the law
    sets, which no list lifts and which refers where it cannot be judged."""

    name: str
    when: str
    outcome: Literal["decline", "refer"]
    reason: str
    description: str
    priority: int = 100
    legal: bool = False


class LendingPolicy(Struct, frozen=True, kw_only=True, dict=True):
    """How one institution decides applications for one product.

    `texts`: its own adverse-action texts by reason code; `refer_above_pd`: a person decides above it; `required`:
    inputs that must be known; `regions`: region words with their spellings; `account`: how a line is looked after once
    it is granted, None where it is left as it is. `tenant` "*": for every institution that has no policy of its own.
    """

    tenant: str
    product: Product
    name: str
    admission: tuple[AdmissionRule, ...]
    antifraud: tuple[AdmissionRule, ...]
    scorecard: Scorecard
    pricing: Pricing
    plan: PlanTerms
    currency: str
    texts: Mapping[str, Texts] = {}
    refer_above_pd: float | None = None
    deadline_ms: int = 800
    required: tuple[str, ...] = ()
    regions: Mapping[str, tuple[str, ...]] = {}
    description: str = ""
    account: AccountPolicy | None = None

    @cached_property
    def version(self) -> str:
        """12 hexadecimal digits of a hash over what the policy says, not over how its files are laid out."""
        return sha256(msgspec.json.encode(_said(self), order="deterministic")).hexdigest()[:12]

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every input that the policy names: in rules, in the scorecard, as required."""
        regions = tuple(self.regions)
        conditions = [check_lending_condition(rule.when, regions) for rule in (*self.antifraud, *self.admission)]
        named = [name for each in conditions if isinstance(each, LendingCondition) for name in each.names]
        return frozenset((*named, *(each.reads for each in self.scorecard.characteristics), *self.required))

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Region words by spelling."""
        return spellings_of(self.regions)


class Said(Struct, frozen=True, kw_only=True):
    """One rule that was judged. `fired` is None where its condition is unknown; `values`: what it names."""

    rule: str
    outcome: Outcome
    fired: bool | None
    values: dict[str, Value]
    reason: str


class ReasonCode(Struct, frozen=True, kw_only=True):
    """A reason with its texts for the applicant."""

    code: str
    en: str
    zh: str
    values: dict[str, Value]


class Assessment(Struct, frozen=True, kw_only=True):
    """What a policy says of an application. `decided_by`: the step of the ladder; money in minor units."""

    outcome: Outcome
    decided_by: str
    grade: str | None
    pd: float | None
    points: float | None
    limit: int
    amount: int
    annual_rate: float | None
    term_months: int
    plan: Plan | None
    reasons: tuple[ReasonCode, ...]
    rules: tuple[Said, ...]
    parts: tuple[Part, ...]
    bounds: tuple[str, ...]
    policy: str
    policy_version: str
    inputs: dict[str, Value]


def assess(policy: LendingPolicy, inputs: Mapping[str, Value], opened_on: date) -> Assessment:
    """Assesses one application; `opened_on`: the day from which its plan runs. Raises nothing, whatever the inputs, for
    a policy without faults. Equal inputs give equal assessments."""
    record = record_of(inputs)
    facts = facts_of(record, policy.spellings)
    judged = _judge(policy, facts)
    scored = score_with(policy.scorecard, facts)
    grade = grade_of(policy.pricing, scored.pd)
    lacking = _lacking(policy, facts)
    offer = None if grade is None or set(NEEDED) & set(lacking) else _offer(policy, facts, grade)
    best = policy.pricing.grades[:1]
    case = Case(
        judged=judged,
        missing=lacking,
        listed=facts.get("library.listed"),
        grade=grade,
        pd=scored.pd,
        refer_above_pd=policy.refer_above_pd,
        offer=offer,
        requested=number_of(facts, "application.amount"),
        lost=() if grade in best else most_lost(scored),  # in the best grade no point cost anything
    )
    step, verdict = next((step, verdict) for step in LADDER if (verdict := step.decide(case)) is not None)
    given = offer if verdict.outcome == "approve" else None
    return Assessment(
        outcome=verdict.outcome,
        decided_by=step.name,
        grade=None if grade is None else grade.name,
        pd=scored.pd,
        points=scored.points,
        limit=0 if given is None else given.limit,
        amount=0 if given is None else given.amount,
        annual_rate=None if given is None else given.annual_rate,
        term_months=0 if given is None else given.term_months,
        plan=None
        if given is None
        else make_plan(given.amount, given.annual_rate, given.term_months, opened_on, policy.plan),
        reasons=tuple(_reason(policy, why) for why in verdict.whys),
        rules=tuple(
            Said(rule=each.rule, outcome=each.outcome, fired=each.fired, values=each.values, reason=each.reason)
            for each in judged
        ),
        parts=scored.parts,
        bounds=() if offer is None else offer.bounds,
        policy=policy.name,
        policy_version=policy.version,
        inputs=record,
    )


def _judge(policy: LendingPolicy, facts: Mapping[str, Value]) -> tuple[Judged, ...]:
    regions = tuple(policy.regions)
    judged = []
    families: tuple[tuple[Family, tuple[AdmissionRule, ...]], ...] = (
        ("antifraud", policy.antifraud),
        ("admission", policy.admission),
    )
    for family, rules in families:
        for rule in rules:
            condition = check_lending_condition(rule.when, regions)
            if not isinstance(condition, LendingCondition):
                raise ValueError(f"rule {rule.name} of {policy.name} was not checked: {condition[0]}")
            judged.append(
                Judged(
                    rule=rule.name,
                    family=family,
                    outcome=rule.outcome,
                    reason=rule.reason,
                    priority=rule.priority,
                    legal=rule.legal,
                    fired=condition.judge(facts),
                    values=condition.values(facts),
                )
            )
    return tuple(sorted(judged, key=lambda each: each.priority))


def _lacking(policy: LendingPolicy, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """What must be known and is not. An amount or a term below 1 asks for nothing, and counts as unknown. Link facts
    that were asked for and did not come are always missed: they are what speaks against an applicant."""
    unknown = [name for name in dict.fromkeys((*NEEDED, *policy.required)) if is_missing(facts.get(name))]
    asked = [(name, number_of(facts, name)) for name in ("application.amount", "application.term_months")]
    nothing = [name for name, number in asked if number is not None and number < 1]
    unanswered = [ANSWERED] if facts.get(ANSWERED) is False and ANSWERED not in unknown else []
    return (*unknown, *nothing, *unanswered)


def _offer(policy: LendingPolicy, facts: Mapping[str, Value], grade: Grade) -> Offer | None:
    """Only where nothing of `NEEDED` is lacking."""
    return make_offer(
        policy.pricing,
        grade,
        requested=_whole(number_of(facts, "application.amount")) or 0,
        requested_term=_whole(number_of(facts, "application.term_months")) or 0,
        income=_whole(number_of(facts, "declared.monthly_income")),
        debt_service=_whole(number_of(facts, "declared.monthly_debt_service")),
        exposure=_whole(number_of(facts, "own.outstanding")) or 0,
    )


def _whole(amount: float | None) -> int | None:
    return None if amount is None else int(amount)


def _reason(policy: LendingPolicy, why: Why) -> ReasonCode:
    texts = text_of(why.code, policy.texts)
    return ReasonCode(code=why.code, en=texts.en, zh=texts.zh, values=why.values)


def _said(policy: LendingPolicy) -> dict[str, object]:
    said: dict[str, object] = msgspec.to_builtins(policy)
    del said["description"]
    account = said["account"]
    if isinstance(account, dict):
        said["account"] = {**account, "freeze": _canonically(account["freeze"])}
    else:
        del said["account"]
    for family in ("admission", "antifraud"):
        rules = said[family]
        assert isinstance(rules, list | tuple)
        said[family] = _canonically(rules)
    return said


def _canonically(rules: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [{**rule, "when": canonical(rule["when"])} for rule in rules]
