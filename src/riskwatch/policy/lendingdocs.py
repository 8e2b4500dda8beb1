"""docs/lending.md, written from what the code reads: `python -m riskwatch.policy.lendingdocs`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from riskwatch.policy.adverse import TEXTS
from riskwatch.policy.grading import BOUNDS
from riskwatch.policy.lendingbook import packaged_book
from riskwatch.policy.lendingladder import LADDER
from riskwatch.policy.lendingvocabulary import ELSEWHERE, INPUTS

_HEAD = """# Lending policies

<!-- Written by `python -m riskwatch.policy.lendingdocs`; edit src/riskwatch/policy/lendingdocs.py, not this page. -->

An application that comes in is decided by the lending policy of its institution and product: approve, refer to a
person, or decline, with a grade, a limit, a rate, a repayment plan, and reasons in words for the applicant, in
English and Chinese. `riskwatch explain ID` shows everything that a decision was made of.

## A policy

A policy is a TOML file. It extends a packaged one (`base`, `cash-instalments`, `shopping-instalments`, `consumer-
credit`) or a file beside it, and says only what differs:

```toml
extends = "cash-instalments"
name = "harbour-cash"
tenant = "harbour-finance"            # "*": every institution that has none of its own

[lending]
refer_above_pd = 0.08                 # a person decides above this probability of default
required = ["declared.age_years", "bureau.score"]

[admission.late-with-us]              # changes the parent's rule, key by key
when = "own.max_dpd > 0"

[admission.too-many-loans]
description = "Five open loans with us are enough."
when = "own.open_loans >= 5"
outcome = "decline"                   # or "refer"
reason = "open-loans-many"            # a code below, or one with texts of its own under [texts.<code>]
priority = 23                         # smaller is told first

[antifraud.ring]
off = true                            # drops the parent's rule

[grades.A]
annual_rate = 0.099
```

`riskwatch policy check FILE` tells every fault with its line and what would do instead; `riskwatch policy show FILE`
shows what the file comes to. `riskwatch worker --lending FOLDER` decides by the policies of a folder; without it the
packaged ones decide. [Policies in force](policies.md): how one is published while the workers run, and tried before.

The scorecard adds points; `base_points` mean `base_odds` good to one bad, and every `pdo` points double that. An
unknown value has points of its own. The probability of default picks the grade, and the grade the limit, the rate and
the terms on offer. A limit is rounded down to `limit_step`, a rate to `rate_step`, and no rate is above `legal_cap`.
"""


class Covering(Protocol):
    """A policy, of lending or of collections."""

    @property
    def currency(self) -> str: ...
    @property
    def product(self) -> str: ...


def page() -> str:
    """The whole page."""
    parts = [
        _HEAD,
        f"The packaged policies cover {covered(packaged_book().policies)}. An application for another product or",
    ]
    parts[-1] += " in another currency gets no decision unless the institution has a policy of its own for it.\n"
    parts.append("## What decides\n")
    parts.append("The first step that has something to say decides; every rule is judged all the same.\n")
    parts.append(table(("step", "decides"), [(f"`{step.name}`", step.description) for step in LADDER]))
    parts.append("## Inputs\n\nAn unknown input makes no rule fire. Money is in minor units.\n")
    rows = [(f"`{each.name}`", _type(each.name, each.type, each.words), each.description) for each in INPUTS]
    parts.append(table(("input", "type", "what it is"), rows))
    parts.append("## What bounds an offer\n")
    parts.append(table(("code", "meaning"), [(f"`{code}`", said) for code, said in BOUNDS.items()]))
    parts.append("## Reasons\n")
    texts = [(f"`{code}`", text.en, text.zh) for code, text in sorted(TEXTS.items())]
    parts.append(table(("code", "English", "Chinese"), texts))
    return "\n".join(parts)


def _type(name: str, kind: str, words: tuple[str, ...]) -> str:
    if kind == "region":
        return f'a word of `[regions]`, or "{ELSEWHERE}"'
    return ", ".join(f"`{word}`" for word in words) or kind


def covered(policies: Iterable[Covering]) -> str:
    """The currencies of policies, each with its products."""
    products: dict[str, set[str]] = {}
    for policy in policies:
        products.setdefault(policy.currency, set()).add(policy.product)
    each = (
        f"{currency} ({', '.join(f'`{name}`' for name in sorted(products[currency]))})" for currency in sorted(products)
    )
    return " and ".join(each)


def table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/lending.md")
    target.write_text(page(), encoding="utf-8")
