"""docs/limits-and-rates.md, written from what the code reads: `python -m riskwatch.policy.accountdocs`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from riskwatch.policy.accountmoves import BOUNDS
from riskwatch.policy.accounttexts import ACCOUNT_TEXTS
from riskwatch.policy.accountvocabulary import INPUTS

_HEAD = """# Limits and rates of running accounts

<!-- Written by `python -m riskwatch.policy.accountdocs`; edit src/riskwatch/policy/accountdocs.py, not this page. -->

A line of credit is a customer's with one product in one currency. It begins with an approval, or with a loan where no
application was decided here, and is then looked at after each entry that the policy names: a behaviour score gives
points, points a grade, and the grade a limit and a rate. Strong signs of fraud freeze it.

## The section of a policy

`[account]` of a [lending policy](lending.md) says it, inherited and checked like the rest of the file:

```toml
extends = "cash-instalments"
name = "harbour-cash"
tenant = "harbour-finance"

[account]
on = ["RepaymentReceived", "InstalmentOverdue"]  # kinds of entries after which the score is looked at
clear_on = ["FraudCleared"]                      # kinds at which a freeze may be lifted
required = ["account.in_use", "own.max_dpd"]     # where one is unknown nothing moves
hysteresis = 10                                  # points beyond a band's edge before a grade moves
cool_off_days = 60                               # between two changes
limit_step = 10_000                              # limits move in whole steps
largest_limit_percent = 20                       # of the limit in force, and
largest_limit_step = 1_000_000                   # in minor units: the smaller is the most of one change
lowest_limit = 50_000                            # as far as a change goes
highest_limit = 10_000_000
largest_rate_step_bp = 300                       # basis points: 300 is 3 %
lowest_rate_bp = 720
highest_rate_bp = 3_600
limit_notice_days = 0                            # before a lower limit is in force
rate_notice_days = 30                            # before a higher rate is

[account.grades]                                 # best first; the lowest has no at_least
A = { at_least = 660, limit_percent = 150, rate_bp = 1_080 }

[account.freeze.fraud-suspected]
description = "Two fraud alerts that are high or critical are open at once."
when = "fraud.open_severe_alerts >= 2"
reason = "fraud-suspected"

[account.scorecard.characteristics.returns]      # as in [scorecard], and what is said where it speaks for the customer
gain = "gain-payments-honoured"
```

A file that names no `[account.grades]` leaves lines as they were granted.

## How a line moves

- **Grade.** The points lie in a band. The line keeps its grade until the points are `hysteresis` beyond its band's
  edge, so that a score that goes to and fro around an edge moves nothing.
- **Target.** Only the relations of `limit_percent` and `rate_bp` between grades count. Granted 20,000.00 at 18 % in
  grade C (100 %, 1800), a line in grade D (80 %, 2160) is on its way to 16,000.00 at 21.6 %. Back in C it is on its way
  to what was granted.
- **Step.** One change goes no farther than the largest step; after the cool-off the next look goes on. The cool-off
  counts from the last change, or from when an announced one came into force, or from the grant.
- **Bounds.** `lowest_*` and `highest_*` bound a change and never make one. The legal cap of `[pricing]` does: a rate
  above it is lowered to it at once, whatever the largest step and the cool-off. A limit is never lowered below what is
  in use.
- **Loans without an approval.** Where the lender approves elsewhere, the first loan begins the line, and a later one
  that goes beyond the limit raises it to what is in use. It undoes nothing: a frozen line's terms stay, what is
  announced stands, and once a limit was moved or is announced to be, targets are reckoned from what was granted before.
- **Notice.** What is better for the customer is in force at once. A lower limit and a higher rate are announced, and in
  force `limit_notice_days` and `rate_notice_days` later; until then nothing else is decided but a freeze or the cap.
  Where more is in use by then, the limit comes into force at what is in use, and an action says so.
- **Freeze.** While a line is frozen nothing can be drawn; limit and rate stay as they are. A freeze minds neither the
  cool-off nor notice. It is lifted at an entry of `clear_on` where every freeze rule is known not to hold.
