"""`penstock config`: every setting, and where it came from."""

from __future__ import annotations

import typer

from ..console import Column, out, say, table
from ..options import Json
from ..plain import show
from ..project import settings_of

app = typer.Typer(add_completion=False)


@app.command()
def config(ctx: typer.Context, json: Json = False) -> None:
    """Every setting, and where it came from.

    The environment wins over the file, the file over the defaults. Secrets are masked.
    """
    settings = settings_of(ctx)
    rows = [(key, value, settings.origin[key]) for key, value in settings.shown().items()]
    if json:
        show([{"key": key, "value": value, "origin": origin} for key, value, origin in rows])
        return
    console = out()
    say(console, ("Settings of ", ""), (settings.project, "bold"), f" in {settings.file or settings.folder}")
    columns = (Column(title="key"), Column(title="value", wrap=True), Column(title="from", style="dim", wrap=True))
    file = str(settings.file)
    console.print(table(columns, [(key, value, "file" if origin == file else origin) for key, value, origin in rows]))
