"""What the fraud-case library says of an applicant, and what the packaged policies make of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from applicants import applicant

from riskwatch.features.library import HeldCase, Library
from riskwatch.features.lists import keys_of, listed_by
from riskwatch.policy.lending import assess
from riskwatch.policy.lendingbook import packaged_book
from riskwatch.policy.lendingvocabulary import INPUT_OF, LISTED
from riskwatch.policy.libraryfacts import library_facts
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.cases import Case
from riskwatch.streams.events import Sketches
from riskwatch.streams.identity import Identity
from riskwatch.streams.listing import PURPOSES, ListChange

PHONE, DEVICE, ADDRESS = Identity("phone", "p1"), Identity("device", "d1"), Identity("address", "x1")
SKETCHES = Sketches(name=bytes(range(10, 20)), address=bytes(range(30, 60)))


def library_of(*identities: Identity, **fields: Any) -> Library:
    given: dict[str, Any] = {
        "case_id": "case-1", "tenant": "bank", "customer_id": "fraudster", "home": 0, "origin": 1, "event_id": "e",
        "confirmed_ms": 5, "typology": "synthetic-identity", "identities": identities, "application_id": "a-1",
    } | fields  # fmt: skip
    library, case = Library(), Case(**given)
    library.put_case(case.key, HeldCase(1, 1, case))
    return library


def facts(
    library: Library, *mine: Identity, customer: str = "c1", sketches: Sketches | None = None, at_ms: int = 10
) -> dict[str, Value]:
    return library_facts(library, "bank", customer, mine, sketches, at_ms)


def outcome(found: dict[str, Value]) -> tuple[str, str]:
    policy = packaged_book().policy_for("bank", "cash-instalments", "CNY")
    assert policy is not None
    made = assess(policy, applicant() | found, date(2026, 3, 2))
    return made.outcome, made.reasons[0].code if made.outcome != "approve" else ""


def test_the_facts_are_the_declared_inputs() -> None:
    assert set(facts(Library())) == {name for name in INPUT_OF if name.startswith("library.")}
    assert set(PURPOSES) == set(LISTED)


def test_an_empty_library_knows_nobody() -> None:
    assert facts(Library(), PHONE, sketches=SKETCHES) == {
        "library.exact_matches": 0.0, "library.best_score": 0.0, "library.best_case": None, "library.listed": None,
    }  # fmt: skip


def test_a_shared_phone_is_an_exact_match_and_declines() -> None:
    found = facts(library_of(PHONE, DEVICE), PHONE)
    assert (found["library.exact_matches"], found["library.best_score"]) == (1.0, 0.95)
    assert found["library.best_case"] == "case-1"
    assert outcome(found) == ("decline", "case-match")


def test_a_shared_address_is_told_and_no_exact_match() -> None:
    found = facts(library_of(ADDRESS), ADDRESS)
    assert (found["library.exact_matches"], found["library.best_score"]) == (0.0, 0.6)
    assert outcome(found)[0] == "approve"


def test_a_name_and_address_that_are_alike_refer() -> None:
    found = facts(library_of(sketches=SKETCHES), sketches=SKETCHES)
    assert (found["library.exact_matches"], found["library.best_score"]) == (0.0, 0.85)
    assert outcome(found) == ("refer", "case-match")


def test_the_applicant_s_own_earlier_fraud_counts() -> None:
    found = facts(library_of(PHONE), DEVICE, customer="fraudster")
    assert (found["library.exact_matches"], found["library.best_score"]) == (1.0, 1.0)
    assert outcome(found)[0] == "decline"


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_list_that_an_applicant_stands_on_is_told_until_it_expires(purpose: str) -> None:
    library = Library()
    change = ListChange(
        change_id="1", tenant="bank", kind="phone", values=("p1",), purpose=purpose,  # type: ignore[arg-type]
        actor="ann", reason="", at_ms=0, expires_ms=100,
    )  # fmt: skip
    for key in keys_of(change):
        library.put_listed(key, listed_by(change, 0))
    assert facts(library, PHONE, at_ms=99)["library.listed"] == purpose
    assert facts(library, PHONE, at_ms=100)["library.listed"] is None
    assert facts(library, DEVICE, at_ms=99)["library.listed"] is None
