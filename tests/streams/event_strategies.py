"""Hypothesis strategies for valid events, made from the types' own constraints."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, get_args

from hypothesis import strategies as st
from msgspec import inspect as mi

from riskwatch.streams.events import AnyEvent

EVENT_TYPES = get_args(AnyEvent)

plain_text = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20)
zones = st.one_of(
    st.just(UTC), st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
instants = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=zones)


def _of(info: mi.Type) -> st.SearchStrategy[Any]:
    match info:
        case mi.Metadata():
            return _of(info.type)
        case mi.UnionType():
            return st.one_of(*(_of(option) for option in info.types))
        case mi.NoneType():
            return st.none()
        case mi.StructType():
            return _struct(info)
        case mi.StrType(pattern=None):
            return plain_text.filter(lambda text: len(text) >= (info.min_length or 0))
        case mi.StrType():
            return st.from_regex(info.pattern)
        case mi.IntType():
            return st.integers(info.ge, info.le)
        case mi.FloatType():
            return st.floats(info.ge, info.le, allow_nan=False)
        case mi.BytesType():
            return st.binary(max_size=16)
        case mi.BoolType():
            return st.booleans()
        case mi.LiteralType():
            return st.sampled_from(info.values)
        case mi.DateTimeType():
            return instants
        case mi.DateType():
            return st.dates(date(1900, 1, 1), date(2199, 12, 31))
        case mi.ListType():
            return st.lists(_of(info.item_type), min_size=info.min_length or 0, max_size=4)
    raise AssertionError(info)


def _struct(info: mi.StructType) -> st.SearchStrategy[Any]:
    return st.builds(info.cls, **{field.name: _of(field.type) for field in info.fields})


events: st.SearchStrategy[AnyEvent] = st.one_of(*(_of(mi.type_info(each)) for each in EVENT_TYPES))
