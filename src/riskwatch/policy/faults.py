"""What is wrong with a policy, said so that its author can put it right: where, what, and the nearest thing that
would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from msgspec import Struct


class Fault(Struct, frozen=True, kw_only=True):
    """One fault of a policy file. `line` counts from 1; `text` is the offending piece of the file."""

    message: str
    line: int | None = None
    rule: str | None = None
    text: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        places = [f"line {self.line}"] if self.line is not None else []
        if self.rule is not None:
            places.append(f"rule {self.rule}")
        where = ", ".join(places)
        said = f"{where}: {self.message}" if where else self.message
        if self.text is not None and f"`{self.text}`" not in said:
            said += f", in `{self.text}`"
        return said if self.suggestion is None else f"{said}; {self.suggestion}"


class PolicyError(ValueError):
    """A policy was refused. `faults` holds every fault found, in file order; `source` names the file."""

    def __init__(self, faults: Sequence[Fault], source: str = "policy") -> None:
        self.faults = tuple(faults)
        self.source = source
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {fault}" for fault in self.faults)]))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A suggestion for a misspelt word, or None where nothing known comes near."""
    words = list(known)
    near = get_close_matches(word, words, n=1, cutoff=0.9) or get_close_matches(word, words, n=3, cutoff=0.6)
    if not near:
        return None
    return "did you mean " + " or ".join(f"`{candidate}`" for candidate in near) + "?"
