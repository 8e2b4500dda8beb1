"""The report: whether records add up, JSON, and what a terminal shows."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from msgspec import structs
from rich.console import Console

from riskwatch.lab.demosummary import summary
from riskwatch.lab.demoview import LivePage, PlainLines
from riskwatch.lab.replay import balance as count_balance
from riskwatch.lab.report import Balance, Report, balance_line, encode_report, render
from riskwatch.lab.rig import sum_metrics
from riskwatch.lab.scene import Scene
from riskwatch.lab.verdicts import RuleVerdict
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import LoanApplied
from riskwatch.streams.outputs import Alert, Cause, Reason
from riskwatch.streams.packing import pack_answer, pack_entry, pack_tick
from riskwatch.streams.topics import JOURNAL, Topic


def balance(events_in: int = 10, journal: int = 8, dead: int = 1, tombstones: int = 1) -> Balance:
    return Balance(events_in=events_in, journal=journal, dead_letters=dead, tombstones=tombstones, broadcast=3)


def test_records_add_up_when_journal_dead_letters_and_tombstones_are_all_that_came_in() -> None:
    assert balance().balanced


@pytest.mark.parametrize(("journal", "difference"), [(7, 1), (9, -1)])
def test_a_record_lost_or_doubled_is_a_difference(journal: int, difference: int) -> None:
    assert balance(journal=journal).difference == difference
    assert "unaccounted for" in balance_line(balance(journal=journal))


def report() -> Report:
    rule = RuleVerdict(rule="emulator", kind="fraud", shadow=False, alerts=4, right=1, precision=0.25, recall=0.5)
    return Report(
        dataset="transactions",
        file="t.csv",
        rows=10,
        bad_rows={"negative amount": 2},
        notes={},
        published=10,
        seconds=2.0,
        records_per_second=5.0,
        balance=balance(),
        lag_records=0,
        alerts=4,
        repeated_alerts=0,
        truth="as defined",
        rules=[rule],
    )


def test_the_json_report_says_whether_records_balance() -> None:
    told = json.loads(encode_report(report()))
    assert told["balanced"] is True
    assert told["rules"][0]["precision"] == 0.25


def shown(what: object, width: int = 120) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(what)
    return out.getvalue()


@pytest.mark.parametrize(
    "piece", ["10 in = 8 journal + 1 dead letters + 1 tombstones", "emulator", "25.0%", "50.0%", "2  negative amount"]
)
def test_the_terminal_shows_what_matters(piece: str) -> None:
    assert piece in shown(render(report()))


def alert() -> Alert:
    return Alert(
        alert_id="1",
        tenant="t",
        customer_id="c00007",
        rule="failed-login-burst",
        kind="fraud",
        severity="critical",
        subject="c00007",
        reasons=[Reason(code="failed-login-burst", text="7 failed logins in 10 minutes", values={})],
        features={},
        cause=Cause(partition=0, offset=0, event_id="e", event_type="LoginFailed"),
        policy="p",
        policy_version="1",
        occurred_at=datetime(2025, 3, 10, tzinfo=UTC),
        detected_at=datetime(2025, 3, 10, tzinfo=UTC),
    )


def scene() -> Scene:
    made = Scene(started=time.monotonic(), customers=400)
    assert made.hear(alert())
    return made


def test_an_alert_that_is_withdrawn_counts_no_more() -> None:
    made = scene()
    assert not made.hear(structs.replace(alert(), withdrawn=True))
    assert (made.alerts, made.repeats) == ({}, 0)


def test_an_alert_heard_twice_counts_once() -> None:
    made = scene()
    assert not made.hear(alert())
    assert (len(made.alerts), made.repeats) == (1, 1)


def test_plain_lines_show_the_first_alert_of_a_rule_with_its_reason() -> None:
    out = io.StringIO()
    PlainLines(Console(file=out, width=120)).show(scene(), [alert()])
    assert "critical t/c00007 failed-login-burst 7 failed logins in 10 minutes" in out.getvalue()


def test_the_live_page_shows_alerts_in_a_terminal() -> None:
    out = io.StringIO()
    with LivePage(Console(file=out, width=140, height=40, force_terminal=True, color_system=None)) as page:
        page.show(scene(), [alert()])
    assert "7 failed logins in 10 minutes" in out.getvalue()


def test_the_summary_names_the_time_to_the_first_alert() -> None:
    made = scene()
    made.first_alert_after = 4.21
    assert "4.2 s after the start" in shown(summary(made, time.monotonic()))


def test_the_summary_of_an_interrupted_demo_says_so() -> None:
    assert "until it was interrupted" in shown(summary(scene(), time.monotonic()))


def test_metrics_are_summed_over_labels_and_kept_apart_by_agent() -> None:
    page = 'riskwatch_batch_records_sum{agent="monitor"} 5.0\nriskwatch_batch_records_sum{agent="ingest"} 7.0\n# x\n'
    assert sum_metrics(page) == {
        "batch_records_sum": 12.0,
        "batch_records_sum.monitor": 5.0,
        "batch_records_sum.ingest": 7.0,
    }


class FakeWatcher:
    """Topics in memory: one journal, one input."""

    def __init__(self, journal: list[tuple[bytes | None, bytes]], inputs: int) -> None:
        self._journal, self._inputs = journal, inputs

    def begun(self, topics: object) -> dict[TopicPartition, int]:
        return {}

    async def ends(self, topics: object) -> dict[TopicPartition, int]:
        return {TopicPartition("p.applications.v1", 0): self._inputs}

    async def read(self, topics: list[Topic], since: object, look: Callable[[Any], None]) -> int:
        for offset, (key, value) in enumerate(self._journal if topics == [JOURNAL] else []):
            look(SimpleNamespace(key=key, value=value, partition=3, offset=offset, timestamp=77))
        return 0


async def test_what_other_agents_answered_stands_behind_no_upstream_record_and_applications_are_timed() -> None:
    applied = LoanApplied(
        event_id="e",
        tenant="t",
        customer_id="c",
        occurred_at=datetime(2025, 3, 10, tzinfo=UTC),
        application_id="a",
        product="cash-instalments",
        amount=1,
        currency="CNY",
        term_months=3,
    )
    entry = pack_entry(
        applied,
        source_topic=0,
        source_partition=0,
        source_offset=0,
        source_at=0,
        ingested_at=None,
        zone_of={},
        secret=b"a secret of 16 bytes",
    )
    answer = pack_answer(Kind.LINK_ANSWERED, 5, 1, 2, b"")
    fake: Any = FakeWatcher([(b"t/c", answer), (b"t/c", entry), (None, pack_tick(9))], inputs=1)
    times: dict[tuple[int, int], int] = {}
    counted = await count_balance(fake, times)
    assert (counted.journal, counted.answers, counted.broadcast, counted.balanced) == (1, 1, 1, True)
    assert times == {(3, 1): 77}
