"""What was done to lines of credit, for a reader at a terminal or a script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from riskwatch.agents.explaining import money
from riskwatch.streams.accountactions import AccountAction, AnyAction, Terms
from riskwatch.streams.compensating import Rollback

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_COLOURS = {"frozen": "red", "unfrozen": "green", "rolled-back": "yellow", "capped": "cyan"}


def terms(said: Terms, currency: str) -> str:
    """The terms in a line."""
    rate = "rate unknown" if said.rate_bp is None else f"{said.rate_bp / 100:g} %"
    grade = "no grade" if said.grade is None else said.grade
    return f"{grade}, {money(said.limit)} {currency}, {rate}{', frozen' * said.frozen}"


def listed(actions: Sequence[AnyAction]) -> RenderableType:
    """A block for each batch, in the order of their first actions: the batch as `rollback --batch` takes it, then two
    lines an action. Customers bear their tenant where there are several."""
    from rich.console import Group
    from rich.text import Text

    from riskwatch.agents.twolines import two_lines

    batches: dict[str, list[AnyAction]] = {}
    for each in actions:
        batches.setdefault(each.batch, []).append(each)
    tenants = sorted({each.tenant for each in actions})
    parts: list[RenderableType] = [Text(f"at {tenants[0]}")] if len(tenants) == 1 else []
    for batch, those in batches.items():
        if parts:
            parts.append("")
        parts.append(Text.assemble("batch ", (batch, "bold"), _origin(those[0]), overflow="fold"))
        entries = [(_columns(each, len(tenants) == 1), _rest(each)) for each in those]
        parts.append(two_lines(("announced", "customer", "product", "change"), entries))
    return Group(*parts)


def _origin(action: AnyAction) -> str:
    if isinstance(action, AccountAction):
        return f"  policy {action.policy}, version {action.policy_version}"
    return f"  asked for by {action.requested_by}" if action.requested_by else ""


def _columns(action: AnyAction, one_tenant: bool) -> list[Text]:
    from rich.text import Text

    customer = action.customer_id if one_tenant else f"{action.tenant}/{action.customer_id}"
    change = Text(action.change, style=_COLOURS.get(action.change, "default"))
    return [Text(_instant(action.announced_at)), Text(customer), Text(action.product), change]


def _rest(action: AnyAction) -> Text:
    from rich.text import Text

    after = terms(action.after, action.currency) + _later(action)
    reasons = ", ".join(reason.code for reason in action.reasons)
    return Text(f"{terms(action.before, action.currency)} → {after}{f'; {reasons}' if reasons else ''}")


def shown(action: AnyAction, language: str) -> RenderableType:
    """All that an action says."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    rows = [
        ("action", f"[bold {_COLOURS.get(action.change, 'default')}]{action.change}[/] {action.action_id}"),
        ("line", escape(f"{action.product} in {action.currency} of {action.customer_id} at {action.tenant}")),
        ("before", terms(action.before, action.currency)),
        ("after", terms(action.after, action.currency) + _later(action)),
        ("announced", _instant(action.announced_at)),
        ("batch", escape(action.batch) + " (shadow)" * action.shadow),
    ]
    if isinstance(action, AccountAction):
        score = "" if action.points is None or action.pd is None else f"{action.points:g} points, {action.pd:.2%} PD"
        rows += [
            ("score", score),
            ("bounded by", ", ".join(action.bounds)),
            ("caused by", escape(f"{action.cause.event_type} {action.cause.event_id}".strip())),
        ]
    else:
        rows += [
            ("undoes", ", ".join(action.undoes)),
            ("asked for by", escape(f"{action.requested_by}: {action.requested_because}")),
        ]
    for label, text in rows:
        if text:
            table.add_row(f"[dim]{label}[/dim]", text)
    for reason in action.reasons:
        values = ", ".join(f"{name} {value}" for name, value in reason.values.items())
        said = reason.zh if language == "zh" else reason.en
        table.add_row(f"[dim]{reason.code}[/dim]", escape(said + (f" ({values})" if values else "")))
    return Group(table, "")


def left_alone(found: Rollback) -> RenderableType:
    """The lines that a rollback does not touch."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Left alone: changed since", title_justify="left", box=None, pad_edge=False)
    for heading in ("customer", "product", "currency", "changed by action"):
        table.add_column(heading, overflow="fold")
    for each in found.skipped:
        table.add_row(escape(f"{each.tenant}/{each.customer_id}"), each.product, each.currency, each.changed_by)
    return table


def _later(action: AnyAction) -> str:
    """From when on limit and rate are in force, where not at once."""
    found = [
        f"{part} from {_instant(at)}"
        for part, at in (("limit", action.limit_from), ("rate", action.rate_from))
        if part in action.moves and at > action.announced_at
    ]
    return f" ({', '.join(found)})" if found else ""


def _instant(at: datetime) -> str:
    from datetime import UTC

    return at.astimezone(UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
