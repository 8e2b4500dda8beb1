"""What a run found: one record, written as JSON, read by the terminal's tables and by docs/benchmarks.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, field

from bench.decisions import Decided
from bench.measure import Arrival
from bench.runs import Live, Recovery, Throughput
from bench.systems import SYSTEMS
from bench.turns import Turn


class Agreement(Struct, kw_only=True):
    """How far two systems raised the same alerts: about the same events, by the same rules, over the events both have
    seen."""

    first: str
    second: str
    events: int
    both: int
    only_first: int
    only_second: int
    differing_rules: dict[str, int]


class Report(Struct, kw_only=True):
    """One run of the benchmark."""

    at: str
    machine: dict[str, str]
    versions: dict[str, str]
    quick: bool = False
    minutes: float = 0.0
    again: dict[str, str] = field(default_factory=dict)
    """Phases that were measured in a run of their own, and when: ratios within them are of that run."""
    throughput: list[Throughput] = field(default_factory=list)
    pairs: list[Throughput] = field(default_factory=list)
    live: list[Live] = field(default_factory=list)
    recovery: list[Recovery] = field(default_factory=list)
    scale: list[Throughput] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    agreement: list[Agreement] = field(default_factory=list)
    alerts_by_rule: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def write_report(report: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def read_report(path: Path) -> Report:
    """Raises `msgspec.ValidationError` where the file is no report."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


def compare_alerts(
    arrivals: Mapping[str, list[Arrival]], events: Mapping[str, int]
) -> tuple[list[Agreement], dict[str, dict[str, int]]]:
    """Pairwise agreement of every system with the first, and alerts by rule over the events that all have seen.

    `arrivals`: alerts by system; `events`: how many of the sequence each has been given.
    """
    names: list[str] = [name for name in SYSTEMS if name in arrivals]
    if not names:
        return [], {}
    shared = min(events[name] for name in names)
    found = {name: {(a.rule, a.event_id) for a in arrivals[name] if 0 <= a.number < shared} for name in names}
    by_rule = {name: dict(Counter(rule for rule, _ in sorted(found[name]))) for name in names}
    agreements = []
    for other in names[1:]:
        first, second = found[names[0]], found[other]
        agreements.append(
            Agreement(
                first=names[0],
                second=other,
                events=shared,
                both=len(first & second),
                only_first=len(first - second),
                only_second=len(second - first),
                differing_rules=dict(Counter(rule for rule, _ in sorted(first ^ second))),
            )
        )
    return agreements, by_rule


def again(report: Report, fresh: Report, phases: list[str]) -> Report:
    """A report without what some phases found, ready for them to be measured anew. Raises `ValueError` where it comes
    of another machine or of other versions."""
    if (report.machine, report.versions, report.quick) != (fresh.machine, fresh.versions, fresh.quick):
        raise ValueError("the report is of another machine, of other versions, or of a quick run")
    for phase in phases:
        getattr(report, phase).clear()
        report.again[phase] = fresh.at
    return report
