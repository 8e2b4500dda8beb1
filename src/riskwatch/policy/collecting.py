"""Collections of one customer: from the state and the inputs to actions, and to the closing of what is open.

`decide` is asked after every fact that bears on collections, and at `next_look`. It keeps these laws, whatever comes in
whatever order: nothing is done about a settled loan; nothing while a promise pauses it, while a dispute or a hardship
is open, or in the rest after a payment; no contact that the budget forbids; one open action at most on each channel of
contact. What stands against an open action closes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from riskwatch.features.collecting import end_open, keep_contacts, loan_of
from riskwatch.features.collectionledger import REVIEW, CollectionsState, ContactKept, LoanCollection, OpenAction
from riskwatch.features.timers import day_of, start_of_day
from riskwatch.policy.collectioninputs import state_inputs
from riskwatch.policy.collectionpolicy import CollectionPolicy, Stage, StrategyLine, Treatment, is_held_out
from riskwatch.policy.collectionrecords import Customer, closing, review_action, treatment_action
from riskwatch.policy.collectionstate import climb, climb_further, consent_of, history_of, pause_end, start_anew
from riskwatch.policy.collectionvocabulary import Facts, days_to_next_bucket, facts_of, number_of
from riskwatch.policy.contactbudget import Allowed, Refused, may_contact
from riskwatch.policy.contactrules import CONTACT_CHANNELS, ContactRules
from riskwatch.policy.nextaction import WAIT, Block, Rating, choose, consider, rate
from riskwatch.scoring.scorecard import Value
from riskwatch.streams.collections import ActionClosed, CollectionAction

HOUR_MS = 3_600_000


class Standing(Struct, frozen=True, kw_only=True):
    """A loan about which something may be done now."""

    loan: LoanCollection
    facts: Mapping[str, Value]
    rating: Rating
    line: StrategyLine
    stage: Stage


class Case(Struct, frozen=True, kw_only=True):
    """A loan that may be collected, under which policy, and what is known of it: `contacts.*` and promises are added
    from the state."""

    loan_id: str
    policy: CollectionPolicy
    inputs: Facts


def decide(
    policy: CollectionPolicy, state: CollectionsState, customer: Customer, inputs: Mapping[str, Facts], now_ms: int
) -> list[CollectionAction | ActionClosed]:
    """`decide_cases` where one policy is for every loan of the customer. `inputs`: by loan id."""
    cases = [Case(loan_id=loan_id, policy=policy, inputs=given) for loan_id, given in inputs.items()]
    return decide_cases(cases, policy.rules, state, customer, now_ms)


def decide_cases(
    cases: Iterable[Case],
    rules: ContactRules | None,
    state: CollectionsState,
    customer: Customer,
    now_ms: int,
    *,
    act: bool = True,
    refusals: Counter[str] | None = None,
) -> list[CollectionAction | ActionClosed]:
    """What is to be done now and what is over: closings first, then actions. Changes the state accordingly.

    `rules`: on contacting the customer, those of every policy `together`; None where there is no case. Without `act`
    things are closed and a person is asked about a dispute or a hardship, no more: loans that wait for an action want a
    look at once. `refusals` counts what the budget refused, by rule. Time does not go back: an earlier
    `now_ms` than that of the last decision counts as that one. Raises nothing for policies without faults. Loans
    compete for the budget: the one with most past due comes first.
    """
    now_ms = state.newest_ms = max(now_ms, state.newest_ms)
    keep_contacts(state, now_ms)
    for loan in state.loans.values():
        for action in loan.open:
            if action.expires_ms <= now_ms and not action.ending:
                action.ending = "expired"
                loan.routed = loan.routed and action.treatment != REVIEW
    counted = Counter() if refusals is None else refusals
    works = [
        (loan_of(state, case.loan_id), case.inputs, _Work(case.policy, rules, state, customer, now_ms, counted, act))
        for case in sorted(cases, key=lambda case: case.loan_id)
    ]
    standings = [
        (standing, work) for loan, inputs, work in works if (standing := work.standing(loan, inputs)) is not None
    ]
    records: list[CollectionAction | ActionClosed] = [*_closings(state, customer, now_ms)]
    for loan, _, work in works:
        records += work.route(loan)
    if not act:
        for standing, _ in standings:
            standing.loan.look_ms = now_ms
        return records
    for standing, work in sorted(standings, key=lambda each: (-each[0].rating.overdue, each[0].loan.loan_id)):
        records += work.act(standing)
    return records


def _closings(state: CollectionsState, customer: Customer, now_ms: int) -> list[ActionClosed]:
    """Closes what must end."""
    closed = []
    for loan in state.loans.values():
        closed += [closing(customer, loan.loan_id, each, now_ms) for each in loan.open if each.ending]
        loan.open = [each for each in loan.open if not each.ending]
    return closed


class _Work:
    """One decision about a loan: what it is made by, and the steps that it takes."""

    def __init__(
        self, policy: CollectionPolicy, rules: ContactRules | None, state: CollectionsState, customer: Customer,
        now_ms: int, refusals: Counter[str], act: bool,
    ) -> None:  # fmt: skip
        self.policy, self.state, self.customer, self.now = policy, state, customer, now_ms
        self.rules = policy.rules if rules is None else rules
        self.today = day_of(now_ms, customer.zone)
        self.consent = consent_of(state)
        self.gone = False
        self.refusals, self.acts = refusals, act

    def standing(self, loan: LoanCollection, given: Facts) -> Standing | None:
        """Where a loan stands; None where nothing is to be done about it now. Marks what is open and must end."""
        loan.look_ms = 0
        facts = facts_of({**given, **state_inputs(self.state, loan, self.now, self.customer.zone)})
        if loan.settled or number_of(facts, "loan.exposure") == 0:
            self.gone = True
            end_open(loan, "settled")
            start_anew(loan)
            return None
        if loan.disputed or loan.hardship:
            end_open(loan, "dispute" if loan.disputed else "hardship")
            return None
        for action in loan.open:  # a person's look is over with what it was about
            if action.treatment == REVIEW:
                action.ending = action.ending or "withdrawn"
        rating = rate(self.policy, facts)
        if rating is None:
            return None
        if rating.bucket == "M0" and loan.bucket not in ("", "M0"):
            end_open(loan, "payment")
            start_anew(loan)
        loan.bucket = rating.bucket
        paused = pause_end(self.policy, loan)
        if self.now < paused:
            end_open(loan, "promise")
            loan.look_ms = paused
            return None
        loan.promises = []
        rested = self._day_after(loan.rest_from_ms, self.policy.rest_days) if loan.rest_from_ms else 0
        if self.now < rested:
            loan.look_ms = rested
            return None
        if rating.line is None:
            end_open(loan, "withdrawn")
            loan.look_ms = self._when_in_table(facts)
            return None
        stage = climb(self.policy, loan, rating.line)
        due = self._day_after(loan.last_ms, stage.min_days) if loan.last_ms else self.now
        if self.acts and self.now >= due:
            stage = climb_further(self.policy, loan, stage)
        permitted = [name for name in stage.treatments if name not in rating.line.without]
        for action in loan.open:
            if action.treatment not in permitted or self._forbidden(loan, action):
                action.ending = action.ending or "withdrawn"
        if any(self._is_disposal(action) for action in loan.open):
            return None
        loan.look_ms = self._day_after(self.now, 1)
        if self.now < due:
            loan.look_ms = due
            return None
        return Standing(loan=loan, facts=facts, rating=rating, line=rating.line, stage=stage)

    def route(self, loan: LoanCollection) -> list[CollectionAction]:
        """Asks a person to look at a loan with a dispute or a hardship, once, and again where nobody did."""
        if self.gone or loan.routed or not (loan.disputed or loan.hardship):
            return []
        loan.routed = True
        expires = self.now + self.policy.review.expires_hours * HOUR_MS
        action = review_action(self.policy, self.rules, self.customer, loan, self.now, expires)
        loan.open.append(_opened(action.action_id, REVIEW, "person", self.now, expires))
        return [action]

    def act(self, standing: Standing) -> list[CollectionAction]:
        """The next best action on a loan, or the record that it is held out, or nothing where waiting is best."""
        loan, stage = standing.loan, standing.stage
        candidates = consider(
            self.policy, stage.treatments, standing.rating, standing.facts, lambda each: self._block(standing, each)
        )
        chosen = choose(candidates)
        if stage.holdout and is_held_out(self.policy.holdout, self.customer.tenant, loan.loan_id):
            if loan.held_stage == stage.name:
                return []
            loan.held_stage = stage.name
            return [
                treatment_action(
                    self.policy, self.rules, self.customer, loan, stage, standing.rating, chosen, candidates,
                    self.now, self.now, standing.facts, holdout=True,
                )
            ]  # fmt: skip
        later = [
            each.block.next_ms
            for each in candidates
            if each.block is not None and each.block.next_ms is not None and each.net > chosen.net
        ]
        loan.look_ms = min([loan.look_ms, *later])
        if chosen.treatment == WAIT:
            return []
        treatment = self.policy.treatments[chosen.treatment]
        expires = self._expiry(treatment, loan.loan_id)
        action = treatment_action(
            self.policy, self.rules, self.customer, loan, stage, standing.rating, chosen, candidates, self.now, expires,
            standing.facts,
        )  # fmt: skip
        loan.open.append(_opened(action.action_id, treatment.name, treatment.channel, self.now, expires))
        loan.last_ms = loan.last[treatment.name] = self.now
        loan.steps += 1
        loan.look_ms = 0 if treatment.kind == "disposal" else self._day_after(self.now, stage.min_days)
        if treatment.channel in CONTACT_CHANNELS:
            self.state.contacts.append(
                ContactKept(
                    channel=treatment.channel,
                    from_ms=self.now,
                    to_ms=expires,
                    loan_id=loan.loan_id,
                    action_id=action.action_id,
                )
            )
        return [action]

    def _block(self, standing: Standing, treatment: Treatment) -> Block | None:
        """Why a treatment is not open now."""
        loan = standing.loan
        if treatment.name in standing.line.without:
            return Block("strategy")
        last = loan.last.get(treatment.name)
        if last is not None and self.now < (then := self._day_after(last, treatment.min_days)):
            return Block("min-days", then)
        contact = treatment.channel in CONTACT_CHANNELS
        about = self.state.loans.values() if contact else (loan,)
        if any(action.channel == treatment.channel for each in about for action in each.open):
            return Block("open")
        if not contact:
            return None
        asked = self._ask(treatment.channel, loan.loan_id)
        if isinstance(asked, Refused):
            self.refusals[asked.reason] += 1
            return Block(asked.reason, asked.next_allowed_ms)
        late = asked.until_ms is not None and asked.until_ms - self.now < treatment.least_hours * HOUR_MS
        return Block("too-late", asked.until_ms) if late else None

    def _ask(self, channel: str, loan_id: str, without: str = "") -> Allowed | Refused:
        history = history_of(self.state, without)
        zone = self.customer.zone
        return may_contact(self.rules, history, self.now, channel, zone, self.consent, loan_id=loan_id)

    def _forbidden(self, loan: LoanCollection, action: OpenAction) -> bool:
        """Whether the budget forbids an open action meanwhile: a conversation, a consent taken back."""
        if action.channel not in CONTACT_CHANNELS:
            return False
        return isinstance(self._ask(action.channel, loan.loan_id, without=action.action_id), Refused)

    def _expiry(self, treatment: Treatment, loan_id: str) -> int:
        """When an action must have been done: within its hours, and while contact stays allowed."""
        expires = self.now + treatment.expires_hours * HOUR_MS
        if treatment.channel not in CONTACT_CHANNELS:
            return expires
        asked = self._ask(treatment.channel, loan_id)
        until = asked.until_ms if isinstance(asked, Allowed) else self.now
        return expires if until is None else min(expires, until)

    def _is_disposal(self, action: OpenAction) -> bool:
        treatment = self.policy.treatments.get(action.treatment)
        return treatment is not None and treatment.kind == "disposal" and not action.ending

    def _day_after(self, at_ms: int, days: int) -> int:
        """The beginning of the day that many days after an instant's on the customer's clock."""
        return start_of_day(day_of(at_ms, self.customer.zone) + days, self.customer.zone)

    def _when_in_table(self, facts: Facts) -> int:
        """When a loan that the table says nothing of may be in it; 0 where only an event can bring it there."""
        days_to_due = number_of(facts, "loan.days_to_due")
        if facts.get("loan.bucket") != "M0":
            days = days_to_next_bucket(number_of(facts, "loan.dpd") or 0.0)
        elif days_to_due is not None and days_to_due > self.policy.remind_days:
            days = int(days_to_due) - self.policy.remind_days
        else:
            days = None
        return 0 if days is None else start_of_day(self.today + days, self.customer.zone)


def _opened(action_id: str, treatment: str, channel: str, due_ms: int, expires_ms: int) -> OpenAction:
    return OpenAction(action_id=action_id, treatment=treatment, channel=channel, due_ms=due_ms, expires_ms=expires_ms)
