"""The base policy on answers about identifiers: what makes each rule fire, and near misses that must not."""

from __future__ import annotations

import pytest
from base_rules import NAN, Case, Known, fired

CASES = [
    Case(
        "identifier-of-a-fraud",
        "LinkAnswered",
        {"link_kind": "phone", "link_frauds_30d": 1},
        [{"link_frauds_30d": 0}, {"link_frauds_30d": NAN}, {"link_kind": "ip"}, {"link_kind": "address"}],
    ),
    Case(
        "device-of-many-newcomers",
        "LinkAnswered",
        {"link_kind": "device", "link_new_7d": 4, "link_customers": 9},
        [{"link_new_7d": 3}, {"link_kind": "ip"}],
    ),
    Case(
        "identity-of-many-newcomers",
        "LinkAnswered",
        {"link_kind": "bank_card", "link_new_30d": 3, "link_customers": 3},
        [{"link_new_30d": 2}, {"link_kind": "device"}, {"link_kind": "address"}],
    ),
    Case(
        "applications-at-one-device",
        "LinkAnswered",
        {"link_kind": "device", "link_applications_1d": 5, "link_customers": 1},
        [{"link_applications_1d": 4}, {"link_kind": "ip"}],
    ),
    Case(
        "applications-at-one-address",
        "LinkAnswered",
        {"link_kind": "ip", "link_applications_1d": 8, "link_new_1d": 6},
        [{"link_applications_1d": 7}, {"link_new_1d": 5}, {"link_kind": "ip-net"}],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_rule_fires_on_what_it_is_made_for(case: Case) -> None:
    assert case.rule in fired(case.kind, case.known)


@pytest.mark.parametrize(
    ("case", "miss"), [(case, miss) for case in CASES for miss in case.near_misses], ids=lambda each: str(each)[:60]
)
def test_a_rule_stays_silent_on_a_near_miss(case: Case, miss: Known) -> None:
    assert case.rule not in fired(case.kind, case.known | miss)
