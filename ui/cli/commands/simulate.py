"""`penstock simulate`: what the definitions would do with a script of events, times and outcomes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ....assets.plan.graph import Graph
from ....assets.plan.simulate.simulation import simulate as played
from ....storage.errors import UsageError
from ..console import out
from ..definitions import definitions_of
from ..options import Json
from ..plain import apart, show
from ..story import plain_story, show_story

app = typer.Typer(add_completion=False)

File = Annotated[str, typer.Argument(metavar="FILE", help="The script; - reads it from standard input.")]


@app.command()
def simulate(ctx: typer.Context, file: File, json: Json = False) -> None:
    """What would run in a story of events that you tell, and why.

    A line each: `2026-01-05T10:00Z docs changed`, `+1h vectors fails`.

    No producer is called and nothing is recorded; the database is not opened. What is at one moment happens before
    anything is planned at that moment. Runs succeed at once with a new version, unless the script says otherwise. The
    story ends with the last line: `wait 2h` sees what comes of it.

    Of an asset: fails, cancelled, unchanged, skipped; takes 10s, gives rows=10, breaks, works, registered. Of a
    dataset: changed rows=10, confirmed, removed. And pause, resume, materialize, scheduler stops, scheduler starts.
    """
    with apart(json):
        _, definitions = definitions_of(ctx)
        graph = Graph.of(definitions.resolve())
    story = played(graph, _read(file))
    if json:
        show(plain_story(story))
    else:
        show_story(out(), story)


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(
            f"the script {file} cannot be read: {reason}", hint="Give the path of a text file, or - for standard input."
        ) from error
