"""A lending policy that did not come from a file, looked into as if it had: the same checks, the same sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from riskwatch.policy.accountreader import SECTION, account_content
from riskwatch.policy.faults import Fault
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingchecks import flaws_of
from riskwatch.policy.lendingreader import Reader

_TOP = ("name", "description", "tenant", "product", "regions", "plan", "texts")
_LENDING = ("currency", "refer_above_pd", "deadline_ms", "required")
_PRICING = ("legal_cap", "rate_step", "limit_step", "min_limit")
_SCALE = ("base_points", "base_odds", "pdo")


def content_of(policy: LendingPolicy) -> dict[str, Any]:
    """The tables that a file would have to hold to say what the policy says, with nothing inherited."""
    said = msgspec.json.decode(msgspec.json.encode(policy))
    pricing, card = said["pricing"], said["scorecard"]
    return {
        **{key: said[key] for key in _TOP},
        "lending": {key: said[key] for key in _LENDING},
        "admission": _by_name(said["admission"]),
        "antifraud": _by_name(said["antifraud"]),
        "scorecard": {
            **{key: card[key] for key in _SCALE},
            "characteristics": _by_name(card["characteristics"]),
        },
        "pricing": {key: pricing[key] for key in _PRICING},
        "grades": _by_name(pricing["grades"]),
        **({} if policy.account is None else {SECTION: account_content(policy.account)}),
    }


def lending_faults(policy: LendingPolicy) -> list[Fault]:
    """Every fault of a policy; none where a file that says the same would be taken. `Fault.line` is None."""
    reader = Reader(content_of(policy), {}, policy.name)
    made = reader.policy()
    if made is not None:
        for flaw in flaws_of(made):
            reader.fault(flaw.path, flaw.message, flaw.suggestion)
    faults = [*reader.faults, *_twice(policy)]
    if not faults and made != policy:
        faults.append(
            Fault(
                message="grades stand in rising order of `max_pd`, and a scorecard bears its policy's name; grades of "
                "an account stand from the best to the lowest, and each gain is one of a characteristic"
            )
        )
    return faults


def _by_name(records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in records}


def _twice(policy: LendingPolicy) -> list[Fault]:
    """Names that a file cannot hold twice, for they are the keys of its tables."""
    families: tuple[tuple[str, Iterable[Any]], ...] = (
        ("admission", policy.admission),
        ("antifraud", policy.antifraud),
        ("scorecard.characteristics", policy.scorecard.characteristics),
        ("grades", policy.pricing.grades),
        *_account(policy),
    )
    return [
        Fault(message=f"[{family}] the name `{name}` is there {count} times")
        for family, records in families
        for name, count in Counter(each.name for each in records).items()
        if count > 1
    ]


def _account(policy: LendingPolicy) -> tuple[tuple[str, Iterable[Any]], ...]:
    account = policy.account
    if account is None:
        return ()
    return (
        (f"{SECTION}.grades", account.grades),
        (f"{SECTION}.freeze", account.freeze),
        (f"{SECTION}.scorecard.characteristics", account.scorecard.characteristics),
    )
