"""`riskwatch actions`: what was done to lines of credit, and undoing what a bad policy did."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from riskwatch.streams.accountactions import AnyAction, Compensation
    from riskwatch.streams.compensating import Rollback
    from riskwatch.streams.connecting import Security

actions_app = typer.Typer(no_args_is_help=True, help="Limits and rates: what was done, and undoing it.")

Broker = Annotated[str, typer.Option("--broker", envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, host:port.")]
Prefix = Annotated[str, typer.Option("--prefix", envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Only this institution.")]
Shadow = Annotated[bool, typer.Option("--shadow", help="What policies in shadow would have done.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object an action, for scripts.")]
BatchName = Annotated[str | None, typer.Option("--batch", help="Only of this batch: POLICY/VERSION, or rollback/….")]

DEFAULT_BROKER = "127.0.0.1:9092"
MOST_BATCHES = 20


class NoBatch(LookupError):
    """No action at the broker is of the batch."""


@actions_app.command("list")
def list_actions(
    batch: BatchName = None, tenant: Tenant = None, shadow: Shadow = False, as_json: AsJson = False,
    broker: Broker = DEFAULT_BROKER, prefix: Prefix = "riskwatch",
) -> None:  # fmt: skip
    """List what moved, froze and restored lines of credit: terms before and after, reasons, batch."""
    from riskwatch.agents.actionshow import listed

    published = [each for each in _read(broker, prefix, shadow=shadow) if tenant is None or each.tenant == tenant]
    if batch is not None:
        _known(batch, published)
    found = [each for each in published if batch is None or each.batch == batch]
    found.sort(key=lambda each: each.announced_at)
    if as_json:
        _print_json(found)
    else:
        _console().print(listed(found) if found else "nothing was done")


@actions_app.command("show")
def show(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    tenant: Tenant = None, shadow: Shadow = False, as_json: AsJson = False,
    language: Annotated[str, typer.Option("--language", help="Of the reasons: en or zh.")] = "en",
    broker: Broker = DEFAULT_BROKER, prefix: Prefix = "riskwatch",
) -> None:  # fmt: skip
    """Show what was done to a customer's lines of credit, with the reasons that the customer is told."""
    from riskwatch.agents.actionshow import shown

    if language not in ("en", "zh"):
        raise typer.BadParameter("en or zh", param_hint="--language")
    found = [
        each
        for each in _read(broker, prefix, shadow=shadow)
        if each.customer_id == customer and (tenant is None or each.tenant == tenant)
    ]
    if as_json:
        _print_json(found)
        return
    console = _console()
    for each in found:
        console.print(shown(each, language))
    if not found:
        console.print("nothing was done to this customer's lines")


@actions_app.command("rollback")
def rollback(
    batch: Annotated[str, typer.Option("--batch", help="What to undo: POLICY/VERSION, or a batch rollback/….")],
    by: Annotated[str, typer.Option("--by", help="Who does this; it is recorded.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")],
    tenant: Tenant = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Only what was announced since, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Only what was announced before, UTC.")] = None,
    limit_notice_days: Annotated[int, typer.Option(min=0, help="Days before a limit that is lowered is in force.")] = 0,
    rate_notice_days: Annotated[int, typer.Option(min=0, help="Days before a rate that is raised is in force.")] = 30,
    wait_seconds: Annotated[float, typer.Option(min=0.0, help="How long to wait for the workers.")] = 30.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be undone, ask for nothing.")] = False,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Undo what a policy's version did to lines of credit, by an action that restores each line.

    A line on which anything else has acted since is left alone and told. Repeating the command undoes nothing twice.
    Take the policy out of force first (`riskwatch policy rollback`), or it goes on to act.
    """
    import asyncio
    from datetime import UTC

    from msgspec import structs

    from riskwatch.agents.actionshow import left_alone, listed
    from riskwatch.agents.actiontopic import ask
    from riskwatch.streams.compensating import Batch, Notice, compensate

    if not by.strip() or not reason.strip():
        raise typer.BadParameter("say who undoes this, and why", param_hint="--by, --reason")
    span = [None if each is None else each.replace(tzinfo=UTC) for each in (since, until)]
    published = [each for each in _read(broker, prefix) if tenant is None or each.tenant == tenant]
    _known(batch, published)
    at = _now()
    notice = Notice(limit_days=limit_notice_days, rate_days=rate_notice_days)
    found = compensate(published, Batch(name=batch, since=span[0], until=span[1]), at, at, notice)
    asked = [structs.replace(each, requested_by=by, requested_because=reason) for each in found.compensations]
    console = _console()
    if asked:
        console.print(listed(asked))
    if found.skipped:
        console.print(left_alone(found))
    _tell(console, found, batch)
    if dry_run:
        console.print("dry run: nothing was asked")
    if dry_run or not asked:
        return
    applied = asyncio.run(ask(broker, _security(), prefix, asked, wait_seconds))
    _tell_applied(console, asked, applied, wait_seconds)


def _known(batch: str, published: Sequence[AnyAction]) -> None:
    """Raises `NoBatch`, which tells the batches that there are, the newest first."""
    newest = {each.batch: each.announced_at for each in sorted(published, key=lambda each: each.announced_at)}
    if batch in newest:
        return
    names = sorted(newest, key=lambda name: (newest[name], name), reverse=True)
    told = ", ".join(names[:MOST_BATCHES]) or "none"
    more = f" and {len(names) - MOST_BATCHES:,} more" if len(names) > MOST_BATCHES else ""
    raise NoBatch(f"no action of this batch, {batch}; batches are: {told}{more}")


def _tell(console: Console, found: Rollback, batch: str) -> None:
    console.print(
        f"{len(found.compensations):,} lines to restore, {len(found.skipped):,} left alone, "
        f"{len(found.done):,} restored before, of batch {batch}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _tell_applied(
    console: Console, asked: Sequence[Compensation], applied: frozenset[str], seconds: float
) -> None:  # fmt: skip
    console.print(f"{len(applied):,} of {len(asked):,} lines are restored")
    open_ones = [each for each in asked if each.action_id not in applied]
    if not open_ones:
        return
    for each in open_ones[:20]:
        console.print(f"not restored yet: {each.product} of {each.tenant}/{each.customer_id}", markup=False)
    if len(open_ones) > 20:
        console.print(f"and {len(open_ones) - 20:,} more")
    console.print(
        f"after {seconds:g} seconds the workers had not restored these: they are behind, or the lines have changed in "
        "the meantime, or were granted anew. Run the command again to see; nothing is undone twice.",
        soft_wrap=True,
    )
    raise typer.Exit(1)


def _read(broker: str, prefix: str, *, shadow: bool = False) -> list[AnyAction]:
    import asyncio

    from riskwatch.agents.actiontopic import read_actions
    from riskwatch.streams import topics

    topic = topics.SHADOW_ACCOUNT_ACTIONS if shadow else topics.ACCOUNT_ACTIONS
    return asyncio.run(read_actions(broker, _security(), prefix, topic))


def _print_json(actions: Sequence[AnyAction]) -> None:
    from riskwatch.streams.accountactions import encode_action

    for each in actions:
        typer.echo(encode_action(each))


def _console() -> Console:
    from riskwatch.agents.twolines import reader_console

    return reader_console()


def _now() -> datetime:
    """This machine's clock, to the millisecond: what the journal counts in."""
    from datetime import UTC

    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _security() -> Security:
    import os

    from riskwatch.streams.connecting import security_from

    return security_from(os.environ)
