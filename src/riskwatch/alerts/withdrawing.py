"""Withdrawal: a fact that undoes the entry behind a warning withdraws the warning, and ends its episode.

What failed has failed: a debit that bounced stays bounced though the money comes in another way. Only what a later fact
makes untrue is withdrawn: a report of arrears that a payment of before, or another due date, takes back; and what was
said of a payment that was taken back whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, structs

from riskwatch.features.account import Account
from riskwatch.features.warned import MAX_WARNINGS, MAX_WITHDRAWN, OpenWarning
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import Alert, alert_identity, decode_alert, encode_output
from riskwatch.streams.packing import from_ms, to_ms

_REPORTS = frozenset({Kind.INSTALMENT_OVERDUE, Kind.PROMISE_BROKEN, Kind.LOAN_ROLLED})

_FORGOTTEN = ""
"""Stands in `Account.withdrawn` for all ids that are not in it."""

_SAID: Mapping[str, str] = {
    "LoanOpened": "the loan's schedule came to be known",
    "InstalmentDue": "the instalment falls due on another day or for another amount",
    "RepaymentReceived": "a repayment counts from before",
    "RepaymentReversed": "the repayment was taken back",
    "ChargeWaived": "a charge was waived",
    "LoanRescheduled": "the loan has another schedule",
    "PaymentHolidayGranted": "a payment holiday covers the due date",
    "SettlementAgreed": "a settlement was agreed",
}


class Undoing(Struct, frozen=True, kw_only=True):
    """What one event undoes. `event_id`, `event_type`, `at_ms`: of the event; `events`: hashes of the entries that it
    makes untrue; `payment`: hash of the payment that it takes back whole; `cured`: hash of the loan of which nothing is
    overdue any more; 0 for none."""

    event_id: str
    event_type: str
    at_ms: int
    events: frozenset[int] = frozenset()
    payment: int = 0
    cured: int = 0


def undoable(kind: int, alert: Alert) -> bool:
    """Whether a later fact can undo what an entry of this kind raised. That a payment was taken back makes a suspicion
    of fraud no weaker."""
    return kind in _REPORTS or (kind == Kind.REPAYMENT_RECEIVED and alert.kind == "early-warning")


def remember(account: Account, rule_key: str, alert: Alert, *, event: int, payment: int, subject: int) -> None:
    """Keeps a warning until it is undone; `detected_at` apart, as it is published."""
    kept = structs.replace(alert, detected_at=alert.occurred_at)  # a function of the journal, whoever detected it when
    account.warnings.append(
        OpenWarning(event=event, payment=payment, rule=rule_key, subject=subject, alert=encode_output(kept))
    )
    del account.warnings[:-MAX_WARNINGS]


def identity_of(account: Account, rule: str, customer: bytes, event: int) -> str:
    """The id of the alert that `rule` raises at an entry: another one each time that this alert has been withdrawn."""
    identity = alert_identity(rule, customer, event)
    times = _times(account, identity)
    return alert_identity(f"{rule} again {times}", customer, event) if times else identity


def undo(account: Account, undoing: Undoing, customer: bytes, detected_at: datetime) -> list[Alert]:
    """The alerts that an event withdraws, oldest first. Their episodes end, and those of a cured loan."""
    gone = [each for each in account.warnings if _undone(each, undoing)]
    withdrawn: list[Alert] = []
    for each in gone:
        alert = decode_alert(each.alert)
        said = _SAID.get(undoing.event_type, "the facts of the loan changed")
        withdrawn.append(
            structs.replace(
                alert,
                detected_at=detected_at,
                withdrawn=True,
                withdrawn_because=f"{said}: {undoing.event_type} {undoing.event_id}",
                withdrawn_at=from_ms(undoing.at_ms),
            )
        )
        _count(account, alert_identity(alert.rule, customer, each.event))
    ended = {alert.episode for alert in withdrawn if alert.episode}
    if gone:
        account.warnings = [each for each in account.warnings if each not in gone]
        for each, alert in zip(gone, withdrawn, strict=True):
            if account.cooldowns.get(each.rule) == to_ms(alert.occurred_at):
                _restore_cooldown(account, each.rule)
    if ended or undoing.cured:
        account.episodes = [
            each
            for each in account.episodes
            if each.episode not in ended and (not each.subject or each.subject != undoing.cured)
        ]
    return withdrawn


def _undone(warning: OpenWarning, undoing: Undoing) -> bool:
    if warning.event in undoing.events:
        return True
    return warning.payment != 0 and warning.payment == undoing.payment


def _restore_cooldown(account: Account, rule_key: str) -> None:
    """The newest alert of the rule that stands keeps it silent; without one nothing does."""
    standing = [to_ms(decode_alert(each.alert).occurred_at) for each in account.warnings if each.rule == rule_key]
    if standing:
        account.cooldowns[rule_key] = max(standing)
    else:
        del account.cooldowns[rule_key]


def _times(account: Account, identity: str) -> int:
    """At least how often the alert was withdrawn, and never less than before."""
    return account.withdrawn.get(identity, account.withdrawn.get(_FORGOTTEN, 0))


def _count(account: Account, identity: str) -> None:
    """Counts a withdrawal. The count of an id that is let go of becomes the least of all that are not kept, so no
    number comes a second time."""
    times = _times(account, identity) + 1
    account.withdrawn.pop(identity, None)
    account.withdrawn[identity] = times
    kept = [each for each in account.withdrawn if each != _FORGOTTEN]
    for oldest in kept[:-MAX_WITHDRAWN]:
        least = account.withdrawn.get(_FORGOTTEN, 0)
        account.withdrawn[_FORGOTTEN] = max(least, account.withdrawn.pop(oldest))
