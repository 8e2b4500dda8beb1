"""The simulated collections floor, the storyline that its answers go into, and the stages that loans are told in."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console

from riskwatch.lab.floor import NEVER_DONE, OUTCOMES, Debt, Floor
from riskwatch.lab.people import HOUR
from riskwatch.lab.stages import STAGES, Stages, month_table, stage_line
from riskwatch.lab.storyline import Storyline
from riskwatch.lab.telling import MORNING as CUT
from riskwatch.lab.telling import SHIFT, Stop, stops, timetable
from riskwatch.streams.codec import decode_event, encode_event
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.events import AnyEvent, ContactMade, LoginSucceeded, PromiseMade, RepaymentReceived
from riskwatch.streams.packing import from_ms, to_ms

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2025, 3, 10, 8, tzinfo=SHANGHAI)
NOW = to_ms(MORNING) + 4 * HOUR


def action(number: int, channel: str = "phone", **changes) -> CollectionAction:
    made = CollectionAction(
        action_id=f"a{number}",
        tenant="harbour-finance",
        customer_id="c",
        loan_id=f"loan-{number}",
        stage="firm",
        treatment="call",
        channel=channel,  # type: ignore[arg-type]
        priority=1,
        due_at=MORNING,
        expires_at=MORNING + timedelta(hours=12),
        script="s",
        reasons=[],
        policy="p",
        policy_version="1",
        rules="cn",
        rules_version="1",
        decided_at=MORNING,
    )
    return replace(made, **changes)


def floor(keep: frozenset[str] = frozenset()) -> Floor:
    return Floor(3, {"harbour-finance": SHANGHAI}, keep)


def worked(ordered: list[CollectionAction], keep: frozenset[str] = frozenset(), now_ms: int = NOW) -> list[AnyEvent]:
    made = floor(keep)
    for each in ordered:
        made.hear(each)
        made.owes((each.tenant, each.loan_id), Debt("CNY", 50_000))
    done = made.work(now_ms)
    assert all(at == to_ms(event.occurred_at) for at, event in done)
    return [event for _, event in done]


def test_a_contact_is_made_within_the_time_of_its_action_and_names_it() -> None:
    ordered = [action(number) for number in range(200)]
    made = [event for event in worked(ordered) if isinstance(event, ContactMade)]
    assert {event.action_id for event in made} <= {each.action_id for each in ordered}
    assert all(from_ms(NOW) <= event.occurred_at < ordered[0].expires_at for event in made)
    assert abs(len(made) - 200 * (1 - NEVER_DONE)) < 25


def test_what_is_answered_is_the_same_in_any_order_and_another_with_another_seed() -> None:
    ordered = [action(number) for number in range(50)]
    one, other = worked(ordered), worked(ordered[::-1])
    assert sorted(one, key=lambda event: event.event_id) == sorted(other, key=lambda event: event.event_id)
    stranger = Floor(4, {"harbour-finance": SHANGHAI}, ())
    for each in ordered:
        stranger.hear(each)
    assert [event for _, event in stranger.work(NOW)] != one


@pytest.mark.parametrize("channel", sorted(OUTCOMES))
def test_outcomes_suit_their_channel(channel: str) -> None:
    made = [event for event in worked([action(n, channel) for n in range(300)]) if isinstance(event, ContactMade)]
    assert {event.channel for event in made} == {channel}
    assert {event.outcome for event in made} == set(OUTCOMES[channel])


def test_a_promise_is_made_in_a_contact_and_kept_where_the_customer_keeps_promises() -> None:
    ordered = [action(number) for number in range(200)]
    keep = frozenset(f"loan-{number}" for number in range(100))
    told = worked(ordered, keep)
    promised = {event.loan_id: event for event in told if isinstance(event, PromiseMade)}
    paid = {event.loan_id: event for event in told if isinstance(event, RepaymentReceived)}
    asked = {event.loan_id for event in told if isinstance(event, ContactMade) and event.outcome == "promised"}
    assert promised.keys() == asked
    assert paid.keys() == asked & keep
    for loan_id, payment in paid.items():
        assert payment.amount == promised[loan_id].amount == 50_000
        assert promised[loan_id].occurred_at < payment.occurred_at
        assert payment.occurred_at.astimezone(SHANGHAI).date() <= promised[loan_id].pay_by


def test_nothing_is_promised_where_nothing_is_known_to_be_past_due() -> None:
    made = floor()
    for number in range(100):
        made.hear(action(number))
    assert not [event for _, event in made.work(NOW) if isinstance(event, PromiseMade)]


def test_every_answer_passes_the_codec() -> None:
    told = worked([action(number) for number in range(60)], frozenset({"loan-1", "loan-2", "loan-3"}))
    assert all(decode_event(encode_event(event)) == event for event in told)


def test_what_is_closed_expired_held_out_or_no_contact_is_not_worked() -> None:
    made = floor()
    for number in range(40):
        made.hear(action(number))
        made.hear(ActionClosed(action_id=f"a{number}", tenant="t", customer_id="c", loan_id="l", ending="payment", closed_at=MORNING))  # fmt: skip # noqa: E501
        made.hear(action(number))  # published again, after its closing
        made.hear(action(100 + number, holdout=True))
        made.hear(action(200 + number, channel="person"))
        made.hear(action(300 + number, channel="batch"))
    assert made.work(NOW) == []
    for number in range(400, 500):
        made.hear(action(number))
    assert made.work(to_ms(MORNING) + 12 * HOUR) == []
    assert set(made.tally) == {"never done", "too late"}
    assert made.tally.total() == 100


def test_an_action_is_worked_once() -> None:
    made = floor()
    for _ in range(2):
        for number in range(50):
            made.hear(action(number))
    first = made.work(NOW)
    for number in range(50):
        made.hear(action(number))
    assert len({event.event_id for _, event in first}) == len(first) > 0
    assert made.work(NOW) == []


def login(at_ms: int) -> tuple[int, AnyEvent]:
    event = LoginSucceeded(event_id=f"l{at_ms}", tenant="t", customer_id="c", occurred_at=from_ms(at_ms))
    return at_ms, event


def payment(at_ms: int, amount: int, loan_id: str = "x") -> tuple[int, AnyEvent]:
    event = RepaymentReceived(
        event_id=f"p{at_ms}", tenant="t", customer_id="c", occurred_at=from_ms(at_ms), loan_id=loan_id,
        amount=amount, currency="CNY",
    )  # fmt: skip
    return at_ms, event


def test_a_storyline_tells_each_event_once_in_order_with_what_is_added() -> None:
    story = Storyline((iter([login(1), login(5), login(9)]), iter([login(3), login(20)])))
    assert [to_ms(each.occurred_at) for each in story.until(5)] == [1, 3]
    story.add(*login(7))
    story.add(*login(2))  # for an instant that is past: comes next
    assert [to_ms(each.occurred_at) for each in story.until(10)] == [2, 5, 7, 9]
    assert [to_ms(each.occurred_at) for each in story.until(100)] == [20]
    assert list(story.until(100)) == []


def test_what_was_paid_in_advance_is_taken_off_the_next_payments_of_that_loan() -> None:
    later = [payment(10, 300), payment(11, 300, "other"), payment(12, 300), payment(13, 300)]
    story = Storyline((iter(later),))
    story.add(*payment(5, 500))
    told = [(event.loan_id, event.amount) for event in story.until(100) if isinstance(event, RepaymentReceived)]
    assert told == [("x", 500), ("other", 300), ("x", 100), ("x", 300)]


def after_quiet(first: date, last: date) -> list[Stop]:
    """The stops of these days, in a story that began long before."""
    told = stops(first - timedelta(days=60), last)
    return [stop for stop in told if stop.at.date() >= first]


def test_there_are_no_stops_before_anything_can_fall_due() -> None:
    assert next(stops(date(2024, 9, 2), date(2024, 9, 30))).at.date() == date(2024, 9, 17)  # a Tuesday


def test_the_floor_works_on_weekdays_and_months_end_on_any_day() -> None:
    told = after_quiet(date(2025, 5, 29), date(2025, 6, 2))  # Thursday to Monday; 1 June is a Sunday
    assert [(stop.at.day, stop.works, stop.month_of) for stop in told if stop.at.hour == SHIFT] == [
        (29, True, None),
        (30, True, None),
        (1, False, date(2025, 5, 31)),
        (2, True, None),
    ]
    assert [stop.at for stop in told] == sorted(stop.at for stop in told)
    assert [stop.at.day for stop in told if stop.at.hour == CUT] == [29, 30, 31, 1, 2]


def test_while_only_loans_are_told_the_floor_works_on_tuesdays_and_thursdays() -> None:
    told = after_quiet(date(2024, 10, 28), date(2024, 11, 3))  # Monday to Sunday; 1 November is a Friday
    assert [(stop.at.day, stop.works) for stop in told if stop.at.hour == SHIFT] == [(29, True), (31, True), (1, False)]
    assert [stop.at.day for stop in told if stop.at.hour == CUT] == [29, 31, 3]


def test_the_timetable_leaves_each_part_its_time_and_goes_evenly_within_it() -> None:
    times = timetable(1_000.0, 1_010.0, 20.0)
    begins, stories = datetime(2024, 9, 1, tzinfo=UTC), datetime(2025, 3, 3, tzinfo=UTC)
    live, last = datetime(2025, 4, 7, tzinfo=UTC), datetime(2025, 6, 11, tzinfo=UTC)
    assert times.due(begins - timedelta(days=1)) == times.due(begins) == 1_010.0
    assert times.due(begins + (stories - begins) / 2) == pytest.approx(1_020.0)
    assert [times.due(at) for at in (stories, live, last)] == [1_030.0, 1_048.0, 1_068.0]
    assert times.due(last + timedelta(days=9)) == 1_068.0


class Stand(Struct, frozen=True):
    status: str
    bucket: str


class Moved(Struct, frozen=True, kw_only=True):
    loan_id: str
    after: Stand
    tenant: str = "t"
    corrects: bool = False


def heard(*moves: Moved) -> Stages:
    stages = Stages()
    for move in moves:
        stages.hear(move)
    return stages


def test_each_loan_is_in_the_stage_of_its_newest_move() -> None:
    stages = heard(
        Moved(loan_id="a", after=Stand("performing", "M0")),
        Moved(loan_id="b", after=Stand("performing", "M0")),
        Moved(loan_id="b", after=Stand("past-due", "M1")),
        Moved(loan_id="c", after=Stand("past-due", "M6+")),
        Moved(loan_id="c", after=Stand("written-off", "M6+")),
        Moved(loan_id="d", after=Stand("unknown", "M0")),
    )
    assert stages.counts() == Counter({"M0": 1, "M1": 1, "written-off": 1})
    assert stage_line(stages.counts()) == "3 loans: M0 1 · M1 1 · written-off 1"


def test_a_cure_is_a_way_back_from_past_due_and_no_correction_is_one() -> None:
    late, fine = Stand("past-due", "M2"), Stand("performing", "M0")
    stages = heard(
        Moved(loan_id="a", after=late),
        Moved(loan_id="a", after=fine),
        Moved(loan_id="a", after=fine),  # heard again
        Moved(loan_id="b", after=late),
        Moved(loan_id="b", after=fine, corrects=True),
        Moved(loan_id="c", after=late),
        Moved(loan_id="c", after=Stand("settled", "M0")),
        Moved(loan_id="d", after=late),
        Moved(loan_id="d", after=Stand("past-due", "M1")),
    )
    assert (stages.cured, stages.corrected) == (2, 1)


def test_the_table_of_months_adds_up_to_all_loans_in_each_row() -> None:
    stages = heard(Moved(loan_id="a", after=Stand("performing", "M0")))
    stages.end_month(date(2025, 1, 31))
    stages.hear(Moved(loan_id="b", after=Stand("sold", "M4")))
    table = month_table(stages)
    columns = [list(column.cells) for column in table.columns]
    assert columns[0] == ["2025-01", "now"]
    assert columns[-1] == ["1", "2"]
    console = Console(width=80, record=True, file=StringIO())
    console.print(table)
    shown = console.export_text()
    assert all(stage in shown for stage in STAGES)
