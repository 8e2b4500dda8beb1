"""What is wrong with the section `[account]` although it reads. A policy that passes is one for which `decide_account`
raises nothing, whatever the inputs, and by which every limit and rate within its bounds can move.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import fsum, isfinite

from riskwatch.features.credit import basis_points
from riskwatch.policy.accountpolicy import AccountPolicy
from riskwatch.policy.accountreader import SECTION
from riskwatch.policy.accountvocabulary import ACCOUNT
from riskwatch.policy.cardreader import wrong_kind
from riskwatch.policy.columns import KINDS
from riskwatch.policy.faults import did_you_mean
from riskwatch.policy.flaws import NAME, NAME_HINT, Flaw
from riskwatch.policy.grading import MAX_RATE, Pricing
from riskwatch.scoring.scorecard import check_scorecard

MAX_DAYS = 3_660
MAX_PERCENT = 1_000


def account_flaws(policy: AccountPolicy, pricing: Pricing) -> list[Flaw]:
    """Every flaw of the section, from its top to its end. `pricing`: that of the same file."""
    return [
        *_kinds(policy),
        *_spans(policy),
        *_limits(policy),
        *_rates(policy, pricing),
        *_grades(policy, pricing),
        *_card(policy),
        *_freeze(policy),
    ]


def _kinds(policy: AccountPolicy) -> Iterator[Flaw]:
    for key, kinds in (("on", policy.on), ("clear_on", policy.clear_on)):
        if not kinds:
            yield Flaw((SECTION, key), f"`{key}` is empty", "name kinds of entries, such as RepaymentReceived")
        for kind in (kind for kind in kinds if kind not in KINDS):
            near = did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}"
            yield Flaw((SECTION, key), f'`{key}` cannot hold "{kind}"', near)


def _spans(policy: AccountPolicy) -> Iterator[Flaw]:
    if not (isfinite(policy.hysteresis) and policy.hysteresis >= 0):
        yield Flaw((SECTION, "hysteresis"), f"`hysteresis` is {policy.hysteresis}", "points, 0 or more, such as 10")
    for key, days, least in (
        ("cool_off_days", policy.cool_off_days, 1),
        ("limit_notice_days", policy.limit_notice_days, 0),
        ("rate_notice_days", policy.rate_notice_days, 0),
    ):
        if not least <= days <= MAX_DAYS:
            yield Flaw((SECTION, key), f"`{key}` is {days}", f"days from {least} to {MAX_DAYS}")


def _limits(policy: AccountPolicy) -> Iterator[Flaw]:
    step = policy.limit_step
    if step < 1:
        yield Flaw((SECTION, "limit_step"), f"`limit_step` is {step}", "minor units above 0, such as 10000")
        return
    if not 1 <= policy.largest_limit_percent <= 100:
        said = f"`largest_limit_percent` is {policy.largest_limit_percent}"
        yield Flaw((SECTION, "largest_limit_percent"), said, "percent of the limit in force, from 1 to 100")
    if policy.largest_limit_step < step:
        said = f"`largest_limit_step` {policy.largest_limit_step} is below `limit_step` {step}: no limit could move"
        yield Flaw((SECTION, "largest_limit_step"), said, f"write {step} or more")
    for key, limit in (("lowest_limit", policy.lowest_limit), ("highest_limit", policy.highest_limit)):
        if limit < step or limit % step:
            yield Flaw((SECTION, key), f"`{key}` is {limit}", f"a multiple of `limit_step`, {step}, above 0")
    if policy.lowest_limit > policy.highest_limit:
        said = f"`lowest_limit` {policy.lowest_limit} is above `highest_limit` {policy.highest_limit}"
        yield Flaw((SECTION, "lowest_limit"), said, "write the smaller one here")
    if policy.lowest_limit * policy.largest_limit_percent // 100 < step:
        least = -(-step * 100 // max(1, policy.largest_limit_percent))
        said = (
            f"{policy.largest_limit_percent} % of `lowest_limit` {policy.lowest_limit} is less than `limit_step` "
            f"{step}: the smallest limits could not move"
        )
        yield Flaw((SECTION, "lowest_limit"), said, f"write {least} or more, or a smaller `limit_step`")


def _rates(policy: AccountPolicy, pricing: Pricing) -> Iterator[Flaw]:
    cap = basis_points(pricing.legal_cap) if isfinite(pricing.legal_cap) else 0
    if policy.largest_rate_step_bp < 1:
        said = f"`largest_rate_step_bp` is {policy.largest_rate_step_bp}"
        yield Flaw((SECTION, "largest_rate_step_bp"), said, "basis points above 0, such as 200 for 2 %")
    if not 0 <= policy.lowest_rate_bp <= policy.highest_rate_bp:
        said = f"`lowest_rate_bp` is {policy.lowest_rate_bp}"
        yield Flaw((SECTION, "lowest_rate_bp"), said, f"from 0 to `highest_rate_bp`, {policy.highest_rate_bp}")
    if policy.highest_rate_bp > cap:
        said = f"`highest_rate_bp` {policy.highest_rate_bp} is above the legal cap of {cap}"
        yield Flaw((SECTION, "highest_rate_bp"), said, f"write {cap} or less; see `legal_cap` of [pricing]")


def _grades(policy: AccountPolicy, pricing: Pricing) -> Iterator[Flaw]:
    path = (SECTION, "grades")
    lowest = [grade for grade in policy.grades if grade.at_least is None]
    if len(policy.grades) < 2:
        yield Flaw(path, "there are less than two grades: nothing could move", "add `[account.grades.<name>]`")
    if len(lowest) != 1:
        said = f"{len(lowest)} grades have no `at_least`"
        yield Flaw(path, said, "the lowest grade has none, and it alone")
    for grade in policy.grades:
        own = (*path, grade.name)
        if grade.at_least is not None and not isfinite(grade.at_least):
            yield Flaw((*own, "at_least"), f"`at_least` is {grade.at_least}", "points, such as 620")
        if not 1 <= grade.limit_percent <= MAX_PERCENT:
            said = f"`limit_percent` is {grade.limit_percent}"
            yield Flaw((*own, "limit_percent"), said, f"percent from 1 to {MAX_PERCENT}")
        if not 0 <= grade.rate_bp <= MAX_RATE * 10_000:
            yield Flaw((*own, "rate_bp"), f"`rate_bp` is {grade.rate_bp}", "basis points, 1440 for 14.4 % a year")
    for better, worse in pairwise(policy.grades):
        own = (*path, worse.name)
        if better.at_least is not None and better.at_least == worse.at_least:
            said = f"grades `{better.name}` and `{worse.name}` begin at the same points"
            yield Flaw((*own, "at_least"), said, "one of them would never be given")
        if better.limit_percent < worse.limit_percent:
            said = f"grade `{worse.name}` has a higher `limit_percent` than `{better.name}` above it"
            yield Flaw((*own, "limit_percent"), said, f"write {better.limit_percent} or less")
        if better.rate_bp > worse.rate_bp:
            said = f"grade `{worse.name}` has a lower `rate_bp` than `{better.name}` above it"
            yield Flaw((*own, "rate_bp"), said, f"write {better.rate_bp} or more")
    known = {grade.name for grade in policy.grades}
    for granted in pricing.grades:
        if granted.name not in known:
            said = f"lines are granted in grade `{granted.name}`, and `[account.grades.{granted.name}]` is missing"
            yield Flaw(path, said, "every grade of an approval is one of the account's")


def _card(policy: AccountPolicy) -> Iterator[Flaw]:
    path = (SECTION, "scorecard")
    readable = ACCOUNT.scored(()).inputs
    for each in policy.scorecard.characteristics:
        wrong = wrong_kind(each, readable.get(each.reads))
        if wrong is not None:
            yield Flaw((*path, "characteristics", each.name, "bins"), *wrong)
    if check_scorecard(policy.scorecard):
        return  # told already; what its points mean cannot be said
    best = fsum(max([each.missing, *(one.points for one in each.bins)]) for each in policy.scorecard.characteristics)
    edges = [
        grade for grade in policy.grades if grade.at_least is not None and grade.at_least + policy.hysteresis > best
    ]
    for grade in edges:
        said = f"the best score is {best:g} points, and grade `{grade.name}` is reached from {grade.at_least:g} "
        own = (SECTION, "grades", grade.name, "at_least")
        yield Flaw(own, said + f"and {policy.hysteresis:g} of hysteresis on: nobody is moved into it")


def _freeze(policy: AccountPolicy) -> Iterator[Flaw]:
    for rule in policy.freeze:
        path = (SECTION, "freeze", rule.name)
        if NAME.fullmatch(rule.name) is None:
            yield Flaw(path, f'a rule\'s name cannot be "{rule.name}"', NAME_HINT)
        if not rule.description.strip():
            yield Flaw((*path, "description"), "`description` is empty", "say what the rule is for")
