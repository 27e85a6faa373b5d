"""`penstock impact VERSION|RUN`: all that was made from a version, or from what a run made."""

from __future__ import annotations

from typing import Annotated

import typer

from ...read.times import moment_of
from ...read.tracing import Direction, impact, path
from ..options import Json
from ..settings import settings_of
from ..store import store_of
from ..traced import At, Depth, Most, Tree, Version, tell

app = typer.Typer(add_completion=False)


@app.command(name="impact")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    version: Version,
    end: Annotated[
        str | None, typer.Option("--to", metavar="VERSION|RUN", help="Only the ways that lead from there to this one.")
    ] = None,
    at: At = None,
    depth: Depth = 1000,
    most: Most = 1000,
    tree: Tree = False,
    json: Json = False,
) -> None:
    """What was made from a version, or from what a run made, however far down.

    One line for each version of a dataset; those that are the newest of theirs are marked, for they are in use. With
    --tree how they came to be from each other; with --to only the ways to one of them.
    """
    settings = settings_of(ctx)
    with store_of(ctx) as store:
        when = moment_of(store, at)
        if end is not None:
            found = path(store, version, end, depth=depth, most=most, as_of=when, direction=Direction.DOWN)
        else:
            found = impact(store, version, depth=depth, most=most, as_of=when)
        nothing = "was not read by any run" if end is None else f"did not lead to {end}"
        tell(store, settings, found, nothing=f"{version} {nothing}.", tree=tree, json=json)
