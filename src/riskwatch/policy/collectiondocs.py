"""docs/collections.md, written from what the code reads: `python -m riskwatch.policy.collectiondocs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

from riskwatch.policy.collectionfile import BASE, packaged_collections
from riskwatch.policy.collectionpolicy import RECORD_FIELDS
from riskwatch.policy.collectionvocabulary import COLLECTION_INPUTS
from riskwatch.policy.contactfile import packaged_rules
from riskwatch.policy.contactrules import ContactRules
from riskwatch.policy.lendingdocs import covered, table
from riskwatch.policy.policykinds import COLLECTIONS, JURISDICTIONS
from riskwatch.streams.collections import Ending

_HEAD = """# Collections

<!-- Written by `python -m riskwatch.policy.collectiondocs`; edit that module, not this page. -->

What is done about a loan that falls due or is past due: which stage it is in, which treatment is expected to bring most
after its cost, and whether the customer may be contacted at all. One budget of contacts holds for reminders, warnings
and collections together.

## Running it

A worker collects by the packaged policies, unless `RISKWATCH_COLLECTIONS` says `off` or names a folder of policy files.
What is to be done goes to `riskwatch.collection-actions.v1`, and so does that an action is over. Read it so:

```
riskwatch collections queue                       # what is open now, the most urgent first
riskwatch collections queue --channel phone --json
riskwatch collections queue --at 2026-06-01T09:00:00Z   # what was open then
```

Now is by this machine's clock; after a replay of history, `--at` says an instant of that history.

It needs loans with their schedules or due dates and payments (`repayments`), and what was done about them (`contacts`):
`ContactMade` of every contact, whoever made it; with the `action_id` where it answers an action. Consents, disputes and
hardships count from the entry that tells them. Customers are taken to be where their institution is
(`RISKWATCH_ZONES`): hours, days and public holidays are those of its clock.

A customer who owes nothing soon costs an instant to look at, `remind_days` before the due date. Loans near their due
date or past due are looked at after every entry that bears on them, at the beginning of each day, and when the budget
allows what it forbade. Loans of one customer under several policies share one state, and the rules of all of them hold
for each contact. A last look at each action, before it leaves, asks the budget once more: what it forbids is stopped,
logged and counted as `riskwatch_collection_actions_stopped_total`.

While an institution's repayments are stale ([operations](operations.md)) no treatment is ordered for it. What ends
meanwhile is closed at its time, and a person is asked to look at a dispute or a hardship. When collections are switched
off, what is open runs out.

## A policy

A policy is a TOML file for an institution and a product. It extends a packaged one and says only what differs:

```toml
extends = "cash-instalments-collections"
name = "harbour-cash-collections"
tenant = "harbour-finance"            # "*": every institution that has none of its own

[collections]
jurisdiction = "cn"                   # or a file beside this one, "ours.toml"
rest_days = 3                         # days without an action after a payment
after_write_off = "collect"           # or "stop"

[holdout]
share = 0.03                          # of the loans get no treatment in stages with `holdout = true`, to measure by
key = "2026-a"                        # another key, other loans

[treatments.call]
cost = 380                            # minor units, of one call

[strategy.early-large]
description = "A large loan is called from the first day on."
buckets = ["M1"]
exposure_bands = ["large"]
stage = "firm"
without = ["payment-plan"]
priority = 40                         # the first line that fits counts

[strategy.second-month-large]
off = true                            # drops the parent's line
```

`riskwatch policy check FILE` tells every fault with its line, and a cell of the strategy table that no line covers;
`riskwatch policy show NAME` shows a packaged policy or jurisdiction. Costs and points of the packaged policies are
worked examples.

| table | says |
|---|---|
| `[score_bands]`, `[exposure_bands]` | half-open bands of the probability of self-cure, and of all that is owed |
| `[strategy]` | bucket × score band × exposure band → stage, less the treatments in `without` |
| `[stages]` | the ladder: treatments, days between two actions, priority, when to go further, holdout or not |
| `[treatments]` | channel, script, cost, what success brings and of which amount, the card that gives its probability |
| `[files]` | lists for sale or suit, and the fields that they must hold |
| `[cards]` | points scorecards, as in [lending policies](lending.md); a card's good is success |
| `[discount]` | what a unit recovered in a bucket is worth |
| `[promises]` | grace, longest pause, and how many broken ones are taken in an episode |
| `[review]` | what a person gets to see at a dispute or a hardship |

## What happens when

- **The strategy table gives the stage.** M0 is not past due (looked at `remind_days` before the due date), M1 is 1 to
  30 days, M6+ more than 180.
- **A payment stops everything**: open actions are closed, and nothing is done for `rest_days`. Payments that add up to
  `step_down_share` of what was past due take one stage back. A loan that is current starts anew.
- **A promise pauses** until it is due and its grace is over, at most `longest_days` and the grace; after `most` broken
  ones in an episode another one pauses nothing.
- **A broken promise resumes one stage further**, a kept one takes one back. Actions that bring nothing lead to the next
  stage after `escalate_after`. Neither raises above `ceiling`; only the table does.
