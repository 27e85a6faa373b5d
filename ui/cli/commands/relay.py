"""`penstock relay`: delivers lineage, and what people are told, alone."""

from __future__ import annotations

import typer

from ....storage.types import PartKind
from ..serving import serve

app = typer.Typer(add_completion=False)


@app.command(name="relay")
def command(ctx: typer.Context) -> None:
    """Deliver lineage, and what people are told, until Ctrl-C or SIGTERM.

    No code of the project is loaded.
    """
    serve(ctx, {PartKind.RELAY: 1}, code=False)
