"""Lending policies as files: TOML, with inheritance from another file, and every fault told at once.

A file with `extends` starts from what its parent says: tables are merged key by key, anything else is replaced. A rule
or a grade of the parent is dropped with `off = true`. `extends` names a packaged policy (`base`) or a file beside this
one. A file without a `product` is there to be extended.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct

from riskwatch.policy.faults import Fault, PolicyError, did_you_mean
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingreader import Reader
from riskwatch.policy.tomlplaces import Path, places_of
from riskwatch.policy.whereabouts import syntax_fault

MAX_FILE = 1_000_000
MAX_PARENTS = 8
PACKAGE = "riskwatch.policy.institutions"


class Source(Struct, frozen=True):
    """A file: how it is named to a reader, its text, and where its parents are looked for (None: the package)."""

    name: str
    text: str
    folder: FilePath | None


class Resolved(Struct, frozen=True):
    """A file with all that it inherits. `origins`: path → the file that says it, and its line there."""

    name: str
    content: dict[str, Any]
    origins: Mapping[Path, tuple[str, int | None]]


def packaged_names() -> tuple[str, ...]:
    """The policies that come with riskwatch, by name."""
    files = (each.name for each in resources.files(PACKAGE).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def packaged_lending(name: str) -> LendingPolicy:
    """A policy that comes with riskwatch. Raises `PolicyError` for a name that it has not."""
    return _policy(_packaged(name))


def load_lending(path: FilePath) -> LendingPolicy:
    """The policy of a file. Raises `PolicyError` with every fault, and `OSError`."""
    return _policy(_source(path))


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
        return "product" in resolve(_source(path)).content
    except PolicyError:
        return True


def resolve(source: Source) -> Resolved:
    """The file with all that it inherits. Raises `PolicyError` for a parent that is missing, and for a circle."""
    chain = [source]
    contents = [_parsed(source)]
    while "extends" in contents[-1]:
        wanted = contents[-1]["extends"]
        child = chain[-1]
        line = places_of(child.text).get(("extends",))
        if not isinstance(wanted, str):
            raise PolicyError([Fault(message="`extends` is a name in quotes", line=line)], child.name)
        if len(chain) > MAX_PARENTS:
            raise PolicyError(
                [Fault(message=f"more than {MAX_PARENTS} files extend one another", line=line)], child.name
            )
        parent = _parent(child, wanted, line)
        if any(parent.name == each.name and parent.folder == each.folder for each in chain):
            circle = " → ".join([*(each.name for each in chain), parent.name])
            raise PolicyError([Fault(message=f"files extend one another in a circle: {circle}", line=line)], child.name)
        chain.append(parent)
        contents.append(_parsed(parent))
    content: dict[str, Any] = {}
    origins: dict[Path, tuple[str, int | None]] = {}
    for each, said in zip(reversed(chain), reversed(contents), strict=True):
        own = {key: value for key, value in said.items() if key != "extends"}
        if each is not source:  # a name, a tenant and a description are a file's own
            own = {key: value for key, value in own.items() if key not in ("name", "description")}
        places = places_of(each.text)
        for path in _paths(own):
            origins[path] = (each.name, places.get(path))
        content = _merged(content, own)
    return Resolved(source.name, _without_dropped(content), origins)


def _policy(source: Source) -> LendingPolicy:
    resolved = resolve(source)
    reader = Reader(resolved.content, resolved.origins, resolved.name)
    policy = reader.policy()
    if reader.faults or policy is None:
        raise PolicyError(reader.faults, source.name)
    return policy


def _source(path: FilePath) -> Source:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError([Fault(message=f"this is not UTF-8: {error.reason}")], str(path)) from None
    return Source(str(path), text, path.resolve().parent)


def _packaged(name: str) -> Source:
    file = resources.files(PACKAGE) / f"{name}.toml"
    if not file.is_file():
        known = packaged_names()
        near = did_you_mean(name, known) or f"there are {', '.join(known)}"
        raise PolicyError([Fault(message=f"no packaged lending policy `{name}`", suggestion=near)], name)
    return Source(name, file.read_text(encoding="utf-8"), None)


def _parent(child: Source, wanted: str, line: int | None) -> Source:
    if child.folder is not None and wanted.endswith(".toml"):
        path = child.folder / wanted
        if not path.is_file():
            fault = Fault(message=f"`{wanted}` is not there", line=line, suggestion=f"paths start at {child.folder}")
            raise PolicyError([fault], child.name)
        return _source(path)
    known = packaged_names()
    if wanted not in known:
        near = did_you_mean(wanted, known) or f"name one of {', '.join(known)}, or a file such as ours.toml"
        raise PolicyError([Fault(message=f"no packaged policy `{wanted}`", line=line, suggestion=near)], child.name)
    return _packaged(wanted)


def _parsed(source: Source) -> dict[str, Any]:
    if len(source.text) > MAX_FILE:
        raise PolicyError([Fault(message=f"a policy has at most {MAX_FILE} characters")], source.name)
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        said, line = syntax_fault(error)
        raise PolicyError([Fault(message=f"this is not TOML: {said}", line=line)], source.name) from None
    except RecursionError:
        raise PolicyError([Fault(message="this is not TOML: nested too deeply")], source.name) from None


def _merged(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(parent)
    for key, value in child.items():
        held = merged.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged


def _paths(content: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, value in content.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _paths(value, (*above, key))


def _without_dropped(content: dict[str, Any]) -> dict[str, Any]:
    """Without the tables that a child has turned off."""
    kept: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            if value.get("off") is True:
                continue
            value = {inner: each for inner, each in _without_dropped(value).items() if inner != "off"}
        kept[key] = value
    return kept
