"""The slow reading of a record that the decoder refused: all that is wrong with it, in words, field by field.

The walk follows the event types themselves (`msgspec.inspect`), so what it expects is what the decoder expects.
Values are shown in the words, except those of personal identifiers: faults end up in logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, get_args
from unicodedata import normalize

import msgspec
from msgspec import Struct
from msgspec import inspect as mi

from riskwatch.streams.events import AnyEvent, Event, InstalmentDue, LoanApplied, LoanOpened, PromiseMade
from riskwatch.streams.faults import Fault, Faults, fault
from riskwatch.streams.texts import is_identifier, settle_texts, text_problem
from riskwatch.streams.wording import HugeNumber, NotANumber, bare_type, shown_value, wanted_value

__all__ = ["explain", "improbable_dates", "settle_texts"]

Found = Any  # a JSON value as it was found: anything

TYPES: dict[str, type[Event]] = {event_type.__name__: event_type for event_type in get_args(AnyEvent)}

_LEAP_SECOND = re.compile(r".*[Tt ]\d\d:\d\d:60").match
_ZONELESS = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?)?\Z").match
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z").match


def explain(value: bytes, error: Exception | None, struct: type[Struct] | None = None) -> Faults:
    """Every fault of a record's value. `error`: what the decoder said, for the case that the walk finds nothing
    more. `struct`: what the record is to be, where that is no event."""
    if not value:
        return fault("empty-value", "", "found a value of no bytes, expected a JSON object")
    try:
        text = value.decode()
    except UnicodeDecodeError as found:
        return fault("not-utf8", "", f"found bytes that are not UTF-8 at position {found.start}: {found.reason}")
    not_numbers: list[str] = []

    def constant(name: str) -> NotANumber:
        not_numbers.append(name)
        return NotANumber(name)

    try:
        record = json.loads(text, parse_constant=constant, parse_float=_float, parse_int=_int)
    except RecursionError:
        return fault("too-deep", "", "found JSON nested deeper than can be read")
    except ValueError as found:
        return fault("malformed-json", "", f"found text that is not JSON: {found}")
    if not isinstance(record, dict):
        return fault("malformed-json", "", f"found {shown_value(record)}, expected a JSON object")
    faults: list[Fault] = []
    if struct is None:
        _check_event(record, faults)
    else:
        _check_fields(record, _fields(struct), "", faults)
    if not_numbers and not any(each.code == "not-a-number" for each in faults):
        faults.append(Fault(code="not-a-number", path="", message=f"found {not_numbers[0]}, which JSON does not have"))
    if faults:
        return Faults(tuple(faults))
    if isinstance(error, RecursionError):
        return fault("too-deep", "", "found JSON nested deeper than can be read")
    return fault("malformed-json", "", f"the record cannot be read: {error}")


def improbable_dates(event: AnyEvent) -> bool:
    """Does the event hold a date outside of the years 1900 to 2199? Calendars overflow near years 1 and 9999."""
    if isinstance(event, LoanOpened):
        return not all(_probable(line.due_on) for line in event.schedule)
    if isinstance(event, InstalmentDue):
        return not _probable(event.due_on)
    if isinstance(event, PromiseMade):
        return not _probable(event.pay_by)
    if isinstance(event, LoanApplied) and event.declared is not None and event.declared.birth_date is not None:
        return not _probable(event.declared.birth_date)
    return False


def _probable(day: date) -> bool:
    return 1900 <= day.year < 2200


def _float(text: str) -> float | HugeNumber:
    number = float(text)
    return HugeNumber(text) if number in (float("inf"), float("-inf")) else number


def _int(text: str) -> int | HugeNumber:
    return int(text) if len(text) <= 300 else HugeNumber(text)  # longer ones take quadratic time


@lru_cache(maxsize=64)
def _fields(struct: type[Struct]) -> tuple[mi.Field, ...]:
    info = mi.type_info(struct)
    assert isinstance(info, mi.StructType)
    return info.fields


def _check_event(record: dict[str, Found], faults: list[Fault]) -> None:
    event_type = _event_type(record, faults)
    if event_type is not None:
        _check_fields(record, _fields(event_type), "", faults)
        return
    common = set(Event.__struct_fields__)
    _check_fields(record, tuple(field for field in _fields(LoanApplied) if field.name in common), "", faults)


def _event_type(record: dict[str, Found], faults: list[Fault]) -> type[Event] | None:
    if "type" not in record:
        faults.append(Fault(code="missing-field", path="type", message="missing, expected the name of an event"))
        return None
    name = record["type"]
    if type(name) is not str:
        _wrong(name, "the name of an event", "type", faults)
        return None
    event_type = TYPES.get(name)
    if event_type is None:
        near = get_close_matches(name[:64], TYPES, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; expected one of {', '.join(TYPES)}"
        faults.append(Fault(code="unknown-type", path="type", message=f"found {shown_value(name)}{hint}"))
    return event_type


def _check_fields(found: dict[str, Found], fields: tuple[mi.Field, ...], path: str, faults: list[Fault]) -> None:
    for field in fields:
        where = path + field.encode_name
        if field.encode_name in found:
            _check(found[field.encode_name], field.type, where, faults)
        elif field.required:
            faults.append(
                Fault(
                    code="missing-field", path=where, message=f"missing, expected {wanted_value(bare_type(field.type))}"
                )
            )


def _check(found: Found, info: mi.Type, path: str, faults: list[Fault]) -> None:
    info = bare_type(info)
    if isinstance(info, mi.UnionType):  # in events: `something | None`
        if found is not None:
            for option in info.types:
                if not isinstance(bare_type(option), mi.NoneType):
                    _check(found, option, path, faults)
    elif isinstance(info, mi.StructType):
        if isinstance(found, dict):
            _check_fields(found, info.fields, path + ".", faults)
        else:
            _wrong(found, "an object", path, faults)
    elif isinstance(info, mi.ListType):
        _check_list(found, info, path, faults)
    else:
        _CHECKS[type(info)](found, info, path, faults)


def _check_list(found: Found, info: mi.ListType, path: str, faults: list[Fault]) -> None:
    if not isinstance(found, list):
        _wrong(found, "a list", path, faults)
        return
    low, high = info.min_length or 0, info.max_length or len(found)
    if not low <= len(found) <= high:
        message = f"found a list of {len(found):,}, expected {low} to {high}"
        faults.append(Fault(code="out-of-range", path=path, message=message))
    for position, item in enumerate(found[:high]):
        _check(item, info.item_type, f"{path}[{position}]", faults)


def _check_text(found: Found, info: mi.StrType, path: str, faults: list[Fault]) -> None:
    if type(found) is not str:
        _wrong(found, wanted_value(info), path, faults)
        return
    problem = text_problem(found, identifier=is_identifier(info))
    if problem is not None:
        faults.append(Fault(code="bad-text", path=path, message=f"found {problem}, expected {wanted_value(info)}"))
        return
    low, high = info.min_length or 0, info.max_length
    length = len(normalize("NFC", found))
    if length < low or (high is not None and length > high):
        message = f"found {length:,} characters, expected {wanted_value(info)}"
        faults.append(Fault(code="out-of-range", path=path, message=message))
    elif info.pattern is not None and re.search(info.pattern, found) is None:
        message = f"found {shown_value(found, path)}, expected {wanted_value(info)}"
        faults.append(Fault(code="out-of-range", path=path, message=message))


def _check_number(found: Found, info: mi.IntType | mi.FloatType, path: str, faults: list[Fault]) -> None:
    whole = isinstance(info, mi.IntType)
    if isinstance(found, NotANumber):
        message = f"found {found}, expected {wanted_value(info)}"
        faults.append(Fault(code="not-a-number", path=path, message=message))
    elif isinstance(found, HugeNumber):
        message = f"found a number of {len(found):,} characters beyond all ranges, expected {wanted_value(info)}"
        faults.append(Fault(code="out-of-range", path=path, message=message))
    elif type(found) is int or (type(found) is float and not whole):
        if (info.ge is not None and found < info.ge) or (info.le is not None and found > info.le):
            message = f"found {shown_value(found, path)}, expected {wanted_value(info)}"
            faults.append(Fault(code="out-of-range", path=path, message=message))
    else:
        _wrong(found, wanted_value(info), path, faults)


def _check_bool(found: Found, info: mi.BoolType, path: str, faults: list[Fault]) -> None:
    if type(found) is not bool:
        _wrong(found, wanted_value(info), path, faults)


def _check_literal(found: Found, info: mi.LiteralType, path: str, faults: list[Fault]) -> None:
    if type(found) is not str:
        _wrong(found, wanted_value(info), path, faults)
    elif found not in info.values:
        message = f"found {shown_value(found, path)}, expected {wanted_value(info)}"
        faults.append(Fault(code="out-of-range", path=path, message=message))


def _check_time(found: Found, info: mi.DateTimeType, path: str, faults: list[Fault]) -> None:
    if type(found) is not str:
        _wrong(found, wanted_value(info), path, faults)
        return
    shown = shown_value(found, path)
    try:
        at = msgspec.convert(found, datetime)
    except msgspec.ValidationError:
        if _LEAP_SECOND(found):
            code, message = "leap-second", f"found {shown}: a leap second names no one instant on a UTC clock"
        elif _ZONELESS(found):
            code, message = "naive-time", f"found {shown} without a zone, expected {wanted_value(info)}"
        else:
            code, message = "bad-time", f"found {shown}, expected {wanted_value(info)}"
        faults.append(Fault(code=code, path=path, message=message))
        return
    if at.tzinfo is None:
        message = f"found {shown} without a zone, expected {wanted_value(info)}"
        faults.append(Fault(code="naive-time", path=path, message=message))
    elif not 2000 <= at.year < 2100:
        faults.append(Fault(code="out-of-range", path=path, message=f"found {shown}, expected years 2000 to 2099"))


def _check_date(found: Found, info: mi.DateType, path: str, faults: list[Fault]) -> None:
    if type(found) is not str:
        _wrong(found, wanted_value(info), path, faults)
        return
    try:
        day = msgspec.convert(found, date)
    except msgspec.ValidationError:
        faults.append(
            Fault(
                code="bad-time", path=path, message=f"found {shown_value(found, path)}, expected {wanted_value(info)}"
            )
        )
        return
    if not _probable(day):
        message = f"found {shown_value(found, path)}, expected years 1900 to 2199"
        faults.append(Fault(code="out-of-range", path=path, message=message))


_CHECKS: dict[type, Callable[[Found, Any, str, list[Fault]], None]] = {
    mi.StrType: _check_text,
    mi.IntType: _check_number,
    mi.FloatType: _check_number,
    mi.BoolType: _check_bool,
    mi.LiteralType: _check_literal,
    mi.DateTimeType: _check_time,
    mi.DateType: _check_date,
}


def _wrong(found: Found, wanted: str, path: str, faults: list[Fault]) -> None:
    code = "not-a-number" if isinstance(found, NotANumber) else "wrong-type"
    faults.append(Fault(code=code, path=path, message=f"found {shown_value(found, path)}, expected {wanted}"))
