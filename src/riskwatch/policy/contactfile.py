"""Contact rules as files: TOML for each jurisdiction, with inheritance, and every fault told at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import TypeVar

from msgspec import Struct

from riskwatch.policy.contactrules import Channels, Closed, ContactRules, Hours, Limit, Silence, rule_flaws
from riskwatch.policy.faults import PolicyError, did_you_mean
from riskwatch.policy.flaws import NAME, NAME_HINT
from riskwatch.policy.policykinds import JURISDICTIONS
from riskwatch.policy.tomlfiles import Source, resolved, source_of
from riskwatch.policy.tomltables import Tables

T = TypeVar("T", bound=Struct)


class _Head(Struct, frozen=True, kw_only=True):
    """The keys at the top of a file."""

    name: str
    channels: Channels
    opt_in: Channels = ()
    after_ceased: Channels = ()
    description: str = ""


_HEAD = ("name", "description", "channels", "opt_in", "after_ceased")
_FAMILIES: Mapping[str, type[Struct]] = {"limits": Limit, "hours": Hours, "silences": Silence, "closed": Closed}
_TOP = (*_HEAD, *_FAMILIES)


def packaged_rules(name: str) -> ContactRules:
    """The rules of a jurisdiction that come with riskwatch. Raises `PolicyError` for a name that there is not."""
    return read_rules(JURISDICTIONS.packaged(name))


def load_rules(path: FilePath) -> ContactRules:
    """The rules of a file. Raises `PolicyError` with every fault, and `OSError`."""
    return read_rules(source_of(path))


def read_rules(source: Source) -> ContactRules:
    """The rules of a source. Raises `PolicyError` with every fault."""
    whole = resolved(source, JURISDICTIONS)
    tables = Tables(whole.content, whole.origins, whole.name)
    rules = _rules(tables)
    if rules is not None:
        for flaw in rule_flaws(rules):
            tables.fault(flaw.path, flaw.message, flaw.suggestion)
    faults = sorted((*whole.faults, *tables.faults), key=lambda fault: fault.line or 0)
    if faults or rules is None:
        raise PolicyError(faults, source.name)
    return rules


def _rules(tables: Tables) -> ContactRules | None:
    for key in tables.content:
        if key not in _TOP:
            tables.fault((key,), f"unknown key `{key}`", did_you_mean(key, _TOP) or f"keys are {', '.join(_TOP)}")
    head = tables.record((), {key: value for key, value in tables.content.items() if key in _HEAD}, _Head)
    limits, hours = _named(tables, "limits", Limit), _named(tables, "hours", Hours)
    silences, closed = _named(tables, "silences", Silence), _named(tables, "closed", Closed)
    if head is None:
        return None
    if NAME.fullmatch(head.name) is None:
        tables.fault(("name",), f'`name` cannot be "{head.name}"', NAME_HINT)
    return ContactRules(
        name=head.name,
        description=head.description,
        channels=head.channels,
        opt_in=head.opt_in,
        after_ceased=head.after_ceased,
        limits=limits,
        hours=hours,
        silences=silences,
        closed=closed,
    )


def _named(tables: Tables, family: str, kind: type[T]) -> dict[str, T]:
    return {
        name: record
        for name, table in tables.tables(family)
        if (record := tables.record((family, name), table, kind)) is not None
    }
