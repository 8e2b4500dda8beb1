"""`riskwatch policy`: all of it, from checking a file to publishing it. Each command imports what it needs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskwatch.agents import policycommands as broker_commands
from riskwatch.agents.policycommands import DEFAULT_BROKER, Broker, By, Prefix, Reason
from riskwatch.policy import commands as file_commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskwatch.lab.backtest import Report
    from riskwatch.policy.judging import RuleSet
    from riskwatch.policy.lending import LendingPolicy
    from riskwatch.policy.publication import Publication

TOO_MUCH = 3
"""Exit code where a policy touches more of the book than is allowed."""

MaxShare = Annotated[
    float, typer.Option("--max-share", min=0, max=1, help="Most customers that may be touched, as a share.")
]
Lending = Annotated[
    str | None, typer.Option("--lending", help="What the workers are given: packaged, off, or a folder of files.")
]
Rules = Annotated[Path | None, typer.Option("--policy", help="Policy file of rules that the workers are given.")]

policy_app = typer.Typer(help="Check, publish, backtest and roll back policies.", no_args_is_help=True)
policy_app.command("check")(file_commands.check)
policy_app.command("show")(file_commands.show)
policy_app.command("published")(broker_commands.published)
policy_app.command("rollback")(broker_commands.rollback)
policy_app.command("withdraw-shadow")(broker_commands.withdraw_shadow)


@policy_app.command("publish")
def publish(
    file: Annotated[Path, typer.Argument(help="The lending policy (TOML).", exists=True, dir_okay=False)],
    by: By,
    reason: Reason,
    start: Annotated[
        str | None, typer.Option("--from", help="Instant with its zone from which it is in force; at once without.")
    ] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Assess it beside what decides; it never acts.")] = False,
    source: Annotated[
        str | None, typer.Option("--backtest", help="Backtest it first: kafka, or a file of riskwatch journal export.")
    ] = None,
    max_share: MaxShare = 0.1,
    force: Annotated[bool, typer.Option("--force", help="Publish it though it touches more than --max-share.")] = False,
    lending: Lending = None,
    policy: Rules = None,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Publish a lending policy live: every worker decides by it from the stated instant on, in journal order.

    With --backtest the journal is replayed under it first; where more customers than --max-share are touched it is not
    published, exit code 3, unless --force is given; nor where the journal holds nothing to compare. Who, why, and the
    share are recorded with it.
    """
    from rich.console import Console

    from riskwatch.lab.backtestview import render, verdict
    from riskwatch.policy.publication import Publication, place_of

    made = _lending(file)
    at = instant_of(start, "--from") if start is not None else None
    if at is not None and at < broker_commands.now():
        raise typer.BadParameter("that is past: leave it out to publish at once", param_hint="--from")
    if force and source is None:
        raise typer.BadParameter("nothing to force without --backtest", param_hint="--force")
    share, forced = None, False
    if source is not None:
        report = _backtest(made, source, lending, policy, broker, prefix)
        share, too_much = report.share, not (shadow or report.allowed(max_share))
        Console(highlight=False).print(render(report))
        broker_commands.say(f"\n{verdict(report, max_share)}")
        if too_much and not force:
            broker_commands.say("not published; --force publishes it all the same, with your reason recorded")
            raise typer.Exit(TOO_MUCH)
        forced = too_much
    before: list[Publication] = []
    now = broker_commands.now()

    def make(found: Sequence[Publication]) -> Publication:
        before.extend(found)
        return Publication(
            version=made.version, policy=made, in_force_from=now if at is None else max(at, now), published_at=now,
            published_by=by, reason=reason, mode="shadow" if shadow else "live", forced=forced, share=share,
        )  # fmt: skip

    done = broker_commands.send(broker, prefix, make)
    verb = "is in shadow" if shadow else "decides"
    when = "at once" if at is None else f"from {broker_commands.instant(done.in_force_from)} on"
    broker_commands.say(f"{made.name}, version {made.version}, {verb} {when}: {broker_commands.where(place_of(made))}")
    if not shadow:
        broker_commands.tell_superseded(before, done)


@policy_app.command("backtest")
def backtest(
    candidate: Annotated[
        Path, typer.Argument(help="Policy file, of lending or of rules.", exists=True, dir_okay=False)
    ],
    journal: Annotated[str, typer.Option("--journal", help="kafka, or a file of riskwatch journal export.")],
    since: Annotated[str | None, typer.Option(help="Compare only what happened from this instant on.")] = None,
    until: Annotated[str | None, typer.Option(help="Compare only what happened before this instant.")] = None,
    max_share: MaxShare = 0.1,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the report to this file, as JSON.")] = None,
    lending: Lending = None,
    policy: Rules = None,
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
) -> None:
    """Replay the journal under a candidate: which decisions change, which alerts come and go, how much of the book.

    What the workers are given (RISKWATCH_LENDING, RISKWATCH_POLICY, RISKWATCH_ZONES) is read as they read it. Exit code
    3 where more customers than --max-share are touched, and where the journal holds nothing to compare.
    """
    from msgspec import json as encoding
    from rich.console import Console

    from riskwatch.lab.backtestview import render, verdict

    span = [None if text is None else instant_of(text, name) for text, name in ((since, "--since"), (until, "--until"))]
    report = _backtest(_candidate(candidate), journal, lending, policy, broker, prefix, *span)
    Console(highlight=False).print(render(report))
    broker_commands.say(f"\n{verdict(report, max_share)}")
    if json is not None:
        json.write_bytes(encoding.format(encoding.encode({**_plain(report), "share": report.share}), indent=2))
    if not report.allowed(max_share):
        raise typer.Exit(TOO_MUCH)


def instant_of(text: str, option: str) -> datetime:
    """An instant with its zone. Raises `typer.BadParameter`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        hint = "an instant with its zone, such as 2026-03-01T09:00:00+08:00"
        raise typer.BadParameter(f"{text!r} is not {hint}", param_hint=option)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _plain(report: Report) -> dict[str, object]:
    from msgspec import structs

    return structs.asdict(report)


def _lending(file: Path) -> LendingPolicy:
    from riskwatch.policy.lendingfile import is_lending, load_lending

    if not is_lending(file.read_text(encoding="utf-8", errors="replace")):
        raise typer.BadParameter(
            "only lending policies are published; rules are given to the workers (--policy)", param_hint="FILE"
        )
    return load_lending(file)


def _candidate(file: Path) -> LendingPolicy | RuleSet:
    from riskwatch.features.layout import compile_layout
    from riskwatch.features.table import FEATURES
    from riskwatch.policy.lendingfile import is_lending, load_lending
    from riskwatch.policy.rules import compile_rules, load_policy

    if is_lending(file.read_text(encoding="utf-8", errors="replace")):
        return load_lending(file)
    names = compile_layout(FEATURES).names
    return compile_rules(load_policy(file, names), names)


def _backtest(
    candidate: LendingPolicy | RuleSet, source: str, lending: str | None, policy: Path | None, broker: str,
    prefix: str, since: datetime | None = None, until: datetime | None = None,
) -> Report:  # fmt: skip
    import asyncio

    from riskwatch.agents.attaching import program_of
    from riskwatch.agents.settings import Settings
    from riskwatch.features.layout import compile_layout
    from riskwatch.features.table import FEATURES
    from riskwatch.lab.backtesting import run_backtest

    given = {"lending": lending, "policy": policy}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    return asyncio.run(
        run_backtest(
            program_of(settings, compile_layout(FEATURES)), candidate, source, broker=broker,
            security=broker_commands.security(), prefix=prefix, since=since, until=until,
        )
    )  # fmt: skip
