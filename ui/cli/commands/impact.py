"""`penstock impact VERSION`: all that was made from a version."""

from __future__ import annotations

import typer

from ...read.times import moment_of
from ...read.tracing import impact
from ..options import Json
from ..settings import settings_of
from ..store import store_of
from ..traced import At, Depth, Most, Tree, Version, tell

app = typer.Typer(add_completion=False)


@app.command(name="impact")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    version: Version,
    at: At = None,
    depth: Depth = 1000,
    most: Most = 1000,
    tree: Tree = False,
    json: Json = False,
) -> None:
    """What was made from a version, however far down.

    One line for each version of a dataset; those that are the newest of theirs are marked, for they are in use. With
    --tree how they came to be from each other.
    """
    settings = settings_of(ctx)
    with store_of(ctx) as store:
        found = impact(store, version, depth=depth, most=most, as_of=moment_of(store, at))
        tell(store, settings, found, nothing=f"{version} was not read by any run.", tree=tree, json=json)
