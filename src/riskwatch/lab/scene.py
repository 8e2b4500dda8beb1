"""What the demo knows so far: filled as it goes, shown live, summed up at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from riskwatch.lab.delinquency import Ledgers
from riskwatch.lab.feeding import Fed
from riskwatch.lab.people import INSTITUTIONS
from riskwatch.lab.plot import Truth
from riskwatch.lab.portfoliobook import Book
from riskwatch.lab.report import Balance
from riskwatch.lab.stages import Stages
from riskwatch.lab.watching import Position
from riskwatch.streams.decisions import DecisionTrail
from riskwatch.streams.events import AnyEvent, LoanOpened, LoanWrittenOff, RepaymentReceived
from riskwatch.streams.outputs import Alert

ZONES = {each.tenant: ZoneInfo(each.zone) for each in INSTITUTIONS}


class Scene(Struct):
    """Everything that the demo knows so far: shown live, summed up at the end. Times: `time.monotonic` seconds."""

    started: float
    customers: int
    truths: tuple[Truth, ...] = ()
    total: int | None = None
    phase: str = "starting the broker and the worker"
    fed: Fed = field(default_factory=Fed)
    feeding_since: float | None = None
    fed_at: float | None = None
    live: bool = False
    cut: bool = False
    done_at: float | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)
    withdrawn: dict[str, Alert] = field(default_factory=dict)
    repeats: int = 0
    first_alert_after: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    position: Position | None = None
    balance: Balance | None = None
    served: int | None = None
    trails: list[DecisionTrail] = field(default_factory=list)
    applied: dict[tuple[int, int], int] = field(default_factory=dict)
    """Partition and offset of each application's journal entry → when it was written (ms)."""
    borrowers: frozenset[tuple[str, str]] = frozenset()
    """Tenant and customer id of those who live for their loans; they play in no story."""
    opened: set[tuple[str, str]] = field(default_factory=set)
    """Tenant and id of every loan that was published as opened."""
    written_off: set[tuple[str, str]] = field(default_factory=set)
    recovered: set[tuple[str, str]] = field(default_factory=set)
    """Loans of which something was paid after their write-off."""
    stages: Stages = field(default_factory=Stages)
    lines: Counter[str] = field(default_factory=Counter)
    """What was changed of lines of credit, in words."""
    floor: Counter[str] = field(default_factory=Counter)
    """What became of the collections actions: outcomes, `never done`, `too late`."""
    ledgers: Ledgers = field(default_factory=lambda: Ledgers(lambda tenant: ZONES[tenant]))
    """The loans of the portfolio as told so far: what early warnings are measured by."""
    book: Book | None = None
    plots: tuple[Path, ...] = ()
    finished: bool = False
    broker: str = ""
    prefix: str = "riskwatch"

    def hear(self, alert: Alert) -> bool:
        """Takes an alert in; False where its id was heard before. A withdrawn one is no alert any more."""
        if alert.withdrawn:
            gone = self.alerts.pop(alert.alert_id, None)
            if gone is not None:
                self.withdrawn[alert.alert_id] = gone
            return False
        if alert.alert_id in self.alerts:
            self.repeats += 1
            return False
        if self.first_alert_after is None:
            self.first_alert_after = time.monotonic() - self.started
        self.alerts[alert.alert_id] = alert
        return True

    def published(self, event: AnyEvent) -> None:
        """Notes an event that is about to be published."""
        self.ledgers.take(event)
        match event:
            case LoanOpened():
                self.opened.add((event.tenant, event.loan_id))
            case LoanWrittenOff():
                self.written_off.add((event.tenant, event.loan_id))
            case RepaymentReceived() if (event.tenant, event.loan_id) in self.written_off:
                self.recovered.add((event.tenant, event.loan_id))

    @property
    def by_rule(self) -> Counter[str]:
        """How many alerts each rule raised."""
        return Counter(alert.rule for alert in self.alerts.values())


Show = Callable[[Scene, list[Alert]], None]
"""Shows the scene; called a few times a second with the alerts that are new."""
