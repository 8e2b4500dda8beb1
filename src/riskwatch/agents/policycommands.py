"""Commands of `riskwatch policy` that need a broker: what is published, roll back, end a shadow."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from riskwatch.policy.history import Standing
    from riskwatch.policy.publication import Place, Publication
    from riskwatch.streams.connecting import Security

Broker = Annotated[str, typer.Option("--broker", envvar="RISKWATCH_BROKER", help="Kafka bootstrap servers, host:port.")]
Prefix = Annotated[str, typer.Option("--prefix", envvar="RISKWATCH_PREFIX", help="First part of every topic's name.")]
By = Annotated[str, typer.Option("--by", help="Who does this; it is recorded.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]
Product = Annotated[str, typer.Argument(help="shopping-instalments, cash-instalments or consumer-credit.")]
Tenant = Annotated[str, typer.Option("--tenant", help='Institution; "*" for all that have no policy of their own.')]
Currency = Annotated[str, typer.Option("--currency", help="Currency of the policy, such as CNY.")]

DEFAULT_BROKER = "127.0.0.1:9092"


def published(
    broker: Broker = DEFAULT_BROKER,
    prefix: Prefix = "riskwatch",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a publication, for scripts.")] = False,
) -> None:
    """What was published: what is in force, what waits, what was; by whom and why."""
    import asyncio

    from msgspec import json
    from rich.console import Console

    from riskwatch.agents.policytopic import read_published
    from riskwatch.policy.history import standings

    found = asyncio.run(read_published(broker, security(), prefix))
    stands = standings(found.publications, now())
    if as_json:
        for each in stands:
            typer.echo(json.encode(_plain(each)))
        return
    console = Console(highlight=False)
    if stands:
        console.print(published_table(stands))
    else:
        console.print("nothing was published: the workers' own policies decide")
    if found.unreadable:
        console.print(f"[yellow]{found.unreadable:,} records of the topic are no publications and count for nothing[/]")


def rollback(
    product: Product, by: By, reason: Reason, tenant: Tenant = "*", currency: Currency = "CNY",
    broker: Broker = DEFAULT_BROKER, prefix: Prefix = "riskwatch",
) -> None:  # fmt: skip
    """Take back the policy in force: publishes the one before it anew, in force at once."""
    from msgspec import structs

    from riskwatch.policy.history import one_before

    place, at = (tenant, product, currency), now()
    gone: list[Publication] = []

    def make(before: Sequence[Publication]) -> Publication:
        current, previous = one_before(before, place, at)
        gone.append(current)
        known.extend(before)
        return structs.replace(
            previous, in_force_from=at, published_at=at, published_by=by, reason=reason, forced=False, share=None,
            rolls_back=current.version,
        )  # fmt: skip

    known: list[Publication] = []
    made = send(broker, prefix, make)
    say(
        f"{made.policy.name}, version {made.version}, decides {where(place)} again, instead of "
        f"{gone[0].policy.name}, version {gone[0].version}"
    )
    tell_superseded(known, made)


def withdraw_shadow(
    product: Product, by: By, reason: Reason, tenant: Tenant = "*", currency: Currency = "CNY",
    version: Annotated[str | None, typer.Option(help="Version in shadow; needed where there are several.")] = None,
    broker: Broker = DEFAULT_BROKER, prefix: Prefix = "riskwatch",
) -> None:  # fmt: skip
    """End the shadow of a policy at once."""
    from msgspec import structs

    from riskwatch.agents.policytopic import NotPublished
    from riskwatch.policy.history import shadows

    place, at = (tenant, product, currency), now()

    def make(before: Sequence[Publication]) -> Publication:
        found = {each.version: each for each in shadows(before, place, at)}
        named = ", ".join(f"{each.policy.name} {each.version}" for each in found.values())
        if not found:
            raise NotPublished(f"no published policy is in shadow for {where(place)}")
        if version is not None and version not in found:
            raise NotPublished(f"version {version} is not in shadow for {where(place)}; in shadow is {named}")
        if version is None and len(found) > 1:
            raise NotPublished(f"several are in shadow for {where(place)}, name one with --version: {named}")
        one = found[version] if version is not None else next(iter(found.values()))
        return structs.replace(
            one, mode="withdrawn", in_force_from=at, published_at=at, published_by=by, reason=reason, forced=False,
            share=None,
        )  # fmt: skip

    made = send(broker, prefix, make)
    say(f"{made.policy.name}, version {made.version}, is no longer in shadow for {where(place)}")


# ---------------------------------------------------------------------------------------------------- shared


def send(broker: str, prefix: str, make: Callable[[Sequence[Publication]], Publication]) -> Publication:
    import asyncio

    from riskwatch.agents.policytopic import publish_policy

    return asyncio.run(publish_policy(broker, security(), prefix, make))


def tell_superseded(before: Sequence[Publication], made: Publication) -> None:
    """What waited until now, and will never be in force because of what has just been published."""
    from riskwatch.policy.history import standings

    for each in standings(before, made.published_at):
        own = each.publication
        if each.state == "waits" and own.place == made.place and own.in_force_from >= made.in_force_from:
            say(f"{own.policy.name}, version {own.version}, will not come into force at {instant(own.in_force_from)}")


def where(place: Place) -> str:
    tenant, product, currency = place
    return f"{product} in {currency} of {'every institution without its own' if tenant == '*' else tenant}"


def now() -> datetime:
    """This machine's clock, to the millisecond: what the journal counts in."""
    from datetime import UTC

    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def security() -> Security:
    import os

    from riskwatch.streams.connecting import security_from

    return security_from(os.environ)


def say(text: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    Console(highlight=False).print(escape(text), soft_wrap=True)


def instant(at: datetime | None) -> str:
    from datetime import UTC

    return "" if at is None else at.astimezone(UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


_COLOURS = {"in force": "bold green", "waits": "yellow", "shadow": "cyan", "shadow waits": "cyan"}


def published_table(stands: Sequence[Standing]) -> RenderableType:
    """One line a publication, the place on its first line only; below it who and why."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("for", "policy", "version", "stands", "from", "until", "by", "reason"):
        table.add_column(heading)
    previous: Place | None = None
    for each in stands:
        own = each.publication
        colour = _COLOURS.get(each.state, "dim")
        touched = "" if own.share is None else f" ({own.share:.1%} of the book touched{', forced' * own.forced})"
        back = "" if own.rolls_back is None else f" (rolls back {own.rolls_back})"
        table.add_row(
            where(own.place) if own.place != previous else "",
            own.policy.name,
            own.version,
            f"[{colour}]{each.state}[/]",
            instant(own.in_force_from),
            "" if each.state == "never in force" else instant(each.until),
            escape(own.published_by),
            escape(own.reason + touched + back),
        )
        previous = own.place
    return table


def _plain(standing: Standing) -> dict[str, object]:
    own = standing.publication
    return {
        "tenant": own.policy.tenant, "product": own.policy.product, "currency": own.policy.currency,
        "policy": own.policy.name, "version": own.version, "mode": own.mode, "state": standing.state,
        "in_force_from": own.in_force_from, "until": standing.until, "published_at": own.published_at,
        "published_by": own.published_by, "reason": own.reason, "share": own.share, "forced": own.forced,
        "rolls_back": own.rolls_back,
    }  # fmt: skip
