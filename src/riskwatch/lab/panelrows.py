"""The rows of a panel: applications by account, and months of status in order of time, with bad rows counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from riskwatch.lab.tables import Form, batches, number, whole
from riskwatch.streams.events import Employment

MONTHS = Form(name="account months", columns=("ID", "MONTHS_BALANCE", "STATUS"))
APPLICATIONS = Form(
    name="applications",
    columns=("ID", "AMT_INCOME_TOTAL", "NAME_INCOME_TYPE", "DAYS_BIRTH", "CNT_CHILDREN", "profile"),
)
NO_LOAN, PAID = -2, -1
STATUS = {"X": NO_LOAN, "C": PAID, **{str(bucket): bucket for bucket in range(6)}}
_EMPLOYMENT: dict[str, Employment] = {
    "Working": "employed",
    "Commercial associate": "employed",
    "State servant": "employed",
    "Pensioner": "retired",
    "Student": "student",
}


class Applicant(Struct, frozen=True):
    """Who holds an account, as the application says."""

    customer_id: str
    monthly_income: int
    employment: Employment
    days_birth: int
    children: int


def read_applications(path: Path, bad: Counter[str]) -> dict[int, Applicant]:
    """The applicants by account; rows that cannot be read are counted in `bad`."""
    found: dict[int, Applicant] = {}
    for batch in batches(path, APPLICATIONS.columns):
        for row in zip(*(batch[name] for name in APPLICATIONS.columns), strict=True):
            account_id, income, income_type, days_birth, children, profile = row
            try:
                found[whole(account_id)] = Applicant(
                    f"person-{profile}" if profile is not None else f"account-{whole(account_id)}",
                    round(max(0.0, number(income)) * 100 / 12),
                    _EMPLOYMENT.get(str(income_type), "other"),
                    whole(days_birth),
                    max(0, whole(children)),
                )
            except (ValueError, TypeError):
                bad["an application has a value that is not a number"] += 1
    return found


def read_months(path: Path, bad: Counter[str]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """The months from the oldest, each with its (account, status), accounts ascending.

    `bad` counts what cannot be read. Memory: eleven bytes a row.
    """
    import numpy as np

    parts: list[list[Any]] = [[np.empty(0, dtype)] for dtype in ("i8", "i2", "i1")]
    for batch in batches(path, MONTHS.columns):
        read = [_month(row, bad) for row in zip(*(batch[name] for name in MONTHS.columns), strict=True)]
        kept = [row for row in read if row is not None]
        columns: Sequence[Any] = list(zip(*kept, strict=True)) if kept else ((), (), ())
        for part, column in zip(parts, columns, strict=True):
            part.append(np.asarray(column, part[0].dtype))
    ids, months, statuses = (np.concatenate(part) for part in parts)
    order = np.lexsort((ids, months))
    ids, months, statuses = ids[order], months[order], statuses[order]
    starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]]) if len(months) else np.empty(0, "i8")
    for begin, end in zip(starts, np.r_[starts[1:], len(months)], strict=True):
        yield int(months[begin]), list(zip(ids[begin:end].tolist(), statuses[begin:end].tolist(), strict=True))


def _month(values: tuple[Any, ...], bad: Counter[str]) -> tuple[int, int, int] | None:
    account_id, month, status = values
    if str(status) not in STATUS:
        bad["STATUS is none of X, C, 0 to 5"] += 1
        return None
    try:
        row = whole(account_id), whole(month), STATUS[str(status)]
    except (ValueError, TypeError):
        bad["ID or MONTHS_BALANCE is not a whole number"] += 1
        return None
    if not -600 <= row[1] <= 0:
        bad["MONTHS_BALANCE is not between -600 and 0"] += 1
        return None
    return row
