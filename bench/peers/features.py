"""The features of the job in plain Python, as a careful user of any of the peers would write them.

The definitions are riskwatch's (docs/features.md), for the 68 of its features that the job's rules may read. What makes
it quick: windows keep running totals and touch only what an event changes; tiles that are empty are not stored;
identities stay in the order in which they were last seen, so that a distinct count is one bisection. Events come in
order here: a late one only counts where its tile still stands.
"""

from __future__ import annotations

from bisect import bisect_right
from math import nan, sqrt
from typing import Any

import msgspec

from riskwatch.streams.events import (
    DeviceChanged,
    DeviceSeen,
    InstalmentDue,
    LoanApplied,
    LoginFailed,
    LoginSucceeded,
    PurchaseMade,
    RepaymentReceived,
    RepaymentReversed,
)

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

# Window, its tile in ms, its tiles besides the newest (both as `riskwatch.features.row.WINDOWS`), what it counts.
_TIERS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("10m", 2 * MINUTE, 5, ("login_failed_count", "purchase_count")),
    ("1h", 10 * MINUTE, 6, (
        "login_count", "login_failed_count", "purchase_count", "purchase_amount_sum", "application_count",
        "entries_count")),
    ("24h", 4 * HOUR, 6, (
        "login_count", "login_failed_count", "session_paste_heavy_count", "device_changed_count", "purchase_count",
        "purchase_amount_sum", "application_count", "entries_count")),
    ("7d", DAY, 7, (
        "login_count", "login_failed_count", "purchase_count", "purchase_amount_sum", "repayment_reversed_count",
        "application_count")),
    ("30d", 5 * DAY, 6, (
        "login_count", "session_paste_heavy_count", "device_changed_count", "sim_changed_count", "emulator_count",
        "rooted_count", "purchase_count", "purchase_amount_sum", "repayment_count", "repayment_amount_sum",
        "repayment_reversed_count", "application_count", "applied_amount_sum", "entries_count")),
    ("90d", 15 * DAY, 6, (
        "purchase_count", "repayment_count", "repayment_amount_sum", "repayment_reversed_count", "entries_count")),
)  # fmt: skip
_WINDOWED = tuple(f"{measure}_{window}" for window, _, _, measures in _TIERS for measure in measures)
_PLACES: dict[str, tuple[tuple[int, int], ...]] = {
    measure: tuple((tier, names.index(measure)) for tier, (_, _, _, names) in enumerate(_TIERS) if measure in names)
    for _, _, _, measures in _TIERS
    for measure in measures
}
_RINGS = tuple((tile, tiles, len(measures)) for _, tile, tiles, measures in _TIERS)

_SINCE = (
    "seconds_since_last_login", "seconds_since_last_login_failed", "seconds_since_sim_change",
    "seconds_since_last_purchase", "seconds_since_last_repayment", "seconds_since_repayment_reversed",
    "seconds_since_last_application", "seconds_since_last_activity",
)  # fmt: skip
LOGIN, FAILED, SIM, PURCHASE, REPAYMENT, REVERSED, APPLICATION, ACTIVITY = range(8)

NAMES: tuple[str, ...] = (
    *_WINDOWED,
    *_SINCE,
    "login_failed_share_1h", "login_failed_share_24h",
    "purchase_amount_24h_over_daily_30d", "entries_count_24h_over_daily_30d",
    "days_since_first_seen", "days_since_first_login",
    "purchase_amount_mean", "purchase_amount_z", "purchase_amount_over_mean", "session_seconds_z",
    "activity_hour_habit", "night_activity_share",
    "device_distinct_24h", "device_distinct_30d", "counterparty_distinct_1h", "counterparty_distinct_24h",
    "ip_distinct_24h",
    "income_last", "bureau_score_last",
)  # fmt: skip
"""The features, in the order of the vector that `evolve` returns."""

_AT = {name: place for place, name in enumerate(NAMES)}
_LOGINS_1H, _FAILED_1H = _AT["login_count_1h"], _AT["login_failed_count_1h"]
_LOGINS_24H, _FAILED_24H = _AT["login_count_24h"], _AT["login_failed_count_24h"]
_SPENT_24H, _SPENT_30D = _AT["purchase_amount_sum_24h"], _AT["purchase_amount_sum_30d"]
_ENTRIES_24H, _ENTRIES_30D = _AT["entries_count_24h"], _AT["entries_count_30d"]
_IDENTITIES = 16


