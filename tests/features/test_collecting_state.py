"""The state of collections: what is kept, what is forgotten, and that nothing is counted twice."""

from __future__ import annotations

import pytest

from riskwatch.features.collecting import evolve_collections, forget_loans, keep_contacts, loan_of
from riskwatch.features.collectionfacts import Contacted, Fact, LoanLeft, Paid, PaymentUndone, Promised
from riskwatch.features.collectionledger import (
    CONTACTS_KEPT,
    MAX_LOANS,
    CollectionsFault,
    CollectionsState,
    OpenAction,
    decode_collections,
    encode_collections,
)

DAY = 86_400_000


def called(event: int, at_ms: int, outcome: str = "no-answer", loan_id: str = "l-1") -> Contacted:
    return Contacted(event=event, at_ms=at_ms, channel="phone", outcome=outcome, loan_id=loan_id)


def test_the_state_is_read_back_as_it_was_written() -> None:
    state = CollectionsState()
    for fact in (
        called(1, 5),
        Promised(event=2, at_ms=6, loan_id="l-1", pay_by_ms=9),
        Paid(event=3, at_ms=7, loan_id="x"),
    ):
        evolve_collections(state, fact)
    assert decode_collections(encode_collections(state)) == state


def test_no_bytes_are_an_empty_state() -> None:
    assert decode_collections(b"") == CollectionsState()


@pytest.mark.parametrize("data", [b"\xff", b"\x80\x80", encode_collections(CollectionsState(version=99))])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CollectionsFault):
        decode_collections(data)


def test_a_contact_older_than_two_months_is_forgotten() -> None:
    state = CollectionsState()
    evolve_collections(state, called(1, 0))
    evolve_collections(state, called(2, 5 * DAY))
    keep_contacts(state, 63 * DAY)
    assert [each.from_ms for each in state.contacts] == [5 * DAY]


def test_of_a_flood_of_contacts_the_newest_of_each_loan_and_the_last_conversation_are_kept() -> None:
    state = CollectionsState()
    evolve_collections(state, called(1, 1, "reached-customer"))
    evolve_collections(state, called(2, 2, loan_id="other"))
    for event in range(3, 303):
        evolve_collections(state, called(event, event))
    keep_contacts(state, 400)
    own = [each.from_ms for each in state.contacts if each.loan_id == "l-1"]
    assert own == [1, *range(303 - CONTACTS_KEPT, 303)]
    assert [each.from_ms for each in state.contacts if each.loan_id == "other"] == [2]


def test_a_report_of_an_action_names_the_loan_that_the_action_was_about() -> None:
    state = CollectionsState()
    first = Contacted(event=1, at_ms=1, channel="phone", outcome="no-answer", loan_id="l-1", action_id="a")
    second = Contacted(event=2, at_ms=2, channel="phone", outcome="disputed", action_id="a")
    evolve_collections(state, first)
    evolve_collections(state, second)
    assert [(each.loan_id, each.from_ms) for each in state.contacts] == [("l-1", 1), ("l-1", 2)]
    assert loan_of(state, "l-1").disputed


def test_a_dispute_about_no_loan_in_particular_is_about_every_loan() -> None:
    state = CollectionsState()
    for loan_id in ("a", "b"):
        loan_of(state, loan_id)
    evolve_collections(state, called(1, 1, "disputed", loan_id=""))
    assert [loan.disputed for loan in state.loans.values()] == [True, True]


def test_a_fact_of_no_kind_is_refused() -> None:
    with pytest.raises(TypeError):
        evolve_collections(CollectionsState(), Fact(event=1, at_ms=1))


def test_a_settled_loan_is_forgotten_once_it_rested_and_the_account_has_forgotten_it() -> None:
    state = CollectionsState()
    evolve_collections(state, LoanLeft(event=1, at_ms=DAY, loan_id="sold"))
    for now, known in ((62 * DAY, ()), (64 * DAY, ("sold",))):
        forget_loans(state, known, now)
        assert "sold" in state.loans
    forget_loans(state, (), 64 * DAY)
    assert state.loans == {}


