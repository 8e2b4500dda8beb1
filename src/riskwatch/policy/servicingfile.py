"""Servicing rules as files: TOML with inheritance, and every fault told at once.

`[servicing]` is for every institution; `[institutions.NAME]` for one, `[institutions.NAME.PRODUCT]` for one of its
products. Each says only what differs from the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any, get_args

from msgspec import Struct, structs

from riskwatch.features.servicing import COMPONENTS, Across, BucketBy, Component, Servicing, ServicingBook
from riskwatch.policy.calendars import calendar_of
from riskwatch.policy.faults import PolicyError, did_you_mean
from riskwatch.policy.tomlfiles import Family, Source, resolved, source_of
from riskwatch.policy.tomlplaces import Path
from riskwatch.policy.tomltables import Tables
from riskwatch.streams.eventparts import Product

SERVICINGS = Family("riskwatch.policy.servicings", "servicing rules")
STANDARD = "standard"
PRODUCTS: tuple[str, ...] = get_args(Product)
MOST_GRACE = 60
"""Days of grace that a file may give at most."""
_TOP = ("description", "servicing", "institutions")


class _Said(Struct, frozen=True, kw_only=True):
    """What a table says of the rules; None where it is silent."""

    waterfall: tuple[Component, ...] | None = None
    across: Across | None = None
    grace_days: int | None = None
    calendar: str | None = None
    tolerance: int | None = None
    bucket_by: BucketBy | None = None


_KEYS = _Said.__struct_fields__


@lru_cache(maxsize=1)
def packaged_servicing() -> ServicingBook:
    """The rules that come with riskwatch."""
    return read_servicing(SERVICINGS.packaged(STANDARD))


def load_servicing(path: FilePath) -> ServicingBook:
    """The rules of a file. Raises `PolicyError` with every fault, and `OSError`."""
    return read_servicing(source_of(path))


def read_servicing(source: Source) -> ServicingBook:
    """The rules of a source. Raises `PolicyError` with every fault."""
    whole = resolved(source, SERVICINGS)
    tables = Tables(whole.content, whole.origins, whole.name)
    for key in tables.content:
        if key not in _TOP:
            tables.fault((key,), f"unknown key `{key}`", did_you_mean(key, _TOP) or f"keys are {', '.join(_TOP)}")
    default = _rules(tables, ("servicing",), tables.table("servicing"), Servicing(name="servicing"))
    rules: dict[tuple[str, str], Servicing] = {}
    for tenant, table in tables.tables("institutions"):
        own = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
        of_tenant = rules[tenant, ""] = _rules(tables, ("institutions", tenant), own, default)
        for product, said in table.items():
            if isinstance(said, Mapping):
                path = ("institutions", tenant, product)
                if product not in PRODUCTS:
                    near = did_you_mean(product, PRODUCTS) or f"products are {', '.join(PRODUCTS)}"
                    tables.fault(path, f"unknown product `{product}`", near)
                rules[tenant, product] = _rules(tables, path, said, of_tenant)
    faults = sorted((*whole.faults, *tables.faults), key=lambda fault: fault.line or 0)
    if faults:
        raise PolicyError(faults, source.name)
    return ServicingBook(rules=rules, default=default)


def _rules(tables: Tables, path: Path, table: Mapping[str, Any], above: Servicing) -> Servicing:
    said = tables.record(path, table, _Said)
    if said is None:
        return above
    _check(tables, path, said)
    changes: dict[str, Any] = {key: value for key in _KEYS if (value := getattr(said, key)) is not None}
    if said.calendar is not None:
        code = changes.pop("calendar")
        changes |= {"calendar_code": code, "calendar": None}
        try:
            changes["calendar"] = calendar_of(code) if code else None
        except ValueError as error:
            tables.fault((*path, "calendar"), f"`calendar`: {error}")
    return structs.replace(above, name=".".join(path), **changes)


def _check(tables: Tables, path: Path, said: _Said) -> None:
    if said.waterfall is not None and sorted(said.waterfall) != sorted(COMPONENTS):
        tables.fault((*path, "waterfall"), f"`waterfall` names each of {', '.join(COMPONENTS)} once")
    if said.grace_days is not None and not 0 <= said.grace_days <= MOST_GRACE:
        tables.fault((*path, "grace_days"), f"`grace_days` is between 0 and {MOST_GRACE}")
    if said.tolerance is not None and said.tolerance < 0:
        tables.fault((*path, "tolerance"), "`tolerance` is not negative")
