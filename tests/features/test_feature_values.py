"""Features at the situations that a fraud or monitoring team looks for, worked out by hand."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from journals import DAY, HOUR, MINUTE, entry, fold, journal, last

from riskwatch.features.layout import compile_layout
from riskwatch.features.table import FEATURES
from riskwatch.streams.entry import Flag, Kind

LOGIN, FAILED, BUY = Kind.LOGIN_SUCCEEDED, Kind.LOGIN_FAILED, Kind.PURCHASE_MADE
PAID, APPLIED = Kind.REPAYMENT_RECEIVED, Kind.LOAN_APPLIED


def test_a_burst_of_failed_logins_is_counted_with_the_entry_itself():
    now = last(journal(*[entry(FAILED, n * MINUTE) for n in range(5)]))
    assert now["login_failed_count_10m"] == 5


def test_failed_logins_leave_the_ten_minute_window_but_not_the_hour():
    now = last(journal(*[entry(FAILED, n * MINUTE) for n in range(5)], entry(LOGIN, 30 * MINUTE)))
    assert (now["login_failed_count_10m"], now["login_failed_count_1h"]) == (0, 5)


def test_a_window_reaches_back_at_least_its_length_and_at_most_a_tile_more():
    at_most = last(journal(entry(FAILED, 0), entry(LOGIN, 12 * MINUTE - 1)))
    too_far = last(journal(entry(FAILED, 0), entry(LOGIN, 12 * MINUTE)))
    assert (at_most["login_failed_count_10m"], too_far["login_failed_count_10m"]) == (1, 0)


def test_a_password_guessed_then_used_shows_the_failures_at_the_success():
    now = last(journal(*[entry(FAILED, n * 1000) for n in range(6)], entry(LOGIN, 7000)))
    assert now["login_failed_share_1h"] == 6 / 7
    assert now["seconds_since_last_login_failed"] == 2.0


def test_recency_looks_at_what_was_before_the_entry():
    now = last(journal(entry(LOGIN, 0), entry(LOGIN, 90_000)))
    assert now["seconds_since_last_login"] == 90.0


def test_recency_is_unknown_at_the_first_login():
    assert isnan(last(journal(entry(LOGIN, 0)))["seconds_since_last_login"])


def test_impossible_travel_berlin_to_new_york_in_an_hour():
    berlin = {"latitude": 52.52, "longitude": 13.405}
    new_york = {"latitude": 40.7128, "longitude": -74.006}
    now = last(journal(entry(LOGIN, 0, **berlin), entry(LOGIN, HOUR, **new_york)))
    assert now["login_distance_km"] == pytest.approx(6385, abs=5)
    assert now["login_speed_kmh"] == pytest.approx(6385, abs=5)


def test_a_degree_of_latitude_is_111_km():
    now = last(journal(entry(LOGIN, 0, latitude=0, longitude=0), entry(LOGIN, HOUR, latitude=1, longitude=0)))
    assert now["login_distance_km"] == 111.195


def test_speed_takes_no_time_for_a_minute():
    here, there = {"latitude": 0, "longitude": 0}, {"latitude": 1, "longitude": 0}
    now = last(journal(entry(LOGIN, 0, **here), entry(LOGIN, 0, **there)))
    assert now["login_speed_kmh"] == pytest.approx(111.195 * 60)


def test_a_new_device_is_new_at_the_entry_that_brings_it():
    now = last(journal(entry(LOGIN, 0, device=1), entry(LOGIN, DAY, device=2)))
    assert (now["device_age_hours"], now["seconds_since_device_new"], now["device_distinct_24h"]) == (0, 0, 1)


def test_purchases_after_a_new_device_know_when_it_came():
    now = last(journal(entry(LOGIN, 0, device=1), entry(LOGIN, DAY, device=2), entry(BUY, DAY + HOUR, device=2)))
    assert (now["device_age_hours"], now["seconds_since_device_new"]) == (1, 3600)


def test_the_very_first_device_is_no_further_device():
    now = last(journal(entry(LOGIN, 0, device=1), entry(BUY, HOUR, device=1)))
    assert isnan(now["seconds_since_device_new"])


def test_device_age_is_unknown_where_no_device_is_named():
    assert isnan(last(journal(entry(LOGIN, 0, device=1), entry(BUY, HOUR)))["device_age_hours"])


def test_device_hopping_counts_different_devices_up_to_16():
    hops = [entry(LOGIN, n * MINUTE, device=n + 1) for n in range(20)]
    assert last(journal(*hops[:5]))["device_distinct_1h"] == 5
    assert last(journal(*hops))["device_distinct_1h"] == 16


def test_a_sim_change_is_known_at_the_application_after_it():
    swap = entry(Kind.DEVICE_CHANGED, 0, device=1, flags=Flag.SIM_CHANGED)
    now = last(journal(swap, entry(APPLIED, 2 * HOUR, amount=1000)))
    assert (now["sim_changed_count_30d"], now["seconds_since_sim_change"]) == (1, 7200)


def test_an_emulator_is_counted_and_a_plain_device_is_not():
    emulator = entry(Kind.DEVICE_SEEN, 0, device=1, flags=Flag.EMULATOR)
    now = last(journal(emulator, entry(Kind.DEVICE_SEEN, 1, device=1, flags=Flag.PROXY)))
    assert (now["emulator_count_30d"], now["rooted_count_30d"], now["proxy_count_30d"]) == (1, 0, 1)


def test_purchases_add_up_and_the_largest_stands_out():
    now = last(journal(entry(BUY, 0, amount=250), entry(BUY, HOUR, amount=1000), entry(BUY, 2 * HOUR, amount=50)))
    assert (now["purchase_count_24h"], now["purchase_amount_sum_24h"], now["purchase_amount_max_24h"]) == (
        3,
        1300,
        1000,
    )


def test_an_amount_is_compared_with_the_mean_of_those_before():
    now = last(journal(*[entry(BUY, n * DAY, amount=100 + n) for n in range(3)], entry(BUY, 3 * DAY, amount=404)))
    assert (now["purchase_amount_mean"], now["purchase_amount_over_mean"]) == (101, 4)


def test_a_deviation_is_in_deviations_of_those_before():
    usual = [100, 120, 80, 110, 90]  # plain mean 100, variance 200: the weight is 1/n until n reaches 10
    now = last(journal(*[entry(BUY, n * DAY, amount=x) for n, x in enumerate(usual)], entry(BUY, 6 * DAY, amount=200)))
    assert now["purchase_amount_z"] == pytest.approx(100 / 200**0.5)


def test_a_deviation_is_never_less_than_a_tenth_of_the_mean():
    same = [entry(BUY, n * DAY, amount=100) for n in range(5)]
    assert last(journal(*same, entry(BUY, 5 * DAY, amount=130)))["purchase_amount_z"] == 3


def test_a_deviation_is_unknown_before_five_values():
    few = [entry(BUY, n * DAY, amount=100) for n in range(4)]
    assert isnan(last(journal(*few, entry(BUY, 5 * DAY, amount=130)))["purchase_amount_z"])


def test_a_small_test_purchase_then_a_large_one():
    now = last(journal(entry(BUY, 0, amount=100), entry(BUY, MINUTE, amount=50_000)))
    assert now["purchase_amount_over_min_1h"] == 500


def test_a_card_check_of_0_counts_as_1():
    assert last(journal(entry(BUY, 0, amount=0), entry(BUY, 1, amount=300)))["purchase_amount_over_min_1h"] == 300


def test_an_hour_later_the_small_purchase_is_forgotten():
    now = last(journal(entry(BUY, 0, amount=100), entry(BUY, HOUR, amount=50_000)))
    assert isnan(now["purchase_amount_over_min_1h"])


def test_the_same_amount_again_and_again():
    amounts = [999, 999, 500, 999]
    now = last(journal(*[entry(BUY, n * MINUTE, amount=x) for n, x in enumerate(amounts)]))
    assert now["purchase_same_amount_count_1h"] == 3


def test_many_merchants_quickly():
    now = last(journal(*[entry(BUY, n * MINUTE, amount=1, counterparty=n + 1) for n in range(7)]))
    assert (now["counterparty_distinct_1h"], now["counterparty_age_hours"]) == (7, 0)


def test_spend_against_the_daily_average_of_30_days():
    before = [entry(BUY, n * DAY, amount=100) for n in range(27)]
    now = last(journal(*before, entry(BUY, 27 * DAY + HOUR, amount=300)))
    assert now["purchase_amount_24h_over_daily_30d"] == 30 * 400 / 3000


def test_dormant_then_busy():
    start = [entry(LOGIN, 0)]
    now = last(journal(*start, *[entry(BUY, 60 * DAY + n * MINUTE, amount=1) for n in range(3)]))
    assert (now["entries_count_24h"], now["entries_count_30d"], now["entries_count_90d"]) == (3, 3, 4)
    assert now["days_since_first_seen"] == pytest.approx(60, abs=0.01)


def test_habit_is_the_share_of_past_activity_near_this_hour():
    past = [entry(LOGIN, n * DAY, local_hour=9 if n < 15 else 23) for n in range(20)]
    at_ten = last(journal(*past, entry(BUY, 20 * DAY, amount=1, local_hour=10)))
    at_midnight = last(journal(*past, entry(BUY, 20 * DAY, amount=1, local_hour=0)))
    at_four = last(journal(*past, entry(BUY, 20 * DAY, amount=1, local_hour=4)))
    habits = [now["activity_hour_habit"] for now in (at_ten, at_midnight, at_four)]
    assert habits == [0.75, 0.25, 0]


def test_habit_is_unknown_before_ten_activities():
    past = [entry(LOGIN, n * DAY, local_hour=9) for n in range(9)]
    assert isnan(last(journal(*past, entry(BUY, 10 * DAY, local_hour=9)))["activity_hour_habit"])


def test_old_habits_fade():
    nights = [entry(LOGIN, n * HOUR, local_hour=3) for n in range(256)]
    days = [entry(LOGIN, (256 + n) * HOUR, local_hour=12) for n in range(128)]
    # the 256th halves the counts to 128 at night; 127 by day come before the last entry
    assert last(journal(*nights, *days))["night_activity_share"] == 128 / 255


def test_a_reversed_repayment_soon_after_a_purchase():
    now = last(
        journal(entry(PAID, 0, amount=500), entry(BUY, HOUR, amount=900), entry(Kind.REPAYMENT_REVERSED, 2 * HOUR))
    )
    assert (now["repayment_reversed_count_7d"], now["seconds_since_last_purchase"]) == (1, 3600)
    assert now["repayment_reversed_share_90d"] == 1


def test_later_payments_than_usual():
    usual = [entry(PAID, n * DAY, days_late=0, paid_share=1) for n in range(5)]
    now = last(journal(*usual, entry(PAID, 6 * DAY, days_late=6, paid_share=1)))
    assert (now["days_late_mean"], now["days_late_z"]) == (0, 6)
    assert now["repayment_late_share_90d"] == 1 / 6


def test_a_trend_of_days_late_includes_the_entry():
    late = [entry(PAID, n * DAY, days_late=x) for n, x in enumerate([0, 0, 4])]
    assert last(journal(*late))["days_late_trend"] == pytest.approx(4 / 2 - 4 / 3)


def test_smaller_payments_than_usual():
    usual = [entry(PAID, n * DAY, days_late=0, paid_share=1) for n in range(5)]
    now = last(journal(*usual, entry(PAID, 6 * DAY, days_late=0, paid_share=0.5)))
    assert (now["repayment_partial_count_90d"], now["paid_share_mean"], now["paid_share_z"]) == (1, 1, -5)


def test_a_first_instalment_unpaid():
    step = {"days_late": 7, "flags": Flag.FIRST_INSTALMENT}
    now = last(journal(entry(Kind.LOAN_OPENED, 0), entry(Kind.INSTALMENT_OVERDUE, 37 * DAY, **step)))
    assert (now["first_instalment_overdue_count_90d"], now["days_late_max_90d"]) == (1, 7)


def test_an_income_that_jumps_between_applications():
    now = last(journal(entry(APPLIED, 0, income=200_000), entry(APPLIED, DAY, income=500_000, amount=1_000_000)))
    assert (now["income_over_previous"], now["income_last"], now["applied_amount_over_income"]) == (2.5, 500_000, 2)


def test_application_velocity():
    now = last(journal(*[entry(APPLIED, n * HOUR, amount=100, subject=n + 1) for n in range(4)]))
    assert (now["application_count_24h"], now["application_distinct_30d"], now["applied_amount_sum_30d"]) == (4, 4, 400)


def test_paste_heavy_sessions_are_those_with_half_or_more_pasted():
    shares = [0.49, 0.5, 1.0, np.nan]
    now = last(journal(*[entry(LOGIN, n, paste_share=share) for n, share in enumerate(shares)]))
    assert now["session_paste_heavy_count_24h"] == 2


def test_bad_contact_numbers_are_counted_apart_from_unanswered_calls():
    outcomes = [1, 3, 4, 5, 6]  # delivered, no answer, wrong number, invalid number, reached
    now = last(journal(*[entry(Kind.CONTACT_MADE, n, outcome=o) for n, o in enumerate(outcomes)]))
    assert (now["contact_unreached_count_30d"], now["contact_bad_number_count_30d"]) == (3, 2)


def test_a_late_entry_counts_in_its_own_tile_and_sees_its_own_time():
    entries = journal(entry(FAILED, 0), entry(FAILED, 40 * MINUTE), entry(FAILED, 5 * MINUTE))
    _, matrix, _, late = fold(entries)
    now = dict(zip(compile_layout(FEATURES).names, matrix[-1].tolist(), strict=True))
    assert (late[-1], now["login_failed_count_1h"], now["late_events_count"]) == (1, 2, 1)
    assert isnan(now["login_failed_count_10m"])


def test_an_absent_amount_counts_as_a_purchase_and_adds_nothing():
    now = last(journal(entry(BUY, 0, amount=100), entry(BUY, 1)))
    assert (now["purchase_count_1h"], now["purchase_amount_sum_1h"]) == (2, 100)


def test_counts_of_hours_are_halved_rounding_down():
    one_night = [entry(LOGIN, 0, local_hour=3)]
    days = [entry(LOGIN, n * HOUR, local_hour=12) for n in range(1, 257)]  # halved at the 256th in all: 0 and 127
    assert last(journal(*one_night, *days))["night_activity_share"] == 0


def test_of_two_values_at_one_time_the_later_arrival_stands():
    now = last(journal(entry(APPLIED, 0, income=100), entry(APPLIED, 0, income=200), entry(LOGIN, 1)))
    assert now["income_last"] == 200


def test_a_17th_identity_seen_no_later_than_the_16_known_is_not_remembered():
    at_once = [entry(LOGIN, 0, device=n + 1) for n in range(17)]
    assert last(journal(*at_once, entry(LOGIN, HOUR, device=17)))["device_age_hours"] == 0
    assert last(journal(*at_once, entry(LOGIN, HOUR, device=16)))["device_age_hours"] == 1


def test_night_logins_of_a_week_and_of_the_habit_before_it():
    nights = [entry(LOGIN, n * 10 * DAY, local_hour=hour) for n, hour in enumerate((3, 5, 6, 23))]
    lately = [entry(LOGIN, 60 * DAY + n * HOUR, local_hour=0) for n in range(3)]
    now = last(journal(*nights, *lately, entry(FAILED, 60 * DAY + 4 * HOUR, local_hour=1)))
    assert (now["login_night_count_7d"], now["login_night_count_90d"]) == (3, 5)


def test_changes_of_contact_details_are_counted_and_dated():
    changed = [entry(Kind.CONTACT_DETAILS_CHANGED, at) for at in (0, 40 * DAY, 41 * DAY)]
    now = last(journal(*changed, entry(LOGIN, 42 * DAY)))
    assert now["contact_detail_change_count_30d"] == 2
    assert now["seconds_since_contact_detail_change"] == 86_400


def test_multi_lending_is_read_against_the_report_before():
    first = entry(APPLIED, 0, bureau_open_loans=1, bureau_inquiries=2, bureau_outstanding=500_000)
    second = entry(APPLIED, 20 * DAY, bureau_open_loans=4, bureau_inquiries=9, bureau_outstanding=1_250_000)
    now = last(journal(first, second))
    assert (now["bureau_open_loans_last"], now["bureau_open_loans_change"]) == (4, 3)
    assert (now["bureau_inquiries_last"], now["bureau_outstanding_last"]) == (9, 1_250_000)
    assert now["bureau_outstanding_over_previous"] == 2.5
    assert last(journal(second, first))["bureau_open_loans_change"] == -3


def test_a_first_loan_anywhere_is_a_change_from_none():
    now = last(journal(entry(APPLIED, 0, bureau_open_loans=0), entry(APPLIED, DAY, bureau_open_loans=2)))
    assert now["bureau_open_loans_change"] == 2


def test_without_a_report_multi_lending_is_what_was_known_last_and_its_change_unknown():
    now = last(journal(entry(APPLIED, 0, bureau_open_loans=3), entry(APPLIED, DAY)))
    assert now["bureau_open_loans_last"] == 3
    assert isnan(now["bureau_open_loans_change"])
    assert isnan(last(journal(entry(APPLIED, 0, bureau_open_loans=3)))["bureau_open_loans_change"])
