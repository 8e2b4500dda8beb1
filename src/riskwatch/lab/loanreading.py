"""Reads what a report on loans, or one customer's life, is made from: the journal and the outputs at a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from riskwatch.agents.topicreading import partitions_of, read_topic
from riskwatch.lab.loanrecords import BookRecords, CustomerRecords, MoneyEvent
from riskwatch.streams import accountactions, topics
from riskwatch.streams.collections import ActionClosed, CollectionAction, decode_collection
from riskwatch.streams.connecting import Security
from riskwatch.streams.decisions import decode_decision
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import AnyEvent, ContactMade, LoanOpened
from riskwatch.streams.loanmoves import decode_move
from riskwatch.streams.outputs import decode_alert
from riskwatch.streams.packing import customer_key, from_ms, headers_of, split_key, unpack_event
from riskwatch.streams.reading import check_installed
from riskwatch.streams.topics import Topic, full_name

T = TypeVar("T")

BOOK_KINDS = frozenset(
    {
        Kind.LOAN_OPENED,
        Kind.REPAYMENT_RECEIVED,
        Kind.REPAYMENT_REVERSED,
        Kind.CHARGE_MADE,
        Kind.CHARGE_WAIVED,
        Kind.LOAN_RESCHEDULED,
        Kind.CONTACT_MADE,
    }
)
LIFE_KINDS = BOOK_KINDS | {
    Kind.LOAN_APPLIED,
    Kind.INSTALMENT_DUE,
    Kind.PROMISE_MADE,
    Kind.PAYMENT_HOLIDAY_GRANTED,
    Kind.SETTLEMENT_AGREED,
    Kind.LOAN_WRITTEN_OFF,
    Kind.LOAN_SOLD,
    Kind.CONSENT_CHANGED,
    Kind.CONCERN_RAISED,
    Kind.CONCERN_RESOLVED,
    Kind.CONTACT_DETAILS_CHANGED,
    Kind.FRAUD_CONFIRMED,
    Kind.FRAUD_CLEARED,
}


class NoCustomer(LookupError):
    """Nothing at the broker is about the customer, or more than one institution has one of that id."""


class Source(Struct, frozen=True):
    """A broker, and the first part of its topics' names."""

    broker: str
    security: Security
    prefix: str

    async def records(self, topic: Topic, customer: bytes | None = None) -> AsyncIterator[Any]:
        """Every record of a topic, or of the partition of a customer's key; none where the topic does not exist."""
        name = full_name(topic, self.prefix)
        async for _, records in read_topic(self.broker, self.security, name, customer=customer):
            for record in records:
                yield record

    async def absent(self, wanted: Iterable[Topic]) -> list[str]:
        """Those of the topics that the broker does not have."""
        names = [full_name(topic, self.prefix) for topic in wanted]
        return [name for name in names if not await partitions_of(self.broker, self.security, name)]


async def read_book(source: Source) -> BookRecords:
    """Everything that a report on loans is made from. Raises `NoInstallation`, `BrokerAway`, `BrokerRefused`,
    `BadEntry`."""
    await check_installed(source.broker, source.prefix, security=source.security)
    opened: list[LoanOpened] = []
    money: list[MoneyEvent] = []
    contacts: list[ContactMade] = []
    newest: datetime | None = None
    async for at, event in _journal(source, BOOK_KINDS):
        newest = at if newest is None else max(newest, at)
        if isinstance(event, LoanOpened):
            opened.append(event)
        elif isinstance(event, ContactMade):
            contacts.append(event)
        elif isinstance(event, MoneyEvent):
            money.append(event)
    actions, closings = _parted([each async for each in _read(source, topics.COLLECTION_ACTIONS, decode_collection)])
    return BookRecords(
        opened=opened,
        money=money,
        contacts=contacts,
        moves=[each async for each in _read(source, topics.LOAN_MOVES, decode_move)],
        actions=actions,
        closings=closings,
        newest=newest,
        absent=await source.absent((topics.JOURNAL, topics.LOAN_MOVES, topics.COLLECTION_ACTIONS)),
    )