class Customer(msgspec.Struct, array_like=True):
    """What is kept of a customer. `tiles[t]` maps a tile's number to its counts, `totals[t]` is their sum."""

    first_seen: int
    tiles: list[dict[int, list[int]]]
    totals: list[list[int]]
    newest: list[int]
    seen: list[int]
    hours: list[int]
    devices: dict[str, int] = {}
    addresses: dict[str, int] = {}
    merchants: dict[str, int] = {}
    cooldowns: dict[int, int] = {}
    first_login: int = 0
    purchases: int = 0
    purchase_mean: float = 0.0
    purchase_variance: float = 0.0
    sessions: int = 0
    session_mean: float = 0.0
    session_variance: float = 0.0
    income: float = nan
    bureau_score: float = nan


def new_customer(at: int) -> Customer:
    """The state before a customer's first event, at `at` ms."""
    totals = [[0] * width for _, _, width in _RINGS]
    newest = [at // tile for tile, _, _ in _RINGS]
    return Customer(at, [{} for _ in _RINGS], totals, newest, [0] * len(_SINCE), [0] * 24)


pack_customer = msgspec.msgpack.Encoder().encode
unpack_customer = msgspec.msgpack.Decoder(Customer).decode


def evolve(customer: Customer, event: Any, at: int) -> list[float]:
    """Applies an event that occurred at `at` ms and returns the features as of it, in the order of `NAMES`."""
    known = _count(customer, _increments(event), at)
    seen, kind = customer.seen, type(event)
    known += [(at - then) / 1000 if then else nan for then in seen]
    logins, per_day = known[_LOGINS_1H], known[_SPENT_30D]
    known.append(known[_FAILED_1H] / logins if logins else nan)
    logins = known[_LOGINS_24H]
    known.append(known[_FAILED_24H] / logins if logins else nan)
    known.append(30.0 * known[_SPENT_24H] / per_day if per_day else nan)
    entries = known[_ENTRIES_30D]
    known.append(30.0 * known[_ENTRIES_24H] / entries if entries else nan)
    if kind is LoginSucceeded and not customer.first_login:
        customer.first_login = at
    since_login = (at - customer.first_login) / DAY if customer.first_login else nan
    known += ((at - customer.first_seen) / DAY, since_login)
    known += _habits(customer, event, at)
    known += _identities(customer, event, at)
    if kind is LoanApplied:
        _declared(customer, event)
    known += (customer.income, customer.bureau_score)
    for clock in _CLOCKS[kind]:
        seen[clock] = at
    if kind is DeviceChanged and event.sim_changed:
        seen[SIM] = at
    return known


def _increments(event: Any) -> list[tuple[str, int]]:
    """What an event adds to which measure."""
    kind = type(event)
    if kind is PurchaseMade:
        return [("purchase_count", 1), ("purchase_amount_sum", event.amount), ("entries_count", 1)]
    if kind is LoginSucceeded or kind is LoginFailed:
        added = [("login_count", 1), ("entries_count", 1) if kind is LoginSucceeded else ("login_failed_count", 1)]
        session = event.session
        if session is not None and session.paste_share is not None and session.paste_share >= 0.5:
            added.append(("session_paste_heavy_count", 1))
        return added
    if kind is RepaymentReceived:
        return [("repayment_count", 1), ("repayment_amount_sum", event.amount)]
    if kind is DeviceSeen or kind is DeviceChanged:
        added = [("entries_count", 1)]
        if kind is DeviceChanged:
            added.append(("device_changed_count", 1))
            if event.sim_changed:
                added.append(("sim_changed_count", 1))
        if event.emulator:
            added.append(("emulator_count", 1))
        if event.rooted:
            added.append(("rooted_count", 1))
        return added
    if kind is LoanApplied:
        return [("application_count", 1), ("applied_amount_sum", event.amount), ("entries_count", 1)]
    return [("repayment_reversed_count", 1)] if kind is RepaymentReversed else []


def _count(customer: Customer, added: list[tuple[str, int]], at: int) -> list[float]:
    """Moves every window to `at`, adds to the measures that changed, and returns all totals."""
    newest, all_tiles, totals = customer.newest, customer.tiles, customer.totals
    for tier, (tile, tiles, _) in enumerate(_RINGS):
        now = at // tile
        if now > newest[tier]:
            newest[tier] = now
            held = all_tiles[tier]
            if held:
                oldest = now - tiles
                for number in [number for number in held if number < oldest]:
                    gone, total = held.pop(number), totals[tier]
                    for place, value in enumerate(gone):
                        if value:
                            total[place] -= value
    for measure, value in added:
        for tier, place in _PLACES[measure]:
            tile, tiles, width = _RINGS[tier]
            number = at // tile
            if number < newest[tier] - tiles:
                continue  # too late for this window
            row = all_tiles[tier].get(number)
            if row is None:
                row = all_tiles[tier][number] = [0] * width
            row[place] += value
            totals[tier][place] += value
    return [value for total in totals for value in total]


def _habits(customer: Customer, event: Any, at: int) -> tuple[float, ...]:
    """Usual amount, usual session, usual hours: as known before the event, which is then learned."""
    kind = type(event)
    mean = customer.purchase_mean if customer.purchases >= 3 else nan
    deviation = multiple = session_deviation = habit = nan
    if kind is PurchaseMade:
        amount = event.amount
        if customer.purchases >= 5:
            deviation = _deviation(amount, mean, customer.purchase_variance)
        multiple = amount / mean if mean else nan
        customer.purchases += 1
        customer.purchase_mean, customer.purchase_variance = _weigh(
            amount, customer.purchases, customer.purchase_mean, customer.purchase_variance
        )
    elif kind in _WITH_SESSION and event.session is not None and event.session.seconds is not None:
        seconds = event.session.seconds
        if customer.sessions >= 5:
            session_deviation = _deviation(seconds, customer.session_mean, customer.session_variance)
        customer.sessions += 1
        customer.session_mean, customer.session_variance = _weigh(
            seconds, customer.sessions, customer.session_mean, customer.session_variance
        )
    hours = customer.hours
    past = sum(hours)
    night = sum(hours[:6]) / past if past >= 10 else nan
    if kind in _ACTIVITY:
        hour = event.occurred_at.hour
        if past >= 10:
            habit = (hours[hour - 1] + hours[hour] + hours[(hour + 1) % 24]) / past
        hours[hour] += 1
        if past + 1 >= 256:
            customer.hours = [count // 2 for count in hours]
    return mean, deviation, multiple, session_deviation, habit, night


def _weigh(value: float, count: int, mean: float, variance: float) -> tuple[float, float]:
    """Exponentially weighted mean and variance with `value`, the `count`th one, in them."""
    weight = 1 / count if count < 10 else 0.1
    away = value - mean
    return mean + weight * away, (1 - weight) * (variance + weight * away * away)


def _deviation(value: float, mean: float, variance: float) -> float:
    return (value - mean) / max(sqrt(variance), 0.1 * abs(mean), 1.0)


def _identities(customer: Customer, event: Any, at: int) -> tuple[int, ...]:
    """Distinct devices, merchants and addresses, the event's included."""
    kind = type(event)
    if kind in _PRESENT:
        if event.device_id is not None:
            _see(customer.devices, event.device_id, at)
        if event.ip is not None:
            _see(customer.addresses, event.ip, at)
        if kind is PurchaseMade:
            place = event.terminal_id if event.terminal_id is not None else event.merchant_id
            if place is not None:
                _see(customer.merchants, place, at)
    devices, merchants = list(customer.devices.values()), list(customer.merchants.values())
    addresses = list(customer.addresses.values())
    return (
        len(devices) - bisect_right(devices, at - DAY),
        len(devices) - bisect_right(devices, at - 30 * DAY),
        len(merchants) - bisect_right(merchants, at - HOUR),
        len(merchants) - bisect_right(merchants, at - DAY),
        len(addresses) - bisect_right(addresses, at - DAY),
    )


def _see(identities: dict[str, int], identity: str, at: int) -> None:
    """Notes an identity as the one seen last; of more than 16 the one seen longest ago is forgotten."""
    identities.pop(identity, None)
    identities[identity] = at
    if len(identities) > _IDENTITIES:
        del identities[next(iter(identities))]


def _declared(customer: Customer, application: LoanApplied) -> None:
    declared, bureau = application.declared, application.bureau
    if declared is not None and declared.monthly_income is not None:
        customer.income = declared.monthly_income
    if bureau is not None and bureau.score is not None:
        customer.bureau_score = bureau.score


_ACTIVITY = frozenset({LoanApplied, LoginSucceeded, DeviceSeen, DeviceChanged, PurchaseMade})
_PRESENT = _ACTIVITY | {LoginFailed}
_WITH_SESSION = frozenset({LoginSucceeded, LoginFailed, LoanApplied})
_CLOCKS: dict[type, tuple[int, ...]] = {
    LoginSucceeded: (LOGIN, ACTIVITY), LoginFailed: (FAILED,), DeviceSeen: (ACTIVITY,), DeviceChanged: (ACTIVITY,),
    PurchaseMade: (PURCHASE, ACTIVITY), InstalmentDue: (), RepaymentReceived: (REPAYMENT,),
    RepaymentReversed: (REVERSED,), LoanApplied: (APPLICATION, ACTIVITY),
}  # fmt: skip
