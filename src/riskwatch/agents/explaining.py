"""Why an application was decided as it was: finds its trail, and shows it for a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from riskwatch.agents.topicreading import partitions_of
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security, broker_error, client_settings, why_away
from riskwatch.streams.decisions import DecisionTrail, DecisionValue, decode_trail

if TYPE_CHECKING:
    from rich.console import RenderableType

Language = str
"""`en` or `zh`."""

_COLOURS = {"approve": "green", "refer": "yellow", "decline": "red"}


class NoDecision(LookupError):
    """No trail at the broker bears the id."""


async def find_trail(
    broker: str, security: Security, prefix: str, wanted: str, on_read: Callable[[int], None] = lambda _: None
) -> DecisionTrail:
    """The newest trail of a decision id, or of an application id. `on_read` is told how many records were read.

    Raises `NoDecision`, `BrokerAway` or `BrokerRefused`.
    """
    topic = topics.full_name(topics.DECISION_TRAILS, prefix)
    numbers = await partitions_of(broker, security, topic)
    if not numbers:
        raise NoDecision(
            f"no decision {wanted}: the topic {topic} does not exist at {broker}; no worker started there yet"
        )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker, enable_auto_commit=False, auto_offset_reset="earliest", **client_settings(security)
    )
    try:
        await consumer.start()
    except KafkaConnectionError as error:
        await consumer.stop()
        raise await why_away(broker, security) from error
    try:
        tps = [TopicPartition(topic, number) for number in numbers]
        found = await _newest(consumer, tps, wanted, on_read)
    except KafkaError as error:
        raise broker_error(error, broker, topic) from error
    finally:
        await consumer.stop()
    if found is None:
        raise NoDecision(
            f"no decision {wanted} in {topic}; give a decision's id or an application's, exactly. An application "
            "that is there has none where no worker has come to it, or its institution has no lending policy in its "
            "currency"
        )
    return found


async def _newest(
    consumer: AIOKafkaConsumer, tps: list[TopicPartition], wanted: str, on_read: Callable[[int], None]
) -> DecisionTrail | None:
    mark = wanted.encode()
    found: DecisionTrail | None = None
    consumer.assign(tps)
    ends = await consumer.end_offsets(tps)
    await consumer.seek_to_beginning(*tps)
    left = {tp for tp in tps if ends[tp] > await consumer.position(tp)}
    while left:
        for records in (await consumer.getmany(*left, timeout_ms=1_000)).values():
            on_read(len(records))
            for record in records:
                if mark in record.value:
                    trail = decode_trail(record.value)
                    if wanted in (trail.decision.decision_id, trail.decision.application_id):
                        found = max(found or trail, trail, key=lambda each: each.decision.occurred_at)
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    return found


def explain(trail: DecisionTrail, language: Language = "en") -> list[RenderableType]:
    """The trail for a reader, top to bottom: what was decided, why, the plan, the score, the rules, every input."""
    parts: list[RenderableType] = [_summary(trail), _reasons(trail, language)]
    if trail.decision.plan:
        parts.append(_plan(trail))
    if trail.parts:
        parts.append(_score(trail))
    if trail.links:
        parts.append(_links(trail))
    parts += [_rules(trail), _inputs(trail)]
    return parts


def explain_briefly(trail: DecisionTrail, language: Language = "en") -> list[RenderableType]:
    """The short form: what was decided, why, the plan's first instalments, and the rules that fired."""
    from msgspec import structs

    parts: list[RenderableType] = [_summary(trail), _reasons(trail, language)]
    if trail.decision.plan:
        first = structs.replace(trail.decision, plan=trail.decision.plan[:3])
        parts.append(_plan(structs.replace(trail, decision=first)))
        if (rest := len(trail.decision.plan) - 3) > 0:
            parts.append(f"[dim]and {rest} more instalments[/]")
    fired = [rule for rule in trail.rules if rule.fired]
    if fired:
        parts.append(_rules(structs.replace(trail, rules=fired)))
    return parts


def _summary(trail: DecisionTrail) -> RenderableType:
    from rich.table import Table

    said = trail.decision
    table = Table(box=None, show_header=False, pad_edge=False)
    colour = _COLOURS[said.outcome]
    offer = "nothing"
    if said.amount and said.annual_rate is not None:
        apr = "" if said.apr is None else f", {said.apr:.2%} effective"
        offer = (
            f"{money(said.amount)} {said.currency} of a limit of {money(said.limit)}, {said.term_months} months, "
            f"{said.annual_rate:.2%} a year{apr}"
        )
    for label, text in (
        ("decision", f"[bold {colour}]{said.outcome}[/] {said.decision_id}{' (shadow)' if said.shadow else ''}"),
        ("application", f"{said.application_id} of {said.customer_id} at {said.tenant}, {said.product}"),
        (
            "asked for",
            f"{money(said.requested)} {said.currency}, {said.requested_term_months} months",
        ),
        ("offered", offer),
        ("grade", "–" if said.grade is None else f"{said.grade}, {_score_line(said.points, said.pd)}"),
        ("limit set by", ", ".join(trail.bounds) or "–"),
        ("policy", f"{said.policy}, version {said.policy_version}"),
        ("journal", f"partition {said.cause.partition}, offset {said.cause.offset}, event {said.cause.event_id}"),
        ("applied", said.occurred_at.isoformat(sep=" ", timespec="seconds")),
        ("decided", said.decided_at.isoformat(sep=" ", timespec="milliseconds")),
    ):
        table.add_row(f"[dim]{label}[/dim]", text)
    return table


