"""The journal of customers with lines of credit, and a partition that folds it. Days count from 2026-03-02, 9 o'clock.

In the packaged cash policy an applicant with a poor bureau score gets grade B: 60,000.00 at 14.4 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from policy_entries import SAID

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Folded, Program
from riskwatch.agents.partition import open_partition
from riskwatch.agents.statecodec import pack_state, split_state
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.account import decode_account, encode_account
from riskwatch.features.creditlines import Credit
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingbook import packaged_book
from riskwatch.policy.publication import Publication, encode_publication, translate_publication
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.streams import events
from riskwatch.streams.accountactions import AnyAction, Compensation
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import customer_key, pack_broadcast, pack_entry, pack_tick, to_ms
from riskwatch.streams.rollbacks import pack_compensation

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
PROGRAM = Program(LAYOUT, compile_rules(base_policy(), LAYOUT.names), {}, packaged_book())
Entry = tuple[float, bytes | None, bytes]
"""Day, key, record."""


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def entry(event: Any, days: float) -> Entry:
    value = pack_entry(
        event, source_topic=0, source_partition=0, source_offset=int(days * 1e6), source_at=1,
        ingested_at=to_ms(at(days)), zone_of={}, secret=b"k" * 16,
    )  # fmt: skip
    return days, customer_key(event.tenant, event.customer_id), value


def _said(customer: str, days: float, name: str) -> dict[str, Any]:
    return {
        "event_id": f"{name}-{customer}-{days}", "tenant": "bank", "customer_id": customer, "occurred_at": at(days),
    }  # fmt: skip


def applied(customer: str, days: float = 0, score: int = 480) -> Entry:
    event = events.LoanApplied(
        **_said(customer, days, "apply"), application_id=f"a-{customer}-{days}", product="cash-instalments",
        amount=1_000_000, currency="CNY", term_months=12,
        declared=events.Declared(
            monthly_income=1_800_000, employment="employed", employed_months=72, monthly_debt_service=100_000,
            birth_date=datetime(1988, 1, 1, tzinfo=UTC).date(),
        ),
        bureau=events.Bureau(score=score, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1),
    )  # fmt: skip
    return entry(event, days)


def opened(customer: str, days: float, amount: int, due: Iterable[int], loan: str = "l") -> Entry:
    """A loan of equal instalments of `amount`, one on each day of `due`."""
    schedule = [
        events.Instalment(number=number, due_on=at(day).date(), amount=amount)
        for number, day in enumerate(due, start=1)
    ]
    event = events.LoanOpened(
        **_said(customer, days, "open"), loan_id=f"{loan}-{customer}", product="cash-instalments",
        principal=amount * len(schedule), currency="CNY", annual_rate=0.144, schedule=schedule,
    )  # fmt: skip
    return entry(event, days)


def paid(customer: str, days: float, amount: int, loan: str = "l") -> Entry:
    event = events.RepaymentReceived(
        **_said(customer, days, "pay"), loan_id=f"{loan}-{customer}", amount=amount, currency="CNY"
    )  # fmt: skip
    return entry(event, days)


def emulator(customer: str, days: float) -> Entry:
    event = events.DeviceSeen(**_said(customer, days, "device"), device_id=f"d-{customer}", emulator=True)
    return entry(event, days)


def bought(customer: str, days: float) -> Entry:
    event = events.PurchaseMade(**_said(customer, days, "buy"), amount=10_000, currency="CNY")
    return entry(event, days)


def confirmed(customer: str, days: float) -> Entry:
    event = events.FraudConfirmed(**_said(customer, days, "fraud"), case_id=f"case-{customer}", typology="takeover")
    return entry(event, days)


def cleared(customer: str, days: float) -> Entry:
    return entry(events.FraudCleared(**_said(customer, days, "clear"), case_id=f"case-{customer}"), days)


def restored(asked: Compensation) -> Entry:
    return ((asked.announced_at - START) / timedelta(days=1), *pack_compensation(asked))


def ticks(first: int, last: int, every: float = 1.0) -> list[Entry]:
    """At 12 o'clock of each day of [first, last)."""
    count = int((last - first) / every)
    return [(day, None, pack_tick(to_ms(at(day)))) for day in (first + 0.125 + every * n for n in range(count))]


def policy(name: str, *, silent: bool = False, **account: Any) -> LendingPolicy:
    """The packaged cash policy under a name of its own, with another `[account]`, or `silent` without one."""
    said = None if silent else SAID["account"] | account
    card = SAID["scorecard"] | {"name": name}
    given = SAID | {"name": name, "tenant": "bank", "scorecard": card, "account": said}
    return msgspec.convert(given, LendingPolicy)


def published(days: float, made: LendingPolicy, mode: str = "live", start: float | None = None) -> Entry:
    publication = Publication(
        version=made.version, policy=made, in_force_from=at(days if start is None else start), published_at=at(days),
        published_by="ann", reason="test", mode=mode,  # type: ignore[arg-type]
    )  # fmt: skip
    translated = translate_publication(encode_publication(publication))
    assert isinstance(translated, tuple), translated
    return days, None, pack_broadcast(Kind.POLICY_PUBLISHED, *translated)


def in_order(*parts: Entry | Iterable[Entry]) -> list[Entry]:
    """All entries by day; what stands first comes first where days are the same."""
    found: list[Entry] = []
    for part in parts:
        found += [part] if isinstance(part, tuple) else part
    return sorted(found, key=lambda each: each[0])


def unshadowed(rows: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The rows without what lines keep for shadows."""
    found = dict(rows)
    for key, value in rows.items():
        if key[:1] != b"\x00":
            watermark, look, profile, packed = split_state(value, LAYOUT.version)
            account = decode_account(packed)
            for line in () if account.credit is None else account.credit.lines:
                line.shadows = {}
            found[key] = pack_state(watermark, look, LAYOUT.version, profile, encode_account(account))
    return found


class Run:
    """A partition that is fed batch by batch."""

    def __init__(self, program: Program = PROGRAM, number: int = 0) -> None:
        self.program = program
        self.store = MemoryPartition()
        self.partition = open_partition(number, self.store)
        self.batches: list[Folded] = []
        self.end = 0

    def feed(self, log: list[Entry], size: int | None = None, cuts: Iterable[int] | None = None) -> Run:
        """`size`: entries of a batch; else `cuts`."""
        inner = range(size, len(log), size) if size else sorted(cuts or ())
        for first, last in pairwise([0, *inner, len(log)]):
            part = log[first:last]
            offsets = list(range(self.end, self.end + len(part)))
            folded = fold(
                self.program, self.partition, [key for _, key, _ in part], [value for *_, value in part], offsets, NOW
            )
            self.store.write(folded.rows, None)
            folded.settle(self.partition)
            self.batches.append(folded)
            self.end += len(part)
        return self

    def restart(self) -> Run:
        self.partition = open_partition(self.partition.number, self.store)
        return self

    @property
    def actions(self) -> list[AnyAction]:
        return [action for folded in self.batches for action in folded.actions]

    @property
    def shadow_actions(self) -> list[AnyAction]:
        return [action for folded in self.batches for action in folded.shadow_actions]

    def credit(self, customer: str = "c1") -> Credit:
        row = self.store.get_many([customer_key("bank", customer)])[0]
        assert row is not None
        credit = decode_account(split_state(row, LAYOUT.version)[3]).credit
        assert credit is not None
        return credit

    @property
    def rows(self) -> dict[bytes, bytes]:
        """Every row; reserved ones without their watermark, which counts batches."""
        return {key: value[8:] if key[:1] == b"\x00" else value for key, value in self.store.scan()}
