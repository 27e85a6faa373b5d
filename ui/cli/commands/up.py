"""`penstock up`: everything that a project needs to run by itself, from one command."""

from __future__ import annotations

from typing import Annotated

import typer

from ....storage.types import PartKind
from ..serving import serve

app = typer.Typer(add_completion=False)

Slots = Annotated[int, typer.Option("--slots", metavar="N", min=1, help="How many runs a worker makes at a time.")]
Memory = Annotated[
    str | None, typer.Option("--memory", metavar="SIZE", help="How much memory a run may hold, such as 2g.")
]


@app.command(name="up")
def command(
    ctx: typer.Context,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, help="How many workers.")] = 1,
    slots: Slots = 2,
    memory: Memory = None,
    app_served: Annotated[bool, typer.Option("--ui/--no-ui", help="Serve the app too, once it is opened.")] = True,
) -> None:
    """Keep a scheduler, workers, the lineage relay and the app at work.

    Whatever becomes due is planned, made and told, until Ctrl-C or SIGTERM: then what has begun is made to its end, and
    with a second one everything stops at once and is given back. What dies is started again. Definitions are loaded
    anew when their files change.
    """
    serve(
        ctx,
        {PartKind.SCHEDULER: 1, PartKind.WORKER: workers, PartKind.RELAY: 1},
        slots=slots,
        memory=memory,
        app=app_served,
    )
