"""Fraud cases from a file of comma-separated values → `FraudConfirmed` events, or why a row is refused.

A cell is read as the field of the event is: a wrong phone number is a phone number that a fraud used. Refused beyond
that is what a spreadsheet has spoilt, and what names nothing. Words show no cell: cells name people.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, tzinfo
from hashlib import blake2b

import msgspec

from riskwatch.streams.checking import InvalidEvent, checked
from riskwatch.streams.csvreading import Columns, Row
from riskwatch.streams.events import FraudCleared, FraudConfirmed, Identifiers
from riskwatch.streams.faults import Fault, Faults, fault
from riskwatch.streams.identifiers import normalise

PERSONAL = ("phone", "id_number", "bank_card", "email", "name", "address")

CASE_COLUMNS = Columns(
    required=("case_id", "typology", "confirmed_at"),
    optional=(
        "customer_id", "subject_event_id", "loss", "currency", "phone", "id_number", "bank_card", "email", "name",
        "address", "device_id", "ip", "merchant_id", "terminal_id",
    ),
)  # fmt: skip

UNKNOWN_CUSTOMER = "case:"
"""Begins the customer id of a case whose customer is unknown; the case id follows."""
LARGEST_LOSS = 2**53 - 1
ID_LENGTH = 128

_COLUMN_OF = {"occurred_at": "confirmed_at"}
_DIGITS_ONLY = ("phone", "id_number", "bank_card")
_ROUNDED = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+").fullmatch
_DECIMAL = re.compile(r"[0-9]+[.,]0+").fullmatch
_WHOLE = re.compile("[0-9]{1,16}").fullmatch
_CURRENCY = re.compile("[A-Z]{3}").fullmatch


def event_id_of(tenant: str, case_id: str, verdict: str) -> str:
    """The id of a case's event: the same for the same case, so an import that is repeated counts once. `verdict`:
    `confirmed` or `cleared`."""
    text = f"{tenant}\x1f{case_id}\x1f{verdict}"
    return f"case-{verdict}-{blake2b(text.encode(), digest_size=16).hexdigest()}"


def customer_of(case_id: str, customer_id: str | None) -> str:
    """Whose event a case is: the customer's, else one that stands for the case."""
    return f"{UNKNOWN_CUSTOMER}{case_id}" if customer_id is None else customer_id


class CaseReader:
    """Reads the rows of one file: a case that occurs twice in it is refused the second time, for both would have one
    event id, and only one of them would count. Keeps 16 bytes of each case id."""

    def __init__(self, tenant: str, zone: tzinfo | None = None) -> None:
        self._tenant = tenant
        self._zone = zone
        self._seen: set[bytes] = set()

    def read(self, row: Row) -> FraudConfirmed | Faults:
        """As `read_case`."""
        found = read_case(self._tenant, row, self._zone)
        if isinstance(found, Faults):
            return found
        mark = blake2b(found.case_id.encode(), digest_size=16).digest()
        if mark in self._seen:
            return fault("out-of-range", "case_id", "this case has a row before this one: a case is one row")
        self._seen.add(mark)
        return found


def read_case(tenant: str, row: Row, zone: tzinfo | None = None) -> FraudConfirmed | Faults:
    """The event of a row, checked as a publisher's is. `zone`: of times that name none; without one they are refused.

    Each fault has the column as its path.
    """
    faults = list(row.faults)
    values = dict(row.values)
    if not faults:
        for column in CASE_COLUMNS.required:
            if column not in values:
                faults.append(_of(column, "missing-field", "the cell is blank, expected a value"))
    if faults:
        return Faults(tuple(faults))
    case_id, customer_id = values["case_id"], values.get("customer_id")
    if customer_id is None and len(UNKNOWN_CUSTOMER + case_id) > ID_LENGTH:
        longest = ID_LENGTH - len(UNKNOWN_CUSTOMER)
        words = f"found {len(case_id):,} characters, expected at most {longest} where the customer is unknown"
        faults.append(_of("case_id", "out-of-range", words))
    at = _instant(values["confirmed_at"], zone)
    if isinstance(at, Fault):
        faults.append(at)
    faults += _spoilt(values)
    loss, wrong = _loss(values)
    faults += wrong
    event = FraudConfirmed(
        event_id=event_id_of(tenant, case_id, "confirmed"),
        tenant=tenant,
        customer_id="?" if faults and customer_id is None else customer_of(case_id, customer_id),
        occurred_at=_SOME_INSTANT if isinstance(at, Fault) else at,
        case_id=case_id,
        typology=values["typology"],
        loss=loss,
        currency=None if wrong else values.get("currency"),
        identifiers=_identifiers(values),
        subject_event_id=values.get("subject_event_id"),
        device_id=values.get("device_id"),
        ip=values.get("ip"),
        merchant_id=values.get("merchant_id"),
        terminal_id=values.get("terminal_id"),
    )
    try:
        event = _confirmed(event)
    except InvalidEvent as error:
        faults += [_in_column(each) for each in error.faults.faults]
    return Faults(tuple(faults)) if faults else event


