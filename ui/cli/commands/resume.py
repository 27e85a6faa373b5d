"""`penstock resume ASSET`: its condition starts it again."""

from __future__ import annotations

from typing import Annotated

import typer

from ....assets.run.telling.pausing import resume_in
from ...words.quantities import moment, several, short_id
from ..console import out, say
from ..options import Json
from ..plain import plain, show
from ..store import making_store

app = typer.Typer(add_completion=False)


@app.command(name="resume")
def command(
    ctx: typer.Context,
    asset: Annotated[str, typer.Argument(help="Name of an asset.")],
    drop: Annotated[
        bool | None,
        typer.Option("--drop/--keep", help="Give up what came meanwhile, or keep it; else as its on_resume= says."),
    ] = None,
    json: Json = False,
) -> None:
    """Resume an asset that is paused.

    What came meanwhile is pending, with the times at which it came, unless it is dropped. An asset that stopped at an
    error under `each` tries the same event again.
    """
    with making_store(ctx) as store:
        over = resume_in(store, asset, drop=drop)
    if json:
        show({"asset": asset, "resumed": over is not None, **({} if over is None else plain(over))})
        return
    console = out()
    if over is None:
        say(console, (asset, "bold"), " was not paused.")
        return
    say(console, (asset, "bold"), f" goes on; it was paused {moment(over.since)}: {over.why}")
    if over.dropped:
        say(console, f"{several(over.dropped, 'event')} that came meanwhile: dropped.")
    if over.returned is not None:
        say(console, f"It tries again what run {short_id(over.returned)} failed at.")
