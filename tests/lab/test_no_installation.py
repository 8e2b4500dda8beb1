"""Commands that read what an installation wrote, at a broker where none is."""

from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner

from riskwatch.agents.provision import provision
from riskwatch.cli import build
from riskwatch.streams.connecting import Security
from riskwatch.streams.reading import NoInstallation

READING = [
    ("loans", "report"), ("loans", "show", "c-1"), ("collections", "queue"), ("collections", "queue", "--json"),
    ("actions", "list"), ("actions", "show", "c-1"), ("dead-letters", "list"),
    ("actions", "rollback", "--batch", "p/1", "--by", "ann", "--reason", "too high"),
]  # fmt: skip


@pytest.mark.parametrize("command", READING)
def test_what_is_no_installation_is_told_with_the_prefix_and_is_a_failure(
    broker: str, fresh_prefix: str, command: tuple[str, ...]
) -> None:
    done = CliRunner().invoke(build(command[0]), [*command, "--broker", broker, "--prefix", fresh_prefix])
    assert (done.exit_code, type(done.exception), done.stdout) == (1, NoInstallation, "")
    assert str(done.exception) == (
        f"No topic of riskwatch exists at {broker} under the prefix {fresh_prefix}: has a worker ever started there?"
    )


@pytest.mark.parametrize(
    "command", [("loans", "report"), ("collections", "queue"), ("actions", "list"), ("dead-letters", "list")]
)
def test_an_installation_that_holds_nothing_yet_is_no_failure(
    broker: str, fresh_prefix: str, command: tuple[str, ...]
) -> None:
    asyncio.run(provision(broker, fresh_prefix, 2, 1, Security()))
    done = CliRunner().invoke(build(command[0]), [*command, "--broker", broker, "--prefix", fresh_prefix])
    assert done.exit_code == 0, done.output


def test_an_installation_of_another_prefix_does_not_count(broker: str, fresh_prefix: str) -> None:
    asyncio.run(provision(broker, fresh_prefix, 2, 1, Security()))
    done = CliRunner().invoke(build("actions"), ["actions", "list", "--broker", broker, "--prefix", fresh_prefix[:-1]])
    assert isinstance(done.exception, NoInstallation)
