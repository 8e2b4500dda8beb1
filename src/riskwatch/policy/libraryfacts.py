"""What the fraud-case library says of an applicant, as inputs of an assessment (`library.*`)."""

from __future__ import annotations

from collections.abc import Iterable

from riskwatch.features.library import Library
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.events import Sketches
from riskwatch.streams.identity import Identity


def library_facts(
    library: Library, tenant: str, customer_id: str, identities: Iterable[Identity], sketches: Sketches | None,
    at_ms: int,
) -> dict[str, Value]:  # fmt: skip
    """The facts by input name. `library`: as known at the application's place in the journal; `at_ms`: its event time,
    by which lists expire.

    `library.exact_matches` counts cases that share an identifier that names a person, or a device, or that are the
    applicant's own; `best_score` is 0 where no case is alike, and `best_case` and `listed` are then None.
    """
    mine = tuple(identities)
    matches = library.matches(tenant, customer_id, mine, sketches) if library else []
    entry = library.listed(tenant, customer_id, mine, at_ms)
    return {
        "library.exact_matches": float(sum(match.exact for match in matches)),
        "library.best_score": matches[0].score if matches else 0.0,
        "library.best_case": matches[0].case.case_id if matches else None,
        "library.listed": None if entry is None else entry.purpose,
    }
