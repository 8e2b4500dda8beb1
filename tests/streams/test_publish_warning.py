"""`riskwatch publish` warns of a history, which is to be fed in step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import typer
from msgspec import structs
from typer.testing import CliRunner

from riskwatch.streams.codec import encode_event
from riskwatch.streams.commands import publish
from riskwatch.streams.examples import EXAMPLES
from riskwatch.streams.filing import check_lines

FIRST = EXAMPLES[2]
DAY = timedelta(days=1)


def lines(*later: timedelta) -> list[bytes]:
    return [
        encode_event(structs.replace(FIRST, event_id=f"e-{number}", occurred_at=FIRST.occurred_at + by))
        for number, by in enumerate(later)
    ]


def told(tmp_path: Path, made: list[bytes]) -> str:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(made))
    app = typer.Typer()
    app.command()(publish)
    result = CliRunner().invoke(app, [str(file), "--dry-run"])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_span_is_of_the_good_events_in_whatever_order() -> None:
    assert check_lines([*lines(DAY, timedelta(0), 3 * DAY, 2 * DAY), b"oops"]).span == 3 * DAY
    assert check_lines(lines(DAY)).span == check_lines([]).span == timedelta(0)


@pytest.mark.parametrize("span", [timedelta(0), DAY])
def test_a_file_of_a_day_is_published_without_a_word(tmp_path: Path, span: timedelta) -> None:
    assert "warning" not in told(tmp_path, lines(timedelta(0), span))


def test_a_file_of_more_than_a_day_says_how_history_is_fed(tmp_path: Path) -> None:
    text = told(tmp_path, lines(DAY + timedelta(milliseconds=1), timedelta(0)))
    assert "warning: these events span" in text
    assert "riskwatch replay events" in text
