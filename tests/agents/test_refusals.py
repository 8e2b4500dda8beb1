"""Records that the broker refuses for good."""

from datetime import UTC, datetime
from types import SimpleNamespace

from riskwatch.agents.refusals import refused_letters
from riskwatch.streams.deadletters import diagnosis

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read(letter):
    key, value, headers, timestamp = letter
    return SimpleNamespace(topic="d", partition=0, offset=0, timestamp=timestamp, key=key, value=value, headers=headers)


def test_a_refused_output_can_be_diagnosed_like_any_dead_letter():
    (letter,) = refused_letters("alerts", 3, [(b"k", b"v", (), None)], code="output-refused", message="no", now=NOW)
    found = diagnosis(read(letter))
    assert (found.code, found.source_topic, found.source_partition, found.source_offset) == (
        "output-refused", "alerts", 3, -1,
    )  # fmt: skip
    assert letter[:2] == (b"k", b"v")


def test_a_refused_value_too_large_for_dead_letters_is_cut_and_says_so():
    (letter,) = refused_letters("j", 0, [(b"k", b"x" * 2_000_000, (), 7)], code="entry-refused", message="no", now=NOW)
    assert diagnosis(read(letter)).full_size == 2_000_000
    assert len(letter[1]) < 1_000_000
    assert letter[3] == 7
