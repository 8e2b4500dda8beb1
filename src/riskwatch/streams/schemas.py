"""JSON Schemas of what riskwatch reads and publishes, and the reference of events, made from the types themselves.

`python -m riskwatch.streams.schemas` writes both below `docs/`; a test fails where what is committed is not current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import Struct

from riskwatch.streams.accountactions import AccountAction, Compensation
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.loanmoves import LoanMoved
from riskwatch.streams.operational import FeedFresh, FeedStale
from riskwatch.streams.outputs import Alert, ModelMetrics, TrainingExample
from riskwatch.streams.reference import events_reference

BASE = "urn:riskwatch:schema:v1:"
"""Identifies the schemas, whoever keeps a copy of them."""

OUTPUTS: dict[str, type[Struct]] = {
    "account-action": AccountAction,
    "action-closed": ActionClosed,
    "alert": Alert,
    "collection-action": CollectionAction,
    "compensation": Compensation,
    "feed-fresh": FeedFresh,
    "feed-stale": FeedStale,
    "loan-moved": LoanMoved,
    "model-metrics": ModelMetrics,
    "training-example": TrainingExample,
}


def file_name(name: str) -> str:
    """`LoginFailed` → `login-failed.json`."""
    dashed = "".join(f"-{char.lower()}" if char.isupper() else char for char in name).lstrip("-")
    return f"{dashed}.json"


def schemas() -> dict[str, dict[str, Any]]:
    """File name → JSON Schema (draft 2020-12): one for each event, one for any event, one for each output."""
    found = {file_name(each.__name__): _schema(each, file_name(each.__name__)) for each in get_args(AnyEvent)}
    found["event.json"] = _schema(AnyEvent, "event.json")
    found |= {file_name(name): _schema(each, file_name(name)) for name, each in OUTPUTS.items()}
    return dict(sorted(found.items()))


def write(docs: Path) -> list[Path]:
    """Writes `schemas/*.json` and `events.md` below `docs`; returns the files. Schemas of no type any more are
    removed."""
    folder = docs / "schemas"
    folder.mkdir(parents=True, exist_ok=True)
    current = schemas()
    for stale in set(folder.glob("*.json")) - {folder / name for name in current}:
        stale.unlink()
    written = []
    for name, schema in current.items():
        (folder / name).write_text(rendered(schema))
        written.append(folder / name)
    (docs / "events.md").write_text(events_reference())
    return [*written, docs / "events.md"]


def rendered(schema: dict[str, Any]) -> str:
    """The text of a schema file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(each: Any, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = _portable(msgspec.json.schema(each))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": BASE + name.removesuffix(".json"),
        **schema,
    }


def _portable(node: Any) -> Any:
    r"""Patterns end in `\Z` for Python, which JSON Schema's ECMA dialect does not have.

    Its `$` is the end of the text, but validators written in Python let a line break pass there: `$(?!\n)` suits both.
    """
    if isinstance(node, dict):
        return {
            key: value.removesuffix(r"\Z") + r"$(?!\n)"
            if key == "pattern" and value.endswith(r"\Z")
            else _portable(value)
            for key, value in node.items()
        }
    return [_portable(item) for item in node] if isinstance(node, list) else node


if __name__ == "__main__":
    for path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        print(path)
