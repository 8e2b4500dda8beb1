"""Lending policies as files: TOML, with inheritance from another file, and every fault told at once.

A file with `extends` starts from what its parent says: tables are merged key by key, anything else is replaced. A rule
or a grade of the parent is dropped with `off = true`. `extends` names a packaged policy (`base`) or a file beside this
one. What a parent dropped a child can only say anew, in full. A file without a `product` is there to be extended.

Conditions name inputs with dots, `declared.age_years >= 22 and bureau.score < 550`. Regions are free text in an
application and words in a policy: `[regions]` declares a word with its spellings, `hainan = ["海南", "海南省"]`, and
a condition asks `declared.region in ("hainan",)`. A region that is in no list is "elsewhere".
"""

from __future__ import annotations

import tomllib
from pathlib import Path as FilePath

from msgspec.structs import replace

from riskwatch.policy.faults import Fault, PolicyError
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingchecks import flaws_of
from riskwatch.policy.lendingcondition import check_lending_condition
from riskwatch.policy.lendingreader import Reader
from riskwatch.policy.lendingvocabulary import REGION
from riskwatch.policy.tomlfiles import Family, Resolved, Source, lines_of, resolved, source_of

LENDING = Family("riskwatch.policy.institutions", "lending policy")


def packaged_names() -> tuple[str, ...]:
    """The policies that come with riskwatch, by name."""
    return LENDING.names()


def packaged_lending(name: str) -> LendingPolicy:
    """A policy that comes with riskwatch. Raises `PolicyError` for a name that it has not."""
    return _policy(LENDING.packaged(name))


def load_lending(path: FilePath) -> LendingPolicy:
    """The policy of a file. Raises `PolicyError` with every fault, and `OSError`."""
    return _policy(source_of(path))


def resolve_file(path: FilePath) -> Resolved:
    """A file with all that it inherits, and where each part comes from. Raises `PolicyError` and `OSError`."""
    return resolve(source_of(path))


def resolve_packaged(name: str) -> Resolved:
    """A packaged policy with all that it inherits. Raises `PolicyError` for a name that there is not."""
    return resolve(LENDING.packaged(name))


def is_lending(text: str) -> bool:
    """Whether a policy file is one of lending, not of rules: by the keys that only those have."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    return any(key in content for key in ("lending", "product", "extends", "scorecard", "grades", "admission"))


def has_product(path: FilePath) -> bool:
    """Whether the file says for which product it decides, itself or by what it extends; true for one with faults."""
    try:
        return "product" in resolve(source_of(path)).content
    except PolicyError:
        return True


def resolve(source: Source) -> Resolved:
    """The file with all that it inherits. Raises `PolicyError` for a parent that is missing or does not read, and for a
    circle, together with the faults of the file's own conditions."""
    try:
        return resolved(source, LENDING)
    except PolicyError as error:
        raise PolicyError([*error.faults, *_own_conditions(source)], error.source) from None


def _policy(source: Source) -> LendingPolicy:
    whole = resolve(source)
    reader = Reader(whole.content, whole.origins, whole.name)
    policy = reader.policy()
    if policy is not None:
        for flaw in flaws_of(policy):
            reader.fault(flaw.path, flaw.message, flaw.suggestion)
    faults = sorted((*whole.faults, *reader.faults), key=lambda fault: fault.line or 0)
    if faults or policy is None:
        raise PolicyError(faults, source.name)
    return policy


def _own_conditions(source: Source) -> list[Fault]:
    """Faults of the file's own conditions where its parents cannot be read. Regions may be theirs, so that conditions
    about regions are passed over."""
    try:
        content = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    places, faults = lines_of(source.text), []
    for family in ("admission", "antifraud"):
        tables = content.get(family)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            when = table.get("when") if isinstance(table, dict) else None
            condition = check_lending_condition(when) if isinstance(when, str) and REGION not in when else []
            for fault in condition if isinstance(condition, list) else ():
                line = places.get((family, name, "when"), 1) + (fault.line or 1) - 1
                faults.append(replace(fault, message=f"[{family}.{name}.when] {fault.message}", line=line))
    return faults
