"""The contact budget, worked out by hand for the packaged jurisdictions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from riskwatch.policy.contactbudget import Allowed, Consent, Contact, Refused, may_contact
from riskwatch.policy.contactfile import load_rules, packaged_rules
from riskwatch.policy.faults import PolicyError

NEW_YORK, SHANGHAI = ZoneInfo("America/New_York"), ZoneInfo("Asia/Shanghai")
US, CN = packaged_rules("us"), packaged_rules("cn")
OPTED_IN = Consent(opted_in=frozenset(("sms", "email")))


def at(text: str, zone: ZoneInfo = NEW_YORK) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def call(text: str, zone: ZoneInfo = NEW_YORK, loan: str = "a", *, spoke: bool = False) -> Contact:
    return Contact(channel="phone", from_ms=at(text, zone), to_ms=at(text, zone), loan_id=loan, conversation=spoke)


def us(history: list[Contact], text: str, channel: str = "phone", loan: str = "a") -> Allowed | Refused:
    return may_contact(US, history, at(text), channel, NEW_YORK, OPTED_IN, loan_id=loan)


SEVEN = [call(f"2026-06-{day:02d} 10:00") for day in range(1, 8)]  # Monday 1 June to Sunday 7 June


def test_the_eighth_call_in_seven_days_waits_until_the_first_is_seven_days_old() -> None:
    assert us(SEVEN, "2026-06-07 12:00") == Refused("limits.seven-calls-in-seven-days", at("2026-06-08 10:00"))


def test_a_call_exactly_seven_days_after_the_first_of_seven_is_allowed() -> None:
    assert us(SEVEN, "2026-06-08 10:00") == Allowed(at("2026-06-08 21:00"))


def test_seven_calls_about_one_debt_leave_another_debt_its_own() -> None:
    assert us(SEVEN, "2026-06-07 12:00", loan="b") == Allowed(at("2026-06-07 21:00"))


def test_after_a_conversation_there_is_no_call_until_the_eighth_day() -> None:
    # The day of the conversation, 1 June, is the first of seven: 8 June is open, from 8 o'clock on.
    spoke = [call("2026-06-01 20:00", spoke=True)]
    assert us(spoke, "2026-06-07 20:59") == Refused("silences.after-a-conversation", at("2026-06-08 08:00"))
    assert us(spoke, "2026-06-08 08:00") == Allowed(at("2026-06-08 21:00"))


def test_after_a_conversation_messages_are_still_allowed() -> None:
    assert isinstance(us([call("2026-06-01 20:00", spoke=True)], "2026-06-02 09:00", "sms"), Allowed)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("2026-06-02 07:59", False), ("2026-06-02 08:00", True), ("2026-06-02 20:59", True), ("2026-06-02 21:00", False)],
)
def test_calls_are_from_eight_until_before_nine_in_the_evening(text: str, allowed: bool) -> None:
    assert isinstance(us([], text), Allowed) is allowed


def test_the_hours_are_those_of_the_customers_zone() -> None:
    # 08:00 in New York is 05:00 in Los Angeles.
    now, west = at("2026-06-02 08:00"), ZoneInfo("America/Los_Angeles")
    answer = may_contact(US, [], now, "phone", west, OPTED_IN, loan_id="a")
    assert answer == Refused("hours.convenient", at("2026-06-02 08:00", west))


def test_the_morning_after_clocks_are_put_forward_still_begins_at_eight() -> None:
    # 8 March 2026: from Saturday 21:00 to Sunday 08:00 there are ten hours, not eleven.
    answer = us([], "2026-03-07 21:00", "push")
    assert answer == Refused("hours.convenient", at("2026-03-08 08:00"))
    assert at("2026-03-08 08:00") - at("2026-03-07 21:00") == 10 * 3_600_000


def test_nobody_is_called_on_a_holiday() -> None:
    # Thanksgiving, Thursday 26 November 2026.
    assert us([], "2026-11-26 10:00") == Refused("closed.holidays", at("2026-11-27 08:00"))
    assert isinstance(us([], "2026-11-26 10:00", "push"), Allowed)


def test_the_national_day_holidays_of_china_are_passed_over() -> None:
    # The State Council: 1 to 8 October 2025, National Day and Mid-Autumn together, with the weekend of the 4th and 5th.
    answer = may_contact(CN, [], at("2025-10-01 10:00", SHANGHAI), "phone", SHANGHAI, OPTED_IN)
    assert answer == Refused("closed.holidays", at("2025-10-09 08:00", SHANGHAI))


def test_a_weekend_beside_a_single_holiday_is_open() -> None:
    # Labor Day is Monday 7 September 2026: Saturday the 5th is no holiday.
    assert isinstance(us([], "2026-09-05 10:00"), Allowed)


def test_the_fourth_call_of_a_day_in_china_waits_for_the_next_morning() -> None:
    three = [call(f"2026-06-02 {hour}:00", SHANGHAI) for hour in ("09", "12", "15")]
    answer = may_contact(CN, three, at("2026-06-02 16:00", SHANGHAI), "phone", SHANGHAI, OPTED_IN, loan_id="b")
    assert answer == Refused("limits.calls-a-day", at("2026-06-03 08:00", SHANGHAI))


def test_in_china_evenings_are_open_until_ten() -> None:
    open_at = may_contact(CN, [], at("2026-06-02 21:59", SHANGHAI), "push", SHANGHAI, OPTED_IN)
    shut_at = may_contact(CN, [], at("2026-06-02 22:00", SHANGHAI), "push", SHANGHAI, OPTED_IN)
    assert open_at == Allowed(at("2026-06-02 22:00", SHANGHAI))
    assert shut_at == Refused("hours.day", at("2026-06-03 08:00", SHANGHAI))


def test_a_call_that_was_ordered_and_not_reported_counts_until_it_must_have_left_the_window() -> None:
    ordered = Contact(channel="phone", from_ms=at("2026-06-01 09:00"), to_ms=at("2026-06-01 21:00"), loan_id="a")
    history = [ordered, *SEVEN[1:]]
    assert us(history, "2026-06-08 10:00") == Refused("limits.seven-calls-in-seven-days", at("2026-06-09 08:00"))


def test_messages_of_every_kind_share_one_budget() -> None:
    sent = [
        Contact(channel=channel, from_ms=at("2026-06-02 09:00"), to_ms=at("2026-06-02 09:00"))
        for channel in ("push", "email")
    ]
    assert us(sent, "2026-06-02 10:00", "sms") == Refused("limits.messages-a-day", at("2026-06-03 08:00"))


def test_third_parties_are_never_contacted() -> None:
    answer = may_contact(US, [], at("2026-06-02 10:00"), "phone", NEW_YORK, OPTED_IN, addressee="third-party")
    assert answer == Refused("third-party", None)


@pytest.mark.parametrize(
    ("channel", "consent", "reason"),
    [
        ("sms", Consent(), "no-consent"),
        ("push", Consent(opted_out=frozenset({"push"})), "opted-out"),
        ("phone", Consent(opted_in=frozenset({"phone"}), ceased=True), "ceased"),
    ],
)
def test_what_the_customer_said_closes_a_channel_for_good(channel: str, consent: Consent, reason: str) -> None:
    assert may_contact(US, [], at("2026-06-02 10:00"), channel, NEW_YORK, consent) == Refused(reason, None)


def test_a_letter_of_the_law_may_still_be_sent_after_a_request_to_cease() -> None:
    answer = may_contact(US, [], at("2026-06-02 10:00"), "legal", NEW_YORK, Consent(ceased=True))
    assert answer == Allowed(None)


def test_a_channel_that_the_rules_do_not_list_is_closed() -> None:
    rules = replace(US, channels=("phone",))
    assert may_contact(rules, [], at("2026-06-02 10:00"), "push", NEW_YORK, OPTED_IN) == Refused("channel", None)


# -------------------------------------------------------------------------------------------------------- files


def test_rules_of_a_state_extend_those_of_the_country(tmp_path: Path) -> None:
    text = 'extends = "us"\nname = "us-strict"\n[closed.sundays]\nchannels = ["phone"]\nweekdays = ["sun"]\n'
    path = tmp_path / "strict.toml"
    path.write_text(text)
    rules = load_rules(path)
    answer = may_contact(rules, [], at("2026-06-07 10:00"), "phone", NEW_YORK, OPTED_IN)
    assert answer == Refused("closed.sundays", at("2026-06-08 08:00"))
    assert rules.limits == US.limits


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits.seven-calls-in-seven-days]\nmost = 51\n",
         "line 4: [limits.seven-calls-in-seven-days.most] `most` is"),
        ("[limits.visits-a-week]\ndays = 6\n", "`days` is 6; a calendar week has 7"),
        ('[limits.x]\nchannels = ["fax"]\nmost = 1\n', "line 4: [limits.x.channels]"),
        ('[hours.convenient]\nstart = "8"\n', "times are written"),
        ('[hours.convenient]\nend = "07:00"\n', "no time is from 08:00 and before 07:00"),
        ('[closed.holidays]\ncalendar = "XX"\n', "no business calendar for 'XX'"),
        ("[silences.after-a-conversation]\ndays = 0\n", "`days` is 0; days from 1 to 31"),
        ('[closed.x]\nchannels = ["phone"]\n', "it closes no day"),
        ("[hourz.x]\n", "line 3: unknown key `hourz`; did you mean `hours`?"),
    ],
)  # fmt: skip
def test_a_fault_of_the_rules_is_told_with_what_would_do(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('extends = "us"\nname = "ours"\n' + text)
    with pytest.raises(PolicyError) as refused:
        load_rules(path)
    assert any(told in str(fault) for fault in refused.value.faults), refused.value.faults
