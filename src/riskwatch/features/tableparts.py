"""What the feature table is written with: groups of kinds, conditions, and the short forms of an entry."""

from __future__ import annotations

from riskwatch.features.feature import Aggregate, Feature, Where
from riskwatch.streams.entry import Kind

COUNT, SUM, MAX, DISTINCT = Aggregate.COUNT, Aggregate.SUM, Aggregate.MAX, Aggregate.DISTINCT
SINCE, MEAN, RATIO = Aggregate.SINCE, Aggregate.MEAN, Aggregate.RATIO

APPLICATION = (Kind.LOAN_APPLIED,)
LOGIN = (Kind.LOGIN_SUCCEEDED,)
LOGIN_FAILED = (Kind.LOGIN_FAILED,)
LOGINS = (Kind.LOGIN_SUCCEEDED, Kind.LOGIN_FAILED)
DEVICE = (Kind.DEVICE_SEEN, Kind.DEVICE_CHANGED)
DEVICE_CHANGED = (Kind.DEVICE_CHANGED,)
PURCHASE = (Kind.PURCHASE_MADE,)
REPAYMENT = (Kind.REPAYMENT_RECEIVED,)
REVERSED = (Kind.REPAYMENT_REVERSED,)
DETAILS_CHANGED = (Kind.CONTACT_DETAILS_CHANGED,)
OVERDUE = (Kind.INSTALMENT_OVERDUE,)
SESSIONS = (*LOGINS, *APPLICATION)
ACTIVITY = (*APPLICATION, *LOGIN, *DEVICE, *PURCHASE)
"""What the customer does; failed logins are left out, since they may be somebody else's."""
PRESENCE = (*ACTIVITY, *LOGIN_FAILED)
"""What names a device, an address or a position."""
EVERYTHING = tuple(kind for kind in Kind if kind < 100)

LATE_PAYMENT = Where(field="days_late", low=1)
PARTIAL = Where(field="paid_share", high=1)
PASTE_HEAVY = Where(field="paste_share", low=0.5)
AT_NIGHT = Where(field="local_hour", high=6)
UNREACHED = Where(field="outcome", low=2, high=6)
NO_GOOD_NUMBER = Where(field="outcome", low=4, high=6)

USUAL = 0.1
RECENT = 0.5


def single(name: str, aggregate: Aggregate, kinds: tuple[Kind, ...], description: str, **more: object) -> Feature:
    """A feature without a row of windows."""
    return Feature(name=name, aggregate=aggregate, kinds=kinds, description=description, **more)  # type: ignore[arg-type]


def ratio(name: str, value: str, over: str, description: str, scale: float = 1.0, at: tuple[Kind, ...] = ()) -> Feature:
    """A feature made of two others, or of a field of the entry and a feature: `scale * value / over`."""
    return Feature(name=name, aggregate=RATIO, value=value, over=over, scale=scale, at=at, description=description)
