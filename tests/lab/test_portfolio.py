"""The simulated portfolio: deterministic, in order, inside the contract, with a truth for every planted story."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from itertools import pairwise
from random import Random

import msgspec
import pytest

from riskwatch.lab.loans import split_amount
from riskwatch.lab.portfolio import Portfolio, simulate
from riskwatch.lab.stories import STORIES
from riskwatch.streams.events import AnyEvent, DeviceSeen, LoanOpened, LoginFailed, PurchaseMade, RepaymentReceived


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    return simulate(Random(3), customers=80, days=100)


@pytest.fixture(scope="module")
def events(portfolio: Portfolio) -> list[AnyEvent]:
    return list(portfolio.events())


def test_the_same_seed_gives_the_same_events() -> None:
    first, second = (simulate(Random(5), customers=60, days=60) for _ in range(2))
    assert list(first.events()) == list(second.events())
    assert first.truths == second.truths


def test_another_seed_gives_other_events() -> None:
    first, second = (simulate(Random(seed), customers=60, days=60) for seed in (1, 2))
    assert list(first.events()) != list(second.events())


def test_reading_the_events_twice_gives_the_same_events(portfolio: Portfolio, events: list[AnyEvent]) -> None:
    assert list(portfolio.events()) == events


def test_events_come_in_order_of_event_time(events: list[AnyEvent]) -> None:
    instants = [event.occurred_at.astimezone(UTC) for event in events]
    assert all(earlier <= later for earlier, later in pairwise(instants))


def test_event_ids_are_unique_within_a_tenant(events: list[AnyEvent]) -> None:
    assert len({(event.tenant, event.event_id) for event in events}) == len(events)


def test_every_event_satisfies_the_wire_contract(events: list[AnyEvent]) -> None:
    encoder, decoder = msgspec.json.Encoder(), msgspec.json.Decoder(AnyEvent)
    assert all(decoder.decode(encoder.encode(event)) == event for event in events)


def test_there_are_two_institutions_and_three_products(events: list[AnyEvent]) -> None:
    assert len({event.tenant for event in events}) == 2
    assert len({event.product for event in events if isinstance(event, LoanOpened)}) == 3


KINDS_OF = {
    "tainted-phone": ("confirmed-fraudster", "approved-before-fraud", "phone-of-fraud"),
    "cleared-case": ("suspect-cleared", "cleared-case"),
    "merchant-trouble": ("customer-of-shop", "pays-all-the-same"),
}
"""Stories whose members deserve different things → the kinds of their truths."""


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.kind)
def test_every_story_is_planted_with_its_cast_and_inside_the_simulation(portfolio: Portfolio, story) -> None:
    truths = [truth for truth in portfolio.truths if truth.kind in KINDS_OF.get(story.kind, (story.kind,))]
    assert truths
    assert len({customer for truth in truths for customer in truth.customers}) % story.cast == 0
    for truth in truths:
        assert truth.begins < truth.ends
        assert story.tenant in (None, truth.customers[0][0])
        if story.kind not in KINDS_OF:
            assert len(truth.customers) == story.cast
            assert truth.expected == story.expected


def test_no_customer_plays_in_two_stories(portfolio: Portfolio) -> None:
    played = Counter(customer for truth in portfolio.truths for customer in truth.customers)
    assert max(played.values()) == 1


def of(events: list[AnyEvent], portfolio: Portfolio, kind: str) -> list[list[AnyEvent]]:
    """For each instance of a story: the events of its customers within its window."""
    return [
        [
            event
            for event in events
            if (event.tenant, event.customer_id) in truth.customers and truth.begins <= event.occurred_at <= truth.ends
        ]
        for truth in portfolio.truths
        if truth.kind == kind
    ]


def test_a_takeover_begins_with_a_burst_of_failed_logins_then_purchases(
    events: list[AnyEvent], portfolio: Portfolio
) -> None:
    for told in of(events, portfolio, "account-takeover"):
        failed = [event.occurred_at for event in told if isinstance(event, LoginFailed)]
        bought = [event.occurred_at for event in told if isinstance(event, PurchaseMade)]
        assert len(failed) >= 6
        assert failed[5] - failed[0] <= timedelta(minutes=10)
        assert len(bought) >= 5
        assert bought[0] > failed[5]


def test_a_device_farm_shares_few_emulators_or_rooted_phones(events: list[AnyEvent], portfolio: Portfolio) -> None:
    for told in of(events, portfolio, "device-farm"):
        seen = [event for event in told if isinstance(event, DeviceSeen)]
        assert len({event.customer_id for event in seen}) == 4
        assert len({event.device_id for event in seen}) <= 2
        assert all(event.emulator or event.rooted for event in seen)


def test_a_first_payment_default_never_pays(events: list[AnyEvent], portfolio: Portfolio) -> None:
    defaulters = {c for truth in portfolio.truths if truth.kind == "first-payment-default" for c in truth.customers}
    assert not [e for e in events if isinstance(e, RepaymentReceived) and (e.tenant, e.customer_id) in defaulters]


def test_who_cures_pays_one_instalment_more_than_a_week_late_and_no_other(
    events: list[AnyEvent], portfolio: Portfolio
) -> None:
    cured = {c for truth in portfolio.truths if truth.kind == "self-cure" for c in truth.customers}
    due = {
        (e.loan_id, line.number): line.due_on
        for e in events
        if isinstance(e, LoanOpened) and (e.tenant, e.customer_id) in cured
        for line in e.schedule
    }
    late: Counter[str] = Counter()
    for event in events:
        if isinstance(event, RepaymentReceived) and (event.tenant, event.customer_id) in cured:
            days = (event.occurred_at.date() - due[event.loan_id, event.instalment_number]).days
            late[event.customer_id] += days > 7
    assert set(late.values()) == {1}


def test_most_customers_of_the_shop_stop_paying_when_it_fails_and_had_paid_before(
    events: list[AnyEvent], portfolio: Portfolio
) -> None:
    (about,) = [truth for truth in portfolio.truths if truth.kind == "merchant-trouble"]
    ((tenant, subject),) = about.subjects
    loans = {
        (e.tenant, e.customer_id)
        for e in events
        if isinstance(e, LoanOpened) and f"merchant {e.merchant_id}" == subject and e.tenant == tenant
    }
    stopped = {c for truth in portfolio.truths if truth.kind == "customer-of-shop" for c in truth.customers}
    paying = {c for truth in portfolio.truths if truth.kind == "pays-all-the-same" for c in truth.customers}
    assert (len(stopped), stopped | paying) == (12, loans)
    paid = Counter((e.tenant, e.customer_id) for e in events if isinstance(e, RepaymentReceived))
    for truth in portfolio.truths:
        if truth.kind == "customer-of-shop":
            assert not [
                e
                for e in events
                if isinstance(e, RepaymentReceived)
                and (e.tenant, e.customer_id) in truth.customers
                and e.occurred_at > truth.begins
            ]
    assert min(paid[customer] for customer in stopped) >= 1


def test_the_towns_favourite_sells_to_several_and_every_other_merchant_is_one_as_usual(
    events: list[AnyEvent], portfolio: Portfolio
) -> None:
    usual = {each for truth in portfolio.truths if truth.kind == "merchant-as-usual" for each in truth.subjects}
    sold = Counter(
        (e.tenant, f"merchant {e.merchant_id}") for e in events if isinstance(e, LoanOpened) and e.merchant_id
    )
    ((shop, _), (favourite, most)) = sold.most_common(2)
    assert shop not in usual
    assert favourite in usual
    assert favourite[1].endswith("-000")
    assert most >= 3
    assert {each for each in sold if each != shop} <= usual


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 60 customers"):
        simulate(Random(1), customers=10)


def test_too_few_days_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 60 days"):
        simulate(Random(1), days=10)


@pytest.mark.parametrize(
    ("amount", "shares", "parts"),
    [
        (101, [0.6, 0.4], [61, 40]),
        (5, [0.5, 0.5], [2, 3]),
        (100, [0.4], [40]),
        (99, [1.0], [99]),
        (10, [], []),
    ],
)
def test_parts_of_an_amount_add_up_to_the_cent(amount: int, shares: list[float], parts: list[int]) -> None:
    assert split_amount(amount, shares) == parts
