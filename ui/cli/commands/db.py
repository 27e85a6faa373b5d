"""`penstock db`: the metadata store itself."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from ....assets.run.project.upgrading import upgrade_store
from ....storage.uri import redacted
from ...read.soundness import Checked, Looking, Tell, checked, silent
from ...read.store import opened
from ...words.quantities import count, several, size
from ..console import err, out, say
from ..faults import FAILED
from ..options import Json
from ..plain import show
from ..settings import settings_of

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def db() -> None:
    """The metadata store."""


@app.command(name="upgrade")
def upgrade_command(ctx: typer.Context, json: Json = False) -> None:
    """Bring the metadata store to the form that this penstock reads and writes.

    In one transaction: it is upgraded, or as it was. Where there is none, one is made.
    """
    settings = settings_of(ctx)
    shown = redacted(settings.database_url)
    before, after = upgrade_store(settings)
    if json:
        show({"database": shown, "before": before, "after": after})
    elif before == after:
        say(out(), f"The metadata store {shown} has the newest form, {after}.")
    elif before is None:
        say(out(), f"The metadata store {shown} was made, in form {after}.")
    else:
        say(out(), f"The metadata store {shown} went from form {before} to {after}.")


class _Bytes(TyperCommand):
    """A command whose `--bytes` may stand alone; typer has no option with a value that may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As always, with the value that is left out."""
        return super().parse_args(ctx, [f"{one}={Looking.SIZE}" if one == "--bytes" else one for one in args])


@app.command(name="check", cls=_Bytes)
def check_command(
    ctx: typer.Context,
    bytes_: Annotated[
        Looking | None,
        typer.Option(
            "--bytes",
            metavar="[=digest]",
            help="Also that the bytes of each version are there; with =digest, that they are the right ones.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check that what penstock promises is true of the metadata store.

    After a bad night: a crash, a full disk, a power cut. Reads one snapshot and changes nothing; whoever is at work
    goes on. `--bytes=digest` reads every file. Exits with 1 when something is not as it has to be.
    """
    settings, console = settings_of(ctx), out()
    done: list[Checked] = []
    with opened(settings) as store, _telling(quiet=json) as tell:
        for one in checked(store, settings, looking=bytes_, tell=tell):
            done.append(one)
            if not json:
                _say(console, one)
    broken, found = [one for one in done if one.count], sum(one.count for one in done)
    if json:
        show({"database": redacted(settings.database_url), "sound": not broken, "checks": done})
    elif broken:
        rules = f"{len(broken)} of {several(len(done), 'check')}"
        say(console, (f"{several(found, 'violation')} of {rules}.", "bold red"))
    else:
        say(console, (f"Sound: {several(len(done), 'check')} found nothing.", "green"))
    if broken:
        raise typer.Exit(FAILED)


def _say(console: Console, one: Checked) -> None:
    """A line for the check, then what it found; what is to be done is said once."""
    if not one.count:
        say(console, ("0  ", "green"), f"{one.name}  ", (one.rule, "dim"))
        return
    say(console, (f"{count(one.count)}  ", "bold red"), (f"{one.name}  ", "bold"), one.rule)
    advice = ""
    for violation in one.violations:
        if violation.advice != advice and advice:
            say(console, f"    {advice}")
        say(console, f"  {violation.text}")
        advice = violation.advice
    if one.count > len(one.violations):
        say(console, f"  and {count(one.count - len(one.violations))} more")
    say(console, f"    {advice}")


@contextmanager
def _telling(*, quiet: bool) -> Generator[Tell]:
    """How far looking at bytes has come, on a terminal."""
    console = err()
    if quiet or not console.is_terminal or console.is_dumb_terminal:
        yield silent
        return
    with console.status("") as status:
        yield lambda looked, whole: status.update(f"{size(looked)} of {size(whole)} looked at")
