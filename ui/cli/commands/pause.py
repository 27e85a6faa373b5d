"""`penstock pause ASSET`: nothing but a person starts it until it is resumed."""

from __future__ import annotations

from typing import Annotated

import typer

from ....assets.run.telling.pausing import pause_in
from ...read.assets import asset_named
from ...words.quantities import moment
from ..console import out, say
from ..options import Json
from ..plain import plain, show
from ..store import making_store

app = typer.Typer(add_completion=False)


@app.command(name="pause")
def command(
    ctx: typer.Context,
    asset: Annotated[str, typer.Argument(help="Name of an asset.")],
    why: Annotated[str, typer.Option(help="What `plan` and `status` say of it.")] = "",
    json: Json = False,
) -> None:
    """Pause an asset: its condition starts nothing.

    It lasts until `penstock resume`; what comes meanwhile stays pending. Runs that were planned
    before go on, and `penstock materialize` makes it all the same.
    """
    with making_store(ctx) as store:
        new = pause_in(store, asset, why=why)
        now = asset_named(store, asset)[0].paused
    assert now is not None, "it was paused a moment ago"
    if json:
        show({"asset": asset, "new": new, "since": plain(now.since), "why": now.why})
        return
    if new:
        say(out(), (asset, "bold"), f" is paused: {now.why}. `penstock resume {asset}` lets it go on.")
    else:
        say(out(), (asset, "bold"), f" was paused already, {moment(now.since)}: {now.why}")
