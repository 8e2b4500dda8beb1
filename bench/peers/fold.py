"""What the peers share: bytes of an event in, a customer's state before and after, alerts out. No peer's API appears
here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from bench.peers.features import Customer, evolve, new_customer
from bench.peers.rules import CompiledRule, compile_rules, own_fields
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.outputs import Alert, Cause, Reason, encode_output

_COOLDOWNS_KEPT = 64

decode_event: Callable[[bytes], AnyEvent] = msgspec.json.Decoder(AnyEvent).decode
"""An event, validated in full by its types. Raises `msgspec.ValidationError` and `msgspec.DecodeError`."""

InvalidEvent = (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError)

Judge = Callable[[Customer | None, AnyEvent, bytes, int, int], tuple[Customer, list[bytes]]]


def build_judge() -> Judge:
    """The function `judge(customer, event, key, partition, offset) -> (customer, alerts as JSON)` of one process.

    The customer is changed in place; `None` is one not met before.
    """
    rules_of = compile_rules()

    def judge(
        customer: Customer | None, event: AnyEvent, key: bytes, partition: int, offset: int
    ) -> tuple[Customer, list[bytes]]:
        at = round(event.occurred_at.timestamp() * 1000)
        if customer is None:
            customer = new_customer(at)
        vector = evolve(customer, event, at)
        rules = rules_of.get(type(event))
        if rules is None:
            return customer, []
        vector += own_fields(event)
        fired = [rule for rule in rules if rule.fires(vector)]
        if not fired:
            return customer, []
        raised = [rule for rule in fired if _free(customer.cooldowns, rule, at)]
        return customer, [_alert(rule, vector, event, key, partition, offset) for rule in raised]

    return judge


def _free(cooldowns: dict[int, int], rule: CompiledRule, at: int) -> bool:
    """Whether the rule may speak again about the customer; if so, notes that it does."""
    last = cooldowns.get(rule.number)
    if last is not None and abs(at - last) < rule.cooldown_ms:
        return False
    cooldowns.pop(rule.number, None)
    cooldowns[rule.number] = at
    if len(cooldowns) > _COOLDOWNS_KEPT:
        del cooldowns[next(iter(cooldowns))]
    return True


def _alert(rule: CompiledRule, vector: list[float], event: AnyEvent, key: bytes, partition: int, offset: int) -> bytes:
    values = {name: float(vector[place]) for name, place in rule.uses}
    reason = Reason(code=rule.rule.name, text=rule.reason.format(**values), values=dict(values))
    return encode_output(
        Alert(
            alert_id=_identity(rule.rule.name, key, event.event_id),
            tenant=event.tenant,
            customer_id=event.customer_id,
            rule=rule.rule.name,
            kind="fraud",
            severity=rule.rule.severity,  # type: ignore[arg-type]
            subject=event.customer_id,
            reasons=[reason],
            features=dict(values),
            cause=Cause(partition=partition, offset=offset, event_id=event.event_id, event_type=type(event).__name__),
            policy="benchmark",
            policy_version="1",
            occurred_at=event.occurred_at,
            detected_at=datetime.now(UTC),
        )
    )


def _identity(rule: str, key: bytes, event_id: str) -> str:
    """The same for a repeat of the same alert, so that readers can drop it."""
    return blake2b(b"\0".join((rule.encode(), key, event_id.encode())), digest_size=16).hexdigest()
