"""`penstock worker`: makes runs alone; a scheduler is elsewhere."""

from __future__ import annotations

import typer

from ....storage.types import PartKind
from ..serving import serve
from .up import Memory, Slots

app = typer.Typer(add_completion=False)


@app.command(name="worker")
def command(ctx: typer.Context, slots: Slots = 2, memory: Memory = None) -> None:
    """Make the runs that schedulers plan, until Ctrl-C or SIGTERM.

    Any number of workers may run, on all machines that reach the database and the data.
    """
    serve(ctx, {PartKind.WORKER: 1}, slots=slots, memory=memory)
