"""Policy files that inherit: a TOML file with `extends` starts from what its parent says.

Tables are merged key by key, anything else is replaced. A table of the parent is dropped with `off = true`, and what a
parent dropped a child can only say anew, in full. `extends` names a packaged file of the same family or a file beside
this one. Every value keeps the file and the line that said it, so that faults can be told with them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from riskwatch.policy.faults import Fault, PolicyError, did_you_mean
from riskwatch.policy.tomlplaces import Path, places_of
from riskwatch.policy.whereabouts import syntax_fault

MAX_FILE = 1_000_000
MAX_PARENTS = 8


class Family(Struct, frozen=True):
    """Policy files of one kind. `package`: where those lie that come with riskwatch; `called`: what one of them is
    called in a fault."""

    package: str
    called: str

    def names(self) -> tuple[str, ...]:
        """The files that come with riskwatch, by name."""
        files = (each.name for each in resources.files(self.package).iterdir())
        return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))

    def packaged(self, name: str) -> Source:
        """The source of a packaged file. Raises `PolicyError` for a name that there is not."""
        file = resources.files(self.package) / f"{name}.toml"
        if not file.is_file():
            known = self.names()
            near = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise PolicyError([Fault(message=f"no packaged {self.called} `{name}`", suggestion=near)], name)
        return Source(name, file.read_text(encoding="utf-8"), None)


class Source(Struct, frozen=True):
    """A file: how it is named to a reader, its text, and where its parents are looked for (None: the package)."""

    name: str
    text: str
    folder: FilePath | None


class Resolved(Struct, frozen=True):
    """A file with all that it inherits. `origins`: path → the file that says it, and its line there (of a text of
    several lines, that of its first). `faults`: what `off` was wrongly said of. `chain`: the files, the
    farthest parent first."""

    name: str
    content: dict[str, Any]
    origins: Mapping[Path, tuple[str, int | None]]
    faults: tuple[Fault, ...] = ()
    chain: tuple[str, ...] = ()

    def said_by(self, path: Path) -> tuple[str, ...]:
        """The files that say the keys of a table, the farthest parent first; of a single key, the one that says it."""
        keys = [place for place in self.origins if place[: len(path)] == path and len(place) > len(path)]
        saying = {self.origins[place][0] for place in keys or [path] if place in self.origins}
        return tuple(name for name in self.chain if name in saying)


def source_of(path: FilePath) -> Source:
    """A file's source. Raises `PolicyError` where it is not UTF-8, and `OSError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError([Fault(message=f"this is not UTF-8: {error.reason}")], str(path)) from None
    return Source(str(path), text, path.resolve().parent)


def resolved(source: Source, family: Family) -> Resolved:
    """The file with all that it inherits. Raises `PolicyError` for a parent that is missing or does not read, and for a
    circle."""
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
        parent = _parent(child, wanted, line, family)
        if any(parent.name == each.name and parent.folder == each.folder for each in chain):
            circle = " → ".join([*(each.name for each in chain), parent.name])
            raise PolicyError([Fault(message=f"files extend one another in a circle: {circle}", line=line)], child.name)
        chain.append(parent)
        contents.append(_parsed(parent))
    content: dict[str, Any] = {}
    origins: dict[Path, tuple[str, int | None]] = {}
    faults: list[Fault] = []
    for each, said in zip(reversed(chain), reversed(contents), strict=True):
        own = {key: value for key, value in said.items() if key != "extends"}
        if each is not source:  # a name and a description are a file's own
            own = {key: value for key, value in own.items() if key not in ("name", "description")}
        places = lines_of(each.text)
        faults += [
            fault
            if each is source
            else replace(fault, message=f"{fault.message} (in {each.name}, line {fault.line})", line=None)
            for fault in _misplaced_off(own, content, places)
        ]
        for path in _paths(own):
            origins[path] = (each.name, places.get(path))
        content = _without_dropped(_merged(content, own))
        kept = {*_paths(content)}
        origins = {path: origin for path, origin in origins.items() if path in kept}
    return Resolved(source.name, content, origins, tuple(faults), tuple(each.name for each in reversed(chain)))


def _parent(child: Source, wanted: str, line: int | None, family: Family) -> Source:
    if child.folder is not None and wanted.endswith(".toml"):
        path = child.folder / wanted
        if not path.is_file():
            fault = Fault(message=f"`{wanted}` is not there", line=line, suggestion=f"paths start at {child.folder}")
            raise PolicyError([fault], child.name)
        return source_of(path)
    known = family.names()
    if wanted not in known:
        near = did_you_mean(wanted, known) or f"name one of {', '.join(known)}, or a file such as ours.toml"
        raise PolicyError([Fault(message=f"no packaged policy `{wanted}`", line=line, suggestion=near)], child.name)
    return family.packaged(wanted)


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


def _misplaced_off(
    own: Mapping[str, Any], parent: Mapping[str, Any], places: Mapping[Path, int], above: Path = ()
) -> Iterator[Fault]:
    """`off` that is no yes or no, and `off` of what nobody has said: a misspelt name must not leave a rule in force."""
    for key, value in own.items():
        if not isinstance(value, dict):
            continue
        path = (*above, key)
        line = places.get((*path, "off"), places.get(path))
        held = parent.get(key)
        off = value.get("off", False)
        if not isinstance(off, bool):
            yield Fault(message=f"[{'.'.join(path)}] `off` is true or false", line=line, text=repr(off))
        elif off and held is None and len(value) == 1:
            tables = [name for name, table in parent.items() if isinstance(table, dict)]
            near = did_you_mean(key, tables) or f"there are {', '.join(tables) or 'none'}"
            yield Fault(message=f"there is no `{'.'.join(path)}` to turn off", line=line, suggestion=near)
        yield from _misplaced_off(value, held if isinstance(held, dict) else {}, places, path)


def lines_of(text: str) -> dict[Path, int]:
    """Lines of keys; where a text begins below its key, the line where it begins."""
    lines = text.splitlines()
    return {
        path: line + 1 if lines[line - 1].rstrip().endswith(('= """', "= '''", '="""', "='''")) else line
        for path, line in places_of(text).items()
    }
