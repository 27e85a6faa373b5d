"""`penstock resend [DESTINATION]`: lineage events that were refused for good are sent again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from ....assets.run.telling.resending import Resent, resend
from ...read.status import waiting
from ...read.store import opened
from ...words.quantities import count, several
from ..console import Column, Gives, out, say, table
from ..faults import FAILED
from ..options import Json
from ..plain import show
from ..settings import settings_of
from ..store import making_store

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="destination", gives=Gives.LAST),
    Column(title="refused", right=True),
    Column(title="sent now", right=True),
    Column(title="refused again", right=True),
    Column(title="waiting", right=True),
)


@app.command(name="resend")
def command(
    ctx: typer.Context,
    destination: Annotated[
        str | None,
        typer.Argument(metavar="DESTINATION", help="Only this one of the setting `lineage`; without it, all of them."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")] = False,
    json: Json = False,
) -> None:
    """Send lineage events again that a destination refused for good.

    Mend what it did not like first: `penstock status` shows its last answer. What was never refused needs no command:
    the next materialization sends it. Exits with 1 when something is refused again, or has to wait.
    """
    settings = settings_of(ctx)
    if dry_run:
        with opened(settings) as store:
            found, later = resend(store, settings, destination, dry_run=True), waiting(store, settings, destination)
    else:
        with making_store(ctx) as store:
            found, later = resend(store, settings, destination), waiting(store, settings, destination)
    if json:
        show({"dry_run": dry_run, "destinations": [_plain(one) for one in found], "waiting": later})
    else:
        _show(found, later, dry_run=dry_run)
    if not dry_run and any(one.again or one.waiting for one in found):
        raise typer.Exit(FAILED)


def _show(found: tuple[Resent, ...], later: Mapping[str, int], *, dry_run: bool) -> None:
    console = out()
    told = {one.destination for one in found if one.waiting}
    if not found:
        say(console, "No lineage event was refused.")
    else:
        _show_found(console, found, dry_run=dry_run)
    for destination, number in later.items():
        if destination not in told:
            verb, them = ("waits", "it") if number == 1 else ("wait", "them")
            text = f"{several(number, 'event')} {verb} for {destination}; the next materialization sends {them}."
            say(console, ("Lineage: ", "yellow"), text)


def _show_found(console: Console, found: tuple[Resent, ...], *, dry_run: bool) -> None:
    columns = _COLUMNS[:2] if dry_run else _COLUMNS
    rows = [
        (one.destination, count(one.refused), count(one.sent), count(one.again), count(one.waiting)) for one in found
    ]
    table(console, columns, [row[: len(columns)] for row in rows])
    for one in found:
        if not one.known:
            say(console, (f"{one.destination}: ", "yellow"), "the settings name it no more, so nothing is sent to it.")
        elif one.error:
            say(console, (f"{one.destination}: ", "yellow"), one.error)
        if one.known and one.waiting:
            say(
                console, f"{several(one.waiting, 'event')} for {one.destination}: the next materialization tries again."
            )
    if dry_run:
        say(console, "Nothing was sent: --dry-run.")


def _plain(one: Resent) -> dict[str, Any]:
    return {
        "destination": one.destination,
        "known": one.known,
        "refused": one.refused,
        "sent": one.sent,
        "again": one.again,
        "waiting": one.waiting,
        "error": one.error,
    }
