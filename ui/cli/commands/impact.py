"""`penstock impact VERSION|RUN`: all that was made from a version, or from what a run made."""

from __future__ import annotations

from typing import Annotated

import typer

from ...read.datasets import consumers
from ...read.datasets import datasets as datasets_of
from ...read.times import moment_of
from ...read.tracing import Direction, impact, path
from ..declared import tell_datasets
from ..options import Json
from ..settings import settings_of
from ..store import store_of
from ..traced import At, Datasets, Depth, Most, Tree, Version, tell

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
    datasets: Datasets = False,
    tree: Tree = False,
    json: Json = False,
) -> None:
    """What was made from a version, or from what a run made, however far down.

    One line for each version of a dataset; those that are the newest of theirs are marked, for they are in use. With
    --tree how they came to be from each other; with --to only the ways to one of them. Then the assets that consume it,
    as they are declared, directly and through others: what each reads, which news may start it, and whether its newest
    version was made from this one. With --datasets only which datasets are made of it.
    """
    settings = settings_of(ctx)
    with store_of(ctx) as store:
        when = moment_of(store, at)
        if datasets:
            made = datasets_of(store, version, Direction.DOWN, to=end, depth=depth, most=most, as_of=when)
            nothing = "is read and waited for by no asset" if end is None else f"does not lead to {end}"
            tell_datasets(made, nothing=f"{version} {nothing}.", tree=tree, json=json)
        elif end is not None:
            found = path(store, version, end, depth=depth, most=most, as_of=when, direction=Direction.DOWN)
            tell(store, settings, found, nothing=f"{version} did not lead to {end}.", tree=tree, json=json)
        else:
            found = impact(store, version, depth=depth, most=most, as_of=when)
            consumed = consumers(store, found, depth=depth, most=most)
            nothing = f"{version} was not read by any run."
            tell(store, settings, found, consumed, nothing=nothing, tree=tree, json=json)
