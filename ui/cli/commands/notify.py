"""`penstock notify`: who is told of failures and the like, and what they were told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from ....assets.run.notifying.notify import send_again, try_out
from ....lineage.transports import Outcome
from ...read.messages import Unsent, messages, named, unsent
from ...words.quantities import count, moment, several
from ..console import Column, Gives, out, say, table, word
from ..faults import FAILED
from ..options import Json, Limit, Offset
from ..plain import show
from ..settings import settings_of
from ..store import making_store, store_of

app = typer.Typer(add_completion=False, no_args_is_help=True)
_COLUMNS = (
    Column(title="message", right=True, style="dim"),
    Column(title="composed"),
    Column(title="to", gives=Gives.LAST),
    Column(title="tells", gives=Gives.FIRST),
    Column(title="state"),
    Column(title="tries", right=True),
    Column(title="error", gives=Gives.FIRST),
)
Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Only this one of the setting `notifications`; else all.")
]


@app.callback()
def notify() -> None:
    """Who is told of failures and the like, and what they were told."""


@app.command(name="test")
def try_command(ctx: typer.Context, name: Name = None, json: Json = False) -> None:
    """Send one message now, and say what came of it.

    It is kept nowhere, and counts for no limit. Exits with 1 when it did not arrive.
    """
    settings = settings_of(ctx)
    receipts = {one: try_out(settings, one, now=datetime.now(UTC)) for one in named(settings, name)}
    if json:
        show([{"destination": one, "outcome": it.outcome.value, "error": it.error} for one, it in receipts.items()])
    for one, it in receipts.items() if not json else ():
        if it.outcome is Outcome.DELIVERED:
            say(out(), (f"{one}: ", "bold"), ("delivered", "green"))
        else:
            say(out(), (f"{one}: ", "bold"), ("not delivered", "red"), f": {it.error}")
    if any(it.outcome is not Outcome.DELIVERED for it in receipts.values()):
        raise typer.Exit(FAILED)


@app.command(name="resend")
def resend_command(ctx: typer.Context, name: Name = None, json: Json = False) -> None:
    """Send messages again that were refused for good, or not taken for a day.

    Mend what was wrong first: `penstock notify list` shows the errors. The relay of `penstock up` sends them, or the
    next materialization.
    """
    wanted = named(settings_of(ctx), name)
    with making_store(ctx) as store:
        found = send_again(store, wanted)
    if json:
        show([{"destination": one, "messages": number} for one, number in found.items()])
        return
    for one, number in found.items():
        said = f"{several(number, 'message')} on the way again" if number else "nothing was refused"
        say(out(), (f"{one}: ", "bold"), said)


@app.command(name="list")
def list_command(
    ctx: typer.Context, name: Name = None, limit: Limit = 50, offset: Offset = 0, json: Json = False
) -> None:
    """What was told, newest first: delivered, on its way, or refused for good; then what waits to be told."""
    with store_of(ctx) as store:
        if name is not None:
            named(settings_of(ctx), name)
        found, left = messages(store, name=name, limit=limit, offset=offset), unsent(store)
    left = [one for one in left if name is None or one.destination.rpartition("/")[2] == name]
    if json:
        show({"messages": found.items, "more": found.more, "unsent": left})
        return
    console = out()
    if not found.items:
        say(console, "There are no more." if offset else "Nobody was told of anything.")
    else:
        rows = [
            (
                str(one.id),
                moment(one.at),
                one.destination.rpartition("/")[2],
                one.subject,
                word(one.state),
                count(one.attempts),
                one.error or "",
            )
            for one in found.items
        ]
        columns = _COLUMNS if any(one.error for one in found.items) else _COLUMNS[:-1]
        table(console, columns, [row[: len(columns)] for row in rows])
    if found.more:
        say(console, (f"There are older ones: --offset {offset + len(found.items)}", "dim"))
    show_unsent(console, left)


def show_unsent(console: Console, left: Sequence[Unsent]) -> None:
    """A line for each destination that has not got everything."""
    for one in left:
        what = [
            f"{several(one.waiting, 'happening')} to be told" if one.waiting else "",
            f"{several(one.pending, 'message')} under way" if one.pending else "",
            f"{count(one.dead)} refused (`penstock notify resend`)" if one.dead else "",
        ]
        said = ", ".join(part for part in what if part) + (f"; last error: {one.error}" if one.error else "")
        say(console, (f"Notifications to {one.destination}: ", "yellow"), said)
