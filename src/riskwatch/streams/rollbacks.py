"""What a rollback asks for, from the topic `rollbacks` into the journal of the customers concerned.

A record is one compensation, as `streams.compensating.compensate` makes it, with who asked for it and why. Its journal
entry is named by the compensation's id, so that asking again brings the same entry, which counts once.
"""

from __future__ import annotations

import msgspec

from riskwatch.streams.accountactions import Compensation, compensation_identity, decode_action, encode_action
from riskwatch.streams.entry import Kind
from riskwatch.streams.faults import Fault, Faults
from riskwatch.streams.packing import BadEntry, customer_key, hash64, pack_answer, to_ms

CODE = "rollback-refused"


def read_compensation(value: bytes) -> Compensation | Faults:
    """The compensation that a record of the topic `rollbacks` asks for, or what is wrong with it."""
    try:
        asked = decode_action(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _refused("", f"this is no compensation: {error}")
    if not isinstance(asked, Compensation):
        return _refused("type", "this is an action; only compensations can be asked for")
    if asked.shadow:
        return _refused("shadow", "nothing in shadow has acted, so there is nothing to undo")
    if not (asked.undoes and asked.moves and asked.requested_by and asked.requested_because):
        return _refused("", "`undoes`, `moves`, `requested_by` and `requested_because` must not be empty")
    times = (asked.announced_at, asked.limit_from, asked.rate_from, asked.effective_from, asked.decided_at)
    if any(at.tzinfo is None or not 2000 <= at.year < 2100 for at in times):
        return _refused("", "a time has no zone, or lies out of all reason")
    if "/" in asked.tenant or asked.after.limit < 0:
        return _refused("", "a tenant has no slash, and a limit is not below 0")
    key = customer_key(asked.tenant, asked.customer_id)
    if asked.action_id != compensation_identity(key, asked.product, asked.currency, asked.undoes):
        return _refused("action_id", "this is not the id of a compensation that undoes these actions on this line")
    return asked


def pack_compensation(asked: Compensation) -> tuple[bytes, bytes]:
    """Customer key and record of its journal entry."""
    key = customer_key(asked.tenant, asked.customer_id)
    # No publisher's event id holds a control character, so no event of theirs has this hash.
    event = hash64(asked.tenant, f"\x1frestored\x1f{asked.action_id}")
    return key, pack_answer(Kind.TERMS_RESTORED, to_ms(asked.announced_at), event, 0, encode_action(asked))


def journaled_compensation(payload: bytes) -> Compensation:
    """The compensation that a `TERMS_RESTORED` entry holds. Raises `BadEntry` for anything else."""
    found = read_compensation(payload)
    if isinstance(found, Faults):
        raise BadEntry(f"an entry of kind TERMS_RESTORED holds no compensation: {found.faults[0]}")
    return found


def _refused(path: str, message: str) -> Faults:
    return Faults((Fault(code=CODE, path=path, message=message),))
