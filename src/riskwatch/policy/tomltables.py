"""The tables of a resolved TOML file, read into records: unknown, missing and wrong keys are all told, each with its
place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from riskwatch.policy.faults import Fault, did_you_mean
from riskwatch.policy.tomlfaults import fault_of
from riskwatch.policy.tomlplaces import Path

T = TypeVar("T", bound=Struct)


class Tables:
    """`content`: what the file says with all that it inherits; `origins`: path → the file and line that say it."""

    def __init__(self, content: Mapping[str, Any], origins: Mapping[Path, tuple[str, int | None]], name: str) -> None:
        self.content = content
        self._origins = origins
        self._name = name
        self.faults: list[Fault] = []

    def table(self, name: str, needed: bool = True) -> Mapping[str, Any]:
        table = self.content.get(name, {})
        if not isinstance(table, dict):
            self.fault((name,), f"`{name}` is a table", f"write `[{name}]`")
            return {}
        if needed and not table:
            self.fault((), f"the table `[{name}]` is missing")
        return table

    def tables(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        found: list[tuple[str, Mapping[str, Any]]] = []
        for key, table in self.table(name, needed=False).items():
            if isinstance(table, dict):
                found.append((key, table))
            else:
                self.fault((name, key), f"`{name}.{key}` is a table", f"write `[{name}.{key}]`")
        return found

    def record(self, path: Path, table: Any, kind: type[T], what: str = "") -> T | None:
        """The record of a table: unknown, missing and wrong keys are all told."""
        before = len(self.faults)
        where = f"{what}: " if what else ""
        if not isinstance(table, Mapping):
            self.fault(path, f"{where}it is a table of keys")
            return None
        known = {each.encode_name: each for each in fields(kind)}
        values: dict[str, Any] = {}
        for key, value in table.items():
            field = known.get(key)
            if field is None:
                near = did_you_mean(key, known) or f"keys are {', '.join(known)}"
                self.fault((*path, key), f"{where}unknown key `{key}`", near)
                continue
            try:
                values[key] = msgspec.convert(value, field.type, from_attributes=True)
            except msgspec.ValidationError as error:
                said, hint, text = fault_of(key, str(error), field.type, value)
                self.fault((*path, key), f"{where}{said}", hint, text=text)
        for key, field in known.items():
            if field.required and key not in table:
                self.fault(path, f"{where}`{key}` is missing")
        return kind(**values) if len(self.faults) == before else None

    def told(self, path: Path, faults: Sequence[str]) -> None:
        for fault in faults:
            self.fault(path, fault)

    def fault(
        self, path: Path, message: str, suggestion: str | None = None, *, text: str | None = None, down: int = 1
    ) -> None:
        """`down`: line of a text of several lines, from 1."""
        file, line = self._name, None
        for length in range(len(path), 0, -1):
            if path[:length] in self._origins:
                file, line = self._origins[path[:length]]
                break
        if line is not None:
            line += down - 1
        named = ".".join(path)
        said = message if not named or f"`{named}`" in message else f"[{named}] {message}"
        if file != self._name:
            said, line = f"{said} (inherited from {file}{'' if line is None else f', line {line}'})", None
        self.faults.append(Fault(message=said, line=line, text=text, suggestion=suggestion))
