"""The benchmark's job is one and the same for riskwatch and for its peers."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from bench.job import PLANTED_RULE, RULES, policy_toml
from bench.mix import INVALID_SHARE, SENTINELS, Population, events, planted, sentinels
from bench.peers.features import _TIERS, NAMES, Customer, evolve, new_customer, pack_customer, unpack_customer
from bench.peers.fold import InvalidEvent, build_judge, decode_event
from bench.peers.rules import OWN
from riskwatch.features import kernel
from riskwatch.features.layout import compile_layout
from riskwatch.features.row import WINDOWS
from riskwatch.features.table import FEATURES
from riskwatch.policy.rules import compile_rules, load_policy
from riskwatch.streams.events import AnyEvent
from riskwatch.streams.outputs import decode_alert
from riskwatch.streams.packing import headers_of, pack_entry

START = 1_760_000_000
CUSTOMERS = 40
COUNT = 4_000


def decoded(count: int, customers: int = CUSTOMERS) -> list[tuple[bytes, AnyEvent]]:
    """Valid events of the mix, a minute apart, with their keys."""
    found = []
    for number, made in enumerate(itertools.islice(events(Population(customers=customers)), count)):
        try:
            found.append((made.key, decode_event(made.at(START + 60 * number))))
        except InvalidEvent:
            continue
    return found


def at_ms(event: AnyEvent) -> int:
    return round(event.occurred_at.timestamp() * 1000)


def test_the_job_has_a_hundred_rules_with_different_names() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 100


def test_the_job_has_at_least_sixty_features_of_riskwatchs_table() -> None:
    assert len(set(NAMES)) >= 60
    assert set(NAMES) <= {feature.name for feature in FEATURES}


def test_riskwatch_takes_the_rules_as_a_policy(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(policy_toml())
    compile_rules(load_policy(path), compile_layout(FEATURES).names)


def test_rules_read_nothing_that_a_peer_does_not_compute() -> None:
    known = {*NAMES, *OWN, "and", "or"}
    words = {word for rule in RULES for word in rule.when.split() if word[0].isalpha()}
    assert words <= known


def test_peers_cut_time_into_the_same_tiles_as_riskwatch() -> None:
    assert {window: (tile, tiles) for window, tile, tiles, _ in _TIERS} == WINDOWS


def test_the_same_seed_gives_a_longer_run_the_same_beginning() -> None:
    population = Population(customers=500)
    assert list(itertools.islice(events(population), 300)) == list(itertools.islice(events(population), 900))[:300]


def test_introducing_a_population_gives_every_customer_one_event_first() -> None:
    keys = [made.key for made in itertools.islice(events(Population(customers=200, introduce=True)), 200)]
    assert len(set(keys)) == 200


def test_only_the_share_that_is_meant_to_be_invalid_is_invalid() -> None:
    share = 1 - len(decoded(20_000)) / 20_000
    assert 0.3 * INVALID_SHARE < share < 3 * INVALID_SHARE


def test_events_have_about_three_hundred_bytes() -> None:
    sizes = [len(made.at(START)) for made in itertools.islice(events(Population(customers=10_000)), 2_000)]
    assert 250 < sum(sizes) / len(sizes) < 350


def raised_by_peers(records: list[tuple[bytes, AnyEvent]]) -> list[tuple[str, str]]:
    """(rule, event id) of every alert, in order."""
    judge, customers = build_judge(), dict[bytes, Customer]()
    found = []
    for offset, (key, event) in enumerate(records):
        customers[key], alerts = judge(customers.get(key), event, key, 0, offset)
        found += [(alert.rule, alert.cause.event_id) for alert in map(decode_alert, alerts)]
    return found


def test_every_planted_purchase_raises_the_planted_alert_and_nothing_else_does() -> None:
    made = list(itertools.islice(events(Population(customers=CUSTOMERS)), COUNT))
    expected = {f"e{number:09d}" for number in planted(made)}
    raised = {event_id for rule, event_id in raised_by_peers(decoded(COUNT)) if rule == PLANTED_RULE}
    assert raised == expected


def test_planted_purchases_of_a_customer_that_come_close_together_count_once() -> None:
    once = next(event for event in events(Population(customers=1)) if b'"amount":1,' in event.tail)
    other = once._replace(key=b"another")
    assert planted([once, other, once, once], apart=2) == [0, 1, 2]
    assert planted([once, other, once, once]) == [0, 1, 2, 3]


def test_every_sentinel_raises_the_planted_alert() -> None:
    records = [(made.key, decode_event(made.at(START))) for made in sentinels(Population(customers=10))]
    raised = [event_id for rule, event_id in raised_by_peers(records) if rule == PLANTED_RULE]
    assert len(set(raised)) == SENTINELS


def test_a_customer_comes_back_from_bytes_as_it_was() -> None:
    records = decoded(500, customers=3)
    customer = new_customer(at_ms(records[0][1]))
    for _, event in records:
        evolve(customer, event, at_ms(event))
    customer.income = customer.bureau_score = 1.0  # NaN would not equal itself
    assert unpack_customer(pack_customer(customer)) == customer


@pytest.fixture(scope="module")
def both_matrices() -> tuple[list[AnyEvent], np.ndarray, np.ndarray]:
    """The features of the mix's events as the peers compute them, and as riskwatch's kernel does."""
    records = decoded(COUNT)
    customers: dict[bytes, Customer] = {}
    peers = []
    for key, event in records:
        customer = customers.setdefault(key, new_customer(at_ms(event)))
        peers.append(evolve(customer, event, at_ms(event)))
    layout = compile_layout(FEATURES)
    number_of = {key: number for number, key in enumerate(customers)}
    row_of = np.array([number_of[key] for key, _ in records])
    entries = headers_of([
        pack_entry(event, source_topic=0, source_partition=0, source_offset=offset, source_at=at_ms(event),
                   ingested_at=at_ms(event), zone_of={}, secret=b"test")
        for offset, (_, event) in enumerate(records)
    ])  # fmt: skip
    rows = np.zeros((len(customers), layout.n_slots))
    outcomes = kernel.recognise(layout, rows, row_of, entries, np.arange(len(entries)))
    matrix, _ = kernel.evolve(layout, rows, row_of, entries, outcomes)
    columns = [layout.column_of[name] for name in NAMES]
    return [event for _, event in records], np.array(peers, dtype=float), matrix[:, columns]


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_of_the_peers_equals_riskwatchs(
    name: str, both_matrices: tuple[list[AnyEvent], np.ndarray, np.ndarray]
) -> None:
    found, peers, own = both_matrices
    column = NAMES.index(name)
    for event, mine, theirs in zip(found, own[:, column], peers[:, column], strict=True):
        same = math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(mine) and math.isnan(theirs))
        assert same, f"{name} of {event.event_id} ({type(event).__name__}): riskwatch {mine}, peers {theirs}"
