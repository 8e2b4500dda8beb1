"""A journal by hand for backtests, and candidates whose effect on it can be worked out by hand.

Under the packaged policy for cash instalments the applicants are of grade A: a limit of 10,000,000 at 10.8 %.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Program
from riskwatch.agents.partition import open_partition
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.lab.backtest import Entry
from riskwatch.policy.lendingbook import packaged_book
from riskwatch.policy.publication import Publication, encode_publication
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.streams import events
from riskwatch.streams.decisions import Decision, encode_decision
from riskwatch.streams.entry import Kind
from riskwatch.streams.journalfile import JournalRecord, JournalWriter
from riskwatch.streams.packing import customer_key, pack_broadcast, pack_entry, to_ms

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LAYOUT = compile_layout(FEATURES)
PROGRAM = Program(LAYOUT, compile_rules(base_policy(), LAYOUT.names), {}, packaged_book())

CANDIDATE = """\
extends = "cash-instalments"
name = "careful"

[admission.too-much]
description = "Nobody gets more than 50,000."
when = "application.amount > 5_000_000"
outcome = "decline"
reason = "too-much"
priority = 1

[texts.too-much]
en = "The amount is too high."
zh = "金额过高。"

[grades.A]
max_limit = 9_000_000
annual_rate = 0.099
"""
"""Grade A gets a limit of 9,000,000 at 9.9 %, and an amount above 5,000,000 is declined."""


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def applied(customer: str, at: float = 0, **fields: Any) -> events.LoanApplied:
    declared = {
        "monthly_income": 1_800_000, "employment": "employed", "employed_months": 72, "monthly_debt_service": 100_000,
        "birth_date": date(1988, 1, 1),
    } | fields.pop("declared", {})  # fmt: skip
    given = {
        "event_id": f"apply-{customer}-{at}", "tenant": "bank", "customer_id": customer, "occurred_at": day(at),
        "application_id": f"a-{customer}-{at}", "product": "cash-instalments", "amount": 1_000_000, "currency": "CNY",
        "term_months": 12, "declared": events.Declared(**declared),
        "bureau": events.Bureau(score=735, open_loans=1, outstanding=500_000, max_dpd_12m=0, inquiries_90d=1),
    } | fields  # fmt: skip
    return events.LoanApplied(**given)


def entry(event: Any, offset: int, source: int = 0) -> Entry:
    at = to_ms(event.occurred_at)
    value = pack_entry(
        event, source_topic=source, source_partition=0, source_offset=offset, source_at=at, ingested_at=at, zone_of={},
        secret=b"k" * 16,
    )  # fmt: skip
    return offset, customer_key(event.tenant, event.customer_id), value


def publishing(publication: Publication, offset: int) -> Entry:
    at = to_ms(publication.published_at)
    return offset, None, pack_broadcast(Kind.POLICY_PUBLISHED, at, encode_publication(publication))


def journal(*given: Any) -> list[Entry]:
    """Events and publications, one offset each."""
    return [
        publishing(each, offset) if isinstance(each, Publication) else entry(each, offset)
        for offset, each in enumerate(given)
    ]


APPLICATIONS = journal(
    applied("c1"),
    applied("c2", 1, amount=6_000_000),
    applied("c3", 2, declared={"employment": "student"}),
    applied("c4", 3, declared={"birth_date": None}),
    applied("c1", 40),
    applied("c5", 41, product="consumer-credit", amount=1_000_000),
)
"""c1 is approved twice, c2 is approved, c3 is declined as a student, c4 referred for want of an age; c5 asks for
another product. Under `CANDIDATE` c1 gets another limit and rate, c2 is declined for the amount, c3 and c4 hear the
same, and c5 is not its business."""


def decisions(entries: list[Entry], number: int = 0) -> list[Decision]:
    """What workers would have published of the journal of a partition."""
    offsets, keys, values = zip(*entries, strict=True)
    folded = fold(
        PROGRAM, open_partition(number, MemoryPartition()), keys, values, offsets, datetime(2026, 5, 1, tzinfo=UTC)
    )
    return [trail.decision for trail in folded.decisions]


def write_file(path: Path, entries: list[Entry], recorded: list[Decision]) -> Path:
    with path.open("wb") as out:
        writer = JournalWriter(out)
        for number, each in enumerate(recorded):
            writer.write(JournalRecord("decisions", 0, number, 0, b"key", encode_decision(each)))
        for offset, key, value in entries:
            writer.write(JournalRecord("journal", 0, offset, 0, key, value))
        writer.finish()
    return path
