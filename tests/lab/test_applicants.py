"""Stories about what applicants share: who shares what, when, and what each deserves. Identifiers are compared as the
worker compares them, after normalising."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from riskwatch.lab.plot import Truth
from riskwatch.lab.portfolio import Portfolio, simulate
from riskwatch.streams.events import AnyEvent, FraudCleared, FraudConfirmed, LoanApplied
from riskwatch.streams.identifiers import NORMALISERS

KINDS = ("phone", "device", "address", "bank_card", "id_number", "email")


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    return simulate(Random(3), customers=120, days=100)


@pytest.fixture(scope="module")
def events(portfolio: Portfolio) -> list[AnyEvent]:
    return list(portfolio.events())


@pytest.fixture(scope="module")
def applied(events: list[AnyEvent]) -> dict[tuple[str, str], list[LoanApplied]]:
    found: dict[tuple[str, str], list[LoanApplied]] = defaultdict(list)
    for event in events:
        if isinstance(event, LoanApplied):
            found[event.tenant, event.customer_id].append(event)
    return found


def told(portfolio: Portfolio, kind: str) -> list[Truth]:
    return [truth for truth in portfolio.truths if truth.kind == kind]


def named(event: LoanApplied | FraudConfirmed, kind: str) -> str:
    """An identifier of an event, normalised."""
    if kind == "device":
        return str(event.device_id)
    return NORMALISERS[kind](getattr(event.identifiers, kind), None).text


def shared(one: LoanApplied, other: LoanApplied) -> set[str]:
    return {kind for kind in KINDS if named(one, kind) == named(other, kind)}


def test_a_ring_grows_by_one_applicant_at_a_time_over_days(portfolio: Portfolio, applied) -> None:
    for truth in told(portfolio, "applicant-ring"):
        times = sorted(applied[customer][0].occurred_at for customer in truth.customers)
        assert len(times) == 6
        assert all(later - earlier > timedelta(hours=20) for earlier, later in pairwise(times))


def test_neighbours_in_a_ring_share_one_thing_and_the_others_nothing(portfolio: Portfolio, applied) -> None:
    for truth in told(portfolio, "applicant-ring"):
        asked = [applied[customer][0] for customer in truth.customers]
        pairs = {(one, other): shared(asked[one], asked[other]) for other in range(len(asked)) for one in range(other)}
        chain = [{"phone"}, {"device"}, {"address"}, {"bank_card"}, {"phone"}]
        assert [pairs[place, place + 1] for place in range(5)] == chain
        assert not [pair for pair, things in pairs.items() if things and pair[1] - pair[0] > 1]


def test_shared_phones_are_written_differently(portfolio: Portfolio, applied) -> None:
    for truth in told(portfolio, "phone-of-fraud"):
        (later,) = applied[truth.customers[0]]
        for one in told(portfolio, "confirmed-fraudster"):
            (first,) = applied[one.customers[0]]
            if named(first, "phone") == named(later, "phone"):
                assert first.identifiers.phone != later.identifiers.phone
                break
        else:
            pytest.fail("nobody has that phone")


def test_who_applies_with_the_phone_of_a_fraud_does_so_within_thirty_days_of_its_confirmation(
    portfolio: Portfolio, applied, events: list[AnyEvent]
) -> None:
    cases = [event for event in events if isinstance(event, FraudConfirmed) and event.typology == "application-fraud"]
    for truth in told(portfolio, "phone-of-fraud"):
        (later,) = applied[truth.customers[0]]
        (case,) = [case for case in cases if named(case, "phone") == named(later, "phone")]
        assert timedelta(days=0) < later.occurred_at - case.occurred_at < timedelta(days=30)
        assert case.customer_id != later.customer_id


def test_who_shares_the_device_of_a_fraud_applied_before_and_deserves_an_alert_from_the_confirmation_on(
    portfolio: Portfolio, applied, events: list[AnyEvent]
) -> None:
    cases = [event for event in events if isinstance(event, FraudConfirmed) and event.typology == "application-fraud"]
    for truth in told(portfolio, "approved-before-fraud"):
        (earlier,) = applied[truth.customers[0]]
        (case,) = [case for case in cases if case.device_id == earlier.device_id]
        assert earlier.occurred_at < case.occurred_at == truth.begins
        assert case.customer_id != earlier.customer_id


def test_a_cleared_case_is_cleared_after_it_was_confirmed_and_the_alert_was_right_until_then(
    portfolio: Portfolio, events: list[AnyEvent]
) -> None:
    cleared = {event.case_id: event for event in events if isinstance(event, FraudCleared)}
    confirmed = {event.case_id: event for event in events if isinstance(event, FraudConfirmed)}
    truths = told(portfolio, "cleared-case")
    assert len(cleared) == len(truths) > 0
    for clearing in cleared.values():
        case = confirmed[clearing.case_id]
        assert (case.occurred_at, clearing.occurred_at) in {(truth.begins, truth.ends) for truth in truths}


def test_a_household_shares_address_and_network_and_two_of_it_a_device(portfolio: Portfolio, applied) -> None:
    for truth in told(portfolio, "household"):
        asked = [applied[customer][0] for customer in truth.customers]
        assert len({named(one, "address") for one in asked}) == 1
        assert len({one.ip for one in asked}) == 1
        assert len({one.device_id for one in asked}) == 2
        assert len({named(one, "phone") for one in asked}) == 3


def test_an_office_shares_its_network_and_nothing_else(portfolio: Portfolio, applied) -> None:
    for truth in told(portfolio, "office"):
        asked = [applied[customer][0] for customer in truth.customers]
        assert len({one.ip for one in asked}) == 1
        assert all(not shared(one, other) for place, one in enumerate(asked) for other in asked[:place])


def test_no_two_customers_outside_of_stories_share_anything(portfolio: Portfolio, applied) -> None:
    played = {customer for truth in portfolio.truths for customer in truth.customers}
    for kind in KINDS:
        mine = [named(asked[0], kind) for customer, asked in applied.items() if customer not in played]
        assert len(mine) == len(set(mine)) > 20


@pytest.mark.parametrize("kind", ["applicant-ring", "phone-of-fraud"])
def test_those_applications_should_be_stopped(portfolio: Portfolio, kind: str) -> None:
    assert {truth.stops for truth in told(portfolio, kind)} == {True}


@pytest.mark.parametrize("kind", ["household", "office"])
def test_look_alikes_deserve_nothing_and_should_be_left_alone(portfolio: Portfolio, kind: str) -> None:
    assert {(truth.stops, truth.expected) for truth in told(portfolio, kind)} == {(False, "none")}
