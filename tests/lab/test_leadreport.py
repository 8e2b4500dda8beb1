"""The report on lead time: rules by what they were right about, the model's scores, the tables and the demo's lines."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from rich.console import Console

from riskwatch.lab.delinquency import DAY_MS, Book, Spell
from riskwatch.lab.exposure import Exposure, held_out
from riskwatch.lab.leadreport import BY_CHANCE, BY_DPD, MODEL, RULES, by_rule, lead_lines, lead_report, lead_table
from riskwatch.scoring.settings import ARREARS, TRANSACTION_FRAUD
from riskwatch.streams.outputs import Alert, Cause, Severity, TrainingExample
from riskwatch.streams.packing import hash64, to_ms

START = datetime(2024, 1, 1, tzinfo=UTC)
BEGIN = to_ms(START)
HELD = [name for name in (f"c{number}" for number in range(200)) if held_out("bank", name)]
OTHERS = [name for name in (f"c{number}" for number in range(200)) if not held_out("bank", name)]


def book(reached: dict[str, int]) -> Book:
    made = Book(told="Days are exact.", begun_late=3)
    for customer in (*HELD, *OTHERS):
        ends = BEGIN + reached.get(customer, 720) * DAY_MS
        made.spells["bank", customer, "l"] = [Spell(begins=BEGIN, ends=ends, reached=customer in reached)]
    return made


def alert(customer: str, day: float, rule: str, severity: Severity = "low", **fields: object) -> Alert:
    made = Alert(
        alert_id=f"{customer}-{day}-{rule}", tenant="bank", customer_id=customer, rule=rule, kind="early-warning",
        severity=severity, subject=customer, reasons=[], features={},
        cause=Cause(partition=0, offset=0, event_id="", event_type="InstalmentOverdue"), policy="p", policy_version="1",
        occurred_at=START + timedelta(days=day), detected_at=START, loan_id="l",
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def example(customer: str, day: float, score: float | None, model: str = ARREARS) -> TrainingExample:
    return TrainingExample(
        example_id=f"{customer}-{day}", model=model, model_version=1, tenant="bank", customer_id=customer, event_id="0",
        occurred_at=START + timedelta(days=day), labelled_at=START, score=score, label=False, names=[], vector=[],
        subject_id=f"{hash64('bank', 'l'):016x}",
    )  # fmt: skip


def test_a_rule_ranks_by_how_often_it_was_right_about_the_development_part() -> None:
    exposure = Exposure(book({OTHERS[0]: 400, HELD[0]: 400}))
    warnings = [
        alert(OTHERS[0], 300, "good"), alert(OTHERS[1], 300, "good"), alert(OTHERS[2], 300, "bad"),
        alert(HELD[0], 300, "bad"), alert(HELD[1], 300, "only-held-out"),
    ]  # fmt: skip
    hits, precision = by_rule(exposure, warnings)
    assert precision == {"bad": 0.0, "good": 0.5}
    assert hits.value.tolist() == [0.5, 0.5, 0.0, 0.0, 0.0]


def test_what_is_no_live_early_warning_is_not_ranked() -> None:
    strange = [alert(HELD[0], 300, "fraud-rule", kind="fraud"), alert(HELD[0], 300, "shadow", shadow=True)]
    report = lead_report(book({HELD[0]: 400}), strange)
    assert report is not None
    assert {row.warned for row in report.rows if row.ranking == RULES} == {0}


def test_persons_held_out_come_first_and_the_model_only_where_it_scored() -> None:
    report = lead_report(
        book({HELD[0]: 400}), [], [example(HELD[0], 300, None), example(HELD[1], 300, 0.5, TRANSACTION_FRAUD)]
    )
    assert report is not None
    assert [row.part for row in report.rows] == ["held out"] * 9 + ["development"] * 9
    assert list(dict.fromkeys(row.ranking for row in report.rows)) == [RULES, BY_DPD, BY_CHANCE]
    assert (report.months, report.begun_late) == (("2024-07", "2025-12"), 3)


def test_the_models_scores_are_ranked_and_all_are_judged_up_to_the_newest_of_them() -> None:
    fallen = dict.fromkeys(HELD[:3], 500) | {HELD[5]: 650}
    scores = [example(name, day, 0.1) for name in OTHERS for day in range(10, 600, 20)]
    scores += [example(name, 450, 0.9) for name in HELD[:3]] + [example(HELD[4], 600, 0.2)]
    report = lead_report(book(fallen), [], scores)
    assert report is not None
    (row,) = [row for row in report.rows if row.ranking == MODEL and row.part == "held out" and row.budget == 0.05]
    assert (row.reached, row.found, row.lead_median) == (3, 3, 50.0)
    assert {each.reached for each in report.rows if each.part == "held out"} == {3}


def test_an_example_that_comes_twice_counts_once_and_one_of_an_unknown_loan_not_at_all() -> None:
    stray = msgspec.structs.replace(example(HELD[0], 450, 0.9), example_id="stray", subject_id="0" * 16)
    scores = [example(HELD[0], 450, 0.9)] * 2 + [stray] + [example(name, 400, 0.1) for name in OTHERS]
    report = lead_report(book({HELD[0]: 500}), [], [*scores, example(HELD[1], 600, 0.01)])
    assert report is not None
    assert [row.found for row in report.rows if row.ranking == MODEL and row.part == "held out"][-1] == 1


def test_the_tables_fit_into_eighty_columns_and_explain_themselves() -> None:
    report = lead_report(book(dict.fromkeys(HELD, 500)), [alert(name, 400, "late") for name in HELD])
    assert report is not None
    out = io.StringIO()
    Console(file=out, width=80, no_color=True).print(lead_table(report))
    text = out.getvalue()
    assert "…" not in text
    assert "persons: held out" in text
    assert "Days are exact." in text
    assert "2024-07 to 2025-12" in text


def test_a_report_goes_into_json_and_comes_back() -> None:
    report = lead_report(book({HELD[0]: 400}), [])
    assert msgspec.json.decode(msgspec.json.encode(report), type=type(report)) == report


def test_nothing_is_told_where_no_loan_was_at_risk() -> None:
    assert lead_report(Book(), []) is None
    assert lead_lines(Book(), []) == []


@pytest.mark.parametrize(("severity", "found"), [("critical", 1), ("low", 0)])
def test_the_demos_lines_rank_warnings_by_severity_and_count_everybody(severity: Severity, found: int) -> None:
    """A hundred and more loans are late; the two or so of 1 % that may be warned of go to the most severe."""
    noise = [alert(name, day, "late", "medium") for name in HELD[5:] for day in range(20, 700, 30)]
    first, *_ = lead_lines(book({HELD[0]: 600}), [alert(HELD[0], 560, "grave", severity), *noise])
    assert first == f"at 1% a month: {found} of 1 loans warned of" + (", 40 days before" if found else "")


def test_no_line_is_told_where_nobody_fell_behind() -> None:
    assert lead_lines(book({}), [alert(HELD[0], 300, "late")]) == []


def test_a_warning_counts_from_the_tick_that_made_it_known() -> None:
    """Something fell due in the past: its third day past due was reached on day 300, and known on day 399."""
    made = alert(
        OTHERS[0], 300, "late", cause=Cause(partition=2, offset=7, event_id="", event_type="InstalmentOverdue")
    )
    tick = to_ms(START + timedelta(days=399))
    exposure = Exposure(book({OTHERS[0]: 400}))
    hits, precision = by_rule(exposure, [made], {(2, 7): tick})
    assert (hits.at.tolist(), precision) == ([tick], {"late": 1.0})
    hits, precision = by_rule(exposure, [made], {(2, 7): tick + 2 * DAY_MS, (1, 7): tick})
    assert (hits.at.tolist(), precision) == ([], {})