- **A dispute or a hardship** closes what is automatic and asks a person, again where nobody looked in time.
- **Settled or sold**: everything is closed, and nothing more is done. A loan that was written off is owed all the same,
  and what is paid later is a recovery: it is collected on, unless the policy says `after_write_off = "stop"`.
- **Days past due** are those by which the institution's servicing rules reckon buckets; in their grace and in a payment
  holiday a loan is in M0. An agreed settlement pauses as a promise does.
- **What stands against an open action closes it**: a conversation after which the rules want silence, an opt-out, a
  strategy that no longer permits the treatment.
- **Work that nobody reports expires.** It counts in the budget all the same, for nobody knows that it was not done.

## The next best action

Every treatment of the stage is looked into, and waiting. With the probabilities of self-cure `s`, of lost contact `l`
(where the treatment needs to reach the customer) and of success `p`:

    probability = s + (1 - s) · (1 - l) · p        waiting: s        a sale: p
    value = amount · recovers · probability · discount of the bucket
    net = value - cost

The open one with the highest net is chosen, ties in the order of the stage; a treatment that brings less than waiting
is not done. The action lists all candidates with their numbers, and why those that were not open were not.

## Contacts

`may_contact` knows what was done and the customer's clock, and nothing of why somebody wants to call. Third parties are
never contacted. A channel that the customer opted out of is closed, whatever the rules say. A contact that was ordered
and not reported counts wherever it may lie, and an order expires before the hours end, so that work done within it
keeps the rules. Rules are TOML files of their own; extend one with what binds you in your state.

| table | forbids |
|---|---|
| `channels` | every channel that is not listed |
| `opt_in` | channels without a consent |
| `after_ceased` | all channels but these, after a request not to be contacted or where a lawyer acts |
| `[hours]` | all but `start` to `end` on the customer's clock |
| `[limits]` | more than `most` in `days`, `rolling`, of the calendar or of its week; for the customer or each loan |
| `[silences]` | contact for `days` days after a conversation, its own day the first |
| `[closed]` | weekdays, and public holidays of a calendar |

"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD.rstrip("\n") + "\n"]
    for name in JURISDICTIONS.names():
        rules = packaged_rules(name)
        parts.append(f"### {name}\n\n{rules.description}\n")
        parts.append(table(("rule", "channels", "says"), _rules(rules)))
    parts.append(
        "## Inputs\n\nWhat scorecards may read. Money is in minor units; an unknown value has points of its own.\n"
    )
    rows = [
        (f"`{each.name}`", ", ".join(each.readable.words) or each.readable.type,
         each.description + ("; nothing is decided without it" if each.required else ""))
        for each in COLLECTION_INPUTS
    ]  # fmt: skip
    parts.append(table(("input", "type", "what it is"), rows))
    fields = ", ".join(f"`{field}`" for field in RECORD_FIELDS)
    parts.append(f"Lists for sale or suit may hold these, and {fields}.\n")
    parts.append(
        "```sh\nriskwatch collections file sale out.csv --tenant harbour-finance\n```\n\nwrites the list that"
        " `[files.sale]` names: a row for each loan with an open action of it, with its `action_id` and the list's"
        " fields as they were when it was decided.\n"
    )
    parts.append(
        "## Records\n\n`CollectionAction` is for those who work: due, expiry, priority (smaller first), script,"
        " reasons, candidates. They report what came of it as `ContactMade` with its `action_id`. `ActionClosed` ends"
        " it, once:"
        f" {', '.join(f'`{ending}`' for ending in get_args(Ending))}.\n"
    )
    names = ", ".join(f"`{name}`" for name in COLLECTIONS.names())
    deciding = [packaged_collections(name) for name in COLLECTIONS.names() if name != BASE]
    parts.append(f"Packaged policies: {names}.\n")
    parts.append(
        f"They cover {covered(deciding)}. Nothing is done about a loan of another product or"
        " currency unless a policy of the institution's own covers it.\n"
    )
    return "\n".join(parts)


def _rules(rules: ContactRules) -> list[tuple[str, str, str]]:
    rows = [("`opt_in`", ", ".join(rules.opt_in), "only with consent")] if rules.opt_in else []
    for name, hours in rules.hours.items():
        rows.append((f"`{name}`", ", ".join(hours.channels), f"from {hours.start} until before {hours.end}"))
    for name, limit in rules.limits.items():
        window = f"{limit.days} × 24 hours" if limit.window == "rolling" else limit.window.replace("-", " ")
        rows.append((f"`{name}`", ", ".join(limit.channels), f"at most {limit.most} in {window}, each {limit.scope}"))
    for name, silence in rules.silences.items():
        said = f"{silence.days} days after a conversation, each {silence.scope}"
        rows.append((f"`{name}`", ", ".join(silence.channels), said))
    for name, closed in rules.closed.items():
        days = [*closed.weekdays, *([f"public holidays of {closed.calendar}"] if closed.calendar else [])]
        rows.append((f"`{name}`", ", ".join(closed.channels), f"none on {', '.join(days)}"))
    return rows


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/collections.md")
    target.write_text(page(), encoding="utf-8")
