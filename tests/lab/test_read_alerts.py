"""Reading the alert topics: repeats are counted apart, and a withdrawal takes its alert out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from msgspec import structs

from riskwatch.lab.replay import read_alerts
from riskwatch.streams.outputs import Alert, Cause, encode_output

AT = datetime(2026, 1, 1, tzinfo=UTC)


def alert(name: str) -> Alert:
    return Alert(
        alert_id=name, tenant="bank", customer_id="c1", rule="late-match", kind="fraud", severity="high", subject="a1",
        reasons=[], features={}, policy="library", policy_version="1", occurred_at=AT, detected_at=AT,
        cause=Cause(partition=0, offset=1, event_id="e", event_type="CaseConfirmed"),
    )  # fmt: skip


class Records:
    """A watcher over records that are there already."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self.values = [encode_output(each) for each in alerts]

    def begun(self, topics: object) -> dict[str, int]:
        return {}

    async def read(self, topics: object, begun: object, look: Callable[[Any], None]) -> int:
        for value in self.values:
            look(SimpleNamespace(value=value))
        return len(self.values)


async def read(*alerts: Alert) -> tuple[list[str], int]:
    found, repeats = await read_alerts(Records(alerts))  # type: ignore[arg-type]
    return [each.alert_id for each in found], repeats


ONE, OTHER = alert("one"), alert("other")
GONE = structs.replace(ONE, withdrawn=True)


async def test_an_alert_that_is_there_twice_counts_once_and_as_a_repeat() -> None:
    assert await read(ONE, OTHER, ONE) == (["one", "other"], 1)


async def test_a_withdrawn_alert_is_no_alert_and_no_repeat() -> None:
    assert await read(ONE, OTHER, GONE) == (["other"], 0)


async def test_a_withdrawal_that_is_repeated_with_its_alert_leaves_nothing() -> None:
    assert await read(ONE, GONE, ONE, GONE) == ([], 1)


async def test_what_was_raised_is_told_once_whether_it_stands_or_not() -> None:
    raised: list[Alert] = []
    await read_alerts(Records([ONE, OTHER, ONE, GONE, ONE]), raised)  # type: ignore[arg-type]
    assert [each.alert_id for each in raised] == ["one", "other"]
