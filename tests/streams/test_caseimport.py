"""Fraud cases from rows of a file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.streams.caseimport import CASE_COLUMNS, CaseReader, cleared, event_id_of, read_case
from riskwatch.streams.checking import InvalidEvent, checked
from riskwatch.streams.csvreading import Row
from riskwatch.streams.events import FraudConfirmed, Identifiers
from riskwatch.streams.faults import Faults

GOOD = {"case_id": "F-17", "typology": "account takeover", "confirmed_at": "2026-03-01T08:00:00+08:00"}
SHANGHAI = ZoneInfo("Asia/Shanghai")


def row(**values: Any) -> Row:
    """A row; a column that is None is blank."""
    given = {column: text for column, text in (GOOD | values).items() if text is not None}
    return Row(line=2, cells=tuple(given.values()), values=given)


def case(**values: Any) -> FraudConfirmed:
    found = read_case("acme", row(**values))
    assert isinstance(found, FraudConfirmed), found
    return found


def faults_of(zone: ZoneInfo | None = None, **values: Any) -> list[tuple[str, str]]:
    found = read_case("acme", row(**values), zone)
    assert isinstance(found, Faults)
    return [(each.path, each.code) for each in found.faults]


def test_a_row_with_every_column_becomes_the_event_with_every_field() -> None:
    found = case(
        customer_id="C-1", subject_event_id="e-9", loss="459900", currency="CNY", phone="138 0013 8000",
        id_number="11010519491231002X", bank_card="4111111111111111", email="a@b.cn", name="李娜",
        address="12 Harbour St", device_id="D-1", ip="192.0.2.1", merchant_id="M-1", terminal_id="T-1",
    )  # fmt: skip
    assert found == FraudConfirmed(
        event_id=event_id_of("acme", "F-17", "confirmed"), tenant="acme", customer_id="C-1",
        occurred_at=datetime(2026, 3, 1, tzinfo=UTC), case_id="F-17", typology="account takeover",
        subject_event_id="e-9", loss=459_900, currency="CNY", device_id="D-1", ip="192.0.2.1", merchant_id="M-1",
        terminal_id="T-1",
        identifiers=Identifiers(
            phone="138 0013 8000", id_number="11010519491231002X", bank_card="4111111111111111", email="a@b.cn",
            name="李娜", address="12 Harbour St",
        ),
    )  # fmt: skip


def test_a_row_with_the_required_columns_names_nothing_that_the_fraud_used() -> None:
    assert (case().identifiers, case().loss, case().device_id) == (None, None, None)


def test_a_case_of_an_unknown_customer_is_its_own_customer() -> None:
    assert case().customer_id == "case:F-17"


def test_every_column_is_known_to_the_heading() -> None:
    known = set(FraudConfirmed.__struct_fields__) | set(Identifiers.__struct_fields__)
    assert set(CASE_COLUMNS.known) - {"confirmed_at"} <= known


@pytest.mark.parametrize("column", ["case_id", "typology", "confirmed_at"])
def test_a_blank_required_cell_is_refused(column: str) -> None:
    assert faults_of(**{column: None}) == [(column, "missing-field")]


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("case_id", "x" * 129, "out-of-range"),
        ("typology", "x" * 513, "out-of-range"),
        ("typology", "a\x07", "bad-text"),
        ("confirmed_at", "yesterday", "bad-time"),
        ("confirmed_at", "01/03/2026", "bad-time"),
        ("confirmed_at", "2026-02-30", "bad-time"),
        ("confirmed_at", "2026-03-01T08:00:00", "naive-time"),
        ("confirmed_at", "2026-03-01", "naive-time"),
        ("confirmed_at", "1999-12-31T00:00:00Z", "out-of-range"),
        ("customer_id", "c\u200b1", "bad-text"),
        ("currency", "cny", "out-of-range"),
        ("phone", "1.38E+10", "out-of-range"),
        ("phone", "13800138000.0", "out-of-range"),
        ("phone", "n/a", "out-of-range"),
        ("phone", "1" * 129, "out-of-range"),
        ("id_number", "4,4E+17", "out-of-range"),
        ("bank_card", "4.11111E15", "out-of-range"),
        ("name", "--", "out-of-range"),
        ("ip", "unknown", "out-of-range"),
    ],
)
def test_a_cell_that_cannot_be_right_is_refused_by_its_column(column: str, text: str, code: str) -> None:
    assert faults_of(**{"customer_id": "C", column: text}) == [(column, code)]


@pytest.mark.parametrize("text", ["459.90", "459,900", "-1", "1e3", "9007199254740992", "NaN"])
def test_a_loss_is_an_integer_of_minor_units(text: str) -> None:
    assert faults_of(loss=text, currency="CNY") == [("loss", "out-of-range")]


def test_a_loss_of_nothing_is_a_loss() -> None:
    assert case(loss="0", currency="CNY").loss == 0


def test_a_loss_without_a_currency_is_refused() -> None:
    assert faults_of(loss="5") == [("currency", "missing-field")]


def test_a_case_id_leaves_room_for_the_customer_that_it_stands_for() -> None:
    assert case(case_id="x" * 123).customer_id == "case:" + "x" * 123
    assert faults_of(case_id="x" * 124) == [("case_id", "out-of-range")]
    assert case(case_id="x" * 124, customer_id="C-1").case_id == "x" * 124


def test_all_faults_of_a_row_are_told() -> None:
    found = faults_of(confirmed_at="x", phone="n/a", loss="a lot", currency="yuan")
    assert [column for column, _ in found] == ["confirmed_at", "phone", "loss", "currency"]


def test_a_wrong_phone_number_is_one_that_a_fraud_used() -> None:
    assert case(phone="12345").identifiers == Identifiers(phone="12345")


@pytest.mark.parametrize("text", ["2026-03-01", "2026-03-01T00:00:00"])
def test_a_time_without_a_zone_is_read_in_the_zone_that_is_given(text: str) -> None:
    found = read_case("acme", row(confirmed_at=text), SHANGHAI)
    assert isinstance(found, FraudConfirmed)
    assert found.occurred_at == datetime(2026, 2, 28, 16, tzinfo=UTC)


def test_a_time_with_a_zone_keeps_it() -> None:
    found = read_case("acme", row(), ZoneInfo("America/New_York"))
    assert isinstance(found, FraudConfirmed)
    assert found.occurred_at == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_case_that_is_imported_again_is_the_same_event() -> None:
    assert case(phone="1").event_id == case(typology="other").event_id


@pytest.mark.parametrize(
    "other", [("other", "F-17", "confirmed"), ("acme", "F-18", "confirmed"), ("acme", "F-17", "cleared")]
)
def test_another_institution_case_or_verdict_is_another_event(other: tuple[str, str, str]) -> None:
    assert event_id_of(*other) != event_id_of("acme", "F-17", "confirmed")


def test_a_second_row_of_a_case_is_refused() -> None:
    reader = CaseReader("acme")
    assert isinstance(reader.read(row()), FraudConfirmed)
    second = reader.read(row(customer_id="C-2"))
    assert isinstance(second, Faults)
    assert [each.path for each in second.faults] == ["case_id"]


def test_a_row_that_was_refused_does_not_hide_a_good_one_of_the_same_case() -> None:
    reader = CaseReader("acme")
    reader.read(row(confirmed_at="x"))
    assert isinstance(reader.read(row()), FraudConfirmed)


def test_a_case_is_cleared_for_the_customer_that_it_was_confirmed_for() -> None:
    at = datetime(2026, 4, 1, tzinfo=UTC)
    assert cleared("acme", "F-17", None, at).customer_id == case().customer_id
    assert cleared("acme", "F-17", "C-1", at).customer_id == "C-1"


def test_clearing_without_a_case_is_an_error() -> None:
    with pytest.raises(InvalidEvent, match="case_id"):
        cleared("acme", "", "C-1", datetime(2026, 4, 1, tzinfo=UTC))


cell = st.one_of(
    st.none(), st.text(max_size=12), st.from_regex(r"[0-9]{6,12}", fullmatch=True), st.just("x" * 600), st.just("1E+9")
).map(lambda text: text.strip() or None if text else None)


@given(st.fixed_dictionaries(dict.fromkeys(CASE_COLUMNS.known, cell)))
def test_a_row_is_an_event_that_a_worker_reads_or_its_faults_name_columns(cells: dict[str, str | None]) -> None:
    found = read_case("acme", row(**cells))
    if isinstance(found, FraudConfirmed):
        assert checked(found) == found
    else:
        assert {each.path for each in found.faults} <= set(CASE_COLUMNS.known)


@given(
    st.fixed_dictionaries(
        {column: st.from_regex(r"[qjz]{6}[0-9]{4}\x07?", fullmatch=True) for column in CASE_COLUMNS.known}
    )
)
def test_no_reason_shows_what_is_in_a_cell(cells: dict[str, str]) -> None:
    found = read_case("acme", row(**cells))
    assert isinstance(found, Faults)
    assert not any(text[:10] in str(found) for text in cells.values())
