"""What the condition language takes and what it refuses, with the place and a way out."""

from __future__ import annotations

import pytest

from riskwatch.policy.expression import Condition, check_condition
from riskwatch.policy.faults import Fault
from riskwatch.policy.vocabulary import MAX_DEPTH, vocabulary

COLUMNS = vocabulary(["login_failed_count_10m", "device_age_hours", "seconds_since_last_login", "purchase_amount_z"])


def faults(text: str) -> list[Fault]:
    found = check_condition(text, COLUMNS)
    assert isinstance(found, list), f"{text} was taken"
    return found


@pytest.mark.parametrize(
    "text",
    [
        "login_failed_count_10m >= 5",
        "login_failed_count_10m >= 5 and not emulator",
        "0 < device_age_hours <= 24",
        "5 <= login_failed_count_10m",
        "purchase_amount_z in (1, 2.5, -3)",
        'product in ("cash-instalments", "consumer-credit")',
        '"app" == channel',
        'channel not in ["app", "web"]',
        "between(device_age_hours, 0, 24)",
        "coalesce(purchase_amount_z, 0) > 3",
        "max(purchase_amount_z, abs(device_age_hours)) / 2 - 1 > +3",
        "known(channel) or not known(purchase_amount_z)",
        "seconds_since_last_login < 10m",
        "seconds_since_last_login < 1.5h",
        "session_seconds < 90s",
        "amount >= 5_000_00 # five thousand",
        "# first a comment\n  emulator\n  or rooted",
    ],
)
def test_a_sound_condition_is_taken(text: str) -> None:
    assert isinstance(check_condition(text, COLUMNS), Condition)


@pytest.mark.parametrize(
    ("text", "message", "offending"),
    [
        ("login_faild_count_10m > 5", "unknown name", "login_faild_count_10m"),
        ("login_failed_count_10m + 1", "true or false", "login_failed_count_10m + 1"),
        ("channel", "true or false", "channel"),
        ("login_failed_count_10m and emulator", "joins conditions", "login_failed_count_10m"),
        ("not amount", "joins conditions", "amount"),
        ("emulator > 1", "cannot be compared", "emulator > 1"),
        ("emulator == rooted", "cannot be compared", "emulator == rooted"),
        ("emulator + rooted >= 2", "takes numbers", "emulator"),
        ('amount > "10"', "cannot be compared", 'amount > "10"'),
        ("channel == 1", "cannot be compared", "channel == 1"),
        ("channel == product", "cannot be compared", "channel == product"),
        ('channel < "app"', "without an order", 'channel < "app"'),
        ('channel == "ap"', "never", '"ap"'),
        ('channel in ("app", "wob")', "never", '"wob"'),
        ("amount in amount", "list in parentheses", "amount"),
        ("amount in ()", "list in parentheses", "()"),
        ("1 < 2", "same for every entry", "1 < 2"),
        ("amount == amount", "same for every entry", "amount == amount"),
        ("known(3)", "same for every entry", "known(3)"),
        ("emulator and 1 < 2", "same for every entry", "1 < 2"),
        ("True", "not part of the language", "True"),
        ("amount > None", "not part of the language", "None"),
        ("amount is None", "not part of the language", "amount is None"),
        ("amount ** 9 > 1", "not part of the language", "amount ** 9"),
        ("amount // 2 > 1", "not part of the language", "amount // 2"),
        ("amount << 3 > 1", "not part of the language", "amount << 3"),
        ("~amount > 1", "not part of the language", "~amount"),
        ("amount.real > 1", "not part of the language", "amount.real"),
        ("amount[0] > 1", "not part of the language", "amount[0]"),
        ("(lambda: 1)() > amount", "only the language's own functions", "(lambda: 1)()"),
        ("[x for x in (1,)] == 1", "not part of the language", "[x for x in (1,)]"),
        ("(amount := 3) > 1", "not part of the language", "amount := 3"),
        ("1 if emulator else 0", "not part of the language", "1 if emulator else 0"),
        ('__import__("os") == 1', "unknown function", '__import__("os")'),
        ("mim(amount, 1) > 1", "unknown function", "mim(amount, 1)"),
        ("min(amount) > 1", "not called so", "min(amount)"),
        ("abs(x=amount) > 1", "not called so", "abs(x=amount)"),
        ("min(*amount) > 1", "not called so", "min(*amount)"),
        ("min > 1", "is a function", "min"),
        ("known(emulator)", "takes a number or an enumeration", "known(emulator)"),
        ("max(1, 2) < amount", "every argument is a constant", "max(1, 2)"),
        ("amount / 0 > 1", "division by zero", "amount / 0"),
        ("amount / (2 - 2) > 1", "division by zero", "amount / (2 - 2)"),
        ("amount > 9007199254740993", "up to 2**53", "9007199254740993"),
        ("amount > 1e400", "up to 2**53", "1e400"),
        ("amount > 9e15 * 9e15", "up to 2**53", "9e15 * 9e15"),
        ("amount > 5j", "not part of the language", "5j"),
        ("amount > b'x'", "not part of the language", "b'x'"),
        ("device_age_hours < 24h", "does not count seconds", "device_age_hours < 24h"),
        ("amount > 5 and amount < 3", "never be true", "amount > 5 and amount < 3"),
        ("amount >= 5 and amount < 5", "never be true", "amount >= 5 and amount < 5"),
        ("amount == 5 and amount == 6", "never be true", "amount == 5 and amount == 6"),
        ("not (amount <= 5 or amount >= 3)", "never be true", "not (amount <= 5 or amount >= 3)"),
    ],
)
def test_an_unsound_condition_is_refused_with_the_offending_text(text: str, message: str, offending: str) -> None:
    found = faults(text)
    assert message in found[0].message
    assert found[0].text == offending


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "# nothing",
        "amount >",
        "amount > 1)",
        "amount > 1) or (amount < 2",
        "(amount > 1",
        "import os",
        "a; b",
    ],
)
def test_what_does_not_read_is_refused(text: str) -> None:
    assert len(faults(text)) == 1


