"""Requests for lists as people make them: on a command line, and as rows of a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo

import msgspec

from riskwatch.streams.codec import Faults, Outcome
from riskwatch.streams.csvreading import Columns, Row
from riskwatch.streams.faults import Fault, fault
from riskwatch.streams.identifiers import normalise
from riskwatch.streams.listing import ListRequest
from riskwatch.streams.listreading import decode_request

LIST_COLUMNS = Columns(required=("purpose", "kind", "text"), optional=("reason", "until"))

_TERM = re.compile("([1-9][0-9]{0,4})([hdw])").fullmatch
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

MakeId = Callable[[], str]
"""A new change id. It is random: made of the text, it would give the text away."""


def end_of_term(until: str | None, term: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    """When an entry expires. `until`: the last day that it stands (on the clock of `zone`), or an instant with a zone;
    `term`: `12h`, `90d`, `4w` from `now` on. Raises `ValueError` in words.
    """
    if until is not None and term is not None:
        raise ValueError("give a last day or a term, not both")
    if term is not None:
        match = _TERM(term)
        if match is None:
            raise ValueError("a term is a number of hours, days or weeks, such as 12h, 90d or 4w")
        return now + int(match[1]) * _UNITS[match[2]]
    if until is None:
        return None
    try:
        if len(until) == len("2027-01-31"):
            return datetime.combine(date.fromisoformat(until) + timedelta(days=1), time(), zone)
        at = msgspec.convert(until, datetime)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError("the end is a day such as 2027-01-31, or a time with a zone such as 2027-01-31T18:00:00+08:00")
    return at


def checked_request(**fields: object) -> ListRequest | Faults:
    """A request, read as the worker will read it, or every fault of it."""
    try:
        value = msgspec.json.encode(fields)
    except UnicodeEncodeError:
        return fault("bad-text", "", "found a lone surrogate")
    found = decode_request(value)
    assert not isinstance(found, Outcome), "JSON is never null"
    return found


def request_of(
    row: Row, *, tenant: str, actor: str, reason: str | None, now: datetime, zone: tzinfo, make_id: MakeId
) -> ListRequest | Faults:
    """The request of a row; each fault has the column as its path. `reason`: where the row gives none."""
    if row.faults:
        return Faults(row.faults)
    values = row.values
    missing = [column for column in LIST_COLUMNS.required if column not in values]
    said = values.get("reason", reason)
    if said is None:
        missing.append("reason")
    if missing:
        words = "the cell is blank, expected a value"
        return Faults(tuple(Fault(code="missing-field", path=column, message=words) for column in missing))
    try:
        expires = end_of_term(values.get("until"), None, now, zone)
    except ValueError as error:
        return fault("bad-time", "until", str(error))
    found = checked_request(
        change_id=make_id(), tenant=tenant, kind=values["kind"], text=values["text"], purpose=values["purpose"],
        actor=actor, reason=said, at=now, expires_at=expires,
    )  # fmt: skip
    return Faults(tuple(map(_in_column, found.faults))) if isinstance(found, Faults) else found


def _in_column(found: Fault) -> Fault:
    if found.path in ("kind", "purpose"):  # the words would show the cell, which may be another column's
        wanted = found.message.partition(", expected ")[2]
        return Fault(code=found.code, path=found.path, message=f"found another text, expected {wanted}")
    return msgspec.structs.replace(found, path={"expires_at": "until"}.get(found.path, found.path))


def doubt(request: ListRequest) -> str | None:
    """What may be wrong with the thing that is listed, in words without it; None where nothing is known against it."""
    found = normalise(request.kind, request.text)
    return found.note if found.valid is False else None
