"""The arrears model in the fold: at which entries it scores, what labels come of them, and that no cut matters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from riskwatch.agents.fold import fold
from riskwatch.agents.folded import Program
from riskwatch.agents.partition import Partition, open_partition
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.policy.rules import base_policy, compile_rules
from riskwatch.scoring.inputs import ARREARS_INPUTS
from riskwatch.scoring.labels import PENDING, unpack_predictions
from riskwatch.scoring.linear import LinearModel, encode_model
from riskwatch.scoring.remembered import FALLEN
from riskwatch.scoring.settings import ARREARS
from riskwatch.streams.entry import Kind
from riskwatch.streams.events import (
    AnyEvent,
    Instalment,
    LoanOpened,
    PaymentHolidayGranted,
    RepaymentReceived,
    RepaymentReversed,
)
from riskwatch.streams.outputs import Alert, TrainingExample
from riskwatch.streams.packing import customer_key, hash64, pack_broadcast, pack_entry, pack_tick, to_ms

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FIRST = date(2026, 1, 1)
LAYOUT = compile_layout(FEATURES)
PROGRAM = Program(LAYOUT, compile_rules(base_policy(), LAYOUT.names), {})
Log = list[tuple[bytes | None, bytes]]


def at(day: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


def packed(event: AnyEvent, number: int) -> tuple[bytes, bytes]:
    value = pack_entry(
        event, source_topic=4, source_partition=0, source_offset=number, source_at=1 + number, ingested_at=0,
        zone_of={}, secret=b"k" * 16,
    )  # fmt: skip
    return customer_key(event.tenant, event.customer_id), value


def opened(*dues: int, customer: str = "c") -> LoanOpened:
    lines = [
        Instalment(number=number, due_on=FIRST + timedelta(days=due), amount=100)
        for number, due in enumerate(dues, start=1)
    ]
    return LoanOpened(
        event_id=f"open-{customer}", tenant="bank", customer_id=customer, occurred_at=at(0.5),
        loan_id=f"loan-{customer}",
        product="cash-instalments", principal=300, currency="EUR", schedule=lines,
    )  # fmt: skip


def paid(number: int, on_day: float, amount: int = 100, customer: str = "c") -> RepaymentReceived:
    return RepaymentReceived(
        event_id=f"pay-{customer}-{number}-{on_day}", tenant="bank", customer_id=customer, occurred_at=at(on_day),
        loan_id=f"loan-{customer}", amount=amount, currency="EUR", payment_id=f"pay-{customer}-{number}-{on_day}",
        instalment_number=number,
    )  # fmt: skip


def journal(*events: AnyEvent, days: int) -> Log:
    """The events in order of time, with a tick at every midnight up to a day."""
    told: list[tuple[int, int, tuple[bytes | None, bytes]]] = [
        (to_ms(event.occurred_at), 1, packed(event, number)) for number, event in enumerate(events)
    ]
    told += [(to_ms(at(day)), 0, (None, pack_tick(to_ms(at(day))))) for day in range(days + 1)]
    return [record for _, _, record in sorted(told, key=lambda each: each[:2])]


def folded(log: Log, cuts: tuple[int, ...] = ()) -> tuple[list[TrainingExample], list[Alert], Partition]:
    partition = open_partition(0, MemoryPartition())
    examples: list[TrainingExample] = []
    alerts: list[Alert] = []
    for start, end in pairwise(sorted({0, *(cut for cut in cuts if cut < len(log)), len(log)})):
        part = log[start:end]
        out = fold(PROGRAM, partition, [k for k, _ in part], [v for _, v in part], list(range(start, end)), NOW)
        partition.store.write(out.rows, end)
        out.settle(partition)
        examples += out.examples
        alerts += out.alerts
    return examples, alerts, partition


def labels(examples: list[TrainingExample]) -> list[tuple[float, bool]]:
    """Day and label of each example of the model, in order of time."""
    return [
        ((each.occurred_at - at(0)).total_seconds() / 86_400, each.label) for each in examples if each.model == ARREARS
    ]


def test_a_loan_that_is_thirty_days_past_due_within_sixty_days_is_a_positive() -> None:
    examples, _, _ = folded(journal(opened(10, 200), days=120))
    assert labels(examples) == [(13, True), (25, True)]


def test_a_loan_that_is_paid_before_that_is_a_negative() -> None:
    examples, _, _ = folded(journal(opened(10, 200), paid(1, 39.9), days=120))
    assert labels(examples) == [(13, False), (25, False), (39.9, False)]


def test_one_that_falls_behind_only_after_sixty_days_is_a_negative_where_it_was_said_before() -> None:
    """The second instalment is 30 days past due on day 80: 67 days after the first entry, 55 after the second."""
    examples, _, _ = folded(journal(opened(10, 50, 300), paid(1, 25.5), days=180))
    assert labels(examples)[:3] == [(13, False), (25, True), (25.5, True)]


def test_a_label_comes_at_sixty_days_and_twelve_hours_and_not_before() -> None:
    early, _, _ = folded(journal(opened(10, 200), days=73))
    late, _, _ = folded(journal(opened(10, 200), days=74))
    assert (labels(early), labels(late)) == ([], [(13, True)])
    assert late[0].labelled_at == at(13 + 60.5)


def test_a_tick_that_comes_months_late_labels_by_when_the_loan_fell_behind() -> None:
    log = journal(opened(10, 200), days=14)
    examples, _, _ = folded([*log, (None, pack_tick(to_ms(at(150))))])
    assert labels(examples) == [(13, True)]


def test_a_loan_already_thirty_days_past_due_is_not_scored() -> None:
    """The second instalment is late too, while the first still is."""
    examples, _, _ = folded(journal(opened(10, 45, 300), days=180))
    assert [day for day, _ in labels(examples)] == [13, 25]


def test_a_repayment_in_time_and_in_full_tells_nothing() -> None:
    events = [opened(10, 20, 30, 300), paid(1, 10), paid(2, 19), paid(3, 30, amount=60), paid(3, 31, amount=40)]
    examples, _, _ = folded(journal(*events, days=120))
    assert [day for day, _ in labels(examples)] == [30, 31], "paid in part, then late"


def test_an_example_names_the_loan_and_carries_what_is_known_of_it() -> None:
    examples, _, _ = folded(journal(opened(10, 50, 300), paid(1, 45), days=180))
    at_second = next(each for each in examples if each.occurred_at == at(53))
    known = dict(zip(at_second.names, at_second.vector, strict=True))
    assert at_second.subject_id == f"{hash64('bank', 'loan-c'):016x}"
    assert (known["days_late"], known["loan_arrears_count"], known["loan_late_count"]) == (3, 1, 2)
    assert (known["days_since_loan_arrears"], known["loan_age_days"]) == (13, 43)


def model(weight: float, version: int = 1) -> tuple[None, bytes]:
    """A promoted model that knows only the days late."""
    count = len(ARREARS_INPUTS)
    made = LinearModel(
        name=ARREARS, version=version, inputs=ARREARS_INPUTS, mean=(0.0,) * count, scale=(1.0,) * count,
        weights=(weight, *[0.0] * (count - 1)), intercept=0.0, learned_from=1, created_for_ms=0,
    )  # fmt: skip
    return None, pack_broadcast(Kind.MODEL_PROMOTED, 0, encode_model(made))


def test_the_model_in_force_scores_and_rules_read_the_score() -> None:
    log = journal(opened(10, 200), days=120)
    examples, alerts, _ = folded([model(1.0), *log])
    # log1p(3) is 1.386: 1 / (1 + exp(-1.386)) = 4 / 5.
    assert examples[0].score == pytest.approx(0.8)
    assert examples[0].model_version == 1
    (warned,) = [each for each in alerts if each.rule == "likely-to-fall-behind"]
    assert (warned.occurred_at, warned.loan_id, warned.customer_id) == (at(13), "loan-c", "c")


def test_where_no_model_is_promoted_nothing_is_scored_and_the_rule_is_silent() -> None:
    examples, alerts, _ = folded(journal(opened(10, 200), days=120))
    assert {each.score for each in examples} == {None}
    assert [each for each in alerts if each.rule == "likely-to-fall-behind"] == []


def test_what_is_remembered_of_arrears_is_forgotten_when_no_label_can_ask_for_it() -> None:
    log = journal(opened(10, 400), paid(1, 60), days=200)
    _, _, then = folded(log[:80])
    assert list(then.waiting.fallen.values()) == [(to_ms(at(40)),)]
    _, _, later = folded(log)
    assert later.waiting.fallen == {}
    assert list(later.store.scan(FALLEN)) == []


def test_what_is_remembered_comes_back_from_the_store() -> None:
    _, _, partition = folded(journal(opened(10, 400), days=60))
    again = open_partition(0, partition.store)
    assert again.waiting.fallen == partition.waiting.fallen != {}


def backdated(on_day: float, value_day: int, number: int = 1) -> RepaymentReceived:
    return structs.replace(paid(number, on_day), value_on=FIRST + timedelta(days=value_day))


def test_a_payment_of_before_takes_back_that_the_loan_fell_behind() -> None:
    """Told on day 45, of value day 20: the first instalment was never 30 days past due."""
    examples, _, then = folded(journal(opened(10, 200), backdated(45, 20), days=120))
    assert labels(examples)[:2] == [(13, False), (25, False)]
    assert then.waiting.fallen == {}
    assert list(then.store.scan(FALLEN)) == []


def test_a_payment_holiday_of_before_takes_it_back_too() -> None:
    holiday = PaymentHolidayGranted(
        event_id="holiday", tenant="bank", customer_id="c", occurred_at=at(45), loan_id="loan-c",
        starts_on=FIRST + timedelta(days=5), ends_on=FIRST + timedelta(days=100),
    )  # fmt: skip
    _, _, then = folded(journal(opened(10, 200), holiday, days=60))
    assert then.waiting.fallen == {}


@pytest.mark.parametrize("payment", [paid(1, 45), backdated(45, 40)], ids=["of today", "of the thirtieth day"])
def test_a_payment_that_comes_after_the_loan_fell_behind_takes_nothing_back(payment: RepaymentReceived) -> None:
    examples, _, _ = folded(journal(opened(10, 200), payment, days=120))
    assert labels(examples)[:2] == [(13, True), (25, True)]


def test_only_the_instant_that_was_not_true_is_taken_back() -> None:
    """The second instalment came to be 30 days past due on day 45, the first never did."""
    _, _, then = folded(journal(opened(10, 15, 200), backdated(50, 20), days=60))
    assert list(then.waiting.fallen.values()) == [(to_ms(at(45)),)]


def test_an_instant_that_another_instalment_says_too_stays() -> None:
    _, _, then = folded(journal(opened(10, 10, 200), backdated(50, 20), days=60))
    assert list(then.waiting.fallen.values()) == [(to_ms(at(40)),)]


def test_another_loans_fall_is_not_taken_back() -> None:
    other = opened(10, 200, customer="d")
    _, _, then = folded(journal(opened(10, 200), other, backdated(45, 20), days=60))
    assert list(then.waiting.fallen) == [hash64("bank", "loan-d")]


def test_a_fall_that_is_true_again_counts_again() -> None:
    """The payment that took it back is taken back in its turn."""
    payment = backdated(45, 20)
    back = RepaymentReversed(
        event_id="back", tenant="bank", customer_id="c", occurred_at=at(50), loan_id="loan-c",
        payment_id=payment.payment_id, amount=100, currency="EUR",
    )  # fmt: skip
    examples, _, _ = folded(journal(opened(10, 200), payment, back, days=120))
    assert labels(examples)[:2] == [(13, True), (25, True)]


@pytest.mark.parametrize("stored", ["the partition's rows alone", "everything"])
def test_a_batch_that_comes_again_after_a_crash_takes_back_the_same(stored: str) -> None:
    log = journal(opened(10, 15, 200), backdated(50, 20), days=120)
    cut = next(place for place, (_, value) in enumerate(log) if value == pack_tick(to_ms(at(38))))
    _, _, before = folded(log[:cut])
    part, places = log[cut:], list(range(cut, len(log)))
    out = fold(PROGRAM, before, [k for k, _ in part], [v for _, v in part], places, NOW)
    before.store.write([row for row in out.rows if stored == "everything" or row[0].startswith(FALLEN)], cut)
    again = open_partition(0, before.store)
    out = fold(PROGRAM, again, [k for k, _ in part], [v for _, v in part], places, NOW)
    again.store.write(out.rows, len(log))
    out.settle(again)
    assert again.waiting.fallen == folded(log)[2].waiting.fallen == {hash64("bank", "loan-c"): (to_ms(at(45)),)}
    assert open_partition(0, again.store).waiting.fallen == again.waiting.fallen


LIVES = [
    event
    for number, pays in enumerate([(), (12.0,), (24.0, 90.5), (45.0,), (9.0, 41.0, 130.0)])
    for event in (
        opened(10, 40, 100, customer=f"c{number}"),
        *(paid(part, on_day, customer=f"c{number}") for part, on_day in enumerate(pays, start=1)),
    )
]
LIVES += [opened(10, 15, 200), backdated(50, 20)]
WHOLE = [model(0.5), *journal(*LIVES, days=240)]
WHOLE[90:90] = [model(1.5, version=2)]


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, len(WHOLE) - 1), max_size=8))
def test_examples_and_alerts_are_the_same_however_the_journal_is_cut(cuts: list[int]) -> None:
    def told(cut: tuple[int, ...]) -> tuple[list[TrainingExample], list[Alert], dict[bytes, bytes], set[int]]:
        examples, alerts, partition = folded(WHOLE, cut)
        rows = {key: value[8:] for key, value in partition.store.scan(FALLEN)}
        waiting = {
            int(event)
            for _, value in partition.store.scan(PENDING)
            for event in unpack_predictions(value[8:]).rows["event"]
        }
        return sorted(examples, key=lambda each: each.example_id), alerts, rows, waiting

    assert told(tuple(cuts)) == told(())


def test_what_is_known_only_when_the_loan_is_thirty_days_past_due_is_not_scored() -> None:
    """The loan comes late: on day 41 its first instalment is 31 days past due, and every step of it is news at once."""
    late = structs.replace(opened(10, 200), occurred_at=at(40.5))
    examples, _, _ = folded([*journal(late, days=150)])
    assert labels(examples) == []
