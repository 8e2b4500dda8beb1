"""Runs the whole benchmark: `python -m bench.run [--quick] [--only riskwatch,quix] [--phases live]`.

Every system does the same job on the same broker, one after the other, each alone. A measurement that fails is reported
as failed and the run goes on. The report is written after every measurement, so that a run that is broken off leaves
what it has.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from rich.console import Console

from bench.decisions import decided_backlog, decided_live
from bench.load import STEP_SECONDS, create_topics, delete_topics, publish_backlog, publish_live
from bench.measure import Arrival
from bench.mix import Population
from bench.plan import DEFAULT, QUICK, Plan
from bench.report import Report, again, compare_alerts, read_report, write_report
from bench.runs import Bench, backlog, live, recovery
from bench.show import show
from bench.systems import PACKAGES, SYSTEMS, TITLES, Name
from bench.turns import measure_turns
from riskwatch.lab.kafka import KAFKA_VERSION, KafkaNode

PHASES = ("throughput", "pairs", "live", "recovery", "scale", "decisions", "turns")
PAIR = 2
"""Processes of each system in the phase "pairs": one for each processor, which they share with the broker."""
_BACK_SECONDS = 7 * 86_400
"""Backlogs begin so long before now, and none spans more: no event lies in the future. Nor is one older than the seven
and a half days after which riskwatch labels its predictions and learns from them: learning is no part of the job."""


class Run:
    """One run under way: its ground, its plan, its report, which is saved after each measurement."""

    def __init__(self, bench: Bench, plan: Plan, report: Report, out: Path, console: Console) -> None:
        self.bench, self.plan, self.report, self.out, self.console = bench, plan, report, out, console

    def measure(self, what: str, measurement: Callable[[], str]) -> None:
        """Runs one measurement, tells its result in a line, and notes a failure instead of raising it."""
        began = time.monotonic()
        try:
            result = measurement()
        except Exception as failure:
            self.report.failures.append(f"{what}: {failure}")
            result = f"[red]failed[/red]: {failure}"
        self.console.print(f"  {what:<44} {result} [dim]({time.monotonic() - began:.0f} s)[/dim]", soft_wrap=True)
        write_report(self.report, self.out)

    def throughput(self, systems: list[Name]) -> None:
        arrivals: dict[str, list[Arrival]] = {}
        for system in systems:

            def measured(system: Name = system) -> str:
                population = Population(customers=self.plan.customers)
                found, arrivals[system] = backlog(self.bench, system, "backlog", population, self.plan.backlog[system])
                self.report.throughput.append(found)
                return f"{found.records_per_second:>9,.0f} records/s   {found.cpu_us:.0f} µs of processor a record"

            self.measure(f"{TITLES[system]}: {self.plan.backlog[system]:,} records", measured)
        compared = compare_alerts(arrivals, {str(name): count for name, count in self.plan.backlog.items()})
        self.report.agreement, self.report.alerts_by_rule = compared

    def pairs(self, systems: list[Name]) -> None:
        for system in systems:

            def measured(system: Name = system) -> str:
                population = Population(customers=self.plan.customers)
                records = self.plan.backlog[system]
                found, _ = backlog(self.bench, system, "pair", population, records, processes=PAIR)
                self.report.pairs.append(found)
                return f"{found.records_per_second:>9,.0f} records/s   {found.cpu_us:.0f} µs of processor a record"

            self.measure(f"{TITLES[system]}, {PAIR} processes: {self.plan.backlog[system]:,} records", measured)

    def live(self, systems: list[Name]) -> None:
        for rate in self.plan.live_rates:
            for system in systems:

                def measured(system: Name = system, rate: int = rate) -> str:
                    found = live(
                        self.bench,
                        system,
                        f"live{rate}",
                        Population(customers=self.plan.customers),
                        rate,
                        self.plan.live_seconds,
                    )
                    self.report.live.append(found)
                    if not found.sustained or found.p50 is None or found.p99 is None:
                        return f"not sustained: {found.behind:.1f} s behind at the end"
                    return f"p50 {found.p50 * 1e3:>6.0f} ms   p99 {found.p99 * 1e3:>6.0f} ms   {found.alerts:,} alerts"

                self.measure(f"{TITLES[system]} at {rate:,}/s", measured)

    def recovery(self, systems: list[Name]) -> None:
        for system in systems:

            def measured(system: Name = system) -> str:
                population = Population(customers=self.plan.recovered[system], introduce=True)
                found = recovery(self.bench, system, "recovery", population)
                self.report.recovery.append(found)
                return f"{found.seconds:>7.1f} s from start to work, from {found.source}"

            self.measure(f"{TITLES[system]}: recovery of {self.plan.recovered[system]:,}", measured)

    def scale(self, systems: list[Name]) -> None:
        if "riskwatch" not in systems:
            return
        for customers in self.plan.scale_customers:

            def measured(customers: int = customers) -> str:
                population = Population(customers=customers, introduce=True)
                found, _ = backlog(
                    self.bench,
                    "riskwatch",
                    f"scale{customers}",
                    population,
                    self.plan.scale_records,
                    STEP_SECONDS * self.plan.customers / customers,  # a customer does as much in a day at every size
                )
                self.report.scale.append(found)
                return f"{found.records_per_second:>9,.0f} records/s   {found.cpu_us:.1f} µs of processor a record"

            self.measure(f"riskwatch: {customers:,} customers", measured)

    def decisions(self, systems: list[Name]) -> None:
        if "riskwatch" not in systems:
            return

        def from_backlog() -> str:
            found = decided_backlog(self.bench, self.plan.applications)
            self.report.decisions.append(found)
            return f"{found.per_second:>9,.0f} decisions/s   {found.cpu_us:.0f} µs of processor each"

        def beside_others() -> str:
            rate, others = self.plan.application_rate, self.plan.other_rate
            found = decided_live(self.bench, rate, others, self.plan.live_seconds)
            self.report.decisions.append(found)
            p50, p99 = (found.p50 or 0) * 1e3, (found.p99 or 0) * 1e3
            return f"p50 {p50:>6.0f} ms   p99 {p99:>6.0f} ms   {found.unanswered} unanswered of {found.decisions:,}"

        self.measure(f"riskwatch: {self.plan.applications:,} applications", from_backlog)
        self.measure(f"riskwatch: {self.plan.application_rate}/s beside {self.plan.other_rate:,}/s", beside_others)

    def turns(self, systems: list[Name]) -> None:
        if "riskwatch" not in systems:
            return
        for customers, due in self.plan.turns:

            def measured(customers: int = customers, due: tuple[int, ...] = due) -> str:
                found = measure_turns(self.bench, customers, due)
                self.report.turns += found
                return "   ".join(
                    f"{each.due:,} due: {each.seconds:.2f} s, {each.cpu_us:.0f} µs each" for each in found
                )

            self.measure(f"riskwatch: a day's turn over {customers:,} accounts", measured)


def main() -> None:
    """Runs the benchmark, shows its tables and writes its report."""
    parser = argparse.ArgumentParser(description="Measures riskwatch and its peers doing one job on one Kafka.")
    parser.add_argument("--quick", action="store_true", help="smaller numbers: about 3 minutes, and less exact")
    parser.add_argument("--only", default=",".join(SYSTEMS), help="systems, with commas between: " + ",".join(SYSTEMS))
    parser.add_argument(
        "--phases", default=",".join(PHASES), help="measurements, with commas between: " + ",".join(PHASES)
    )
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), help="where the report goes")
    parser.add_argument("--add", action="store_true", help="measure the phases anew and keep the rest of the report")
    given = parser.parse_args()
    systems = [name for name in SYSTEMS if name in given.only.split(",")]
    phases = [phase for phase in PHASES if phase in given.phases.split(",")]
    if not systems or not phases:
        parser.error("nothing to measure: see --only and --phases")
    console = Console()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="riskwatch-bench-") as folder,
        KafkaNode(Path(folder) / "kafka", heap="1g") as kafka,
    ):
        origin = (time.time() - _BACK_SECONDS) // 3600 * 3600
        bench = Bench(broker=kafka.address, broker_pid=kafka.pid, folder=Path(folder), origin=origin)
        plan = QUICK if given.quick else DEFAULT
        fresh = Report(
            at=datetime.now(UTC).isoformat(timespec="minutes"),
            machine=_machine(),
            versions=_versions(),
            quick=given.quick,
        )
        report = again(read_report(given.out), fresh, phases) if given.add else fresh
        run = Run(bench, plan, report, given.out, console)
        console.print(
            f"[bold]Benchmark[/bold] on Apache Kafka {KAFKA_VERSION}, {os.cpu_count()} cores; warming up the broker"
        )
        _warm(bench, 4 if given.quick else 10)
        for phase in phases:
            console.print(f"[bold]{phase}[/bold]")
            getattr(run, phase)(systems)
        if not given.add:
            report.minutes = (time.monotonic() - began) / 60
        write_report(report, given.out)
    show(report, console)
    console.print(f"[dim]{given.out} holds it all; `python -m bench.render` writes docs/benchmarks.md from it.[/dim]")


def _warm(bench: Bench, seconds: float) -> None:
    """Loads the broker with large and with small requests until its JVM has compiled what they need: the first system
    would pay for it otherwise (measured: 500 µs of broker time a record in its first seconds, 30 µs later)."""
    topic = "bench-warm.events"
    create_topics(bench.broker, [topic])
    population = Population(customers=1_000)
    publish_backlog(bench.broker, topic, population, 100_000, start=bench.origin)
    publish_live(bench.broker, topic, population, 4_000, seconds)
    delete_topics(bench.broker, "bench-warm")


def _machine() -> dict[str, str]:
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _versions() -> dict[str, str]:
    return {"kafka": KAFKA_VERSION, **{system: version(package) for system, package in PACKAGES.items()}}


if __name__ == "__main__":
    main()
