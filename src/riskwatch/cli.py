"""The command line: one table of commands, each brought by its room and imported only when it runs.

What a person can mend (a file that is absent, a broker that is away, a policy with faults) is told in a sentence, with
exit code 1. What only a developer can mend keeps its traceback. Ctrl-C ends with 130.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Annotated, Any, NamedTuple

import typer

DEBUG_VARIABLE = "RISKWATCH_DEBUG"


class Command(NamedTuple):
    """A command of the root: the room whose `commands.py` brings it, and what `--help` says without importing that."""

    name: str
    room: str
    attribute: str
    panel: str
    help: str


_SEE = "See it work"
_RUN = "Run it"
_WORK = "Work with records and policies"

COMMANDS: tuple[Command, ...] = (
    Command("demo", "lab", "demo", _SEE, "A simulated portfolio, live: broker, worker and alerts in one command."),
    Command("replay", "lab", "replay", _SEE, "Send a file of real records through Kafka and report what was found."),
    Command("simulate", "lab", "simulate", _SEE, "Write the events of a simulated portfolio to a file."),
    Command("worker", "agents", "worker", _RUN, "Run a worker: ingest, monitor and learn until it is stopped."),
    Command("lag", "agents", "lag", _RUN, "How far the workers are behind, in records and seconds."),
    Command("publish", "streams", "publish", _WORK, "Publish events from a file of JSON lines."),
    Command("dead-letters", "streams", "dead_letters_app", _WORK, "List, show and replay records that were not read."),
    Command("explain", "agents", "explain", _WORK, "Why an application was decided as it was."),
    Command("collections", "agents", "collections_app", _WORK, "What there is to do for those who collect."),
    Command("lists", "streams", "lists_app", _WORK, "Change and show block, watch and allow lists."),
    Command("cases", "streams", "cases_app", _WORK, "Import fraud cases from a file, or clear one."),
    Command("policy", "lab", "policy_app", _WORK, "Check, publish, backtest and roll back policies."),
    Command("loans", "lab", "loans_app", _WORK, "How loans fare: a report on the book, one customer's life."),
    Command("actions", "agents", "actions_app", _WORK, "What was done to limits and rates, and undoing it."),
    Command("journal", "agents", "journal_app", _WORK, "Write the journal to a file."),
)

_MENDABLE = frozenset(
    {
        "builtins.OSError",
        "aiokafka.errors.KafkaError",
        "pydantic_core._pydantic_core.ValidationError",
        "pydantic_settings.exceptions.SettingsError",
    }
)
"""Errors from outside that a person can mend. Every error that riskwatch defines is one too."""


def main() -> None:
    """Runs the command of `sys.argv` and exits with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command; returns the exit code. Re-raises what only a developer can mend."""
    # aiokafka logs each refused connection; where nobody has set up logging, one sentence at the end says it better.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    try:
        build(_named(arguments))(arguments, prog_name="riskwatch")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE) or not mendable(error):
            raise
        _tell(error)
        return 1
    return 0


def build(wanted: str | None = None) -> typer.Typer:
    """The root with every command; only `wanted` is imported, for a quick help: the others are a line of text."""
    root = typer.Typer(
        name="riskwatch",
        help="Real-time risk monitoring for consumer-instalment loans on Kafka, Faust and River.",
        epilog=f"Set {DEBUG_VARIABLE}=1 to see tracebacks.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_root)
    for command in COMMANDS:
        what = load(command) if command.name == wanted else _not_loaded
        if isinstance(what, typer.Typer):
            root.add_typer(what, name=command.name, help=command.help, rich_help_panel=command.panel)
        else:
            root.command(command.name, help=_help(what, command), rich_help_panel=command.panel)(what)
    return root


def load(command: Command) -> Any:
    """The command's function or typer app, imported from its room."""
    return getattr(importlib.import_module(f"riskwatch.{command.room}.commands"), command.attribute)


def mendable(error: BaseException) -> bool:
    """Whether the error says something that a person can act on without reading the code."""
    return any(
        kind.__module__.split(".")[0] == "riskwatch" or f"{kind.__module__}.{kind.__qualname__}" in _MENDABLE
        for kind in type(error).__mro__
    )


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"riskwatch {version('riskwatch')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    """The options of the root do their work in their callbacks."""


def _named(arguments: list[str]) -> str | None:
    """The command that the arguments name: the root's own options take no values."""
    return next((argument for argument in arguments if not argument.startswith("-")), None)


def _help(what: Any, command: Command) -> str:
    """The function's own docstring where it is loaded: it says more than the table does. One line a paragraph: the
    terminal's width breaks lines, not the source's."""
    if what is _not_loaded or what.__doc__ is None:
        return command.help
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in what.__doc__.split("\n\n"))


def _not_loaded() -> None:
    raise AssertionError("a command that was named is loaded")  # pragma: no cover


def _tell(error: Exception) -> None:
    from rich.console import Console
    from rich.markup import escape

    text = str(error) or type(error).__name__
    Console(stderr=True, highlight=False).print(f"[bold red]error:[/] {escape(text)}", soft_wrap=True)
