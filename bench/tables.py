"""A report as tables of words: the same for the terminal and for docs/benchmarks.md. Ratios are taken within the one
run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from bench.plan import RECOVERY_OF
from bench.report import Report
from bench.runs import Recovery, Throughput
from bench.systems import TITLES

MARK = "≈"
_LEAST_SECONDS, _LEAST_SHARE = 0.5, 0.1
"""What a recovery must take beyond a start, in seconds and as a share of it, for their difference to say anything."""


class Table(Struct, frozen=True):
    """Cells as text; the first column is words, the others are numbers."""

    title: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str


def throughput_table(report: Report) -> Table:
    return _throughput("Throughput on a backlog", report.throughput, "One process each.")


def pairs_table(report: Report) -> Table:
    return _throughput(
        "Throughput on a backlog, both processors", report.pairs, "Two processes each, on the processors of the broker."
    )


def _throughput(title: str, measured: Sequence[Throughput], note: str) -> Table:
    own = next((each.records_per_second for each in measured if each.system == "riskwatch"), None)
    rows = []
    for each in measured:
        ratio = "" if own is None or each.system == "riskwatch" else f"{own / each.records_per_second:.1f} ×"
        rows.append(
            (
                _title(each.system),
                f"{each.records_per_second:,.0f}",
                ratio,
                f"{each.cpu_us:,.0f}",
                f"{each.broker_cpu_us:,.0f}",
                f"{each.peak_bytes / 2**20:,.0f}",
                f"{each.records:,}",
                f"{each.seconds:.1f}",
            )
        )
    return Table(
        title,
        (
            "system",
            "records/s",
            "riskwatch is",
            "CPU µs a record",
            "broker's CPU µs",
            "peak MiB",
            "records",
            "steady s",
        ),
        rows,
        f"{note} The steady part: from a tenth of the planted alerts to the last. CPU: user and system time.",
    )


def latency_table(report: Report) -> Table:
    rows = []
    for each in sorted(report.live, key=lambda each: each.rate):
        if each.sustained:
            times = (_ms(each.p50), _ms(each.p99))
        else:
            times = ("falls behind", f"{each.behind:.1f} s at the end")
        name = f"{_title(each.system)} at {each.rate:,}/s"
        rows.append((name, *times, f"{each.alerts:,}", f"{each.cpu_us:,.0f}", f"{each.broker_cpu_us:,.0f}"))
    return Table(
        "From occurrence to the alert on the alert topic",
        ("system and rate", "p50 ms", "p99 ms", "alerts", "CPU µs a record", "broker's CPU µs"),
        rows,
        "Clock of the alerts' reader minus `occurred_at`, which the load generator sets as it sends. `falls behind`: a"
        " second or more behind when the load ends, or a planted alert not out 3 s later.",
    )


def recovery_table(report: Report) -> Table:
    rows = []
    for each in report.recovery:
        scaled = scaled_recovery(each)
        mark = "" if each.customers >= RECOVERY_OF else MARK + " "
        rate, whole = ("too quick to tell", "") if scaled is None else (f"{scaled[1]:,.0f}", f"{mark}{scaled[0]:,.1f}")
        times = (f"{each.customers:,}", f"{each.seconds:.1f}", f"{each.start_seconds:.1f}")
        rows.append((_title(each.system), each.source, *times, rate, whole))
    return Table(
        f"Recovery of {RECOVERY_OF:,} customers on an empty disk",
        (
            "system",
            "restored from",
            "customers",
            "seconds",
            "of it start",
            "customers/s",
            f"seconds for {RECOVERY_OF:,}",
        ),
        rows,
        f"From the start of the process until an event waiting in every partition has become an alert. {MARK}: scaled"
        " from the smaller number of customers measured.",
    )


def scale_table(report: Report) -> Table:
    first = report.scale[0].cpu_us if report.scale else 1.0
    rows = [
        (
            f"{each.customers:,}",
            f"{each.records_per_second:,.0f}",
            f"{each.cpu_us:.1f}",
            f"{each.cpu_us / first:.2f}",
            f"{each.peak_bytes / 2**20:,.0f}",
        )
        for each in report.scale
    ]
    return Table(
        "riskwatch: cost of a record by number of customers",
        ("customers", "records/s", "CPU µs a record", "relative", "peak MiB"),
        rows,
        "Every customer exists before the measured records begin, and does as much in a day at every size.",
    )


def turns_table(report: Report) -> Table:
    rows = [
        (
            f"{each.customers:,}",
            f"{each.due:,}",
            f"{each.looked:,}",
            f"{each.seconds:.2f}",
            f"{each.cpu_us:,.0f}",
            f"{each.records:,}",
        )
        for each in report.turns
    ]
    return Table(
        "riskwatch: a day's turn",
        ("accounts", "overdue by it", "looked at", "s", "CPU µs an account looked at", "records out"),
        rows,
        "From the tick that ends a due day until its effects are out, durable and committed. No message comes: accounts"
        " are found by their next look. Looked at are also accounts of earlier turns that collections follow.",
    )


def decisions_table(report: Report) -> Table:
    rows = []
    for each in report.decisions:
        live = each.what == "live"
        name = f"{each.rate}/s beside {each.others:,} other events/s" if live else "a backlog, all answered"
        rows.append(
            (
                name,
                f"{each.per_second:,.0f}",
                _ms(each.p50),
                _ms(each.p99),
                _ms(each.slowest),
                f"{each.unanswered:,} of {each.decisions:,}",
                f"{each.cpu_us:,.0f}",
                f"{each.peak_bytes / 2**20:,.0f}",
            )
        )
    return Table(
        "riskwatch: decisions on applications",
        ("applications", "decisions/s", "p50 ms", "p99 ms", "slowest ms", "unanswered", "CPU µs a record", "peak MiB"),
        rows,
        "One worker with everything turned on: each application asks about its device, phone, card, e-mail, address,"
        " ip, network and merchant, and waits for the answers. Clock of the decisions' reader minus `occurred_at`.",
    )


def agreement_table(report: Report) -> Table:
    rows = [
        (
            f"{_title(each.first)} and {_title(each.second)}",
            f"{each.events:,}",
            f"{each.both:,}",
            f"{each.only_first:,}",
            f"{each.only_second:,}",
            ", ".join(f"{rule} {count}" for rule, count in each.differing_rules.items()) or "none",
        )
        for each in report.agreement
    ]
    return Table(
        "Do the systems raise the same alerts?",
        ("systems", "events", "alerts of both", "only the first's", "only the second's", "rules that differ"),
        rows,
        "Alerts compared one by one, by rule and event, over the events that all systems were given.",
    )


TABLES: tuple[Callable[[Report], Table], ...] = (
    throughput_table,
    pairs_table,
    latency_table,
    recovery_table,
    scale_table,
    decisions_table,
    turns_table,
    agreement_table,
)


def scaled_recovery(recovery: Recovery) -> tuple[float, float] | None:
    """Seconds for `RECOVERY_OF` customers, start included, and customers restored a second.

    None where restoring took hardly longer than a start does: then the difference of the two is noise, not a rate.
    """
    restoring = recovery.seconds - recovery.start_seconds
    if restoring < max(_LEAST_SECONDS, _LEAST_SHARE * recovery.start_seconds):
        return None
    return recovery.start_seconds + restoring * RECOVERY_OF / recovery.customers, recovery.customers / restoring


def _title(system: str) -> str:
    return TITLES.get(system, system)  # type: ignore[call-overload, no-any-return]


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.0f}"
