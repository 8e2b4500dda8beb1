"""The table of topics."""

from __future__ import annotations

from typing import get_args

import pytest

from riskwatch.streams.events import AnyEvent, Event, LoginFailed
from riskwatch.streams.topics import (
    DEAD_LETTERS,
    INPUTS,
    LIST_CHANGES,
    LISTS,
    LOGINS,
    SOURCE_TOPIC,
    TOPIC_OF,
    TOPICS,
    Topic,
    full_name,
    topic_settings,
)


def test_a_full_name_has_prefix_and_version() -> None:
    assert full_name(LOGINS) == "riskwatch.logins.v1"


def test_the_prefix_can_be_set() -> None:
    assert full_name(LOGINS, "bank7") == "bank7.logins.v1"


@pytest.mark.parametrize("event_type", get_args(AnyEvent))
def test_every_event_type_has_exactly_one_input_topic(event_type: type[Event]) -> None:
    assert [topic for topic in INPUTS if event_type in topic.event_types] == [TOPIC_OF[event_type]]


def test_a_failed_login_goes_to_logins() -> None:
    assert TOPIC_OF[LoginFailed] is LOGINS


def test_the_order_of_inputs_is_the_one_that_journals_were_written_with() -> None:
    names = ["applications", "logins", "devices", "transactions", "repayments", "contacts", "fraud-cases"]
    assert list(SOURCE_TOPIC.items()) == [(name, index) for index, name in enumerate(names)]


def test_names_are_unique() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_inputs_and_lists_are_stamped_by_the_broker_and_others_by_their_producer(topic: Topic) -> None:
    expected = "LogAppendTime" if topic in (*INPUTS, LISTS) else "CreateTime"
    assert topic_settings(topic)["message.timestamp.type"] == expected


def test_only_what_is_asked_for_its_newest_state_is_compacted() -> None:
    compacted = [topic.name for topic in TOPICS if topic_settings(topic)["cleanup.policy"] == "compact"]
    assert compacted == ["policies", "model-snapshots"]


def test_dead_letters_are_kept_by_size_since_they_bear_their_originals_times() -> None:
    assert topic_settings(DEAD_LETTERS)["retention.ms"] == "-1"


def test_requests_for_lists_name_people_in_clear_and_go_after_seven_days_a_day_at_a_time() -> None:
    settings = topic_settings(LISTS)
    assert (settings["retention.ms"], settings["segment.ms"]) == ("604800000", "86400000")


def test_every_change_of_a_list_is_kept_for_ever() -> None:
    settings = topic_settings(LIST_CHANGES)
    assert (settings["cleanup.policy"], settings["retention.ms"], settings["retention.bytes"]) == ("delete", "-1", "-1")
