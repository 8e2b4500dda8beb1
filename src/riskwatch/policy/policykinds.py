"""Which kind of policy a file is: of rules, of lending, of collections, of servicing, or the contact rules of a
jurisdiction."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from riskwatch.policy.lendingfile import LENDING, is_lending
from riskwatch.policy.servicingfile import SERVICINGS
from riskwatch.policy.tomlfiles import MAX_PARENTS, Family

COLLECTIONS = Family("riskwatch.policy.strategies", "collections policy")
JURISDICTIONS = Family("riskwatch.policy.jurisdictions", "jurisdiction")

PolicyKind = Literal["rules", "lending", "collections", "contact-rules", "servicing"]

_KEYS: Mapping[PolicyKind, tuple[str, ...]] = {
    "collections": (
        "collections", "stages", "treatments", "strategy", "score_bands", "exposure_bands", "cards", "holdout",
        "promises", "review", "discount", "files",
    ),
    "contact-rules": ("channels", "limits", "hours", "silences", "closed", "opt_in", "after_ceased"),
    "servicing": ("servicing", "institutions"),
}  # fmt: skip
"""Keys at the top of a file that only files of this kind have."""
_FAMILIES: Mapping[PolicyKind, Family] = {
    "collections": COLLECTIONS,
    "contact-rules": JURISDICTIONS,
    "servicing": SERVICINGS,
    "lending": LENDING,
}


def kind_of(path: Path) -> PolicyKind:
    """The kind by the file's own keys, else by what it extends. A file that does not read is one of rules. Raises
    `OSError`."""
    text = path.read_text(encoding="utf-8", errors="replace")
    own = text
    for _ in range(MAX_PARENTS):
        content = _content(text)
        for kind, keys in _KEYS.items():
            if any(key in content for key in keys):
                return kind
        extends = content.get("extends")
        if not isinstance(extends, str):
            break
        for kind, family in _FAMILIES.items():
            if extends in family.names():
                return kind
        path = path.resolve().parent / extends
        if not path.is_file():
            break
        text = path.read_text(encoding="utf-8", errors="replace")
    return "lending" if is_lending(own) else "rules"


def _content(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
