"""`penstock config`: every setting, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from ....storage.settings import ProjectSettings
from ..console import Column, Gives, out, say, table
from ..options import Json
from ..plain import show
from ..settings import settings_of

app = typer.Typer(add_completion=False)


@app.command()
def config(ctx: typer.Context, json: Json = False) -> None:
    """Every setting, and where it came from.

    The environment wins over the file, the file over the defaults. Secrets are masked.
    """
    settings = settings_of(ctx)
    values = settings.masked()
    if json:
        show([_plain(settings, key, value) for key, value in values.items()])
        return
    console = out()
    say(console, ("Settings of ", ""), (settings.project, "bold"), f" in {settings.file or settings.folder}")
    file = str(settings.file)
    rows = [
        (name, text, "file" if (origin := settings.origin_of(name)) == file else origin)
        for key, value in values.items()
        for name, text in _flat(key, value)
    ]
    columns = (
        Column(title="key"),
        Column(title="value", gives=Gives.FIRST),
        Column(title="from", style="dim", gives=Gives.FIRST),
    )
    table(console, columns, rows)


def _plain(settings: ProjectSettings, key: str, value: Any) -> dict[str, Any]:
    parts = {name: settings.origin_of(name) for name, _ in _flat(key, value)} if isinstance(value, dict) else {}
    return {"key": key, "value": value, "origin": settings.origin[key], "origins": parts}


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """A nested value as one line a leaf: `lineage.file.path`."""
    match value:
        case None | {} | [] if not value:
            yield key, "none"
        case dict():
            for name, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
                yield from _flat(f"{key}.{name}", inner)
        case list():
            yield key, ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
        case bool():
            yield key, str(value).lower()
        case _:
            yield key, str(value)
