"""`penstock partitions ASSET`: which partitions are made, and which are missing."""

from __future__ import annotations

from shlex import quote
from typing import Annotated

import typer

from ...read.partitions import Partitions, PartitionState, partitions
from ..console import Column, out, say, table, word
from ..options import Json
from ..plain import show
from ..quantities import count
from ..store import store_of

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="from"),
    Column(title="to"),
    Column(title="keys", right=True),
    Column(title="state"),
)


@app.command(name="partitions")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    asset: Annotated[str, typer.Argument(help="An asset with partitions, or a dataset by name or URI.")],
    state: Annotated[
        PartitionState | None,
        typer.Option("--state", metavar="STATE", help="Only these: made, missing, failed, active."),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="KEY", help="The key with which the page begins: any that there is."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000, help="At most so many.")] = 20,
    json: Json = False,
) -> None:
    """Which partitions are made, and which are missing.

    First how many stand how; then the stretches of keys that stand alike, in their order. A partition that failed, or
    is active, may be made besides. Windows that are not over do not count.
    """
    with store_of(ctx) as store:
        found = partitions(store, asset, state=state, limit=limit, first=first)
    if json:
        show(
            {
                "dataset": found.dataset,
                "asset": found.asset,
                "partitions": found.label,
                "at": found.at,
                "total": found.total,
                "counts": found.counts,
                "left": found.left,
                "stretches": found.stretches,
                "more": found.following is not None,
                "next": found.following,
            }
        )
    else:
        _show(found)


def _show(found: Partitions) -> None:
    console = out()
    by = f", written by asset {found.asset}" if found.asset else ""
    say(console, (found.dataset, "bold"), f": {found.label}{by}")
    counts = ", ".join(f"{count(number)} {state.value}" for state, number in found.counts.items())
    left = f"; {count(found.left)} made of an earlier definition" if found.left else ""
    say(console, f"{count(found.total)} by now: {counts}{left}.")
    if not found.stretches:
        return
    table(console, _COLUMNS, [(one.first, one.last, count(one.count), word(one.state)) for one in found.stretches])
    if found.following is not None:
        say(console, (f"There are more: --from {quote(found.following)}", "dim"))
