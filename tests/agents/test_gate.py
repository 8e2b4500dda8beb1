"""The gate on its own: whose entries count for whom, and when an account is looked at while it is shut."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from shared_journal import NOW

from riskwatch.agents.gate import HOLD_MS, Gate
from riskwatch.features.account import Account
from riskwatch.features.collectionledger import CollectionsState, LoanCollection, OpenAction
from riskwatch.features.freshness import Feed, Freshness
from riskwatch.features.pending import OwnRecord, Pending
from riskwatch.streams.entry import ENTRY, Kind

CLOCK = 1_790_000_000_000
SHUT = Feed(repaid_ms=1, others_ms=CLOCK, stale_ms=CLOCK - HOLD_MS, from_ms=1, limit_ms=1)


def gate(**feeds: Feed) -> Gate:
    return Gate(Freshness(), feeds, 0, NOW)


def look(at_ms: int, key: bytes = b"bank/c", account: Account | None = None, clock: int = CLOCK, **feeds: Feed) -> int:
    return gate(**feeds).look("bank", key, Account() if account is None else account, at_ms, clock)


@pytest.mark.parametrize("keys", [
    [b"bank/a", b"bank/b"], [b"bank/a", b"bank-2/a", b"bank/b", b"bankrupt/a"], [b"shop/z", b"bank/a"], [b"bank/"],
])  # fmt: skip
def test_entries_count_for_their_customers_institution(keys: list[bytes]) -> None:
    entries = np.zeros(len(keys), dtype=ENTRY)
    entries["kind"], entries["occurred_at"] = Kind.LOGIN_SUCCEEDED, CLOCK
    made = gate()
    made.know(keys)
    made.observe(entries, np.arange(len(keys)))
    expected = Counter(key.decode().split("/")[0] for key in keys)
    assert {tenant: sum(feed.since) for tenant, feed in made.feeds.items()} == expected


def test_the_feeds_that_it_was_made_with_are_left_as_they_were() -> None:
    feeds = {"bank": Feed()}
    made = Gate(Freshness(), feeds, 0, NOW)
    made.know([b"bank/a"])
    entries = np.zeros(1, dtype=ENTRY)
    entries["kind"] = Kind.LOGIN_SUCCEEDED
    made.observe(entries, np.zeros(1, dtype=np.int64))
    made.tick(CLOCK)
    assert feeds == {"bank": Feed()}


@pytest.mark.parametrize("at_ms", [0, CLOCK + 1, CLOCK + 10 * HOLD_MS])
def test_what_is_not_due_is_not_put_off(at_ms: int) -> None:
    assert look(at_ms, bank=SHUT) == at_ms


def test_what_is_due_is_not_put_off_for_others() -> None:
    assert look(CLOCK, shop=SHUT) == CLOCK
    assert look(CLOCK, bank=Feed()) == CLOCK


def test_what_is_due_is_put_off_by_at_most_a_step_to_an_instant_of_the_accounts_own() -> None:
    later = look(CLOCK - 5, bank=SHUT)
    assert CLOCK < later <= CLOCK + HOLD_MS
    assert look(later, clock=later, bank=SHUT) == later + HOLD_MS
    assert look(CLOCK - 5, clock=CLOCK + 7, bank=SHUT) == later


def test_accounts_are_spread_over_the_step() -> None:
    looks = {look(CLOCK, f"bank/{n}".encode(), bank=SHUT) for n in range(600)}
    by_minute = Counter((at - CLOCK - 1) * 15 // HOLD_MS for at in looks)
    assert len(by_minute) == 15
    assert max(by_minute.values()) < 80


def test_an_application_is_decided_at_its_deadline_all_the_same() -> None:
    def account(deadline_ms: int) -> Account:
        own = OwnRecord(open_loans=0, settled_loans=0, outstanding=0, max_dpd=0)
        waiting = Pending(
            event=b"", event_hash=1, offset=0, occurred_ms=0, ingested_ms=0, deadline_ms=deadline_ms, own=own
        )
        return Account(pending=[waiting])

    assert look(CLOCK, account=account(CLOCK + 5), bank=SHUT) == CLOCK + 5
    assert look(CLOCK, account=account(CLOCK + 2 * HOLD_MS), bank=SHUT) <= CLOCK + HOLD_MS


def with_open(*expiries: int) -> Account:
    """An account of whose loan messages are open in collections."""
    opened = [
        OpenAction(action_id=f"a-{at}", treatment="push", channel="push", due_ms=1, expires_ms=at) for at in expiries
    ]
    return Account(collections=CollectionsState(loans={"l-1": LoanCollection(loan_id="l-1", open=opened)}))


def test_what_is_open_in_collections_is_over_at_its_time_all_the_same() -> None:
    assert look(CLOCK, account=with_open(CLOCK + 9, CLOCK + 5), bank=SHUT) == CLOCK + 5


@pytest.mark.parametrize("expiries", [(), (CLOCK + 2 * HOLD_MS,), (CLOCK - 5,), (CLOCK,)])
def test_no_look_lies_in_the_past_whatever_is_open(expiries: tuple[int, ...]) -> None:
    assert look(CLOCK, account=with_open(*expiries), bank=SHUT) == look(CLOCK, bank=SHUT) > CLOCK


def test_looks_put_off_are_counted_for_the_institution_where_that_is_asked() -> None:
    made = gate(bank=SHUT, shop=Feed())
    for key in (b"bank/a", b"bank/b"):
        made.look("bank", key, Account(), CLOCK, CLOCK, count=True)
        made.look("bank", key, Account(), CLOCK, CLOCK)
        made.look("bank", key, Account(), CLOCK + 1, CLOCK, count=True)
        made.look("shop", key, Account(), CLOCK, CLOCK, count=True)
    assert (made.held, made.feeds["bank"].held, made.feeds["shop"].held) == (2, 2, 0)