def _score_line(points: float | None, pd: float | None) -> str:
    if points is None or pd is None:
        return "not scored"
    return f"{points:,.0f} points, {pd:.2%} probability of default"


def _reasons(trail: DecisionTrail, language: Language) -> RenderableType:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Reasons", title_justify="left", box=None, pad_edge=False)
    table.add_column("code", no_wrap=True)
    table.add_column("for the applicant")
    table.add_column("values")
    for reason in trail.decision.reasons:
        table.add_row(reason.code, escape(reason.zh if language == "zh" else reason.en), _values(reason.values))
    return table


def _plan(trail: DecisionTrail) -> RenderableType:
    from rich.table import Table

    table = Table(title="Repayment plan", title_justify="left", box=None, pad_edge=False)
    for heading in ("no.", "due", "principal", "interest", "instalment", "open after"):
        table.add_column(heading, justify="left" if heading == "due" else "right")
    for line in trail.decision.plan:
        amounts = (money(each) for each in (line.principal, line.interest, line.amount, line.balance))
        table.add_row(str(line.number), line.due_on.isoformat(), *amounts)
    return table


def _score(trail: DecisionTrail) -> RenderableType:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Scorecard", title_justify="left", box=None, pad_edge=False)
    for heading in ("characteristic", "value", "bin"):
        table.add_column(heading)
    for heading in ("points", "lost"):
        table.add_column(heading, justify="right")
    for part in trail.parts:
        table.add_row(
            part.characteristic, escape(shown(part.value)), escape(part.bin), f"{part.points:g}", f"{part.lost:g}"
        )
    return table


def _links(trail: DecisionTrail) -> RenderableType:
    from rich.table import Table

    table = Table(title="Shared identifiers", title_justify="left", box=None, pad_edge=False)
    table.add_column("kind")
    for heading in ("customers", "new 1/7/30 d", "applications 1/7/30 d", "frauds 30 d", "ever"):
        table.add_column(heading, justify="right")
    table.add_column("first seen")
    for each in trail.links:
        table.add_row(
            each.kind,
            f"{each.customers:,}" if each.exact else f"≈ {each.customers:,}",
            f"{each.new_1d} / {each.new_7d} / {each.new_30d}",
            f"{each.applications_1d} / {each.applications_7d} / {each.applications_30d}",
            str(each.frauds_30d),
            str(each.frauds),
            each.first_seen.isoformat(sep=" ", timespec="minutes"),
        )
    return table


def _rules(trail: DecisionTrail) -> RenderableType:
    from rich.table import Table

    table = Table(title="Rules", title_justify="left", box=None, pad_edge=False)
    for heading in ("rule", "outcome", "fired", "values"):
        table.add_column(heading)
    for rule in trail.rules:
        fired = {True: "[bold]yes[/bold]", False: "no", None: "[dim]unknown[/dim]"}[rule.fired]
        table.add_row(rule.rule, rule.outcome, fired, _values(rule.values))
    return table


def _inputs(trail: DecisionTrail) -> RenderableType:
    from rich.markup import escape
    from rich.table import Table

    known = [(name, value) for name, value in trail.inputs.items() if value is not None]
    unknown = [name for name, value in trail.inputs.items() if value is None]
    table = Table(title="Inputs", title_justify="left", box=None, pad_edge=False)
    table.add_column("name")
    table.add_column("value", justify="right")
    for name, value in known:
        table.add_row(name, escape(shown(value)))
    table.caption = f"unknown: {', '.join(unknown)}" if unknown else None
    table.caption_justify = "left"
    return table


def _values(values: dict[str, DecisionValue] | Iterable[tuple[str, DecisionValue]]) -> str:
    from rich.markup import escape

    pairs = values.items() if isinstance(values, dict) else values
    return escape(", ".join(f"{name} = {shown(value)}" for name, value in pairs))


def shown(value: DecisionValue) -> str:
    """A value for a reader."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"
    return value


def money(minor: int) -> str:
    """Minor units as an amount: 1234567 → 12,345.67."""
    return f"{minor / 100:,.2f}"
