"""Late matches: a fraud case that is confirmed today, and applications and loans of before that share its identifiers.

One alert for each case and thing at risk: the live loan that came of an application, else the application itself. The
same case over the same account gives the same alerts, so what was raised before is known by its id. A case that is
cleared withdraws them: the same alert, published again with `withdrawn` set.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal

from msgspec import Struct, structs

from riskwatch.features.account import Account
from riskwatch.features.applications import live_loans_of
from riskwatch.features.casematch import JOINING, WEIGHTS, in_order, score_of
from riskwatch.streams.cases import Case, CaseCleared
from riskwatch.streams.outputs import Alert, Cause, Reason, alert_identity
from riskwatch.streams.packing import customer_key, from_ms, hash64

LATE_MATCH = "late-match"
POLICY = "library"
POLICY_VERSION = sha256(repr([(each.kind, each.weight, each.joins) for each in WEIGHTS]).encode()).hexdigest()[:12]
"""The version of what decides a late match: the table of weights."""

_SAID = {
    "customer": "the customer",
    "id_number": "an id number",
    "bank_card": "a bank card",
    "phone": "a phone number",
    "email": "an e-mail address",
    "device": "a device",
    "address": "an address",
    "name": "a name",
    "ip": "an ip address",
    "ip-net": "a network",
    "merchant": "a merchant",
    "terminal": "a terminal",
}


class AtRisk(Struct, frozen=True, kw_only=True):
    """An application, or a live loan and the application that it came of, as far as known; and what it shares with a
    case: kinds, heaviest first."""

    kind: Literal["application", "loan"]
    application_id: str | None
    loan_id: str | None
    shared: tuple[str, ...]


def at_risk(case: Case, customer: bytes, account: Account) -> list[AtRisk]:
    """What of a customer's account a case puts at risk, in order of application.

    An application counts that shares an identifier of `JOINING`; of the case's own customer every other one does, and
    every live loan, where the fraud is that customer's own. An application that a case is about, this one or another,
    is known, and so is its loan: neither is a late match.
    """
    same = customer == case.customer
    loans = live_loans_of(account.applications, account.loans.values())
    found: list[AtRisk] = []
    for each in account.applications:
        if each.cases or (same and each.application_id == case.application_id):
            continue
        kinds = {shared.kind for shared in set(each.identities).intersection(case.identities)}
        if same and case.own:
            joined = kinds | {"customer"}
        elif JOINING.isdisjoint(kinds):
            continue
        else:
            joined = set(kinds)
        shared = in_order(joined)
        lent = loans.get(each.application_id)
        if lent is None:
            found.append(AtRisk(kind="application", application_id=each.application_id, loan_id=None, shared=shared))
        else:
            found += [
                AtRisk(kind="loan", application_id=each.application_id, loan_id=loan, shared=shared) for loan in lent
            ]
    if same and case.own:
        known = {case.application_id, *(each.application_id for each in account.applications)}
        found += [
            AtRisk(kind="loan", application_id=application or None, loan_id=loan, shared=("customer",))
            for application, lent in sorted(loans.items())
            if application not in known
            for loan in lent
        ]
    return found


def raise_late_matches(
    case: Case, customer_id: str, risks: Sequence[AtRisk], *, partition: int, offset: int, detected_at: datetime
) -> list[Alert]:
    """An alert each. `partition`, `offset`: of the entry by which the journal broadcast the case. `occurred_at` of the
    alerts is the event time of the confirmation."""
    cause = Cause(partition=partition, offset=offset, event_id=case.event_id, event_type="CaseConfirmed")
    return [_alert(case, customer_id, risk, cause, detected_at) for risk in risks]


def kept(alert: Alert) -> Alert:
    """The alert as it is kept until its case is cleared: a function of the journal, whoever detected it and when."""
    return structs.replace(alert, detected_at=alert.occurred_at)


def withdraw(alert: Alert, cleared: CaseCleared, detected_at: datetime) -> Alert:
    """The alert once more, withdrawn. `detected_at`: the worker's clock now."""
    return structs.replace(
        alert,
        detected_at=detected_at,
        withdrawn=True,
        withdrawn_because=f"fraud case {cleared.case_id} was cleared",
        withdrawn_at=from_ms(cleared.cleared_ms),
    )


def _alert(case: Case, customer_id: str, risk: AtRisk, cause: Cause, detected_at: datetime) -> Alert:
    application = f"application {risk.application_id}"
    if risk.loan_id is None:
        subject, about = risk.application_id or "", application
    else:
        subject, about = risk.loan_id, f"loan {risk.loan_id}"
        about += "" if risk.application_id is None else f" (of {application})"
    key = customer_key(case.tenant, customer_id)
    because = "\x1f".join((LATE_MATCH, case.customer_id, case.case_id, risk.kind, subject))
    confirmed = from_ms(case.confirmed_ms)
    text = (
        f"{about} shares {_listed(risk.shared)} with fraud case {case.case_id} ({case.typology}), "
        f"confirmed {confirmed:%Y-%m-%d}"
    )
    return Alert(
        alert_id=alert_identity(LATE_MATCH, key, hash64(case.tenant, because)),
        tenant=case.tenant,
        customer_id=customer_id,
        rule=LATE_MATCH,
        kind="fraud",
        severity="high",
        subject=subject,
        reasons=[
            Reason(
                code=LATE_MATCH,
                text=text,
                values={
                    "case_id": case.case_id,
                    "typology": case.typology,
                    "shared": ", ".join(risk.shared),
                    "score": score_of(risk.shared),
                    "application_id": risk.application_id,
                    "loan_id": risk.loan_id,
                },
            )
        ],
        features={},
        cause=cause,
        policy=POLICY,
        policy_version=POLICY_VERSION,
        occurred_at=confirmed,
        detected_at=detected_at,
    )


def _listed(kinds: Sequence[str]) -> str:
    said = [_SAID[kind] for kind in kinds]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
