"""Two years of a portfolio of loans, replayed while workers are killed and come and go.

What must come of it is worked out three times beside the workers: the fold over the same journal says it byte for byte;
a slow ledger that shares no code with it says where every loan stands, to the cent; and the contact rules, said a
second time, judge every action that went out.

The ordinary run takes some hundred loans, so that it ends in a minute. `RISKWATCH_TEST_LOANS=20000` is a release's
proof.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, tzinfo
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from contact_oracle import Made, broken_by
from figures import figure
from load import slices
from oracle import check_all, program
from reading import read, read_journal, read_state
from slow_ledger import SlowLedger
from worker_process import plant

from riskwatch.agents.statecodec import split_state
from riskwatch.features.account import decode_account
from riskwatch.features.collectionledger import CONVERSATIONS
from riskwatch.features.layout import compile_layout
from riskwatch.features.standing import standing
from riskwatch.features.table import FEATURES
from riskwatch.features.timers import day_of
from riskwatch.lab.contracts import LENDERS
from riskwatch.lab.feeding import Fed, Step, feed
from riskwatch.lab.lives import lives
from riskwatch.lab.watching import watch
from riskwatch.policy.collectionfile import packaged_collection_book
from riskwatch.policy.contactrules import CONTACT_CHANNELS
from riskwatch.streams import events, topics
from riskwatch.streams.collections import CollectionAction, decode_collection
from riskwatch.streams.entry import Kind
from riskwatch.streams.packing import headers_of, to_ms, unpack_event
from riskwatch.streams.publisher import Publisher

LOANS = int(os.environ.get("RISKWATCH_TEST_LOANS", "250"))
MONTHS = 24
PARTS = 6
SECONDS = max(120.0, LOANS / 10)
ZONES = {each.tenant: str(each.zone) for each in LENDERS}


async def test_two_years_of_a_portfolio_over_crashes_and_rebalances(
    broker: str, fresh_prefix: str, pytestconfig: Any
) -> None:
    parts = slices(list(lives(Random(20), loans=LOANS, months=MONTHS)), PARTS)
    began = time.monotonic()
    async with (
        plant(
            broker, fresh_prefix, store="rocksdb", partitions=4, event_tick_seconds=86_400, zones=json.dumps(ZONES)
        ) as workers,
        watch(broker, fresh_prefix, fresh_prefix) as watcher,
        Publisher(broker, prefix=fresh_prefix, source=None) as publisher,
    ):
        fed = Fed()
        steady = workers.start("steady")
        await steady.ready()
        await watcher.begin()
        for number, part in enumerate(parts):  # a day is a step: payments are read before their due dates have passed
            feeding = asyncio.create_task(
                feed(publisher, part, watcher.ingested, fed=fed, step=Step(seconds=86_400), stalled_seconds=120)
            )
            if number in (1, 3):  # one more, who is killed in the middle of its work
                guest = workers.start(f"guest-{number}")
                await guest.ready()
                await asyncio.sleep(2)
                guest.kill()
            elif number == 2:  # the steady one dies, and comes back to its own folder
                steady.kill()
                steady = workers.start("steady")
                await steady.ready()
            elif number == 4:
                leaver = workers.start("leaver")
                await leaver.ready()
                code, _ = await leaver.stop()
                assert code == 0
            await feeding
        await workers.settled(SECONDS, workers=[steady])
        seconds = time.monotonic() - began
        running = replace(program(), zones={tenant: ZoneInfo(name) for tenant, name in ZONES.items()})
        outcome = await check_all(broker, fresh_prefix, running)
        loans = await _assert_the_ledger_is_the_slow_one(broker, fresh_prefix, running)
        contacts, orders = await _assert_the_budget_holds(broker, fresh_prefix)
    figure(
        pytestconfig, f"two years of {LOANS} loans", **outcome._asdict(), loans=loans, orders=orders,
        contacts=contacts, seconds=seconds,
    )  # fmt: skip
    assert loans > LOANS / 2  # others were settled long before the end, and are forgotten
    assert orders > 0


async def _assert_the_ledger_is_the_slow_one(broker: str, prefix: str, running: Any) -> int:
    """Every loan stands where the slow ledger says, on the last day that the journal has seen → how many."""
    journal, rows = await read_journal(broker, prefix), await read_state(broker, prefix)
    layout = compile_layout(FEATURES).version
    checked = 0
    for number, records in journal.items():
        told = _loans_of(records)
        ticks = [headers_of([record.value])[0] for record in records if record.key is None]
        now_ms = max(int(tick["occurred_at"]) for tick in ticks if tick["kind"] == Kind.TICK)
        for key, value in rows[number].items():
            if key.startswith(b"\x00"):
                continue
            tenant = key.decode().partition("/")[0]
            zone, account = running.zone(tenant), decode_account(split_state(value, layout)[3])
            for loan in account.loans.values():
                rules = running.servicing.rules_for(tenant, loan.product)
                found = standing(loan, now_ms, zone, rules)
                slow = SlowLedger(told[tenant, loan.loan_id], _day(now_ms, zone), zone, rules)
                assert _stands(found) == (
                    slow.status(), slow.past_due_days(), slow.delinquent_days(), slow.past_due(), slow.exposure(),
                    tuple(slow.owed().values()), slow.recovered,
                ), loan.loan_id  # fmt: skip
                checked += 1
    return checked


def _loans_of(records: Iterable[Any]) -> dict[tuple[str, str], list[tuple[Any, int]]]:
    told: dict[tuple[str, str], list[tuple[Any, int]]] = defaultdict(list)
    for record in records:
        header = headers_of([record.value])[0]
        if record.key is None or header["kind"] >= Kind.LINK_ANSWERED:
            continue
        event = unpack_event(record.value)
        loan_id = getattr(event, "loan_id", None)
        if loan_id is not None:
            told[event.tenant, loan_id].append((event, int(header["occurred_at"])))
    return told


def _stands(found: Any) -> tuple[Any, ...]:
    owed = found.owed
    return (
        found.status, found.past_due_days, found.delinquent_days, found.past_due, found.exposure,
        (owed.fee, owed.penalty, owed.interest, owed.principal), found.recovered,
    )  # fmt: skip


def _day(at_ms: int, zone: tzinfo) -> date:
    return date.fromordinal(day_of(at_ms, zone))


class Known(NamedTuple):
    """A contact that was made, and how far time had come in its partition when it became known."""

    clock_ms: int
    made: Made


async def _assert_the_budget_holds(broker: str, prefix: str) -> tuple[int, int]:
    """An action that went out breaks no rule, whenever it is carried out, as far as was known when it was decided: at a
    tick with all that lay before the tick, at another entry with what lay before the last tick at least.

    → contacts that others made, actions that contact.
    """
    book, (contacts, ticks, products) = packaged_collection_book(), _contacts_of(await read_journal(broker, prefix))
    actions: dict[str, CollectionAction] = {}
    for record in await read(broker, prefix, topics.COLLECTION_ACTIONS):
        said = decode_collection(record.value)
        if isinstance(said, CollectionAction):
            assert actions.setdefault(said.action_id, said) == said, "an id names one action"
    orders = [each for each in actions.values() if each.channel in CONTACT_CHANNELS and not each.holdout]
    count = sum(map(len, contacts.values()))
    for order in sorted(orders, key=lambda each: (each.due_at, each.action_id)):
        policy = book.policy_for(order.tenant, *products[order.tenant, order.loan_id])
        assert policy is not None
        others, zone = contacts[order.tenant, order.customer_id], ZoneInfo(ZONES[order.tenant])
        due, expires = to_ms(order.due_at), to_ms(order.expires_at)
        last_tick = ticks[bisect_right(ticks, due) - 1]
        known = [each.made for each in others if each.clock_ms < last_tick and each.made.at_ms <= due]
        for at in (due, expires - 1):
            made = [*known, Made(order.channel, at, order.loan_id)]
            assert broken_by(policy.rules, made, len(known), zone) == [], order.action_id
        others.append(Known(0, Made(order.channel, due, order.loan_id)))
    return count, len(orders)


def _contacts_of(
    journal: dict[int, list[Any]],
) -> tuple[dict[tuple[str, str], list[Known]], list[int], dict[tuple[str, str], tuple[str, str]]]:
    """By customer the contacts that others made; the times of all ticks, rising; by loan its product and currency."""
    contacts: dict[tuple[str, str], list[Known]] = defaultdict(list)
    products: dict[tuple[str, str], tuple[str, str]] = {}
    ticks: set[int] = set()
    for records in journal.values():
        clock_ms, seen = 0, set()
        for record in records:
            header = headers_of([record.value])[0]
            if header["kind"] == Kind.TICK:
                clock_ms = max(clock_ms, int(header["occurred_at"]))
                ticks.add(clock_ms)
            elif header["kind"] in (Kind.CONTACT_MADE, Kind.LOAN_OPENED) and int(header["event"]) not in seen:
                seen.add(int(header["event"]))
                event = unpack_event(record.value)
                if isinstance(event, events.LoanOpened):
                    products[event.tenant, event.loan_id] = (event.product, event.currency)
                elif isinstance(event, events.ContactMade):
                    at_ms, spoke = int(header["occurred_at"]), event.outcome in CONVERSATIONS
                    made = Made(event.channel, at_ms, event.loan_id or "", spoke)
                    contacts[event.tenant, event.customer_id].append(Known(clock_ms, made))
    return contacts, sorted(ticks), products
