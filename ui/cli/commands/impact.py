"""`penstock impact VERSION`: all that was made from a version."""

from __future__ import annotations

from typing import Annotated

import typer

from ...read.times import moment_of
from ...read.tracing import impact
from ..options import Json
from ..settings import settings_of
from ..store import store_of
from ..traced import At, Depth, Most, Tree, tell

app = typer.Typer(add_completion=False)


@app.command(name="impact")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION",
            help="A dataset (its newest version), one version of it (chunks@3), or the beginning of a digest.",
        ),
    ],
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
