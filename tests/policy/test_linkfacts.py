"""What an assessment reads of shared identifiers."""

from __future__ import annotations

from typing import Any

from riskwatch.features.linkmessages import LinkFacts
from riskwatch.policy.lendingbook import packaged_book
from riskwatch.policy.linkfacts import link_inputs, reads_links


def facts(kind: str = "phone", **given: Any) -> LinkFacts:
    known: dict[str, Any] = {
        "probe_id": "p", "kind": kind, "customers": 3, "exact": True, "new_1d": 1, "new_7d": 2, "new_30d": 3,
        "applications_1d": 1, "applications_7d": 4, "applications_30d": 5, "frauds_1d": 0, "frauds_7d": 0,
        "frauds_30d": 1, "frauds": 2, "fraud_customers": 2, "first_ms": 10, "last_ms": 20, "late": False,
    }  # fmt: skip
    return LinkFacts(**known | given)


def test_each_kind_gives_its_customers_their_growth_applications_and_frauds() -> None:
    inputs = link_inputs([facts()], 2, complete=True)
    assert inputs == {
        "links.answered": True, "links.ring_size": 2.0, "links.phone_customers": 3.0, "links.phone_new_1d": 1.0,
        "links.phone_applications_7d": 4.0, "links.phone_fraud_30d": 1.0,
    }  # fmt: skip


def test_of_two_profiles_of_one_kind_the_elder_counts_and_the_one_that_knows_more_frauds_warns() -> None:
    under_old_key = facts(probe_id="p-old", customers=9, first_ms=1, frauds_30d=0)
    under_new_key = facts(probe_id="p-new", customers=1, first_ms=5, frauds_30d=2)
    inputs = link_inputs([under_new_key, under_old_key], 1, complete=True)
    assert (inputs["links.phone_customers"], inputs["links.phone_fraud_30d"]) == (9.0, 2.0)


def test_kinds_that_no_policy_reads_are_left_out() -> None:
    assert "links.ip-net_customers" not in link_inputs([facts("ip-net")], 1, complete=True)


def test_a_ring_of_one_is_not_known_before_all_answers_are_in() -> None:
    assert link_inputs([], 1, complete=False)["links.ring_size"] is None
    assert link_inputs([], 4, complete=False)["links.ring_size"] == 4.0


def test_the_packaged_policies_wait_for_links() -> None:
    assert [reads_links(policy) for policy in packaged_book().policies] == [True] * len(packaged_book().policies)
