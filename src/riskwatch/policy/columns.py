"""The names that a condition may use besides the features: the entry's own fields, as a declared table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from riskwatch.features.merchantmessages import MerchantAnswer
from riskwatch.features.watch import WATCHED
from riskwatch.streams import events
from riskwatch.streams.entry import Flag, Kind
from riskwatch.streams.identity import IdentityKind

Column = npt.NDArray[Any]

KINDS: Mapping[str, Kind] = {
    "".join(part.capitalize() for part in kind.name.split("_")): kind for kind in Kind if kind < Kind.TICK
}
"""Entry kinds that a rule can be judged at, by the name that policies write: `PurchaseMade`, `InstalmentOverdue`, …"""

KIND_NAMES: Mapping[int, str] = {int(kind): name for name, kind in KINDS.items()}


class Field(Struct, frozen=True, kw_only=True):
    """A named column of an entry.

    `type`: number (float64, NaN unknown), flag (bool) or enumeration (uint8 codes, 0 unknown; `codes` maps its words).
    `kinds`: where it can be known at all, None for everywhere. `read`: ENTRY[n] → column[n].
    """

    name: str
    type: Literal["number", "flag", "enumeration"]
    description: str
    read: Callable[[Column], Column]
    kinds: frozenset[Kind] | None = None
    codes: Mapping[str, int] | None = None


def _number(name: str, description: str, *kinds: Kind) -> Field:
    def read(entries: Column) -> Column:
        column: Column = entries[name].astype(np.float64)
        return column

    return Field(name=name, type="number", description=description, read=read, kinds=frozenset(kinds) or None)


def _flag(name: str, description: str, bit: Flag, *kinds: Kind) -> Field:
    def read(entries: Column) -> Column:
        raised: Column = (entries["flags"] & np.uint32(bit)) != 0
        return raised

    return Field(name=name, type="flag", description=description, read=read, kinds=frozenset(kinds) or None)


def _present(name: str, source: str, description: str, *kinds: Kind) -> Field:
    def read(entries: Column) -> Column:
        present: Column = entries[source] != 0
        return present

    return Field(name=name, type="flag", description=description, read=read, kinds=frozenset(kinds) or None)


def _enumeration(
    name: str, source: str, words: object, description: str, kinds: frozenset[Kind] | None, without: Kind | None = None
) -> Field:
    def read(entries: Column) -> Column:
        codes = entries[source]
        if without is not None:
            return np.where(entries["kind"] == without, np.uint8(0), codes)
        return codes if kinds is None else np.where(_of_kinds(entries["kind"], kinds), codes, np.uint8(0))

    codes = {word: place for place, word in enumerate(get_args(words), start=1)}
    return Field(name=name, type="enumeration", description=description, read=read, kinds=kinds, codes=codes)


def _of_kinds(kinds: Column, wanted: frozenset[Kind]) -> Column:
    table = np.zeros(256, dtype=np.bool_)
    table[[int(kind) for kind in wanted]] = True
    return table[kinds]


_APPLICATION = (Kind.LOAN_APPLIED,)
_SESSION = (Kind.LOAN_APPLIED, Kind.LOGIN_SUCCEEDED, Kind.LOGIN_FAILED)
_DEVICE = (Kind.DEVICE_SEEN, Kind.DEVICE_CHANGED)
_SIGHTED = (*_SESSION, *_DEVICE, Kind.PURCHASE_MADE)
_REPAYMENT = (
    Kind.REPAYMENT_RECEIVED,
    Kind.REPAYMENT_REVERSED,
    Kind.INSTALMENT_DUE,
    Kind.INSTALMENT_OVERDUE,
    Kind.PROMISE_BROKEN,
)
_MONEY = (
    Kind.LOAN_APPLIED,
    Kind.PURCHASE_MADE,
    Kind.LOAN_OPENED,
    Kind.PROMISE_MADE,
    Kind.FRAUD_CONFIRMED,
    Kind.LOAN_ROLLED,
    *_REPAYMENT,
)
_TRADED = (Kind.LOAN_APPLIED, Kind.PURCHASE_MADE, Kind.LOAN_OPENED)
_CHANNELLED = frozenset({*_SESSION, Kind.PURCHASE_MADE, Kind.REPAYMENT_RECEIVED})
_LENDING = frozenset({Kind.LOAN_APPLIED, Kind.LOAN_OPENED})
_CONTACT = frozenset({Kind.CONTACT_MADE})

LINK_COLUMNS: Mapping[str, tuple[str, str]] = {
    "link_customers": ("customers", "customers ever seen with the identifier"),
    "link_new_1d": ("new_1d", "customers first seen with it within a day"),
    "link_new_7d": ("new_7d", "customers first seen with it within 7 days"),
    "link_new_30d": ("new_30d", "customers first seen with it within 30 days"),
    "link_applications_1d": ("applications_1d", "applications with it within a day"),
    "link_applications_7d": ("applications_7d", "applications with it within 7 days"),
    "link_frauds_30d": ("frauds_30d", "confirmed frauds that name it, dated within 30 days"),
    "link_fraud_customers": ("fraud_customers", "customers whose confirmed frauds name it"),
}
"""Columns that an answer about an identifier fills → field of `LinkFacts`, description."""
_LINK = frozenset({Kind.LINK_ANSWERED})

MERCHANT_COLUMNS: Mapping[str, tuple[Callable[[MerchantAnswer], float], str]] = {
    "merchant_customers": (
        lambda answer: answer.facts.customers,
        "customers of the merchant: a loan taken there, or late with one, within 180 days",
    ),
    "merchant_opened_30d": (lambda answer: answer.facts.opened_30d, "customers who took a loan there within 30 days"),
    "merchant_opened_90d": (lambda answer: answer.facts.opened_90d, "customers who took a loan there within 90 days"),
    "merchant_late_30d": (lambda answer: answer.facts.late_30d, "customers who were late with one within 30 days"),
    "merchant_late_90d": (lambda answer: answer.facts.late_90d, "customers who were late with one within 90 days"),
    "merchant_late_share": (lambda answer: answer.late_share, "share of its customers who were late within 90 days"),
    "merchant_late_z": (
        lambda answer: answer.late_z,
        "its late customers beyond those to be expected at the others' share, in standard deviations",
    ),
    "merchant_others_customers": (
        lambda answer: answer.others.customers,
        "customers of the institution's other merchants, counted once at each",
    ),
    "merchant_others_late_share": (
        lambda answer: answer.others_share,
        "share of those who were late within 90 days; unknown where there are none",
    ),
}
"""Columns that an answer about a merchant fills → what reads them, description."""
_MERCHANT = frozenset({Kind.MERCHANT_ANSWERED})


def _unknown(entries: Column) -> Column:
    """Where nothing else is given, a column that the fold fills is unknown."""
    return np.full(len(entries), np.nan)


def _watched(name: str, source: str, days: int) -> Field:
    """Filled by `features.watch`; read here, no fraud is known of anything."""

    def read(entries: Column) -> Column:
        return np.where(entries[source] != 0, 0.0, np.nan)

    thing, kinds = ("device", _SIGHTED) if source == "device" else ("merchant or terminal", _TRADED)
    described = f"fraud cases that name its {thing}, confirmed in {days} day{'s' if days > 1 else ''} and known by now"
    return Field(name=name, type="number", description=described, read=read, kinds=frozenset(kinds))


FIELDS: tuple[Field, ...] = (
    Field(
        name="kind",
        type="enumeration",
        description="what the entry is, for rules judged at several kinds",
        read=lambda entries: entries["kind"],
        codes={name: int(kind) for name, kind in KINDS.items()},
    ),
    _number("amount", "amount of the entry, minor units of its currency", *_MONEY),
    _number("due_amount", "amount that was due, minor units", *_REPAYMENT),
    _number("days_late", "days after the due date; negative is early", *_REPAYMENT, Kind.LOAN_ROLLED),
    _number("paid_share", "share of the instalment that is paid, this repayment included", *_REPAYMENT),
    _number("income", "declared monthly income, minor units", *_APPLICATION),
    _number("term_months", "term of the loan in months", Kind.LOAN_APPLIED, Kind.LOAN_OPENED),
    _number("bureau_score", "the credit bureau's score", *_APPLICATION),
    _number("bureau_open_loans", "open loans anywhere, as the credit bureau reports", *_APPLICATION),
    _number("bureau_inquiries", "inquiries of 90 days, as the credit bureau reports", *_APPLICATION),
    _number("bureau_outstanding", "owed anywhere, as the credit bureau reports, minor units", *_APPLICATION),
    _number("session_seconds", "length of the session in seconds", *_SESSION),
    _number("paste_share", "share of the session's input that was pasted, 0 to 1", *_SESSION),
    _number("local_hour", "hour of day, 0 to 23, in the institution's zone, else the event's own"),
    Field(
        name="score",
        type="number",
        description="the promoted model's probability of fraud, 0 to 1; unknown where no model scored",
        read=_unknown,
    ),
    Field(
        name="arrears_score",
        type="number",
        description="the promoted model's probability that the loan is 30 days past due within 60 days, 0 to 1, at an "
        "entry that says that it is paid late or not at all",
        read=_unknown,
        kinds=frozenset(
            {Kind.REPAYMENT_RECEIVED, Kind.REPAYMENT_REVERSED, Kind.INSTALMENT_OVERDUE, Kind.PROMISE_BROKEN}
        ),
    ),
    *(
        Field(name=name, type="number", description=description, read=_unknown, kinds=_LINK)
        for name, (_, description) in LINK_COLUMNS.items()
    ),
    *(
        Field(name=name, type="number", description=description, read=_unknown, kinds=_MERCHANT)
        for name, (_, description) in MERCHANT_COLUMNS.items()
    ),
    Field(
        name="score_change_90d",
        type="number",
        description=(
            "points of the behaviour score of the customer's line of credit against its best of 90 days: below 0 where"
            " it has fallen; unknown without a line or a score"
        ),
        read=_unknown,
    ),
    _enumeration("link_kind", "outcome", IdentityKind, "kind of the identifier that was asked about", _LINK),
    *(_watched(*each) for each in WATCHED),
    _enumeration("product", "product", events.Product, "the product", _LENDING),
    _enumeration("channel", "channel", events.Channel, "where the customer acted", _CHANNELLED, Kind.CONTACT_MADE),
    _enumeration("contact_channel", "channel", events.ContactChannel, "how the customer was contacted", _CONTACT),
    _enumeration("outcome", "outcome", events.ContactOutcome, "what came of a collections contact", _CONTACT),
    _flag("emulator", "the device is an emulator", Flag.EMULATOR, *_DEVICE),
    _flag("rooted", "the device is rooted or jailbroken", Flag.ROOTED, *_DEVICE),
    _flag("proxy", "the device is behind a proxy or VPN", Flag.PROXY, *_DEVICE),
    _flag("sim_changed", "the SIM was changed", Flag.SIM_CHANGED, Kind.DEVICE_CHANGED),
    _flag("first_instalment", "it concerns the first instalment of its loan", Flag.FIRST_INSTALMENT, *_REPAYMENT),
    _flag("clamped", "its time lay in the future and was set back", Flag.CLAMPED),
    _present("device_known", "device", "the entry names a device", *_SIGHTED),
    _present("ip_known", "ip", "the entry names an IP address", *_SIGHTED),
    _present("counterparty_known", "counterparty", "the entry names a merchant or terminal", *_MONEY),
)
"""Every name that is no feature, in the order of docs/rules.md."""

FIELD_OF: Mapping[str, Field] = {field.name: field for field in FIELDS}
