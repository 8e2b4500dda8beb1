"""Features of fraud cases, of contacts and of how a customer is to be reached."""

from __future__ import annotations

from riskwatch.features.feature import Feature, over_windows
from riskwatch.features.tableparts import COUNT, DETAILS_CHANGED, NO_GOOD_NUMBER, SINCE, UNREACHED, single
from riskwatch.streams.entry import Kind

# fmt: off (an entry is a line or two, so that the table is read from top to bottom)
CASE_FEATURES: tuple[Feature, ...] = (
    *over_windows("fraud_confirmed_count", "90d", COUNT, (Kind.FRAUD_CONFIRMED,), "confirmed frauds"),
    *over_windows(
        "contact_detail_change_count",
        "30d",
        COUNT,
        DETAILS_CHANGED,
        "changes of contact or payment details",
    ),
    single(
        "seconds_since_contact_detail_change",
        SINCE,
        DETAILS_CHANGED,
        "seconds since contact or payment details were changed, before this entry",
    ),
    *over_windows("contact_count", "7d", COUNT, (Kind.CONTACT_MADE,), "collections contacts"),
    *over_windows(
        "contact_unreached_count",
        "30d",
        COUNT,
        (Kind.CONTACT_MADE,),
        "collections contacts undelivered, unanswered or to a bad number",
        where=UNREACHED,
    ),
    *over_windows(
        "contact_bad_number_count",
        "30d",
        COUNT,
        (Kind.CONTACT_MADE,),
        "collections contacts to a wrong or invalid number",
        where=NO_GOOD_NUMBER,
    ),
)
# fmt: on