_SOME_INSTANT = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
"""Stands for a time that is refused, so that the rest of the row is checked too."""


def _confirmed(event: FraudConfirmed) -> FraudConfirmed:
    found = checked(event)
    assert isinstance(found, FraudConfirmed)
    return found


def cleared(tenant: str, case_id: str, customer_id: str | None, at: datetime) -> FraudCleared:
    """The event that takes a case back. Raises `InvalidEvent` with every fault."""
    event = checked(
        FraudCleared(
            event_id=event_id_of(tenant, case_id, "cleared"),
            tenant=tenant,
            customer_id=customer_of(case_id, customer_id),
            occurred_at=at,
            case_id=case_id,
        )
    )
    assert isinstance(event, FraudCleared)
    return event


def _identifiers(values: dict[str, str]) -> Identifiers | None:
    given = {column: values[column] for column in PERSONAL if column in values}
    return Identifiers(**given) if given else None


def _instant(text: str, zone: tzinfo | None) -> datetime | Fault:
    """A time with its zone; a day is its first moment."""
    wanted = "expected an RFC 3339 time with a zone, such as 2024-05-01T12:34:56+08:00"
    try:
        at = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        try:
            at = datetime.combine(date.fromisoformat(text) if len(text) == 10 else _no_date(), time())
        except ValueError:
            return _of("confirmed_at", "bad-time", f"found no time, {wanted}, or a date such as 2024-05-01")
    if at.tzinfo is None:
        if zone is None:
            return _of("confirmed_at", "naive-time", f"found a time without a zone, {wanted}; --zone gives one")
        at = at.replace(tzinfo=zone)
    if not 2000 <= at.year < 2100:
        return _of("confirmed_at", "out-of-range", "found another year than 2000 to 2099")
    return at


def _no_date() -> date:
    raise ValueError("a date has ten characters")


def _spoilt(values: dict[str, str]) -> list[Fault]:
    """What spreadsheets make of long numbers, and identifiers of which normalising leaves nothing."""
    found = []
    for column in PERSONAL:
        text = values.get(column)
        if text is None:
            continue
        if column in _DIGITS_ONLY and _ROUNDED(text):
            words = (
                "found a power of ten, which a spreadsheet has rounded, expected all digits: format the column as text"
            )
            found.append(_of(column, "out-of-range", words))
        elif column in _DIGITS_ONLY and _DECIMAL(text):
            words = "found a decimal number, expected digits without a point: format the column as text"
            found.append(_of(column, "out-of-range", words))
        elif not normalise(column, text).text:
            words = "found no letter or digit that tells one from another; leave the cell blank where it is unknown"
            found.append(_of(column, "out-of-range", words))
    if "ip" in values and not normalise("ip", values["ip"]).valid:
        found.append(_of("ip", "out-of-range", "found no IP address"))
    return found


def _loss(values: dict[str, str]) -> tuple[int | None, list[Fault]]:
    text, currency = values.get("loss"), values.get("currency")
    faults = []
    loss = None
    if text is not None:
        if _WHOLE(text) and int(text) <= LARGEST_LOSS:
            loss = int(text)
        else:
            words = f"found no integer from 0 to {LARGEST_LOSS}: losses are in minor units (cents, fen)"
            faults.append(_of("loss", "out-of-range", words))
        if currency is None:
            faults.append(_of("currency", "missing-field", "the cell is blank beside a loss"))
    if currency is not None and not _CURRENCY(currency):
        words = "found no ISO 4217 code, expected three capital letters such as CNY"
        faults.append(_of("currency", "out-of-range", words))
    return loss, faults


def _in_column(found: Fault) -> Fault:
    column = found.path.removeprefix("identifiers.")
    return _of(_COLUMN_OF.get(column, column), found.code, found.message)


def _of(column: str, code: str, words: str) -> Fault:
    return Fault(code=code, path=column, message=words)