@pytest.mark.parametrize(
    "text", ["amount > 1\\", "amount > 1\x00", "ａmount > 1", "amount > 1\u200b", "amount > 1\x0c"]
)
def test_characters_outside_the_language_are_refused(text: str) -> None:
    assert "not part of the language" in faults(text)[0].message


@pytest.mark.parametrize(
    "text",
    [
        "amount" + " + 1" * 400 + " > 2",
        "not " * 450 + "emulator",
        "(" * 900 + "amount" + ")" * 900,
        "-" * 1900 + "amount > 1",
    ],
)
def test_a_condition_that_is_too_deep_or_has_too_many_terms_is_refused(text: str) -> None:
    assert len(faults(text)) == 1


def test_a_condition_that_is_too_long_is_refused() -> None:
    assert "at most 2000 characters" in faults("amount > 1" + " " * 2000)[0].message


def test_nesting_up_to_the_limit_is_taken() -> None:
    # not(…) adds one level each; the comparison and its operands are two more.
    assert isinstance(check_condition("not " * (MAX_DEPTH - 2) + "amount > 1", COLUMNS), Condition)
    assert "nested deeper" in faults("not " * (MAX_DEPTH - 1) + "amount > 1")[0].message


def test_a_huge_literal_is_refused_without_being_computed() -> None:
    assert "2**53" in faults("amount > " + "9" * 1900)[0].message


def test_a_misspelt_name_comes_with_a_suggestion() -> None:
    assert faults("login_faild_count_10m > 5")[0].suggestion == "did you mean `login_failed_count_10m`?"


def test_a_misspelt_word_comes_with_a_suggestion() -> None:
    assert faults('product == "cash-instalment"')[0].suggestion == "did you mean `cash-instalments`?"


def test_every_fault_of_a_condition_is_told_at_once() -> None:
    found = faults('amout > 1 and channel == "ap" or not purchase_amount_z')
    assert [fault.text for fault in found] == ["amout", '"ap"', "purchase_amount_z"]


def test_a_fault_names_its_line_within_the_condition() -> None:
    found = faults("\nemulator  # a device farm\nor amout > 10m\nor rooted and prxy")
    assert [(fault.line, fault.text) for fault in found] == [(3, "amout"), (4, "prxy")]


def test_the_offending_text_after_a_duration_is_the_authors_own() -> None:
    assert faults("seconds_since_last_login < 10m and amout > 1")[0].text == "amout"
    assert faults("device_age_hours < 10m or emulator")[0].text == "device_age_hours < 10m"


def test_the_names_of_a_condition_are_given_in_written_order() -> None:
    condition = check_condition("amount > 1 and known(channel) and not emulator and amount < score", COLUMNS)
    assert isinstance(condition, Condition)
    assert condition.names == ("amount", "channel", "emulator", "score")