async def read_customer(source: Source, tenant: str | None, customer_id: str) -> CustomerRecords:
    """Everything about one customer. Without a tenant every partition is read, to find it.

    Raises `NoCustomer`, `NoInstallation`, `BrokerAway`, `BrokerRefused`, `BadEntry`.
    """
    await check_installed(source.broker, source.prefix, security=source.security)
    if tenant is None:
        tenant = await _tenant_of(source, customer_id)
    key = customer_key(tenant, customer_id)
    events: list[AnyEvent] = []
    newest: datetime | None = None
    async for at, event in _journal(source, LIFE_KINDS, key):
        newest = at if newest is None else max(newest, at)
        if event is not None:
            events.append(event)
    alerts = [
        each
        for topic in (topics.FRAUD_ALERTS, topics.EARLY_WARNINGS)
        async for each in _read(source, topic, decode_alert, key)
    ]
    actions, closings = _parted(
        [each async for each in _read(source, topics.COLLECTION_ACTIONS, decode_collection, key)]
    )
    found = CustomerRecords(
        tenant=tenant,
        customer_id=customer_id,
        events=events,
        alerts=alerts,
        decisions=[each async for each in _read(source, topics.DECISIONS, decode_decision, key)],
        moves=[each async for each in _read(source, topics.LOAN_MOVES, decode_move, key)],
        lines=[each async for each in _read(source, topics.ACCOUNT_ACTIONS, accountactions.decode_action, key)],
        actions=actions,
        closings=closings,
        newest=newest,
        absent=await source.absent(
            (
                topics.JOURNAL,
                topics.DECISIONS,
                topics.EARLY_WARNINGS,
                topics.LOAN_MOVES,
                topics.ACCOUNT_ACTIONS,
                topics.COLLECTION_ACTIONS,
            )
        ),
    )
    if not (events or alerts or found.decisions or found.moves or found.lines or actions):
        raise NoCustomer(
            f"nothing at {source.broker} is about the customer {customer_id} of {tenant}: give the id and the "
            "institution exactly as they are published"
        )
    return found


async def _journal(
    source: Source, kinds: frozenset[Kind], customer: bytes | None = None
) -> AsyncIterator[tuple[datetime, AnyEvent | None]]:
    """Event time of every upstream event and tick that was read, with the event where it is of the kinds (and the
    customer's). Other entries say nothing of how far time has come: what people ask for bears the worker's clock."""
    name = full_name(topics.JOURNAL, source.prefix)
    async for _, records in read_topic(source.broker, source.security, name, customer=customer):
        headers = headers_of([record.value for record in records])
        for record, kind, at_ms in zip(records, headers["kind"].tolist(), headers["occurred_at"].tolist(), strict=True):
            if not (kind < Kind.LINK_ANSWERED or kind == Kind.TICK):
                continue
            at = from_ms(at_ms)
            mine = kind in kinds and (customer is None or record.key == customer)
            # A clamped event says a time that was set back.
            yield at, structs.replace(unpack_event(record.value), occurred_at=at) if mine else None


async def _read(
    source: Source, topic: Topic, decode: Callable[[bytes], T], customer: bytes | None = None
) -> AsyncIterator[T]:
    """Records of a topic; those that cannot be read are passed over: one bad record hides no customer."""
    async for record in source.records(topic, customer):
        if record.value is None or (customer is not None and record.key != customer):
            continue
        try:
            yield decode(record.value)
        except msgspec.MsgspecError:
            continue


async def _tenant_of(source: Source, customer_id: str) -> str:
    found: set[str] = set()
    async for record in source.records(topics.JOURNAL):
        if record.key is None:
            continue
        try:
            tenant, name = split_key(record.key)
        except ValueError:
            continue
        if name == customer_id:
            found.add(tenant)
    if len(found) == 1:
        return found.pop()
    if found:
        raise NoCustomer(f"{customer_id} is a customer of {', '.join(sorted(found))}: say which with --tenant")
    raise NoCustomer(f"no entry of the journal at {source.broker} is about a customer {customer_id}")


def _parted(
    records: Sequence[CollectionAction | ActionClosed],
) -> tuple[list[CollectionAction], list[ActionClosed]]:
    actions = [each for each in records if isinstance(each, CollectionAction)]
    return actions, [each for each in records if isinstance(each, ActionClosed)]
