"""Customers of one merchant go late: told to its profile, answered into a journal, raised once a step."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from shared_journal import START, World, applied, program, refold

from riskwatch.agents.linking import answer_links
from riskwatch.agents.store import MemoryPartition
from riskwatch.features.linkmessages import encode_message
from riskwatch.features.merchantmessages import MerchantTold
from riskwatch.streams import events
from riskwatch.streams.entry import Kind
from riskwatch.streams.outputs import Alert
from riskwatch.streams.packing import headers_of

DUE = 14
"""Days from a loan's opening to its first instalment, and on to the next."""


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def opened(customer: str, on: float, merchant: str | None = "m1", **fields: Any) -> events.LoanOpened:
    given = {
        "event_id": f"open-{customer}-{on}", "tenant": "bank", "customer_id": customer, "occurred_at": day(on),
        "loan_id": f"loan-{customer}-{on}", "product": "shopping-instalments", "principal": 20_000, "currency": "CNY",
        "merchant_id": merchant,
        "schedule": [
            events.Instalment(number=n, due_on=day(on + DUE * n).date(), amount=10_000) for n in (1, 2)
        ],
    } | fields  # fmt: skip
    return events.LoanOpened(**given)  # type: ignore[arg-type]


def paid(customer: str, on: float, at: float, number: int = 1) -> events.RepaymentReceived:
    return events.RepaymentReceived(
        event_id=f"pay-{customer}-{on}-{number}", tenant="bank", customer_id=customer, occurred_at=day(at),
        loan_id=f"loan-{customer}-{on}", amount=10_000, currency="CNY", instalment_number=number,
    )  # fmt: skip


def sold(world: World, late: int, good: int, merchant: str = "m1", on: float = 0) -> World:
    """Customers of a merchant who open a loan; `good` of them pay their first instalment a day late."""
    names = [f"{merchant}-{n:02}" for n in range(late + good)]
    world.say(*[opened(name, on, merchant) for name in names])
    return world.say(*[paid(name, on, on + DUE + 1) for name in names[late:]])


def troubles(world: World) -> list[Alert]:
    return [alert for alert in world.alerts if alert.rule == "merchant-trouble"]


def shop(alert: Alert) -> tuple[str, float, float]:
    values = alert.reasons[0].values
    return alert.subject, values["merchant_late_90d"], values["merchant_customers"]  # type: ignore[return-value]


def test_a_merchant_whose_customers_do_not_pay_is_raised_once_a_step_and_not_once_a_customer() -> None:
    world = sold(sold(World(), late=1, good=30, merchant="m2"), late=12, good=8)
    world.say(day(DUE + 3.9))
    assert [shop(alert) for alert in troubles(world)] == [("merchant m1", step, 20) for step in (5, 7, 10)]


def test_the_alert_says_how_many_of_how_many_and_how_it_is_elsewhere() -> None:
    world = sold(sold(World(), late=1, good=29, merchant="m2"), late=6, good=4).say(day(DUE + 3.9))
    (alert,) = troubles(world)
    assert (alert.kind, alert.severity, alert.cause.event_type) == ("early-warning", "high", "MerchantAnswered")
    assert alert.reasons[0].text == (
        "5 of 10 customers of one merchant were late within 90 days (50%), 5 of them within 30; "
        "of 30 customers of other merchants 3.3%"
    )


def test_as_many_late_customers_among_many_more_raise_nothing() -> None:
    world = sold(sold(World(), late=1, good=29, merchant="m2"), late=5, good=29).say(day(DUE + 3.9))  # 5 of 34: 14.7 %
    assert troubles(world) == []


def test_where_all_merchants_are_alike_no_merchant_is_in_trouble() -> None:
    world = World()
    for merchant in ("m1", "m2", "m3"):
        sold(world, late=5, good=15, merchant=merchant)
    world.say(day(DUE + 3.9))
    assert troubles(world) == []


def test_four_late_customers_are_no_step() -> None:
    world = sold(World(), late=4, good=2).say(day(DUE + 3.9))
    assert troubles(world) == []
    assert not (headers_of([value for _, value in world.log])["kind"] == Kind.MERCHANT_ANSWERED).any()


def test_a_first_instalment_counts_after_three_days_and_a_later_one_after_seven() -> None:
    world = sold(World(), late=6, good=0).say(day(DUE + 2.5))
    assert troubles(world) == []
    assert len(troubles(world.say(day(DUE + 3.5)))) == 1
    world = sold(World(), late=0, good=6).say(day(2 * DUE + 6.4))
    assert troubles(world) == []
    assert len(troubles(world.say(day(2 * DUE + 7.5)))) == 1


