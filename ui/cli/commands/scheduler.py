"""`penstock scheduler`: plans alone; workers are elsewhere."""

from __future__ import annotations

import typer

from ....storage.types import PartKind
from ..serving import serve

app = typer.Typer(add_completion=False)


@app.command(name="scheduler")
def command(ctx: typer.Context) -> None:
    """Plan whatever becomes due, until Ctrl-C or SIGTERM.

    Makes nothing: workers that share the database do. Any number of schedulers may run.
    """
    serve(ctx, {PartKind.SCHEDULER: 1})
