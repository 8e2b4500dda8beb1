"""Collections of an institution whose repayments stop, under the gate itself: law 6, and what is done all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from collected import REMINDING
from outages import GATED, HELD_FROM, PAYERS, late, life, log_of, operational, paid
from shared_journal import refold

from riskwatch.agents.folded import Program
from riskwatch.policy.collectionfile import CollectionBook
from riskwatch.streams import events
from riskwatch.streams.collections import CollectionAction

COLLECTING = replace(GATED, collections=CollectionBook((REMINDING,)))


@pytest.mark.parametrize("running", [GATED, COLLECTING])
def test_repayments_of_a_customer_who_is_held_count_alike_in_one_batch_and_in_many(running: Program) -> None:
    before, then = HELD_FROM - timedelta(hours=3), HELD_FROM + timedelta(days=3)
    few = [(then, paid(f"bank-{PAYERS}", before + timedelta(hours=n), amount=n + 1)) for n in range(3)]
    log = log_of([*late(life()), *few])
    places = [n for n, (key, _) in enumerate(log) if key == f"bank/bank-{PAYERS}".encode()][1:]
    assert len(places) == len(few)
    whole, rows = refold(running, log)
    cut, cut_rows = refold(running, log, *(place + 1 for place in places))
    assert operational(cut) == operational(whole)
    assert operational(whole)[-1].held_looks > 0
    assert cut_rows == rows
    assert sum(each.counts.held for each in cut) == sum(each.counts.held for each in whole)


def test_a_dispute_in_an_outage_goes_to_a_person_and_what_is_open_ends_however_the_batches_are_cut() -> None:
    then, who = HELD_FROM + timedelta(days=3), f"bank-{PAYERS}"
    dispute = events.ConcernRaised(
        event_id="dispute", tenant="bank", customer_id=who, occurred_at=then, concern="dispute", loan_id=f"l-{who}"
    )
    log = log_of([*late(life()), (then, dispute)])
    whole, rows = refold(COLLECTING, log)
    told = [record for each in whole for record in each.collections]
    stale, fresh = operational(whole)
    outage = [
        each for each in told if isinstance(each, CollectionAction) and stale.found_at <= each.due_at < fresh.until
    ]
    assert [(each.customer_id, each.treatment) for each in outage] == [(who, "review")]
    assert then <= outage[0].due_at <= then + timedelta(hours=1)
    for size in (1, 9):
        cut, cut_rows = refold(COLLECTING, log, *range(size, len(log), size))
        assert [record for each in cut for record in each.collections] == told
        assert cut_rows == rows
