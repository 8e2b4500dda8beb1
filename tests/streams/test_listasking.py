"""Requests for lists from command lines and files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from list_making import REQUEST

from riskwatch.streams.codec import Faults
from riskwatch.streams.csvreading import Row
from riskwatch.streams.faults import fault
from riskwatch.streams.listasking import checked_request, doubt, end_of_term, request_of
from riskwatch.streams.listing import ListRequest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("until", "term", "expected"),
    [
        ("2027-01-31", None, datetime(2027, 2, 1, tzinfo=UTC)),
        ("2027-01-31T18:00:00+08:00", None, datetime(2027, 1, 31, 10, tzinfo=UTC)),
        (None, "12h", datetime(2026, 3, 2, tzinfo=UTC)),
        (None, "90d", datetime(2026, 5, 30, 12, tzinfo=UTC)),
        (None, "4w", datetime(2026, 3, 29, 12, tzinfo=UTC)),
        (None, None, None),
    ],
)
def test_a_term_ends(until: str | None, term: str | None, expected: datetime | None) -> None:
    assert end_of_term(until, term, NOW, UTC) == expected


def test_the_last_day_is_one_of_the_zones_clock() -> None:
    assert end_of_term("2027-01-31", None, NOW, SHANGHAI) == datetime(2027, 1, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize("term", ["", "90", "d", "0d", "-1d", "1.5d", "90 d", "1y", "100000d"])
def test_a_term_that_is_none_is_an_error(term: str) -> None:
    with pytest.raises(ValueError, match="a term is a number of hours, days or weeks"):
        end_of_term(None, term, NOW, UTC)


@pytest.mark.parametrize("until", ["", "31.1.2027", "2027-02-30", "2027-01-31T18:00:00", "9999-12-31", "tomorrow"])
def test_an_end_that_is_none_is_an_error(until: str) -> None:
    with pytest.raises(ValueError, match="the end is a day such as"):
        end_of_term(until, None, NOW, UTC)


def test_two_ends_are_an_error() -> None:
    with pytest.raises(ValueError, match="not both"):
        end_of_term("2027-01-31", "90d", NOW, UTC)


def test_a_request_is_checked_as_the_worker_reads_it() -> None:
    assert isinstance(checked_request(**REQUEST), ListRequest)
    assert isinstance(checked_request(**(REQUEST | {"purpose": "blok"})), Faults)


def test_a_lone_surrogate_from_a_command_line_is_a_fault() -> None:
    found = checked_request(**(REQUEST | {"text": "\udcff"}))
    assert isinstance(found, Faults)
    assert found.code == "bad-text"


def asked(values: dict[str, str], reason: str | None = "import", **fields: Any) -> ListRequest | Faults:
    row = Row(line=2, cells=(), values=values, **fields)
    return request_of(row, tenant="acme", actor="li.na", reason=reason, now=NOW, zone=UTC, make_id=lambda: "ch-1")


def test_a_row_becomes_a_request() -> None:
    found = asked({"purpose": "watch", "kind": "device", "text": "D-1", "reason": "own", "until": "2026-03-31"})
    assert found == ListRequest(
        change_id="ch-1", tenant="acme", kind="device", text="D-1", purpose="watch", actor="li.na", reason="own",
        at=NOW, expires_at=datetime(2026, 4, 1, tzinfo=UTC),
    )  # fmt: skip


def test_a_row_without_a_reason_has_that_of_the_import() -> None:
    found = asked({"purpose": "watch", "kind": "device", "text": "D-1"})
    assert isinstance(found, ListRequest)
    assert found.reason == "import"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"kind": "device", "text": "D"}, [("purpose", "missing-field")]),
        ({}, [("purpose", "missing-field"), ("kind", "missing-field"), ("text", "missing-field")]),
        ({"purpose": "blok", "kind": "devise", "text": "D"}, [("kind", "out-of-range"), ("purpose", "out-of-range")]),
        ({"purpose": "block", "kind": "ip", "text": "D"}, [("text", "out-of-range")]),
        ({"purpose": "block", "kind": "device", "text": "D", "until": "soon"}, [("until", "bad-time")]),
        ({"purpose": "block", "kind": "device", "text": "D", "until": "2026-02-01"}, [("until", "out-of-range")]),
    ],
)
def test_a_row_with_faults_names_columns(values: dict[str, str], expected: list[tuple[str, str]]) -> None:
    found = asked(values)
    assert isinstance(found, Faults)
    assert [(each.path, each.code) for each in found.faults] == expected


def test_a_row_for_which_nobody_gives_a_reason_is_refused() -> None:
    found = asked({"purpose": "watch", "kind": "device", "text": "D-1"}, reason=None)
    assert isinstance(found, Faults)
    assert [each.path for each in found.faults] == ["reason"]


def test_a_row_that_could_not_be_read_keeps_its_faults() -> None:
    faults = fault("wrong-type", "", "found 2 cells").faults
    assert asked({}, faults=faults) == Faults(faults)


secret = st.from_regex(r"[qjz]{6}[0-9]{4}\x07?", fullmatch=True)


@given(st.fixed_dictionaries(dict.fromkeys(("purpose", "kind", "text", "until"), secret)), st.booleans())
def test_no_reason_shows_what_is_in_a_cell(values: dict[str, str], with_until: bool) -> None:
    found = asked(values if with_until else {name: each for name, each in values.items() if name != "until"})
    assert isinstance(found, Faults)
    assert not any(text[:10] in str(found) for text in values.values())


def test_a_phone_number_that_cannot_be_right_is_doubted_without_being_shown() -> None:
    found = checked_request(**(REQUEST | {"text": "+86 1"}))
    assert isinstance(found, ListRequest)
    assert doubt(found) == "no phone number by the numbering plan"


@pytest.mark.parametrize(("kind", "text"), [("phone", "138 0013 8000"), ("device", "D"), ("phone", "+8613800138000")])
def test_what_is_right_or_cannot_be_judged_is_not_doubted(kind: str, text: str) -> None:
    found = checked_request(**(REQUEST | {"kind": kind, "text": text}))
    assert isinstance(found, ListRequest)
    assert doubt(found) is None
