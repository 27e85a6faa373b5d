"""`penstock trace VERSION|RUN`: all data that went into a version, or into what a run made."""

from __future__ import annotations

from typing import Annotated

import typer

from ...read.datasets import datasets as datasets_of
from ...read.times import moment_of
from ...read.tracing import Direction, path, trace
from ..declared import tell_datasets
from ..options import Json
from ..settings import settings_of
from ..store import store_of
from ..traced import At, Datasets, Depth, Most, Tree, Version, tell

app = typer.Typer(add_completion=False)


@app.command(name="trace")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    version: Version,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="VERSION|RUN", help="Only the ways that lead there from this one."),
    ] = None,
    at: At = None,
    depth: Depth = 1000,
    most: Most = 1000,
    datasets: Datasets = False,
    tree: Tree = False,
    json: Json = False,
) -> None:
    """Which data went into a version, or into what a run made, however far up.

    One line for each version of a dataset: its digest, rows, licence, the run that made it, the commit of its code and
    its run parameters. With --tree how they came to be from each other; with --from only the ways from one of them. Of
    a run that made nothing, what it reads. With --datasets which datasets it is made of, as it is declared.
    """
    settings = settings_of(ctx)
    with store_of(ctx) as store:
        when = moment_of(store, at)
        nothing = "came from nothing that is recorded" if begin is None else f"did not come from {begin}"
        if datasets:
            made = datasets_of(store, version, Direction.UP, to=begin, depth=depth, most=most, as_of=when)
            nothing = "is made of nothing" if begin is None else f"is not made of {begin}"
            tell_datasets(made, nothing=f"{version} {nothing}.", tree=tree, json=json)
            return
        if begin is not None:
            found = path(store, begin, version, depth=depth, most=most, as_of=when)
        else:
            found = trace(store, version, depth=depth, most=most, as_of=when)
        tell(store, settings, found, nothing=f"{version} {nothing}.", tree=tree, json=json)
