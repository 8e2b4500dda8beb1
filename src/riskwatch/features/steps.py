"""The kernel's steps: what can be read before an entry counts, what an entry changes, what can be read after.

Plain integers, so that compiled code holds them as constants.
"""

# read before the entry counts
SINCE = 1
MEAN = 2
DEVIATION = 3
HOUR_HABIT = 4
NIGHT_SHARE = 5
DISTANCE = 6
SPEED = 7
OVER_LAST = 8
OVER_MIN = 9
CHANGE = 10
# let it count
ADD = 20
RAISE = 21
LEARN = 22
NEWEST = 23
OLDEST = 24
MEMBER = 25
VALUE = 26
LATEST = 27
HABIT = 28
POSITION = 29
# read after it counted
TENURE = 40
TREND = 41
DISTINCT = 42
AGE = 43
FURTHER = 44
LAST = 45
SAME = 46
LATE = 47
RATIO = 48
SHARE_OF_FIELD = 49

FIELDS = (
    "one",
    "amount",
    "due_amount",
    "income",
    "days_late",
    "paid_share",
    "session_seconds",
    "paste_share",
    "term_months",
    "bureau_score",
    "bureau_open_loans",
    "bureau_inquiries",
    "bureau_outstanding",
    "local_hour",
    "channel",
    "product",
    "outcome",
)
"""Numbers of an entry that steps name by position; "one" is 1."""
LOCAL_HOUR = FIELDS.index("local_hour")

HASHES = ("device", "ip", "counterparty", "subject")
"""Identities of an entry that steps name by position."""
