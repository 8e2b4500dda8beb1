"""Backtests on journals whose changes are worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from replayed import APPLICATIONS, CANDIDATE, LAYOUT, PROGRAM, START, applied, day, decisions, entry, journal

from riskwatch.lab.backtest import Backtest, Entry, Report, UnorderedJournal
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingfile import load_lending, packaged_lending
from riskwatch.policy.publication import Publication
from riskwatch.policy.rules import RuleSet, compile_rules, load_policy
from riskwatch.streams import events


@pytest.fixture
def careful(tmp_path: Path) -> LendingPolicy:
    return lending(tmp_path, CANDIDATE)


def lending(folder: Path, text: str) -> LendingPolicy:
    file = folder / "candidate.toml"
    file.write_text(text, encoding="utf-8")
    return load_lending(file)


def replayed(
    candidate: LendingPolicy | RuleSet, entries: list[Entry] = APPLICATIONS, *cuts: int, recorded: Any = (),
    program: Any = PROGRAM, **span: datetime,
) -> Report:  # fmt: skip
    backtest = Backtest(program, candidate, **span)
    for each in recorded:
        backtest.record(each)
    bounds = [0, *cuts, len(entries)]
    for first, last in pairwise(bounds):
        backtest.take(0, entries[first:last])
    return backtest.report()


def test_a_candidate_s_changes_are_those_worked_out_by_hand(careful: LendingPolicy) -> None:
    report = replayed(careful)
    found = report.decisions
    assert found is not None
    assert (report.candidate, report.place) == ("careful", ("*", "cash-instalments", "CNY"))
    assert (found.decisions, found.changed, found.customers, found.touched, found.share) == (5, 3, 4, 2, 0.5)
    assert [(each.before, each.after, each.decisions) for each in found.outcomes] == [("approve", "decline", 1)]
    assert [(each.after, each.decisions) for each in found.reasons] == [("too-much", 1)]
    # c1 loses 1,000,000 of the limit twice, c2 all 10,000,000; both of c1's rates fall by 0.9 points.
    assert (found.limit.differ, found.limit.sum, found.limit.median) == (3, -12_000_000.0, -1_000_000.0)
    assert (found.rate.differ, found.rate.median) == (2, -0.009)


def test_an_example_of_a_change_is_the_id_of_the_decision_as_it_was(careful: LendingPolicy) -> None:
    report = replayed(careful)
    assert report.decisions is not None
    (moved,) = report.decisions.outcomes
    assert moved.examples == (decisions(APPLICATIONS)[1].decision_id,)


@pytest.mark.parametrize("cuts", [(1,), (2, 4), (1, 2, 3, 4, 5)])
def test_a_report_does_not_depend_on_batches(careful: LendingPolicy, cuts: tuple[int, ...]) -> None:
    assert replayed(careful, APPLICATIONS, *cuts) == replayed(careful)


def test_the_policy_that_decides_already_changes_nothing() -> None:
    found = replayed(packaged_lending("cash-instalments")).decisions
    assert found is not None
    assert (found.decisions, found.changed, found.share) == (5, 0, 0.0)


def test_only_what_happened_within_the_span_is_compared(careful: LendingPolicy) -> None:
    found = replayed(careful, since=day(1), until=day(40)).decisions
    assert found is not None
    assert (found.decisions, found.touched, found.customers) == (3, 1, 3)  # c2, c3, c4
    edge = replayed(careful, since=day(1) + timedelta(milliseconds=1), until=day(40)).decisions
    assert edge is not None
    assert edge.decisions == 2


def test_a_candidate_for_everybody_does_not_touch_who_has_a_policy_of_its_own(careful: LendingPolicy) -> None:
    own = msgspec.convert(msgspec.to_builtins(packaged_lending("cash-instalments")) | {"tenant": "bank"}, LendingPolicy)
    published = Publication(
        version=own.version, policy=own, in_force_from=day(0.5), published_at=day(0.5), published_by="ann", reason="r"
    )
    first, second, *_ = APPLICATIONS
    entries = journal(applied("c1"), published, applied("c2", 1, amount=6_000_000))
    found = replayed(careful, entries).decisions
    assert found is not None
    assert (found.decisions, found.outcomes) == (1, ())  # c1, before the institution had its own
    assert (first[2], second[1]) == (entries[0][2], entries[2][1])


def test_a_candidate_takes_the_place_of_what_was_published_live(careful: LendingPolicy, tmp_path: Path) -> None:
    stern = lending(tmp_path, CANDIDATE.replace("5_000_000", "0").replace("careful", "stern"))
    published = Publication(
        version=stern.version, policy=stern, in_force_from=day(0.5), published_at=day(0.5), published_by="a", reason="r"
    )
    entries = journal(applied("c1"), published, applied("c2", 1), applied("c3", 2, amount=6_000_000))
    found = replayed(careful, entries).decisions
    assert found is not None
    # c1 stays approved, c2 was declined by the published one, c3 is declined by both.
    assert [(each.before, each.after, each.decisions) for each in found.outcomes] == [("decline", "approve", 1)]


def test_a_candidate_for_what_nothing_decided_touches_everybody(tmp_path: Path) -> None:
    euros = lending(tmp_path, CANDIDATE + '\n[lending]\ncurrency = "EUR"\n')
    found = replayed(euros, journal(applied("c1", currency="EUR"), applied("c2", 1))).decisions
    assert found is not None
    assert [(each.before, each.after) for each in found.outcomes] == [("none", "approve")]
    assert (found.decisions, found.share) == (1, 1.0)


def test_what_was_recorded_is_what_is_decided_again(careful: LendingPolicy) -> None:
    recorded = decisions(APPLICATIONS)
    report = replayed(careful, recorded=recorded)
    assert (len(recorded), report.recorded.known, report.recorded.compared, report.recorded.differ) == (6, 6, 6, 0)


def test_a_recorded_decision_that_differs_is_told(careful: LendingPolicy) -> None:
    recorded = decisions(APPLICATIONS)
    report = replayed(careful, recorded=[replace(recorded[0], limit=1), *recorded[1:4]])
    assert (report.recorded.known, report.recorded.compared, report.recorded.differ) == (4, 4, 1)
    assert report.recorded.examples == (recorded[0].decision_id,)


def test_a_recorded_decision_whose_application_is_not_in_the_journal_is_not_compared(careful: LendingPolicy) -> None:
    other = replace(decisions(APPLICATIONS)[0], decision_id="0" * 32)
    report = replayed(careful, recorded=[other])
    assert (report.recorded.known, report.recorded.compared) == (1, 0)


def test_an_entry_that_cannot_be_folded_is_counted_and_the_others_are_compared(careful: LendingPolicy) -> None:
    bad: list[Entry] = [(6, b"bank/c9", b"\x00" * 10), (7, b"bank/c9", None)]
    report = replayed(careful, [*APPLICATIONS, *bad, entry(applied("c6", 42), 8)])
    assert report.decisions is not None
    assert (report.entries, report.unread, report.decisions.decisions) == (9, 2, 6)


def test_a_journal_without_its_beginning_is_told(careful: LendingPolicy) -> None:
    assert replayed(careful).cut == ()
    assert replayed(careful, APPLICATIONS[1:]).cut == (0,)


def test_partitions_are_folded_each_for_itself(careful: LendingPolicy) -> None:
    backtest = Backtest(PROGRAM, careful)
    backtest.take(0, APPLICATIONS[:1])
    backtest.take(3, [entry(applied("c7"), 0)])
    found = backtest.report().decisions
    assert found is not None
    assert (found.decisions, found.customers) == (2, 2)


def test_a_journal_out_of_order_is_refused(careful: LendingPolicy) -> None:
    backtest = Backtest(PROGRAM, careful)
    backtest.take(0, APPLICATIONS[:2])
    with pytest.raises(UnorderedJournal, match="offset 1 of partition 0 comes after 1"):
        backtest.take(0, APPLICATIONS[1:])
    backtest.take(1, [entry(applied("c7"), 0)])
    with pytest.raises(UnorderedJournal, match="partition 0 of the journal comes again"):
        backtest.take(0, APPLICATIONS[2:])


# ------------------------------------------------------------------------------------------------------- rules

RULES = """\
name = "ours"
[rules.burst]
description = "Failed logins in a row."
on = ["LoginFailed"]
when = "login_failed_count_10m >= {count}"
severity = "medium"
output = "fraud"
reason = "many"
cooldown = "1h"
[rules.large]
description = "A large purchase."
on = ["PurchaseMade"]
when = "amount > 500_000"
severity = "low"
output = "fraud"
reason = "large"
cooldown = "1h"
shadow = {shadow}
"""


def rules(folder: Path, count: int, shadow: str) -> RuleSet:
    file = folder / "rules.toml"
    file.write_text(RULES.format(count=count, shadow=shadow))
    return compile_rules(load_policy(file, LAYOUT.names), LAYOUT.names)


def failed(customer: str, number: int) -> events.LoginFailed:
    return events.LoginFailed(
        event_id=f"f-{customer}-{number}", tenant="bank", customer_id=customer,
        occurred_at=START + timedelta(minutes=number), reason="wrong-password", channel="app",
    )  # fmt: skip


LOGINS = [failed("c1", 1), failed("c1", 2), failed("c1", 3), failed("c2", 4), failed("c2", 5), failed("c4", 7)]
BOUGHT = events.PurchaseMade(
    event_id="p1", tenant="bank", customer_id="c3", occurred_at=START + timedelta(minutes=6), amount=900_000,
    currency="CNY",
)  # fmt: skip


@pytest.mark.parametrize("cuts", [(), (3,), (1, 2, 3, 4, 5, 6)])
def test_alerts_gained_and_lost_are_those_worked_out_by_hand(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    from dataclasses import replace as changed

    program = changed(PROGRAM, rules=rules(tmp_path, 3, "false"))
    entries = [entry(each, offset, source=1) for offset, each in enumerate([*LOGINS, BOUGHT])]
    report = replayed(rules(tmp_path, 2, "true"), entries, *cuts, program=program)
    found = report.alerts
    assert found is not None
    # As it was: c1 at the third login, c3. The candidate: c1 and c2 at their second login, and in shadow c3.
    burst, large = found.rules
    assert (burst.rule, burst.gained, burst.lost) == ("burst", 2, 1)
    assert (large.rule, large.gained, large.lost) == ("large", 0, 1)
    assert (found.alerts, found.same, found.customers, found.touched, report.share) == (2, 0, 4, 3, 0.75)
    assert report.decisions is None


def test_alerts_of_the_same_rules_stay(tmp_path: Path) -> None:
    from dataclasses import replace as changed

    program = changed(PROGRAM, rules=rules(tmp_path, 3, "false"))
    entries = [entry(each, offset, source=1) for offset, each in enumerate([*LOGINS, BOUGHT])]
    found = replayed(rules(tmp_path, 3, "false"), entries, program=program, since=START + timedelta(minutes=6)).alerts
    assert found is not None
    assert (found.alerts, found.same, found.rules, found.customers) == (1, 1, (), 2)  # c3 and c4
