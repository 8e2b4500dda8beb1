"""A customer's past applications, as far as a fraud case that comes later needs them: what they named, and what came of
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, structs

from riskwatch.features.ledger import Loan, is_settled
from riskwatch.streams.events import LoanApplied, Sketches
from riskwatch.streams.identity import Identity, identities_of
from riskwatch.streams.packing import hash64

MAX_APPLICATIONS = 16
"""Applications of a customer that are kept; beyond it the one made first goes."""


class Application(Struct, frozen=True, array_like=True, gc=False):
    """An application. `event`: hash of the event id; `at_ms`: event time; `cases`: ids of the fraud cases about it."""

    application_id: str
    event: int
    at_ms: int
    identities: tuple[Identity, ...] = ()
    sketches: Sketches | None = None
    cases: tuple[str, ...] = ()


def note_application(applications: list[Application], event: LoanApplied, event_hash: int, at_ms: int) -> Application:
    """Keeps an application, in place; one that was applied for before under the same id is replaced. In order of event
    time, the newest `MAX_APPLICATIONS`."""
    cases = next((each.cases for each in applications if each.application_id == event.application_id), ())
    made = Application(event.application_id, event_hash, at_ms, identities_of(event), event.sketches, cases)
    applications[:] = [each for each in applications if each.application_id != made.application_id]
    applications.append(made)
    applications.sort(key=lambda each: (each.at_ms, each.application_id))
    del applications[:-MAX_APPLICATIONS]
    return made


def named_by(applications: Iterable[Application], tenant: str, subject: str | None) -> Application | None:
    """The application that a fraud case means: by the id of its event, or by its own."""
    if subject is None:
        return None
    event = hash64(tenant, subject)
    return next((each for each in applications if each.event == event or each.application_id == subject), None)


def merchant_of(applications: Iterable[Application], application_id: str) -> str:
    """The merchant that an application named; empty where it is not known or named none."""
    named = (each.identities for each in applications if application_id and each.application_id == application_id)
    return next((identity.value for each in named for identity in each if identity.kind == "merchant"), "")


def confirm_about(applications: list[Application], about: Application, case_id: str) -> None:
    """A fraud case is about this application, in place."""
    applications[:] = [
        structs.replace(each, cases=tuple(dict.fromkeys((*each.cases, case_id)))) if each is about else each
        for each in applications
    ]


def clear_of(applications: list[Application], case_id: str) -> None:
    """A fraud case no longer stands, whichever application it was about, in place."""
    applications[:] = [
        structs.replace(each, cases=tuple(held for held in each.cases if held != case_id))
        if case_id in each.cases
        else each
        for each in applications
    ]


def live_loans_of(applications: Sequence[Application], loans: Iterable[Loan]) -> dict[str, list[str]]:
    """Ids of loans with something to pay, by the application that they came of: the one that the loan names, else the
    newest that was made by the time the loan was opened, else "". `applications` in order of time."""
    found: dict[str, list[str]] = {}
    for loan in loans:
        if not loan.lines or loan.sold_day or is_settled(loan):
            continue
        came_of = loan.application_id or next(
            (each.application_id for each in reversed(applications) if each.at_ms <= loan.opened_ms), ""
        )
        found.setdefault(came_of, []).append(loan.loan_id)
    return {application: sorted(ids) for application, ids in found.items()}