def test_the_merchant_of_a_loan_is_the_one_that_its_application_named() -> None:
    world = World()
    for n in range(6):
        name = f"c{n}"
        world.say(applied(name, n, merchant_id="m9", product="shopping-instalments"))
        world.say(opened(name, 1, None, application_id=f"a-{name}-1"))
    world.say(day(1 + DUE + 3.9))
    assert [shop(alert) for alert in troubles(world)] == [("merchant m9", 5, 6)]


def test_loans_without_a_merchant_tell_nobody() -> None:
    world = World().say(*[opened(f"c{n}", 0, None) for n in range(8)], day(DUE + 30))
    assert [each for each in world.asked if isinstance(each, MerchantTold)] == []


def test_purchases_and_payments_tell_nobody() -> None:
    world = sold(World(), late=0, good=1)
    told = [each for each in world.asked if isinstance(each, MerchantTold)]
    assert [(each.merchant_id, each.together, each.late_ms) for each in told] == [
        ("m1", False, None),
        ("m1", True, None),
    ]


def test_with_links_turned_off_nothing_is_told() -> None:
    assert sold(World(links=False), late=12, good=0).say(day(DUE + 4)).asked == []


def test_an_answer_that_comes_twice_raises_once() -> None:
    world = sold(World(), late=5, good=0).say(day(DUE + 3.9))
    assert len(troubles(world)) == 1
    kinds = headers_of([value for _, value in world.log])["kind"]
    for record in [each for each, kind in zip(world.log, kinds, strict=True) if kind == Kind.MERCHANT_ANSWERED]:
        world._fold(record)
    assert len(troubles(world)) == 1


def town(seed: int) -> World:
    """Three merchants, at the first of which few pay; ticks far and near, answers that come late."""
    random = Random(seed)
    world = World(prompt=False)
    now = 0.0
    for _ in range(60):
        now += random.choice([0.0, 0.25, 1.0])
        customer, merchant = f"c{random.randrange(40)}", random.choice(["m1", "m1", "m2", "m3"])
        world.say(opened(customer, now, merchant))
        if random.random() < (0.2 if merchant == "m1" else 0.95):
            world.say(paid(customer, now, now + 0.1), paid(customer, now, now + 0.2, 2))
        if random.random() < 0.3:
            world.say(day(now + 0.2))
        if random.random() < 0.5:
            world.answer()
    for more in range(0, 40, 3):
        world.say(day(now + more))
        if random.random() < 0.5:
            world.answer()
    world.answer()
    return world.say(day(now + 41))


def ids(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.alert_id, alert.reasons[0].text) for alert in alerts]


def test_the_town_has_merchants_in_trouble() -> None:
    assert sum(len(troubles(town(seed))) for seed in range(5)) > 5


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 1))
def test_the_same_journal_tells_the_same_and_raises_the_same_however_it_is_cut(seed: int, share: float) -> None:
    world = town(seed)
    random = Random(seed)
    cuts = sorted({at for at in range(1, len(world.log)) if random.random() < share})
    batches, rows = refold(program(), world.log, *cuts)
    assert [each for batch in batches for each in batch.told] == [
        each for each in world.asked if isinstance(each, MerchantTold)
    ]
    assert ids([each for batch in batches for each in batch.alerts]) == ids(world.alerts)
    customers = {key: value for key, value in rows.items() if key[:1] != b"\x00"}
    assert customers == {key: value for key, value in world.partition.store.scan() if key[:1] != b"\x00"}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 1))
def test_merchants_answer_the_same_however_their_log_is_cut_and_repeated(seed: int, share: float) -> None:
    messages = [encode_message(each) for each in town(seed).asked]
    whole = answer_links(MemoryPartition().get_many, messages, range(len(messages)))
    random = Random(seed)
    cuts = sorted({at for at in range(1, len(messages)) if random.random() < share})
    store = MemoryPartition()
    answers: list[tuple[bytes, bytes]] = []
    asked = []
    start = 0
    for end in [*cuts, len(messages)]:
        again = max(0, start - random.randrange(4))  # a batch that was stored comes again
        out = answer_links(store.get_many, messages[again:end], range(again, end))
        store.write(out.rows, None)
        answers += out.answers
        asked += out.merchants_asked
        start = end
    assert (answers, asked) == (whole.answers, whole.merchants_asked)
    assert dict(store.scan()) == dict(whole.rows)
