"""What is wrong with a lending policy although each of its tables reads: values out of range, and parts that do not go
together. A policy that passes is one for which `assess` raises nothing, whatever the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import fsum

from riskwatch.policy.accountchecks import account_flaws
from riskwatch.policy.cardreader import wrong_kind
from riskwatch.policy.flaws import CURRENCY, NAME, NAME_HINT, TENANT, Flaw
from riskwatch.policy.grading import grade_of
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingvocabulary import APPLICATION, ELSEWHERE, MAX_REGIONS, plain
from riskwatch.scoring.scorecard import check_scorecard, odds_at

MAX_DEADLINE_MS = 60_000


def flaws_of(policy: LendingPolicy) -> list[Flaw]:
    """Every flaw, from the top of a file to its end."""
    account = [] if policy.account is None else account_flaws(policy.account, policy.pricing)
    return [
        *_head(policy),
        *_regions(policy),
        *_rules(policy),
        *_scorecard(policy),
        *_plan(policy),
        *_texts(policy),
        *account,
    ]


def _head(policy: LendingPolicy) -> Iterator[Flaw]:
    if NAME.fullmatch(policy.name) is None:
        yield Flaw(("name",), f'`name` cannot be "{policy.name}"', NAME_HINT)
    if TENANT.fullmatch(policy.tenant) is None:
        yield Flaw(("tenant",), f'`tenant` cannot be "{policy.tenant}"', f'{NAME_HINT}, or "*" for every institution')
    if CURRENCY.fullmatch(policy.currency) is None:
        yield Flaw(("lending", "currency"), f'`currency` cannot be "{policy.currency}"', "three capitals, such as CNY")
    if not 1 <= policy.deadline_ms <= MAX_DEADLINE_MS:
        said = f"`deadline_ms` is {policy.deadline_ms}"
        yield Flaw(("lending", "deadline_ms"), said, f"milliseconds from 1 to {MAX_DEADLINE_MS}, such as 800")
    above = policy.refer_above_pd
    if above is not None and not 0 < above < 1:
        said = f"`refer_above_pd` is {above:g}"
        yield Flaw(("lending", "refer_above_pd"), said, "a probability between 0 and 1, such as 0.12 for 12 %")


def _regions(policy: LendingPolicy) -> Iterator[Flaw]:
    if len(policy.regions) > MAX_REGIONS:
        yield Flaw(("regions",), f"there are {len(policy.regions)} regions", f"at most {MAX_REGIONS}")
    taken: dict[str, str] = {}
    for word, spellings in policy.regions.items():
        path = ("regions", word)
        if word == ELSEWHERE:
            yield Flaw(path, f'"{ELSEWHERE}" stands for every region that is not declared', "take another word")
        elif NAME.fullmatch(word) is None:
            yield Flaw(path, f'a region\'s word cannot be "{word}"', f"{NAME_HINT}; spellings may be any text")
        for spelling in dict.fromkeys(plain(each) for each in (word, *spellings)):
            if not spelling:
                yield Flaw(path, "a spelling is empty", "leave it out: a region that is not given is unknown")
            elif spelling in taken:
                said = f'"{spelling}" is a spelling of `{taken[spelling]}` already'
                yield Flaw(path, said, "a region has one word; write lists of them with `in`")
            else:
                taken[spelling] = word


def _rules(policy: LendingPolicy) -> Iterator[Flaw]:
    in_both = {rule.name for rule in policy.admission} & {rule.name for rule in policy.antifraud}
    for family, rules in (("admission", policy.admission), ("antifraud", policy.antifraud)):
        for rule in rules:
            if NAME.fullmatch(rule.name) is None:
                yield Flaw((family, rule.name), f'a rule\'s name cannot be "{rule.name}"', NAME_HINT)
            if not rule.description.strip():
                yield Flaw((family, rule.name, "description"), "`description` is empty", "say what the rule is for")
            if family == "antifraud" and rule.name in in_both:
                said = f"there is an admission rule `{rule.name}` too"
                yield Flaw((family, rule.name), said, "a trail names rules by name alone: rename one")


def _scorecard(policy: LendingPolicy) -> Iterator[Flaw]:
    card = policy.scorecard
    readable = APPLICATION.scored(tuple(policy.regions)).inputs
    for each in card.characteristics:
        wrong = wrong_kind(each, readable.get(each.reads))
        if wrong is not None:
            yield Flaw(("scorecard", "characteristics", each.name, "bins"), *wrong)
    if check_scorecard(card):
        return  # told already; what its points mean cannot be said
    best = fsum(max([each.missing, *(one.points for one in each.bins)]) for each in card.characteristics)
    pd = 1.0 / (1.0 + odds_at(card, best))
    if policy.pricing.grades and grade_of(policy.pricing, pd) is None:
        said = f"the best score, {best:g} points, is a PD of {pd:.2%} and has no grade: everybody is declined"
        yield Flaw(("scorecard",), said, "see base_points, base_odds, pdo and the last grade's max_pd")


def _plan(policy: LendingPolicy) -> Iterator[Flaw]:
    months = policy.plan.interest_only
    short = [grade for grade in policy.pricing.grades if grade.terms and months >= min(grade.terms)]
    if short:
        shortest = min(min(grade.terms) for grade in short)
        said = f"`interest_only` of {months} leaves no month for the principal in grade {short[0].name}"
        yield Flaw(("plan", "interest_only"), said, f"write less than {shortest} months, or longer `terms`")


def _texts(policy: LendingPolicy) -> Iterator[Flaw]:
    for code, texts in policy.texts.items():
        for language, said in (("en", texts.en), ("zh", texts.zh)):
            if not said.strip():
                yield Flaw(("texts", code, language), f"`{language}` is empty", "say the reason to the applicant")
