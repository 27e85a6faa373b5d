"""The commands by name, and the group that loads one when it is called.

`penstock --help` shows them from the table below and loads none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import islice
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ...storage.errors import PenstockError
from .faults import WRONG_USE, interrupted, left, tell, wrong_use
from .invocation import Invocation

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": (".commands.init", "Make a new project that runs."),
    "check": (".commands.check", "Validate the definitions and the settings; every fault is shown."),
    "list": (".commands.list", "The assets, with what they read and write, and when they are made."),
    "plan": (".commands.plan", "What would run now, and why; what would not, and why not."),
    "simulate": (".commands.simulate", "What would run in a story of events that you tell, and why."),
    "why": (".commands.why", "Why an asset would run, or would not; now or at an earlier time."),
    "materialize": (".commands.materialize", "Make a selection, and what that causes, up to date."),
    "up": (".commands.up", "Keep a scheduler, workers, the lineage relay and the app at work."),
    "ui": (".commands.ui", "Serve the app: the assets, the runs and the lineage of the project."),
    "status": (".commands.status", "Where each asset stands."),
    "event": (".commands.event", "Tell that a dataset was published outside."),
    "events": (".commands.events", "What was published, and what became of it."),
    "pause": (".commands.pause", "Pause an asset: its condition starts nothing."),
    "resume": (".commands.resume", "Resume an asset that is paused."),
    "runs": (".commands.runs", "The runs, or one of them with everything that is known of it."),
    "cancel": (".commands.cancel", "Cancel a run, wherever it stands."),
    "logs": (".commands.logs", "What a run printed and logged, also while it does."),
    "rerun": (".commands.rerun", "Make a run again, from the versions that it had read."),
    "partitions": (".commands.partitions", "Which partitions are made, and which are missing."),
    "backfill": (".commands.backfill", "Ask for partitions, whatever starts their assets otherwise."),
    "versions": (".commands.versions", "The versions of a dataset."),
    "trace": (".commands.trace", "Which data went into a version, or into what a run made, however far up."),
    "impact": (".commands.impact", "What was made from a version, or from what a run made, however far down."),
    "scheduler": (".commands.scheduler", "Plan whatever becomes due, until Ctrl-C or SIGTERM."),
    "worker": (".commands.worker", "Make the runs that schedulers plan, until Ctrl-C or SIGTERM."),
    "relay": (".commands.relay", "Deliver lineage, and what people are told, until Ctrl-C or SIGTERM."),
    "resend": (".commands.resend", "Send lineage events again that a destination refused for good."),
    "notify": (".commands.notify", "Who is told of failures and the like, and what they were told."),
    "config": (".commands.config", "Every setting, and where it came from."),
    "db": (".commands.db", "The metadata store."),
    "clean": (
        ".commands.clean",
        "Remove staged and orphaned bytes that no version names, old logs, and old messages to people.",
    ),
}
"""Name → the module that holds it as `app`, and the line that `penstock --help` shows."""


class LazyGroup(TyperGroup):
    """The commands of the table; the module of one is imported when it is called, not before."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=text) for name, (_, text) in COMMANDS.items()}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options of penstock itself count wherever they stand."""
        ctx.meta[_JSON] = "--json" in args[: args.index("--") if "--" in args else None]
        try:
            return super().parse_args(ctx, own_first(args))
        except Exception as error:
            raise _refused(ctx, error) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is None or command is None:
            return name, None, rest
        found = loaded(name)
        for one in (found, *getattr(found, "commands", {}).values()):
            _untyped(one.get_params(ctx))
        return name, found, rest

    def get_params(self, ctx: Any) -> list[Any]:
        """The options of penstock itself."""
        return _untyped(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Call the command; an error becomes a sentence and an exit code."""
        trace, json = bool(ctx.params.get("traceback")), bool(ctx.meta[_JSON])
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            code = interrupted(error, json=json)
        except SystemExit as error:
            code = left(error.code, json=json)
        except PenstockError as error:
            code = tell(error, trace=trace, json=json)
        except BaseException as error:
            if type(error).__module__.startswith(("typer.", "click.")):
                raise _refused(ctx, error) from error
            code = tell(error, trace=trace, json=json)
        raise typer.Exit(code)


_JSON = "penstock.json"
"""Where the context notes that `--json` was asked for: a command line that cannot be read has no options yet."""


def _untyped(parameters: list[Any]) -> list[Any]:
    """Flags take no value, so that the help shows none: `--json`, not `--json <bool>`."""
    for one in parameters:
        if getattr(one, "is_flag", False):
            one.metavar = ""
    return parameters


def _refused(ctx: Any, error: BaseException) -> BaseException:
    """Wrong use, told as every error is; or an exit that somebody asked for, or the help of a group, as it is."""
    message, at = getattr(error, "format_message", None), getattr(error, "ctx", None)
    if message is None or type(error).__name__ == "NoArgsIsHelpError":
        return error
    usage = "" if at is None else " ".join(at.get_usage().split())
    wrong_use(message(), usage=usage, json=ctx.meta[_JSON])
    return typer.Exit(getattr(error, "exit_code", WRONG_USE))


def loaded(name: str) -> Any:
    """The command of this name, its module imported."""
    module = import_module(COMMANDS[name][0], __package__)
    command = get_command(module.app)
    command.name = name
    for one in (command, *getattr(command, "commands", {}).values()):
        # typer keeps line breaks of a docstring, which are made for readers of the source.
        one.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in (one.help or "").split("\n\n"))
    return command


def own_first(args: list[str]) -> list[str]:
    """The arguments with the options of penstock itself in front.

    >>> own_first(["list", "--traceback", "-C", "shop", "--json"])
    ['--traceback', '-C', 'shop', 'list', '--json']
    """
    own: list[str] = []
    rest: list[str] = []
    items = iter(args)
    for item in items:
        if item == "--":
            rest += [item, *items]
        elif item == "--traceback" or item.startswith("--project-dir="):
            own.append(item)
        elif item in ("-C", "--project-dir"):
            own += [item, *islice(items, 1)]
        else:
            rest.append(item)
    return own + rest


def invocation(ctx: typer.Context) -> Invocation:
    """How penstock was called."""
    found = ctx.find_object(Invocation)
    assert found is not None, "the group's callback has set it"
    return found