- **Rate.** A rate is that of what is drawn from then on. Instalments that are agreed stay as they are.
- **First grade.** A line without a grade of the policy's is placed in its band; limit and rate stay, and later changes
  are reckoned from there.

## Actions

Each change is one record of `account-actions`: the terms before and after it (grade, limit, rate, frozen), the parts
that it moves, when they are in force, points and probability of default, reasons in English and Chinese (the
characteristics that lost most where anything is worse, else those that gained most), what bounded the change, the
entry that caused it, policy and version. Its id is made of the line and the entry, so that a repeat has the same one. A
policy in shadow makes the same records, marked, with ids of their own, over a state of its own; nothing of it acts.

`batch` is policy and version. Undoing a batch makes a compensation for each line: it restores what stood before the
batch's first action, with notice for what is worse. A line on which anything else has acted since is left alone and
reported. Repeating the rollback undoes nothing twice, and compensations are a batch, `rollback/…`, that can be undone.
"""

_RUNNING = """## Running it

Every worker that decides applications keeps lines of credit too; the lending policy of institution, product and
currency that is [in force](policies.md) at an entry decides the line. Nothing is to be set up. A line begins with the
first approval or loan from then on.

- **When a line is looked at.** After each entry of `on` and `clear_on` and after a confirmed fraud. A fraud alert
  brings a look at whatever entry it is raised: at the next tick, which a worker writes within 50 ms. What was
  announced comes into force at the first tick from its instant on.
- **Fraud.** An alert counts for 30 days, unless it is withdrawn; `FraudCleared` clears its case and every alert up to
  then. Alerts of rules in shadow and early warnings do not count, nor do those that join a customer to others
  (`late-match`, `ring-grown`): a case of somebody else's would freeze all who share a device with it. A person looks.
- **Stale repayments.** While an institution's repayments do not arrive, `own.max_dpd` and `history.*` are unknown: a
  policy that requires one of them moves nothing. Freezes go on.
- **Shadow.** A policy in shadow has a line of its own, which begins as the live one stands. It brings no looks: what
  it announced comes into force at the next entry that the line is looked at for. What it says goes to
  `shadow-account-actions`.
- **Rules** may read `score_change_90d`: points of the newest score less the best of 90 days, as known at the last
  tick before the entry. It is known at entries at which the policy in force looks at a line of the customer.

## Rolling back

```sh
riskwatch policy rollback cash-instalments --by ann --reason "…"   # first: it acts no more
riskwatch actions list --batch harbour-cash/0123456789ab           # what it did: before and after, reasons
riskwatch actions show CUSTOMER --language zh                       # one customer's lines, and what was told
riskwatch actions rollback --batch harbour-cash/0123456789ab --by ann --reason "limits too high" --dry-run
riskwatch actions rollback --batch harbour-cash/0123456789ab --by ann --reason "limits too high"
```

The command reads `account-actions`, works out a compensation for each line, and sends them to the topic `rollbacks`.
From there each goes into its customer's journal, and the fold applies it if nothing has acted on the line since; only
then is it published to `account-actions`, with who asked and why. The command waits for that (`--wait-seconds`),
names the lines that were left alone, and ends with 1 where some are not restored. A crash anywhere repeats records
and undoes nothing twice. `--tenant`, `--since` and `--until` narrow the batch; `--limit-notice-days` (0) and
`--rate-notice-days` (30) say when what is worse for the customer is in force. Undo a rollback by its own batch:
`--batch rollback/harbour-cash/…`.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _RUNNING, "## Inputs\n\nMoney is in minor units. An unknown input has points of its own.\n"]
    parts.append(_table(("input", "what it is"), [(f"`{each.name}`", each.description) for each in INPUTS]))
    parts.append("## What bounds a change\n")
    parts.append(_table(("code", "meaning"), [(f"`{code}`", said) for code, said in BOUNDS.items()]))
    parts.append("## Reasons\n\nBeside those of [lending policies](lending.md):\n")
    texts = [(f"`{code}`", text.en, text.zh) for code, text in sorted(ACCOUNT_TEXTS.items())]
    parts.append(_table(("code", "English", "Chinese"), texts))
    return "\n".join(parts)


def _table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/limits-and-rates.md")
    target.write_text(page(), encoding="utf-8")
