"""Late matches: which applications and loans a case puts at risk, what is said of it, and what a withdrawal is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from riskwatch.alerts.recall import LATE_MATCH, POLICY_VERSION, at_risk, kept, raise_late_matches, withdraw
from riskwatch.features.account import Account
from riskwatch.features.applications import (
    MAX_APPLICATIONS,
    Application,
    clear_of,
    confirm_about,
    named_by,
    note_application,
)
from riskwatch.features.ledger import Line, Loan
from riskwatch.streams.cases import Case, CaseCleared
from riskwatch.streams.events import LoanApplied
from riskwatch.streams.identity import Identity
from riskwatch.streams.outputs import Alert, decode_alert, encode_output
from riskwatch.streams.packing import hash64

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PHONE, DEVICE, ADDRESS = Identity("phone", "p1"), Identity("device", "d1"), Identity("address", "x1")
DAY = 86_400_000
MAY_2026 = 1_777_593_600_000
"""2026-05-01, UTC."""


def case(*identities: Identity, **fields: Any) -> Case:
    given: dict[str, Any] = {
        "case_id": "case-1", "tenant": "bank", "customer_id": "fraudster", "home": 0, "origin": 5, "event_id": "said-1",
        "confirmed_ms": MAY_2026, "typology": "synthetic-identity", "identities": identities, "subject": "a-1",
        "application_id": "a-1",
    } | fields  # fmt: skip
    return Case(**given)


def application(name: str, *identities: Identity, day: int = 1) -> Application:
    return Application(name, hash64("bank", f"event-{name}"), day * DAY, identities)


def loan(name: str, came_of: str = "", day: int = 2, paid: int = 0) -> Loan:
    return Loan(
        loan_id=name, subject=1, lines=[Line(number=1, due_day=740_000, amount=100, paid=paid)],
        application_id=came_of, opened_ms=day * DAY,
    )  # fmt: skip


def account(*applications: Application, loans: tuple[Loan, ...] = ()) -> Account:
    return Account(applications=list(applications), loans={each.loan_id: each for each in loans})


def risks(
    known: Case, held: Account, customer: str = "neighbour"
) -> list[tuple[str, str | None, str | None, tuple[str, ...]]]:
    found = at_risk(known, f"bank/{customer}".encode(), held)
    return [(each.kind, each.application_id, each.loan_id, each.shared) for each in found]


def test_a_past_application_that_shares_an_identifier_is_at_risk() -> None:
    held = account(application("a-7", PHONE, ADDRESS), application("a-8", Identity("phone", "other")))
    assert risks(case(PHONE, ADDRESS, DEVICE), held) == [("application", "a-7", None, ("phone", "address"))]


@pytest.mark.parametrize("kind", ["name", "ip", "ip-net", "merchant", "terminal"])
def test_what_strangers_share_puts_nothing_at_risk(kind: str) -> None:
    shared = Identity(kind, "same")  # type: ignore[arg-type]
    assert risks(case(shared), account(application("a-7", shared))) == []


def test_a_live_loan_is_at_risk_in_the_place_of_its_application() -> None:
    held = account(application("a-7", PHONE), loans=(loan("l-1", "a-7"), loan("l-2", "a-7")))
    assert risks(case(PHONE), held) == [("loan", "a-7", "l-1", ("phone",)), ("loan", "a-7", "l-2", ("phone",))]


def test_a_settled_loan_leaves_its_application_at_risk() -> None:
    held = account(application("a-7", PHONE), loans=(loan("l-1", "a-7", paid=100),))
    assert risks(case(PHONE), held) == [("application", "a-7", None, ("phone",))]


def test_a_loan_that_names_no_application_came_of_the_newest_before_it() -> None:
    held = account(
        application("a-7", PHONE, day=1),
        application("a-8", DEVICE, day=5),
        loans=(loan("l-1", day=4), loan("l-2", day=5)),
    )
    assert risks(case(PHONE), held) == [("loan", "a-7", "l-1", ("phone",))]
    assert risks(case(DEVICE), held) == [("loan", "a-8", "l-2", ("device",))]


def test_a_loan_of_another_application_is_not_at_risk() -> None:
    held = account(application("a-7", PHONE), application("a-8"), loans=(loan("l-1", "a-8"),))
    assert risks(case(PHONE), held) == [("application", "a-7", None, ("phone",))]


def test_the_case_s_own_application_and_loan_are_the_case_itself() -> None:
    held = account(application("a-1", PHONE), loans=(loan("l-1", "a-1"),))
    assert risks(case(PHONE), held, "fraudster") == []


def test_an_application_that_another_case_is_about_is_known() -> None:
    known = application("a-7", PHONE)
    held = account(known, application("a-8", PHONE), loans=(loan("l-1", "a-7"),))
    confirm_about(held.applications, known, "case-9")
    assert risks(case(PHONE), held) == [("application", "a-8", None, ("phone",))]
    clear_of(held.applications, "case-9")
    assert len(risks(case(PHONE), held)) == 2


def test_the_fraudster_s_other_applications_and_loans_are_at_risk_whatever_they_named() -> None:
    held = account(
        application("a-1", PHONE), application("a-2"), application("a-3", PHONE),
        loans=(loan("l-2", "a-2"), loan("l-9", "forgotten")),
    )  # fmt: skip
    assert risks(case(PHONE), held, "fraudster") == [
        ("loan", "a-2", "l-2", ("customer",)),
        ("application", "a-3", None, ("customer", "phone")),
        ("loan", "forgotten", "l-9", ("customer",)),
    ]


def test_a_victim_s_applications_are_at_risk_only_by_what_the_fraud_used() -> None:
    stolen = case(DEVICE, subject="purchase-1", application_id=None)
    held = account(application("a-1", PHONE), application("a-2", DEVICE))
    assert risks(stolen, held, "fraudster") == [("application", "a-2", None, ("device",))]


def raised(known: Case, held: Account) -> list[Alert]:
    found = at_risk(known, b"bank/neighbour", held)
    return raise_late_matches(known, "neighbour", found, partition=3, offset=9, detected_at=NOW)


def test_an_alert_says_what_is_shared_with_which_case_and_never_a_value() -> None:
    (alert,) = raised(case(PHONE, DEVICE), account(application("a-7", PHONE, DEVICE), loans=(loan("l-1", "a-7"),)))
    assert alert.reasons[0].text == (
        "loan l-1 (of application a-7) shares a phone number and a device with fraud case case-1 (synthetic-identity), "
        "confirmed 2026-05-01"
    )
    assert alert.reasons[0].values == {
        "case_id": "case-1", "typology": "synthetic-identity", "shared": "phone, device", "score": 0.95,
        "application_id": "a-7", "loan_id": "l-1",
    }  # fmt: skip
    assert (alert.rule, alert.kind, alert.severity, alert.subject) == (LATE_MATCH, "fraud", "high", "l-1")
    assert (alert.cause.partition, alert.cause.offset, alert.cause.event_id) == (3, 9, "said-1")
    assert (alert.policy, alert.policy_version) == ("library", POLICY_VERSION)
    assert b"p1" not in encode_output(alert)
    assert b"d1" not in encode_output(alert)


def test_the_same_case_and_application_give_the_same_id_and_others_another() -> None:
    one = account(application("a-7", PHONE))
    ids = {
        raised(each, one)[0].alert_id for each in (case(PHONE), case(PHONE, DEVICE, confirmed_ms=9, home=2, origin=77))
    }
    assert len(ids) == 1
    others = [
        raised(case(PHONE, case_id="case-2"), one)[0],
        raised(case(PHONE, customer_id="another"), one)[0],
        raised(case(PHONE), account(application("a-8", PHONE)))[0],
        raised(case(PHONE), account(application("x", PHONE), loans=(loan("a-7", "x"),)))[0],
    ]
    assert len(ids | {each.alert_id for each in others}) == 5


def test_a_withdrawal_is_the_same_alert_with_why_and_since_when() -> None:
    (alert,) = raised(case(PHONE), account(application("a-7", PHONE)))
    cleared = CaseCleared(
        case_id="case-1", tenant="bank", customer_id="fraudster", home=0, origin=6, event_id="said-2",
        cleared_ms=MAY_2026 + DAY,
    )  # fmt: skip
    later = datetime(2026, 6, 2, tzinfo=UTC)
    gone = withdraw(kept(alert), cleared, later)
    assert (gone.withdrawn, gone.withdrawn_because) == (True, "fraud case case-1 was cleared")
    assert gone.withdrawn_at == datetime(2026, 5, 2, tzinfo=UTC)
    assert (
        structs.replace(gone, withdrawn=False, withdrawn_because="", withdrawn_at=None, detected_at=alert.detected_at)
        == alert
    )
    assert gone.detected_at == later
    assert decode_alert(encode_output(gone)) == gone
    assert not alert.withdrawn


# -------------------------------------------------------------------------------------------- what an account remembers


def applied(number: int, minutes: int) -> tuple[LoanApplied, int, int]:
    event = LoanApplied(
        event_id=f"e{number}", tenant="bank", customer_id="c", occurred_at=NOW, application_id=f"a{number}",
        product="cash-instalments", amount=1, currency="EUR", term_months=1, device_id=f"d{number}",
    )  # fmt: skip
    return event, hash64("bank", event.event_id), minutes


def test_an_account_remembers_its_newest_applications() -> None:
    held: list[Application] = []
    for number in range(MAX_APPLICATIONS + 3):
        note_application(held, *applied(number, number))
    assert [each.application_id for each in held] == [f"a{number}" for number in range(3, MAX_APPLICATIONS + 3)]


def test_an_application_that_comes_late_takes_its_place_in_time() -> None:
    held: list[Application] = []
    for number, minutes in ((1, 10), (2, 30), (3, 20)):
        note_application(held, *applied(number, minutes))
    assert [each.application_id for each in held] == ["a1", "a3", "a2"]


def test_an_application_made_again_is_still_what_its_case_is_about() -> None:
    held: list[Application] = []
    confirm_about(held, note_application(held, *applied(1, 10)), "case-1")
    note_application(held, *applied(1, 20))
    assert held[0].cases == ("case-1",)


def test_an_application_made_again_under_its_id_replaces_the_first() -> None:
    held: list[Application] = []
    note_application(held, *applied(1, 10))
    event, _, _ = applied(1, 10)
    note_application(held, event, 77, 40)
    assert [(each.event, each.at_ms) for each in held] == [(77, 40)]


@pytest.mark.parametrize(("subject", "found"), [("e2", "a2"), ("a1", "a1"), ("e9", None), (None, None)])
def test_a_case_names_an_application_by_its_event_or_its_own_id(subject: str | None, found: str | None) -> None:
    held: list[Application] = []
    for number in (1, 2):
        note_application(held, *applied(number, number))
    named = named_by(held, "bank", subject)
    assert (None if named is None else named.application_id) == found
