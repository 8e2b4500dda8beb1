"""Sign-ups of a shop with a fraud mark, a row each, as applications, purchases and late fraud cases.

A row becomes a `LoanApplied` for shopping instalments at its sign-up (the amount is what was then bought, in CNY, so
that a packaged policy's currency decides it), a `PurchaseMade` on the same device and address at its purchase, and,
where it is marked, a `FraudConfirmed` of the application `label_delay` after the purchase. Rows come in any order.
docs/replay.md says what the mapping loses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from riskwatch.lab.people import utc
from riskwatch.lab.signuprows import (
    READ,
    SIGNUPS,
    Signup,
    birth_date,
    ip_text,
    pack_signup,
    read_signup,
    unpack_signup,
)
from riskwatch.lab.sortedruns import RUN, in_order, key
from riskwatch.lab.tables import batches, find, reason_of, row_count
from riskwatch.streams.events import Channel, Declared, FraudConfirmed, LoanApplied, PurchaseMade

LABEL_DELAY = timedelta(days=7)
CURRENCY = "CNY"
TERM_MONTHS = 3
LENDING = Path(__file__).parent / "lending"
"""Folder of the lending policy that decides these applications: what the rows never hold is not required."""
CHANNELS: dict[str, Channel] = {"SEO": "web", "Ads": "web", "Direct": "app"}
"""Where a visitor came from → channel of the application; another source gives none."""

_CASE, _APPLICATION, _PURCHASE = range(3)
"""What is told first at one instant: a verdict, then who applies, then who buys."""


class Signups:
    """A replayable file of sign-ups. Memory: a run of records (`sortedruns`) and the numbers of fraudulent customers;
    the rest is sorted on disk, first by customer, to find those who appear twice, then by time.
    """

    name = "signups"
    lending: Path | None = LENDING

    def __init__(
        self,
        path: Path,
        *,
        limit: int | None = None,
        tenant: str = "replay",
        label_delay: timedelta = LABEL_DELAY,
        run: int = RUN,
    ) -> None:
        self.path = find(path, SIGNUPS)
        self.limit, self.tenant, self.label_delay = limit, tenant, label_delay
        self.rows = 0
        self.bad: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.frauds: set[int] = set()
        """Numbers of the fraudulent customers whose events were read so far."""
        total = row_count(self.path)
        self.total = total if limit is None or (total is not None and total < limit) else limit
        self._run = run

    def customers(self) -> frozenset[tuple[str, str]]:
        """The fraudulent customers, by tenant and customer id. After `events`."""
        return frozenset((self.tenant, f"customer-{user}") for user in self.frauds)

    def events(self) -> Iterator[LoanApplied | PurchaseMade | FraudConfirmed]:
        """Events in order of time. Once through; the file is read as a whole before the first."""
        for step in in_order(self._steps(), self._run):
            what, row = step[15], unpack_signup(step[24:])
            if what == _APPLICATION:
                yield self._applied(row)
            elif what == _PURCHASE:
                yield self._bought(row)
            else:
                yield self._confirmed(row)

    def _steps(self) -> Iterator[bytes]:
        """What the rows make happen, unsorted: time, what, customer (8 bytes each) and the row."""
        last = -1
        for packed in in_order(self._read(), self._run):
            row = unpack_signup(packed[16:])
            if row.user == last:
                self.bad["user_id repeats an earlier row's"] += 1
                continue
            last = row.user
            data = packed[16:]
            self.notes["without a device"] += row.device is None
            self.notes["without an address"] += row.ip is None
            self.notes["without an age"] += row.age is None
            yield key(row.signed_up, _APPLICATION, row.user) + data
            yield key(row.bought, _PURCHASE, row.user) + data
            if row.fraud:
                self.frauds.add(row.user)
                yield key(row.bought + self.label_delay // timedelta(milliseconds=1), _CASE, row.user) + data

    def _read(self) -> Iterator[bytes]:
        """The good rows, each behind its customer and its place in the file."""
        for batch in batches(self.path, READ):
            for values in zip(*(batch[name] for name in READ), strict=True):
                if self.limit is not None and self.rows >= self.limit:
                    return
                self.rows += 1
                try:
                    row = read_signup(*values)
                except ValueError as error:
                    self.bad[reason_of(error)] += 1
                    continue
                yield key(row.user, self.rows) + pack_signup(row)

    def _applied(self, row: Signup) -> LoanApplied:
        at = utc(row.signed_up)
        return LoanApplied(
            event_id=f"apply-{row.user}",
            tenant=self.tenant,
            customer_id=f"customer-{row.user}",
            occurred_at=at,
            application_id=f"application-{row.user}",
            product="shopping-instalments",
            amount=row.value,
            currency=CURRENCY,
            term_months=TERM_MONTHS,
            device_id=row.device,
            ip=None if row.ip is None else ip_text(row.ip),
            channel=None if row.source is None else CHANNELS.get(row.source),
            declared=None if row.age is None else Declared(birth_date=birth_date(row.age, at)),
        )

    def _bought(self, row: Signup) -> PurchaseMade:
        return PurchaseMade(
            event_id=f"buy-{row.user}",
            tenant=self.tenant,
            customer_id=f"customer-{row.user}",
            occurred_at=utc(row.bought),
            amount=row.value,
            currency=CURRENCY,
            channel=None if row.source is None else CHANNELS.get(row.source),
            device_id=row.device,
            ip=None if row.ip is None else ip_text(row.ip),
        )

    def _confirmed(self, row: Signup) -> FraudConfirmed:
        return FraudConfirmed(
            event_id=f"fraud-{row.user}",
            tenant=self.tenant,
            customer_id=f"customer-{row.user}",
            occurred_at=utc(row.bought) + self.label_delay,
            case_id=f"case-{row.user}",
            typology="sign-up-fraud",
            subject_event_id=f"apply-{row.user}",
            loss=row.value,
            currency=CURRENCY,
            device_id=row.device,
            ip=None if row.ip is None else ip_text(row.ip),
        )
