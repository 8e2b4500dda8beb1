"""Writes docs/benchmarks.md from a report: `python -m bench.render [REPORT]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.job import RULES
from bench.report import Report, read_report
from bench.tables import TABLES, Table, scaled_recovery

_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

_IDLE_CORES = 0.15
"""What an idle machine and the kernel may use beside the benchmark."""

_HEAD = """# Benchmarks

<!-- Written by `python -m bench.render` from the report of `make bench`; edit bench/render.py, not this page. -->

One job, done by riskwatch and by three Python stream processors, on the same Apache Kafka, one after the other in one
run: take the events of customers (logins, devices, purchases, repayments, applications: JSON, about 300 bytes), refuse
what is not valid, bring at least 60 rolling features of the customer up to date, judge {rules} rules, keep the state
durably, publish alerts with their reasons. What each system is given, how each is written and set, and what is not
compared: [bench/README.md](../bench/README.md).

{run}
"""

_REPEAT = """## How to repeat it

```
make bench                                # everything, under 30 minutes
python -m bench.run --quick               # smaller numbers, about 3 minutes
python -m bench.run --only riskwatch,quix --phases throughput,live
python -m bench.render                    # this page, from out/bench.json
```

It needs Java 17 and, the first time, Maven (for Kafka's jars). Nothing else should run on the machine: its cores hold
the broker, the load generator and the system alike, as they would in a small deployment, so any other load shows.
"""


def render(report: Report) -> str:
    """The page."""
    parts = [_HEAD.format(rules=len(RULES), run=_run(report)), _targets(report)]
    for table_of in TABLES:
        table = table_of(report)
        if table.rows:
            parts.append(_markdown(table))
    if report.failures:
        parts.append("## What failed\n\n" + "".join(f"- {failure.splitlines()[0]}\n" for failure in report.failures))
    parts.append(_REPEAT)
    return "\n".join(parts)


def _run(report: Report) -> str:
    machine, versions = report.machine, report.versions
    kind = " A quick run: less exact." if report.quick else ""
    if not report.throughput:
        return "Not measured yet: `make bench`, on a machine with nothing else to do, then `python -m bench.render`."
    return (
        f"Measured {report.at[:10]} {_duration(report)} on {machine['cores']} cores"
        f" ({machine['processor']}), {machine['memory']}, {machine['system']}, Python {machine['python']}:"
        f" Apache Kafka {versions['kafka']}, riskwatch {versions['riskwatch']}, faust-streaming {versions['faust']},"
        f" Quix Streams {versions['quix']}, Bytewax {versions['bytewax']}.{kind}{_apart(report)}{_others(report)}"
    )


def _apart(report: Report) -> str:
    if not report.again:
        return ""
    return f" In a run of their own: {', '.join(f'{phase} ({at})' for phase, at in report.again.items())}."


def _others(report: Report) -> str:
    """A warning where the machine was not the benchmark's alone."""
    busy = max((each.others_cores for each in report.throughput), default=0.0)
    if busy < _IDLE_CORES:
        return ""
    return (
        f" **The machine was not idle: other programs kept up to {busy:.1f} processors busy. These numbers say that the"
        " benchmark runs, and nothing about speed.**"
    )


def _duration(report: Report) -> str:
    if report.minutes:
        return f"in {report.minutes:.0f} minutes"
    return "in a run that was broken off (what is missing below was not measured)"


def _targets(report: Report) -> str:
    """What riskwatch set out to reach, beside what it reached."""
    rows: list[tuple[str, str, str]] = []
    speeds = best_speeds(report)
    own = speeds.pop("riskwatch", None)
    if own is not None:
        rows.append(_target("whole way on both processors, records/s", "30,000 or more", f"{own:,.0f}", own >= 30_000))
        if speeds:
            best = own / max(speeds.values())
            rows.append(_target("times the best peer, each at its best", "5 or more", f"{best:.1f}", best >= 5))
        if "faust" in speeds:
            faust = own / speeds["faust"]
            rows.append(_target("times plain Faust, each at its best", "10 or more", f"{faust:.1f}", faust >= 10))
    first = next((each for each in report.live if each.system == "riskwatch" and each.rate == 1_000), None)
    if first is not None:
        told = _ms(first.p99) if first.sustained else "falls behind"
        met = first.sustained and first.p99 is not None and first.p99 < 0.1
        rows.append(_target("p99 at 1,000/s", "below 100 ms", told, met))
    recovered = next((each for each in report.recovery if each.system == "riskwatch"), None)
    if recovered is not None:
        scaled = scaled_recovery(recovered)
        told, met = ("too quick to tell", False) if scaled is None else (f"{scaled[1]:,.0f}", scaled[1] >= 100_000)
        rows.append(_target("recovery, customers/s", "100,000 or more", told, met))
    elif report.recovery:
        rows.append(_target("recovery, customers/s", "100,000 or more", "failed, see below", False))
    if len(report.scale) > 1:
        costs = [each.cpu_us for each in report.scale]
        spread = max(costs) / min(costs)
        span = f"{report.scale[0].customers:,} to {report.scale[-1].customers:,}"
        rows.append(
            _target(
                f"cost of a record, {span} customers",
                "within a fifth",
                f"{(spread - 1) * 100:.0f}% apart",
                spread <= 1.2,
            )
        )
    beside = next((each for each in report.decisions if each.what == "live"), None)
    if beside is not None:
        met = beside.p99 is not None and beside.p99 < 0.25
        what = f"p99 from application to decision, {beside.rate}/s beside {beside.others:,}/s"
        rows.append(_target(what, "below 250 ms", _ms(beside.p99), met))
    return _markdown(Table("Targets", ("riskwatch", "target", "measured"), list(rows), "")) if rows else ""


def best_speeds(report: Report) -> dict[str, float]:
    """Records a second of each system with one process or two, whichever is faster."""
    speeds: dict[str, float] = {}
    for each in (*report.throughput, *report.pairs):
        speeds[each.system] = max(speeds.get(each.system, 0.0), each.records_per_second)
    return speeds


def _ms(seconds: float | None) -> str:
    return "no alerts" if seconds is None else f"{seconds * 1000:.0f} ms"


def _target(what: str, target: str, measured: str, met: bool) -> tuple[str, str, str]:
    return what, target, f"{measured} {'✓' if met else '✗'}"


def _markdown(table: Table) -> str:
    lines = [f"## {table.title}", "", _row(table.headers), _row(("---", *("---:" for _ in table.headers[1:])))]
    lines += [_row(row) for row in table.rows]
    return "\n".join(lines) + "\n" + (f"\n{table.note}\n" if table.note else "")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, nargs="?", default=Path("out/bench.json"))
    parser.add_argument("--out", type=Path, default=_PAGE)
    given = parser.parse_args()
    given.out.write_text(render(read_report(given.report)))


if __name__ == "__main__":
    main()
