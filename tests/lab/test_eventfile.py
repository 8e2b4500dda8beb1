"""A file of events as a data set: their order, their tenants, and lines that are none."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest

from riskwatch.lab.datasets import open_dataset
from riskwatch.lab.lives import draw_lives
from riskwatch.lab.tables import DatasetFault
from riskwatch.streams.events import AnyEvent

LIVES: list[AnyEvent] = list(draw_lives(Random(3), loans=40, months=3).events())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in LIVES))
    return file


def test_a_simulated_portfolio_comes_back_in_the_order_of_arrival_with_its_tenants(path: Path) -> None:
    found = open_dataset("events", path, tenant="other")
    events = list(found.events())
    assert [(each.tenant, each.event_id, each.occurred_at) for each in events] == [
        (each.tenant, each.event_id, each.occurred_at) for each in LIVES
    ]
    times = [each.occurred_at for each in events]
    assert times != sorted(times), "late events stand where they arrived"
    assert (found.rows, found.total, found.bad.total()) == (len(LIVES), len(LIVES), 0)


def test_a_line_that_is_no_event_costs_that_line_and_is_counted(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], b"", b"oops", b'{"type":"Nothing"}', b"null", lines[1], b""]))
    found = open_dataset("events", path)
    assert [each.event_id for each in found.events()] == [each.event_id for each in LIVES[:2]]
    assert (found.rows, found.total, found.bad) == (5, 5, {"malformed-json": 2, "unknown-type": 1})


@pytest.mark.parametrize(("limit", "read"), [(1, 1), (7, 7), (10**6, len(LIVES))])
def test_a_limit_bounds_the_lines(path: Path, limit: int, read: int) -> None:
    found = open_dataset("events", path, limit=limit)
    assert len(list(found.events())) == read
    assert (found.rows, found.total) == (read, read)


def test_a_file_that_is_not_there_is_a_fault_of_the_data_set(tmp_path: Path) -> None:
    for place in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(DatasetFault, match="cannot be read"):
            open_dataset("events", place)
