"""A monitor, the links and the rings in one process, without a broker: what one writes the others read, in order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.linking import answer_links
from riskwatch.agents.outgoing import tainted
from riskwatch.agents.partition import open_partition
from riskwatch.agents.ringing import open_rings, ring
from riskwatch.agents.statecodec import PARTITION_KEY
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.linkmessages import LinkMessage, encode_message
from riskwatch.features.pending import PROBED
from riskwatch.features.table import FEATURES
from riskwatch.policy.lendingbook import LendingBook, packaged_book
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.scoring.labels import PENDING
from riskwatch.streams import events
from riskwatch.streams.decisions import DecisionTrail
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import customer_key, pack_entry, pack_tick, to_ms

NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
RULES = compile_rules(base_policy(), LAYOUT.names)
SECRET = b"k" * 16
Log = list[tuple[bytes | None, bytes]]


def program(book: LendingBook | None = None, *, links: bool = True) -> Program:
    return Program(LAYOUT, RULES, {}, packaged_book() if book is None else book, links)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def applied(customer: str = "c1", seconds: float = 0, number: int = 1, **fields: Any) -> events.LoanApplied:
    given = {
        "event_id": f"apply-{customer}-{number}", "tenant": "bank", "customer_id": customer,
        "occurred_at": at(seconds), "application_id": f"a-{customer}-{number}", "product": "cash-instalments",
        "amount": 1_000_000, "currency": "CNY", "term_months": 12,
        "declared": events.Declared(
            monthly_income=1_800_000, employment="employed", employed_months=72, monthly_debt_service=100_000,
            birth_date=date(1988, 1, 1),
        ),
        "bureau": events.Bureau(score=735, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1),
        "device_id": f"device-{customer}",
    } | fields  # fmt: skip
    return events.LoanApplied(**given)


def entry(event: Any, offset: int) -> tuple[bytes, bytes]:
    value = pack_entry(
        event, source_topic=0, source_partition=0, source_offset=offset, source_at=1 + offset,
        ingested_at=to_ms(event.occurred_at), zone_of={}, secret=SECRET,
    )  # fmt: skip
    return customer_key(event.tenant, event.customer_id), value


def fraud(customer: str, seconds: float, number: int = 1, **fields: Any) -> events.FraudConfirmed:
    """A case about a customer's application."""
    given = {
        "event_id": f"fraud-{customer}-{number}", "tenant": "bank", "customer_id": customer,
        "occurred_at": at(seconds), "case_id": f"case-{customer}-{number}", "typology": "synthetic-identity",
        "subject_event_id": f"apply-{customer}-{number}",
    } | fields  # fmt: skip
    return events.FraudConfirmed(**given)


def cleared(customer: str, seconds: float, number: int = 1) -> events.FraudCleared:
    return events.FraudCleared(
        event_id=f"clear-{customer}-{number}", tenant="bank", customer_id=customer, occurred_at=at(seconds),
        case_id=f"case-{customer}-{number}",
    )  # fmt: skip


class World:
    """`say` puts an event or a tick into the journal and folds it; what is asked is answered at once, or waits for
    `answer` where `prompt` is false."""

    def __init__(self, *, prompt: bool = True, links: bool = True, book: LendingBook | None = None) -> None:
        self.program = program(book, links=links)
        self.partition = open_partition(0, MemoryPartition())
        self.links = MemoryPartition()
        self.rings = open_rings(0, MemoryPartition())
        self.prompt = prompt
        self.log: Log = []
        self.asked: list[LinkMessage] = []
        self.answered = 0
        self.questions = 0
        self.decisions: list[DecisionTrail] = []
        self.alerts: list[Alert] = []
        self.ring_alerts: list[Alert] = []

    def say(self, *given: Any) -> World:
        for each in given:
            self._fold((None, pack_tick(to_ms(each))) if isinstance(each, datetime) else entry(each, len(self.log)))
            if self.prompt:
                self.answer()
        return self

    def answer(self) -> None:
        """The links, then the rings, answer all that they were asked."""
        while self.answered < len(self.asked):
            messages = self.asked[self.answered :]
            first = self.answered
            self.answered = len(self.asked)
            out = answer_links(
                self.links.get_many, [encode_message(each) for each in messages], range(first, self.answered)
            )
            self.links.write(out.rows, None)
            self.asked += out.merchants_asked
            for answer in out.answers:
                self._fold(answer)
            rung = ring(self.rings, list(enumerate(out.asked, self.questions)), NOW)
            self.questions += len(out.asked)
            self.rings.store.write(rung.rows, None)
            self.ring_alerts += rung.alerts
            for answer in rung.answers:
                self._fold(answer)

    def _fold(self, record: tuple[bytes | None, bytes]) -> None:
        offset = len(self.log)
        self.log.append(record)
        folded = fold(self.program, self.partition, [record[0]], [record[1]], [offset], NOW)
        self.partition.store.write(folded.rows, None)
        folded.settle(self.partition)
        self.asked += folded.probes
        self.asked += folded.told
        self.asked += [tainted(each) for each in folded.taints if each.identity.kind in PROBED]
        self.decisions += folded.decisions
        self.alerts += folded.alerts
        for value in folded.broadcasts:
            self._fold((None, value))


def refold(running: Program, log: Log, *cuts: int) -> tuple[list[Folded], dict[bytes, bytes]]:
    """The log folded anew in batches that are cut at `cuts` → what came of each, and the rows in the end, without what
    only says where batches ended: watermarks of the partition's own rows, and how predictions are put together."""
    partition = open_partition(0, MemoryPartition())
    batches = []
    for start, end in pairwise([0, *cuts, len(log)]):
        part = log[start:end]
        folded = fold(running, partition, [k for k, _ in part], [v for _, v in part], list(range(start, end)), NOW)
        partition.store.write(folded.rows, end)
        folded.settle(partition)
        batches.append(folded)
    rows = {
        key: value if key[:1] != b"\x00" or key == PARTITION_KEY else value[8:]
        for key, value in partition.store.scan()
        if not key.startswith(PENDING)
    }
    return batches, rows
