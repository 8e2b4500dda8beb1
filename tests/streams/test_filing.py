"""Checking files of events, describing dead letters, and choosing those that can be put back."""

from __future__ import annotations

import pytest
from letter_making import FAULTS, Received, written

from riskwatch.streams.codec import encode_event
from riskwatch.streams.deadletters import diagnosis, restore
from riskwatch.streams.examples import EXAMPLES
from riskwatch.streams.filing import check_lines, described, printable, replayable, shown
from riskwatch.streams.letters import ForeignTopic, Letter, return_topic

GOOD = encode_event(EXAMPLES[2])


def letter(record: Received | None = None) -> Letter:
    received = written(record or Received(), partition=3, offset=8)
    return Letter(record=received, diagnosis=diagnosis(received))


def test_lines_are_counted_and_faults_filed_under_line_numbers() -> None:
    checked = check_lines([GOOD, b"\n", b"{}\n", b"  " + GOOD + b"\r\n", b"oops"])
    assert (checked.good, list(checked.refused), checked.total) == (2, [3, 5], 4)


def test_a_letter_is_described_with_all_its_faults() -> None:
    text = "\n".join(described(letter()))
    for expected in ("dead letter 3:8", "riskwatch.logins.v1, partition 2, offset 99", *map(str, FAULTS.faults)):
        assert expected in text


def test_a_description_has_the_originals_headers_only() -> None:
    text = "\n".join(described(letter()))
    assert "header      ce_id: e-1" in text
    assert "riskwatch-error" not in text


def test_a_description_has_no_control_characters_for_the_terminal_to_obey() -> None:
    evil = Received(value=b"\x1b[2J\x07\xc2\x9b", key=b"\x1b[2J", headers=[("\x1b[2J", b"\x1b")])
    assert all(line.isprintable() for part in described(letter(evil)) for line in part.split("\n"))


def test_bytes_that_are_no_text_are_shown_in_hexadecimal() -> None:
    assert shown(b"\xff\x00\x01") == "hex ff0001"


def test_a_long_text_is_cut_even_within_a_character() -> None:
    assert shown("é".encode() * 5_000 + b"x").endswith("… (5,905 bytes more; --raw writes all)")


def test_line_breaks_print() -> None:
    assert printable("a\nb\t\u202e") == "a\nb\\t\\u202e"


def test_a_letter_goes_back_to_its_input_topic() -> None:
    assert return_topic(restore(written(Received()))) == "riskwatch.logins.v1"


@pytest.mark.parametrize("topic", ["riskwatch.journal.v1", "riskwatch.fraud-alerts.v1", "other.logins.v1", "payroll"])
def test_a_letter_that_names_another_topic_goes_nowhere(topic: str) -> None:
    with pytest.raises(ForeignTopic):
        return_topic(restore(written(Received(topic=topic))))


def test_letters_that_cannot_be_put_back_are_counted_by_reason() -> None:
    foreign = Letter(record=Received(), diagnosis=None)
    cut = letter(Received(value=b"x" * 1_000_000))
    originals, left = replayable([letter(), foreign, cut, letter(Received(topic="payroll"))], "riskwatch")
    assert [each.topic for each in originals] == ["riskwatch.logins.v1"]
    assert sorted(left.values()) == [1, 1, 1]
