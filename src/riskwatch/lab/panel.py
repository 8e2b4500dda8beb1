"""A panel of loan accounts by months of payment status, as loans, due dates and repayments on calendar dates.

The panel says of each account and month how far behind it was at the month's end: `X` no loan, `C` all paid, `0` 1-29
days past due, `1` 30-59, `2` 60-89, `3` 90-119, `4` 120-149, `5` 150 or written off. Month 0 is the newest; `anchor`
says which calendar month that is. The mapping makes whoever counts days past due see each status at the month's end:

* one instalment falls due on the 15th of each month with a loan, so at the month's end it is 13 to 16 days past due;
* status `s` means that the instalments of this month and of the `s` months before it are unpaid; what is older is paid
  on the 5th;
* `C` pays this month's instalment on the 15th, on its day; `X` settles what is open on the 5th and nothing falls due;
* `5` pays nothing; where a status jumps by more than a month of delay, the instalments that must have gone unpaid
  unseen are published on the 5th with due dates in the past, and counted (`jumps`; `begun late` in a first month).

An account whose rows end with something unpaid is settled as by `X`: the file does not say what became of it.

docs/replay.md says what the mapping loses. A customer is a `profile`, a person; accounts are the person's loans.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from pathlib import Path

from riskwatch.lab.delinquency import Book, LoanKey
from riskwatch.lab.panelbook import PanelBook
from riskwatch.lab.panelrows import APPLICATIONS, MONTHS, NO_LOAN, PAID, Applicant, read_applications, read_months
from riskwatch.lab.plot import Truth
from riskwatch.lab.tables import beside, find, row_count
from riskwatch.streams.events import (
    AnyEvent,
    Declared,
    Instalment,
    InstalmentDue,
    LoanApplied,
    LoanOpened,
    RepaymentReceived,
)

ANCHOR = date(2024, 12, 1)
"""The calendar month that month 0 stands for, unless stated otherwise."""
INSTALMENT = 10_000
WARNED_AHEAD = 3
"""A warning is right where 60 days past due is reached within so many months."""


class _Account:
    """A loan as the months go by: numbers of its unpaid instalments with the months in which they fell due."""

    __slots__ = ("bad", "next_number", "opened", "status", "unpaid")

    def __init__(self) -> None:
        self.opened = False
        self.next_number = 1
        self.status = NO_LOAN
        self.unpaid: deque[tuple[int, int]] = deque()
        self.bad: tuple[int, int] | None = None

    def fall_due(self, month: int) -> int:
        number_ = self.next_number
        self.next_number += 1
        self.unpaid.append((number_, month))
        return number_


class Panel:
    """A replayable panel. `path`: the file of months, or a folder that holds it; applications are found beside it if
    there.

    Memory: one small record an account and ten bytes a month; events are made month by month.
    """

    name = "panel"
    lending: Path | None = None

    def __init__(
        self,
        path: Path,
        *,
        limit: int | None = None,
        tenant: str = "replay",
        currency: str = "XXX",
        anchor: date = ANCHOR,
    ) -> None:
        self.path = find(path, MONTHS)
        self.applications = beside(path, APPLICATIONS)
        self.limit, self.tenant, self.currency, self.anchor = limit, tenant, currency, anchor.replace(day=1)
        self.rows = 0
        self.bad: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        total = row_count(self.path)
        self.total = total if limit is None or (total is not None and total < limit) else limit
        self._accounts: dict[int, _Account] = {}
        self._applicants: dict[int, Applicant] = {}
        self._truths: list[Truth] = []
        self._owing: set[int] = set()
        self._book = PanelBook(self._loan, self.at)

    def book(self) -> Book:
        """The accounts at risk: with a loan that is not paid off, and less than 30 days past due. After `events`."""
        return self._book.book

    def truths(self) -> list[Truth]:
        """Where 60 days past due was reached: alerts from three months before it to its end are right. After
        `events`."""
        held = [
            self._truth(self.customer(account_id), account.bad)
            for account_id, account in self._accounts.items()
            if account.bad is not None
        ]
        return self._truths + held

    def events(self) -> Iterator[AnyEvent]:
        """Events in order of time; `limit` bounds the account-months. Once through."""
        if self.applications is None:
            self.notes["no applications beside it: every account is its own customer"] += 1
        else:
            self._applicants = read_applications(self.applications, self.bad)
        newest = 0
        for month, rows in read_months(self.path, self.bad):
            left = None if self.limit is None else self.limit - self.rows
            cut = left is not None and left < len(rows)
            rows = rows[:left]
            self.rows += len(rows)
            ended = sorted(self._owing - {account_id for account_id, _ in rows})
            for account_id in ended:
                self._lose(account_id, month)
            self.notes["ended unpaid"] += 0 if cut else len(ended)
            yield from self._month(month, rows if cut else [*rows, *((account_id, NO_LOAN) for account_id in ended)])
            self._owing = {account_id for account_id, status in rows if 0 <= status < 5}
            newest = month
            if cut:
                break
        for account_id in sorted(self._owing):
            self._lose(account_id, newest + 1)

    def customer(self, account_id: int) -> str:
        """The customer who holds an account: the person where applications tell, else the account itself."""
        applicant = self._applicants.get(account_id)
        return f"account-{account_id}" if applicant is None else applicant.customer_id

    def day(self, month: int, day: int) -> date:
        """A day of a month of the panel (0 is the anchor's month)."""
        index = self.anchor.year * 12 + self.anchor.month - 1 + month
        return date(index // 12, index % 12 + 1, day)

    def _month(self, month: int, rows: Sequence[tuple[int, int]]) -> Iterator[AnyEvent]:
        opened: list[AnyEvent] = []
        fifth: list[AnyEvent] = []
        due: list[AnyEvent] = []
        paid: list[AnyEvent] = []
        for account_id, status in rows:
            account = self._accounts.setdefault(account_id, _Account())
            self._watch(account_id, account, month, status)
            if status == NO_LOAN and not account.opened:
                continue
            oldest = month + 1 if status < 0 else month - status
            if status < 5:
                while account.unpaid and account.unpaid[0][1] < min(oldest, month):
                    number_, _ = account.unpaid.popleft()
                    fifth.append(self._payment(account_id, number_, self.at(month, 5, 10)))
            if status == NO_LOAN:
                continue
            unseen = list(range(max(oldest, month - 5), account.unpaid[0][1] if account.unpaid else month))
            if not account.opened:
                self.notes["begun late"] += bool(unseen)
                opened.extend(self._opening(account_id, account, month, unseen))
            else:
                if unseen:
                    self.notes["jumps"] += 1
                    fifth.extend(self._fell_due(account_id, account, back, self.at(month, 5, 11)) for back in unseen)
                    account.unpaid = deque(sorted(account.unpaid, key=lambda owed: owed[1]))
                due.append(self._fell_due(account_id, account, month, self.at(month, 15, 0)))
            if status == PAID:
                number_, _ = account.unpaid.pop()
                paid.append(self._payment(account_id, number_, self.at(month, 15, 12)))
        for part in (opened, fifth, due, paid):
            yield from sorted(part, key=attrgetter("occurred_at"))

    def at(self, month: int, day: int, hour: int) -> datetime:
        """An instant of a month of the panel, UTC."""
        return datetime.combine(self.day(month, day), datetime.min.time(), UTC) + timedelta(hours=hour)

    def _opening(self, account_id: int, account: _Account, month: int, unseen: Sequence[int]) -> list[AnyEvent]:
        account.opened = True
        schedule = [
            Instalment(number=account.fall_due(due), due_on=self.day(due, 15), amount=INSTALMENT)
            for due in (*unseen, month)
        ]
        opening = LoanOpened(
            event_id=f"open-{account_id}",
            tenant=self.tenant,
            customer_id=self.customer(account_id),
            occurred_at=self.at(month, 1, 9),
            loan_id=f"loan-{account_id}",
            product="consumer-credit",
            principal=INSTALMENT * 12,
            currency=self.currency,
            schedule=schedule,
            application_id=f"application-{account_id}",
        )
        applicant = self._applicants.get(account_id)
        if applicant is None:
            return [opening]
        asked_at = self.at(month, 1, 8)
        declared = Declared(
            monthly_income=applicant.monthly_income,
            employment=applicant.employment,
            dependants=min(50, applicant.children),
            birth_date=asked_at.date() + timedelta(days=applicant.days_birth),
        )
        asked = LoanApplied(
            event_id=f"apply-{account_id}",
            tenant=self.tenant,
            customer_id=applicant.customer_id,
            occurred_at=asked_at,
            application_id=f"application-{account_id}",
            product="consumer-credit",
            amount=INSTALMENT * 12,
            currency=self.currency,
            term_months=12,
            declared=declared,
        )
        return [asked, opening]

    def _fell_due(self, account_id: int, account: _Account, month: int, at: datetime) -> InstalmentDue:
        number_ = account.fall_due(month)
        return InstalmentDue(
            event_id=f"due-{account_id}-{number_}",
            tenant=self.tenant,
            customer_id=self.customer(account_id),
            occurred_at=at,
            loan_id=f"loan-{account_id}",
            number=number_,
            due_on=self.day(month, 15),
            amount=INSTALMENT,
            currency=self.currency,
        )

    def _payment(self, account_id: int, number_: int, at: datetime) -> RepaymentReceived:
        return RepaymentReceived(
            event_id=f"pay-{account_id}-{number_}",
            tenant=self.tenant,
            customer_id=self.customer(account_id),
            occurred_at=at,
            loan_id=f"loan-{account_id}",
            amount=INSTALMENT,
            currency=self.currency,
            payment_id=f"pay-{account_id}-{number_}",
            instalment_number=number_,
        )

    def _watch(self, account_id: int, account: _Account, month: int, status: int) -> None:
        if status >= 2:
            account.bad = (account.bad[0] if account.bad is not None else month, month)
        elif account.bad is not None:
            self._truths.append(self._truth(self.customer(account_id), account.bad))
            account.bad = None
        before, account.status = account.status, status
        self._book.take(account_id, month, before, status)

    def _lose(self, account_id: int, month: int) -> None:
        """Nothing is known of the account from this month on."""
        account = self._accounts[account_id]
        self._book.lose(account_id, month, account.status)
        account.status = NO_LOAN

    def _loan(self, account_id: int) -> LoanKey:
        return self.tenant, self.customer(account_id), f"loan-{account_id}"

    def _truth(self, customer_id: str, bad: tuple[int, int]) -> Truth:
        return Truth(
            kind="60+ DPD",
            expected="early-warning",
            customers=((self.tenant, customer_id),),
            begins=self.at(bad[0] - WARNED_AHEAD + 1, 1, 0),
            ends=self.at(bad[1] + 1, 1, 0),
        )
