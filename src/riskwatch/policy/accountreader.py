"""From the section `[account]` of a lending policy's file to its record, gathering every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import msgspec
from msgspec import Struct, structs

from riskwatch.policy.accountpolicy import AccountGrade, AccountPolicy, FreezeRule
from riskwatch.policy.accounttexts import KNOWN
from riskwatch.policy.accountvocabulary import ACCOUNT
from riskwatch.policy.adverse import Texts
from riskwatch.policy.cardreader import read_scorecard
from riskwatch.policy.lendingcondition import check_lending_condition
from riskwatch.policy.naming import check_codes, check_inputs
from riskwatch.policy.tomlplaces import Path
from riskwatch.policy.tomltables import Tables
from riskwatch.scoring.scorecard import Scorecard

SECTION = "account"
_INNER = ("grades", "scorecard", "freeze")


class _Head(Struct, frozen=True, kw_only=True):
    """The keys of `[account]` itself; its grades, its scorecard and its freeze rules are tables of their own."""

    on: tuple[str, ...]
    clear_on: tuple[str, ...]
    hysteresis: float
    cool_off_days: int
    limit_step: int
    largest_limit_step: int
    largest_limit_percent: int
    lowest_limit: int
    highest_limit: int
    largest_rate_step_bp: int
    lowest_rate_bp: int
    highest_rate_bp: int
    required: tuple[str, ...] = ()
    limit_notice_days: int = 0
    rate_notice_days: int = 0


def read_account(tables: Tables, texts: Mapping[str, Texts]) -> AccountPolicy | None:
    """The section of a resolved file, None where there is none or it does not read; every fault is told to `tables`.
    `texts`: the policy's own texts by reason code. A section without grades is there to be extended, and
    moves nothing."""
    section = tables.table(SECTION, needed=False)
    if "grades" not in section:
        return None
    keys = {key: value for key, value in section.items() if key not in _INNER}
    head = tables.record((SECTION,), keys, _Head)
    grades = [
        grade
        for label, table in _inner(tables, section, "grades")
        if (grade := tables.record((SECTION, "grades", label), {**table, "name": label}, AccountGrade)) is not None
    ]
    freeze = [
        rule for label, table in _inner(tables, section, "freeze") if (rule := _rule(tables, label, table)) is not None
    ]
    card, gains = _card(tables, section)
    if head is not None:
        check_inputs(tables, (SECTION, "required"), head.required, ACCOUNT)
    characteristics: Path = (SECTION, "scorecard", "characteristics")
    used: list[tuple[Path, str]] = [((SECTION, "freeze", rule.name, "reason"), rule.reason) for rule in freeze]
    if card is not None:
        used += [((*characteristics, each.name, "reason"), each.reason) for each in card.characteristics]
        used += [((*characteristics, label, "gain"), code) for label, code in gains.items()]
    check_codes(tables, used, {**KNOWN, **texts})
    if head is None or card is None:
        return None
    return AccountPolicy(
        **structs.asdict(head),
        grades=tuple(
            sorted(grades, key=lambda grade: -inf if grade.at_least is None else grade.at_least, reverse=True)
        ),
        scorecard=card,
        gains=gains,
        freeze=tuple(freeze),
    )


def account_content(policy: AccountPolicy) -> dict[str, Any]:
    """The section that a file would have to hold to say what the policy says, with nothing inherited."""
    said: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(policy))
    card = said.pop("scorecard")
    gains = said.pop("gains")
    characteristics = {
        each["name"]: {key: value for key, value in each.items() if key != "name"}
        | ({"gain": gains[each["name"]]} if each["name"] in gains else {})
        for each in card["characteristics"]
    }
    for family in ("grades", "freeze"):
        said[family] = {
            each["name"]: {key: value for key, value in each.items() if key != "name"} for each in said[family]
        }
    scale = {key: card[key] for key in ("base_points", "base_odds", "pdo")}
    return {**said, "scorecard": {**scale, "characteristics": characteristics}}


def _inner(tables: Tables, section: Mapping[str, Any], family: str) -> list[tuple[str, Mapping[str, Any]]]:
    inner = section.get(family, {})
    if not isinstance(inner, dict):
        tables.fault((SECTION, family), f"`{family}` is a table", f"write `[{SECTION}.{family}.<name>]`")
        return []
    for label, table in inner.items():
        if not isinstance(table, dict):
            path = (SECTION, family, label)
            tables.fault(path, f"`{'.'.join(path)}` is a table", f"write `[{'.'.join(path)}]`")
    return [(label, table) for label, table in inner.items() if isinstance(table, dict)]


def _rule(tables: Tables, label: str, table: Mapping[str, Any]) -> FreezeRule | None:
    path = (SECTION, "freeze", label)
    rule = tables.record(path, {**table, "name": label}, FreezeRule)
    when = table.get("when")  # looked into also where another key is wrong, so that all is told at once
    condition = check_lending_condition(when, (), ACCOUNT) if isinstance(when, str) else None
    for fault in condition if isinstance(condition, list) else ():
        tables.fault((*path, "when"), fault.message, fault.suggestion, text=fault.text, down=fault.line or 1)
    return rule


def _card(tables: Tables, section: Mapping[str, Any]) -> tuple[Scorecard | None, dict[str, str]]:
    path: Path = (SECTION, "scorecard")
    table = section.get("scorecard", {})
    if not isinstance(table, dict) or not table:
        tables.fault((SECTION,), f"the table `[{'.'.join(path)}]` is missing")
        return None, {}
    gains: dict[str, str] = {}
    inner = table.get("characteristics")
    plain: dict[str, Any] = {}
    for label, said in inner.items() if isinstance(inner, dict) else ():
        plain[label] = said
        if not isinstance(said, dict):
            continue
        plain[label] = {key: value for key, value in said.items() if key != "gain"}
        where = (*path, "characteristics", label)
        if isinstance(said.get("gain"), str):
            gains[label] = said["gain"]
        elif "gain" in said:
            tables.fault((*where, "gain"), "`gain` is a code in quotes", "such as gain-paid-on-time")
        else:
            tables.fault(where, "`gain` is missing", "the code of what is said where it speaks for the customer")
    return read_scorecard(tables, path, {**table, "characteristics": plain}, SECTION, ACCOUNT.scored(())), gains
