"""The benchmark's arithmetic: rates, latencies, agreement and the page, on numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.job import PLANTED_RULE
from bench.measure import Arrival, latency, steady
from bench.render import render
from bench.report import Report, again, compare_alerts, read_report, write_report
from bench.runs import Live, Recovery, Throughput
from bench.tables import latency_table, recovery_table, scaled_recovery, throughput_table


def planted_at(times: list[float], first: int = 0) -> list[Arrival]:
    """Planted alerts about events `first`, `first + 1`, … that came out at these times, each half a second late."""
    return [Arrival(at, PLANTED_RULE, f"e{first + number:09d}", 0.5) for number, at in enumerate(times)]


def measured(system: str, rate: float) -> Throughput:
    return Throughput(
        system=system, customers=10, records=1_000, seconds=5.0, records_per_second=rate, cpu_us=20.0,
        broker_cpu_us=5.0, peak_bytes=100 * 2**20, dead_letters=1, alerts=9,
    )  # fmt: skip


def live(system: str, *, sustained: bool) -> Live:
    return Live(
        system=system, rate=1_000, seconds=20.0, p50=0.02, p99=0.08, alerts=400, sustained=sustained, behind=0.1,
        cpu_us=50.0, broker_cpu_us=40.0, peak_bytes=1, start_seconds=2.0,
    )  # fmt: skip


def report(**parts: object) -> Report:
    machine = {"processor": "abacus", "cores": "2", "memory": "8 GiB", "system": "Linux 6", "python": "3.11"}
    versions = {"kafka": "4.3.1", "riskwatch": "1", "faust": "2", "quix": "3", "bytewax": "4"}
    return Report(at="2026-01-02T03:04+00:00", machine=machine, versions=versions, **parts)  # type: ignore[arg-type]


def test_a_steady_rate_is_that_of_the_records_after_the_first_tenth() -> None:
    # 100 planted among 1,000 records, one a second: from the 11th to the 100th are 89 alerts, 890 records, 89 s.
    part = steady(planted_at([float(second) for second in range(100)]), 1_000)
    assert (part.start, part.end, part.records) == (10.0, 99.0, 890.0)
    assert part.rate == pytest.approx(10.0)


def test_what_was_introduced_before_does_not_count_in_the_rate() -> None:
    before = planted_at([0.0] * 50)
    after = planted_at([100.0 + second for second in range(20)], first=500)
    assert steady(before + after, 200, skip=500).start == 102.0


def test_too_few_planted_alerts_are_refused() -> None:
    with pytest.raises(ValueError, match="19 planted alerts"):
        steady(planted_at([1.0] * 19), 100)


def test_other_rules_and_sentinels_do_not_count_in_the_rate() -> None:
    noise = [Arrival(0.0, "another", "e000000001", 0.5), Arrival(0.0, PLANTED_RULE, "z000000001", 0.5)]
    assert steady(noise + planted_at([5.0 + second for second in range(20)]), 20).start == 7.0


def arrivals_with(latencies: list[float], end: float) -> list[Arrival]:
    return [Arrival(end, PLANTED_RULE, f"e{number:09d}", each) for number, each in enumerate(latencies)]


def test_latency_quantiles_leave_out_the_warm_up() -> None:
    # At 10/s a warm-up of 1 s leaves out events 0 to 9; the others took 10 to 109 ms.
    slow, rest = [9.0] * 10, [0.01 + number / 1000 for number in range(100)]
    found = latency(arrivals_with(slow + rest, 50.0), rate=10, warm_up=1, planted=range(10, 110), end=50.0)
    assert (found.p50, found.p99, found.alerts) == (pytest.approx(0.059), pytest.approx(0.108), 100)


def test_load_is_sustained_when_all_planted_alerts_came_in_time() -> None:
    assert latency(arrivals_with([0.1] * 20, 5.0), rate=1, warm_up=0, planted=range(20), end=5.0).sustained


def test_a_missing_planted_alert_means_not_sustained() -> None:
    assert not latency(arrivals_with([0.1] * 19, 5.0), rate=1, warm_up=0, planted=range(20), end=5.0).sustained


def test_a_second_behind_at_the_end_means_not_sustained() -> None:
    assert not latency(arrivals_with([1.0] * 20, 5.0), rate=1, warm_up=0, planted=range(20), end=5.0).sustained


def test_no_alerts_at_all_means_not_sustained() -> None:
    found = latency([], rate=1, warm_up=0, planted=[], end=5.0)
    assert (found.sustained, found.behind) == (False, math.inf)


def test_alerts_are_compared_over_the_events_that_all_have_seen() -> None:
    shared, beyond = Arrival(1.0, "a", "e000000003", 0.1), Arrival(1.0, "a", "e000000050", 0.1)
    only = Arrival(1.0, "b", "e000000004", 0.1)
    (found,), by_rule = compare_alerts(
        {"riskwatch": [shared, beyond], "quix": [shared, only]}, {"riskwatch": 100, "quix": 10}
    )
    assert (found.events, found.both, found.only_first, found.only_second) == (10, 1, 0, 1)
    assert found.differing_rules == {"b": 1}
    assert by_rule == {"riskwatch": {"a": 1}, "quix": {"a": 1, "b": 1}}


def test_a_ratio_says_how_many_times_a_peer_riskwatch_is() -> None:
    table = throughput_table(report(throughput=[measured("riskwatch", 30_000.0), measured("quix", 4_000.0)]))
    assert [row[:3] for row in table.rows] == [("riskwatch", "30,000", ""), ("Quix Streams", "4,000", "7.5 ×")]


def test_a_rate_that_is_not_sustained_shows_no_quantiles() -> None:
    row = latency_table(report(live=[live("faust", sustained=False)])).rows[0]
    assert row[:3] == ("plain Faust at 1,000/s", "falls behind", "0.1 s at the end")


def test_a_smaller_recovery_is_scaled_without_its_start() -> None:
    # 12 s, 2 of them the start: 10 s for 100,000 customers, so 50 s and the start for 500,000.
    recovered = Recovery(system="quix", customers=100_000, seconds=12.0, start_seconds=2.0, source="changelog")
    assert scaled_recovery(recovered) == (52.0, 10_000.0)


def test_a_scaled_recovery_is_marked() -> None:
    recovered = Recovery(system="quix", customers=100_000, seconds=12.0, start_seconds=2.0, source="changelog")
    assert recovery_table(report(recovery=[recovered])).rows[0][-1] == "≈ 52.0"


def test_a_report_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    written = report(throughput=[measured("quix", 4_000.0)], live=[live("quix", sustained=True)], failures=["one"])
    write_report(written, tmp_path / "out" / "bench.json")
    assert read_report(tmp_path / "out" / "bench.json") == written


def test_the_page_says_which_targets_are_met() -> None:
    page = render(report(throughput=[measured("riskwatch", 30_000.0), measured("faust", 4_000.0)]))
    assert "| whole way on both processors, records/s | 30,000 or more | 30,000 ✓ |" in page
    assert "| times plain Faust, each at its best | 10 or more | 7.5 ✗ |" in page


def test_phases_are_measured_anew_and_the_page_says_so() -> None:
    before = report(throughput=[measured("riskwatch", 30_000.0)], scale=[measured("riskwatch", 20_000.0)])
    after = again(before, report(), ["scale"])
    assert (len(after.throughput), after.scale, list(after.again)) == (1, [], ["scale"])
    assert "In a run of their own: scale (" in render(after)
    assert "In a run of their own" not in render(report())


def test_a_report_of_another_machine_is_not_added_to() -> None:
    other = report()
    other.machine = {**other.machine, "cores": "64"}
    with pytest.raises(ValueError, match="another machine"):
        again(report(), other, ["scale"])


def test_the_page_tells_what_failed() -> None:
    assert "- Bytewax: no broker" in render(report(failures=["Bytewax: no broker"]))


def test_the_page_warns_where_the_machine_was_not_idle() -> None:
    found = measured("riskwatch", 30_000.0)
    found.others_cores = 1.4
    assert "other programs kept up to 1.4 processors busy" in render(report(throughput=[found]))


def test_the_page_of_an_idle_machine_has_no_warning() -> None:
    assert "not idle" not in render(report(throughput=[measured("riskwatch", 30_000.0)]))


def test_a_recovery_that_failed_is_a_target_missed() -> None:
    recovered = Recovery(system="quix", customers=100_000, seconds=12.0, start_seconds=2.0, source="changelog")
    assert "| recovery, customers/s | 100,000 or more | failed, see below ✗ |" in render(report(recovery=[recovered]))


def test_a_latency_that_is_not_sustained_is_a_target_missed() -> None:
    page = render(report(live=[live("riskwatch", sustained=False)]))
    assert "| p99 at 1,000/s | below 100 ms | falls behind ✗ |" in page


def test_a_page_without_a_run_says_so() -> None:
    assert "Not measured yet" in render(report())


@pytest.mark.parametrize("seconds", [1.0, 5.0, 5.4])
def test_a_recovery_that_hardly_outlasts_a_start_gives_no_rate(seconds: float) -> None:
    # A start took 5 s: below 5.5 s the difference is noise, and a start that was slower than the recovery shows it.
    recovered = Recovery(system="quix", customers=100_000, seconds=seconds, start_seconds=5.0, source="changelog")
    assert scaled_recovery(recovered) is None
    assert "too quick to tell" in recovery_table(report(recovery=[recovered])).rows[0]
