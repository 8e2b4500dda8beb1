"""What a fold runs (`Program`) and what comes of it (`Folded`): effects that nobody has made yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from riskwatch.agents.casework import Taint
from riskwatch.agents.partition import Partition, PartitionRow
from riskwatch.agents.scratch import RowBuffer
from riskwatch.agents.store import Row
from riskwatch.features.account import Account
from riskwatch.features.freshness import Freshness
from riskwatch.features.layout import Layout
from riskwatch.features.library import Library
from riskwatch.features.linkmessages import Probe
from riskwatch.features.merchantmessages import MerchantTold
from riskwatch.features.paying import Paying, past_due, paying
from riskwatch.features.servicing import STANDARD_BOOK, ServicingBook
from riskwatch.features.standing import Standing, standing
from riskwatch.policy.collectionfile import NO_COLLECTIONS, CollectionBook
from riskwatch.policy.judging import RuleSet
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingbook import NO_LENDING, LendingBook
from riskwatch.policy.linkfacts import reads_links
from riskwatch.policy.shelf import Shelf
from riskwatch.scoring.linear import LinearModel
from riskwatch.streams.accountactions import AnyAction
from riskwatch.streams.collections import ActionClosed, CollectionAction
from riskwatch.streams.decisions import DecisionTrail
from riskwatch.streams.events import AnyEvent, RepaymentReceived
from riskwatch.streams.loanmoves import LoanMoved
from riskwatch.streams.operational import OperationalAlert
from riskwatch.streams.outputs import Alert, TrainingExample

DEFAULT_FRESHNESS = Freshness()


@dataclass(frozen=True)
class Program:
    """What the fold runs: features, rules, the zone of each tenant (UTC where none is named), the lending policies that
    decide applications where nothing else is published; whether `links` are asked about identifiers; the lending
    policies in shadow; how loans are serviced; how far repayments may be behind; the policies by which loans are
    collected; and room to work in."""

    layout: Layout
    rules: RuleSet
    zones: Mapping[str, ZoneInfo]
    lending: LendingBook = NO_LENDING
    links: bool = False
    shadows: LendingBook = NO_LENDING
    servicing: ServicingBook = STANDARD_BOOK
    freshness: Freshness = DEFAULT_FRESHNESS
    collections: CollectionBook = NO_COLLECTIONS
    buffer: RowBuffer = field(default_factory=RowBuffer)

    def zone(self, tenant: str) -> tzinfo:
        return self.zones.get(tenant, UTC)

    def standings(self, account: Account, tenant: str, now_ms: int) -> dict[str, Standing]:
        """The account's loans as they stand at `now_ms`, by loan id."""
        zone, rules = self.zone(tenant), self.servicing.rules_for
        return {
            loan.loan_id: standing(loan, now_ms, zone, rules(tenant, loan.product)) for loan in account.loans.values()
        }

    def paying(self, account: Account, tenant: str, now_ms: int) -> dict[str, Paying]:
        """How the account's loans are being paid at `now_ms`, by loan id; of none where nobody collects."""
        if not self.collections:
            return {}
        zone, rules = self.zone(tenant), self.servicing.rules_for
        return {
            loan.loan_id: paying(loan, now_ms, zone, rules(tenant, loan.product)) for loan in account.loans.values()
        }

    def past_due(self, account: Account, event: AnyEvent, now_ms: int) -> int:
        """What is past due of the loan that a repayment is on, minor units; 0 of other events, or if none collects."""
        if not self.collections or not isinstance(event, RepaymentReceived):
            return 0
        loan = account.loans.get(event.loan_id)
        if loan is None:
            return 0
        return past_due(loan, now_ms, self.zone(event.tenant), self.servicing.rules_for(event.tenant, loan.product))

    def waits_for_links(self, policy: LendingPolicy) -> bool:
        """Whether an application under a policy is decided with what the links answer."""
        return self.links and reads_links(policy)


@dataclass
class Counts:
    """What became of a batch's records, for the metrics. `entries`: upstream records that the batch brought."""

    entries: int = 0
    new: int = 0
    duplicates: int = 0
    redelivered: int = 0
    applied_before: int = 0
    late: int = 0
    derived: int = 0
    ticks: int = 0
    without_policy: int = 0
    unanswered: int = 0
    left_out: int = 0
    held: int = 0


@dataclass(frozen=True)
class RuleFailure:
    """A rule that raised on one entry; the others decided."""

    rule: str
    offset: int
    error: str


@dataclass
class Collecting:
    """What became of collections beside their records. `refused`: contacts that the budget did not allow, by rule;
    `stopped`: actions that were held back at the gate, each with the rule that it would have broken."""

    refused: Counter[str] = field(default_factory=Counter)
    stopped: list[tuple[str, CollectionAction]] = field(default_factory=list)


@dataclass
class Folded:
    """The effects of one batch, none of them made yet. `broadcasts`: entries for every journal partition; `taints`:
    what link profiles have to know, `told`: those of merchants; `library`: the fraud cases and lists after the batch,
    None where it changed none."""

    partition_row: PartitionRow
    rows: list[Row] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    moves: list[LoanMoved] = field(default_factory=list)
    decisions: list[DecisionTrail] = field(default_factory=list)
    shadow_decisions: list[DecisionTrail] = field(default_factory=list)
    actions: list[AnyAction] = field(default_factory=list)
    shadow_actions: list[AnyAction] = field(default_factory=list)
    collections: list[CollectionAction | ActionClosed] = field(default_factory=list)
    collecting: Collecting = field(default_factory=Collecting)
    probes: list[Probe] = field(default_factory=list)
    told: list[MerchantTold] = field(default_factory=list)
    examples: list[TrainingExample] = field(default_factory=list)
    looks: dict[bytes, int] = field(default_factory=dict)
    undecided: dict[bytes, bool] = field(default_factory=dict)
    models: dict[str, LinearModel] = field(default_factory=dict)
    shelf: Shelf | None = None
    kept: list[bytes] = field(default_factory=list)
    labelled: list[bytes] = field(default_factory=list)
    verdicts: dict[int, int | None] = field(default_factory=dict)
    fallen: dict[int, tuple[int, ...]] = field(default_factory=dict)
    broadcasts: list[bytes] = field(default_factory=list)
    taints: list[Taint] = field(default_factory=list)
    library: Library | None = None
    operational: list[OperationalAlert] = field(default_factory=list)
    failures: list[RuleFailure] = field(default_factory=list)
    suppressed: dict[str, int] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)

    def settle(self, partition: Partition) -> None:
        """Takes over what the partition keeps in memory, once the rows are durable."""
        partition.row = self.partition_row
        for key, at in self.looks.items():
            partition.timers.set(key, at)
        for key, waits in self.undecided.items():
            (partition.undecided.add if waits else partition.undecided.discard)(key)
        partition.models.update(self.models)
        if self.shelf is not None:
            partition.shelf = self.shelf
        if self.library is not None:
            partition.library = self.library
        for key in self.kept:
            partition.waiting.add(key)
        for key in self.labelled:
            partition.waiting.remove(key)
        for event, at_ms in self.verdicts.items():
            if at_ms is None:
                partition.waiting.confirmed.pop(event, None)
            else:
                partition.waiting.confirmed[event] = at_ms
        for subject, times in self.fallen.items():
            if times:
                partition.waiting.fallen[subject] = times
            else:
                partition.waiting.fallen.pop(subject, None)