def test_a_loan_of_which_only_a_contact_was_told_is_forgotten_too() -> None:
    state = CollectionsState()
    evolve_collections(state, called(1, DAY, "no-answer", loan_id="never-opened"))
    evolve_collections(state, Promised(event=2, at_ms=DAY, loan_id="never-opened", pay_by_ms=2 * DAY))
    forget_loans(state, (), 62 * DAY)
    assert "never-opened" in state.loans
    forget_loans(state, (), 64 * DAY)
    assert state.loans == {}


def test_what_is_said_of_a_payment_does_not_bring_back_a_loan_that_left() -> None:
    state = CollectionsState()
    evolve_collections(state, LoanLeft(event=1, at_ms=DAY, loan_id="sold"))
    evolve_collections(state, Paid(event=2, at_ms=DAY, loan_id="sold"))
    evolve_collections(state, PaymentUndone(event=3, at_ms=DAY, loan_id="sold"))
    assert loan_of(state, "sold").settled


def acted_on(state: CollectionsState, loan_id: str, at_ms: int) -> None:
    """Something is open about a loan."""
    loan = loan_of(state, loan_id)
    loan.seen_ms = at_ms
    loan.open = [OpenAction(action_id=f"a-{loan_id}", treatment="call", channel="phone", due_ms=1, expires_ms=9 * DAY)]


def test_of_a_flood_of_loans_those_that_the_account_does_not_know_go_oldest_first() -> None:
    state = CollectionsState()
    evolve_collections(state, called(1, 1, loan_id="own"))
    acted_on(state, "dropped by the account", 2)
    for event in range(3, 3 + 10 * MAX_LOANS):
        evolve_collections(state, called(event, event, loan_id=f"made-up-{event}"))
        forget_loans(state, {"own"}, event)
        assert len(state.loans) <= MAX_LOANS
    newest = range(3 + 9 * MAX_LOANS + 2, 3 + 10 * MAX_LOANS)
    assert set(state.loans) == {"own", "dropped by the account", *(f"made-up-{event}" for event in newest)}


def test_as_many_loans_as_are_kept_all_stay() -> None:
    state = CollectionsState()
    for event in range(1, MAX_LOANS + 1):
        evolve_collections(state, called(event, event, loan_id=f"l-{event}"))
    forget_loans(state, (), MAX_LOANS)
    assert len(state.loans) == MAX_LOANS


def test_loans_that_the_account_knows_stay_though_longest_nothing_was_said_of_them() -> None:
    state = CollectionsState()
    own = {f"own-{event}" for event in range(1, MAX_LOANS + 1)}
    for event in range(1, MAX_LOANS + 1):
        evolve_collections(state, called(event, event, loan_id=f"own-{event}"))
    evolve_collections(state, Promised(event=999, at_ms=DAY, loan_id="made-up", pay_by_ms=2 * DAY))
    forget_loans(state, own, DAY)
    assert set(state.loans) == own


def test_where_everything_unknown_has_an_action_open_the_cap_holds_all_the_same() -> None:
    state = CollectionsState()
    for number in range(MAX_LOANS + 1):
        acted_on(state, f"l-{number}", 100 - number)
    forget_loans(state, (), 200)
    assert len(state.loans) == MAX_LOANS
    assert f"l-{MAX_LOANS}" not in state.loans


def test_contacts_about_loans_that_are_not_kept_count_as_of_one() -> None:
    state = CollectionsState()
    evolve_collections(state, called(1, 1, loan_id="own"))
    for event in range(2, 602):
        evolve_collections(state, called(event, event, loan_id=f"made-up-{event}"))
        forget_loans(state, {"own"}, event)
    keep_contacts(state, 700)
    kept = [each.from_ms for each in state.contacts]
    assert kept[0] == 1
    # One of each loan that is kept, and the newest about all others.
    assert kept[1:] == [*range(602 - (MAX_LOANS - 1) - CONTACTS_KEPT, 602)]
