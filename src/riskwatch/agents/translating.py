"""What a record of a control topic becomes in the journal. One row of `TRANSLATORS` for each topic. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from riskwatch.agents.fetched import Received
from riskwatch.agents.outbox import Item
from riskwatch.policy.publication import translate_publication
from riskwatch.streams import topics
from riskwatch.streams.codec import TOMBSTONE, Faults, Outcome
from riskwatch.streams.entry import Kind
from riskwatch.streams.keys import Keys
from riskwatch.streams.listreading import change_of, decode_request, encode_audit, encode_change
from riskwatch.streams.rollbacks import pack_compensation, read_compensation
from riskwatch.streams.topics import Topic


class Addressed(NamedTuple):
    """An entry for the partition of one customer. `value`: the whole record."""

    key: bytes
    value: bytes


class Broadcast(NamedTuple):
    """An entry for every journal partition. `at_ms`: its time, ms since 1970; `payload`: what follows the header."""

    kind: Kind
    at_ms: int
    payload: bytes


class Audit(NamedTuple):
    """A record of what was asked for, for a topic of one partition."""

    topic: Topic
    item: Item


class Translation(NamedTuple):
    """What a record becomes: its audits are written, and acknowledged, before the entry."""

    entry: Broadcast | Addressed
    audits: tuple[Audit, ...] = ()


Translator = Callable[[Received], Translation | Faults | Literal[Outcome.TOMBSTONE]]
"""A record → what it becomes, or every fault of it, or that it says nothing."""


class Naming(NamedTuple):
    """How the worker names persons. `region_of`: where an institution is, for those of which it is known."""

    keys: Keys
    region_of: Mapping[str, str]


def list_translator(naming: Naming) -> Translator:
    """Requests for lists → `LIST_CHANGED`, with an audit on `list-changes`."""

    def translate(record: Received) -> Translation | Faults | Literal[Outcome.TOMBSTONE]:
        request = decode_request(record.value)
        if request is TOMBSTONE or isinstance(request, Faults):
            return request
        change = change_of(request, naming.keys, naming.region_of.get(request.tenant))
        # Stamped as it is written: a broker refuses records that are dated ahead, as a request may be.
        audit = Audit(topics.LIST_CHANGES, (change.tenant.encode(), encode_audit(change), (), None))
        return Translation(Broadcast(Kind.LIST_CHANGED, change.at_ms, encode_change(change)), (audit,))

    return translate


def policy_translator(_: Naming) -> Translator:
    """Publications of policies → `POLICY_PUBLISHED`. The topic itself is their audit."""

    def translate(record: Received) -> Translation | Faults | Literal[Outcome.TOMBSTONE]:
        if record.value is None:
            return TOMBSTONE
        found = translate_publication(record.value)
        return found if isinstance(found, Faults) else Translation(Broadcast(Kind.POLICY_PUBLISHED, *found))

    return translate


def rollback_translator(_: Naming) -> Translator:
    """Compensations → `TERMS_RESTORED`, each in its customer's journal. `account-actions` tells what came of them."""

    def translate(record: Received) -> Translation | Faults | Literal[Outcome.TOMBSTONE]:
        if record.value is None:
            return TOMBSTONE
        asked = read_compensation(record.value)
        return asked if isinstance(asked, Faults) else Translation(Addressed(*pack_compensation(asked)))

    return translate


TRANSLATORS: Mapping[Topic, Callable[[Naming], Translator]] = {
    topics.LISTS: list_translator,
    topics.POLICIES: policy_translator,
    topics.ROLLBACKS: rollback_translator,
}
"""Control topic → what makes its translator. The topics that are here are consumed by the role `ingest`."""
