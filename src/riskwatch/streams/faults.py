"""Faults: what can be wrong with a record, each with a stable code that tools and alarms may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

CODES: Mapping[str, str] = MappingProxyType(
    {
        "empty-value": "the record has a value of no bytes (a null value is a tombstone, and no fault)",
        "too-large": "the value is longer than 262,144 bytes; it was not parsed",
        "not-utf8": "the value is not UTF-8 text",
        "malformed-json": "the value is not JSON, or not a JSON object",
        "too-deep": "the JSON is nested deeper than can be read",
        "not-a-number": "NaN or an infinity stands where JSON allows numbers only",
        "unknown-type": "`type` names no event of this version",
        "missing-field": "a required field is missing",
        "wrong-type": "a value has another type than the field, such as a string, a bool or a decimal for an integer",
        "out-of-range": "a value is outside of the field's range, length, pattern or list of values",
        "bad-time": "a time is not RFC 3339 text, or a date not of the form 2024-05-01",
        "naive-time": "a time has no zone, so it names no instant",
        "leap-second": "a time lies in a leap second (:60), for which UTC clocks have no one instant",
        "bad-text": "a text has control characters or lone surrogates, or an identifier has invisible characters",
        "bad-header": "a CloudEvents header cannot be read, or names a version that this one does not know",
        "header-conflict": "a CloudEvents header and the body both give a value, and the values differ",
        "not-json-content": "the content-type header names something else than JSON",
        "ingest-failed": "riskwatch itself failed on the record: a defect, please report it",
        "entry-failed": "a journal entry could not be folded into state; others were, of a tick all but those named",
        "policy-refused": "a published policy has faults, or bears a version that is not that of what it says",
        "rollback-refused": "what a rollback asks for is no compensation, or bears another id than what it undoes",
        "entry-refused": "the broker refused the journal entry, too large for its topic",
        "output-refused": "the broker refused an alert or another output, too large for its topic",
    }
)
"""Code → what it means. Codes are never renamed; new ones may come."""


class Fault(Struct, frozen=True, kw_only=True):
    """One thing wrong with a record. `path`: the field, such as `schedule[2].amount`; empty for the record as a
    whole."""

    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Faults(Struct, frozen=True):
    """Everything wrong with a record, in the order of the type's fields. Never empty."""

    faults: tuple[Fault, ...]

    @property
    def code(self) -> str:
        """The first fault's code: what the record is counted and filed under."""
        return self.faults[0].code

    def __str__(self) -> str:
        return "; ".join(str(fault) for fault in self.faults)


def fault(code: str, path: str, message: str) -> Faults:
    """`Faults` of one fault."""
    return Faults((Fault(code=code, path=path, message=message),))
