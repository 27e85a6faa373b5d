"""`penstock versions DATASET`: what was published of a dataset."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...read.versions import Publication, Versions, versions
from ...words.quantities import called, count, moment, short, short_id, size
from ..console import Column, out, say, table, word
from ..options import Json, Limit, Offset
from ..plain import plain, show
from ..store import store_of

BEHIND = (
    "At its URI stands an older one, or none: the place could not be written, or the process ended before. The next "
    "`penstock materialize` puts it there, and says what is in the way, if anything is."
)
"""What it means that a dataset is behind, and what to do."""

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="number", right=True),
    Column(title="version"),
    Column(title="kind"),
    Column(title="rows", right=True),
    Column(title="size", right=True),
    Column(title="published"),
    Column(title="by run", style="dim"),
)


@app.command(name="versions")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Name or URI of a dataset, or the asset that writes it.")],
    partition: Annotated[
        str | None, typer.Option("--partition", metavar="KEY", help="Only those of the partition with this key.")
    ] = None,
    limit: Limit = 20,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """The versions of a dataset.

    One line for each time it was published, newest first; `confirmed` says that it was made again with the same bytes.
    """
    with store_of(ctx) as store:
        found = versions(store, dataset, partition=partition, limit=limit, offset=offset)
    if json:
        show(
            {
                "dataset": found.dataset.name,
                "uri": found.dataset.uri,
                "producer": found.dataset.producer,
                "versions": [published(one) for one in found.page.items],
                "more": found.page.more,
                "behind": found.behind,
            }
        )
    else:
        _show(found)


def published(one: Publication) -> dict[str, Any]:
    """A publication without the ids of the database."""
    return {
        "dataset": one.dataset,
        "uri": one.uri,
        **({"partition": one.partition} if one.partition else {}),
        "number": one.number,
        "kind": one.kind.value,
        "version": one.token,
        "digest": one.digest,
        "rows": one.rows,
        "size": one.size,
        "held": one.held,
        "published_at": plain(one.at),
        "run": one.run_id,
        "metadata": plain(one.metadata),
    }


def _show(found: Versions) -> None:
    console, dataset = out(), found.dataset
    by = f", written by asset {dataset.producer}" if dataset.producer else ", which others write"
    say(console, (dataset.name, "bold"), f" at {dataset.uri}{by}")
    if not found.page.items:
        say(console, "It has no version yet." if not found.page.offset else "There are no more.")
        return
    keyed = any(one.partition for one in found.page.items)
    columns = (_COLUMNS[0], Column(title="partition"), *_COLUMNS[1:]) if keyed else _COLUMNS
    rows = [
        (
            count(one.number),
            *((one.partition,) if keyed else ()),
            called(one.digest, one.token),
            word(one.kind),
            count(one.rows),
            size(one.size),
            moment(one.at),
            short_id(one.run_id) or "observed",
        )
        for one in found.page.items
    ]
    table(console, columns, rows)
    for one in found.behind:
        what = f"Partition {one.partition}" if one.partition else "The dataset"
        say(console, (f"{what} is behind: ", "yellow"), f"{short(one.digest)} is the newest version. {BEHIND}")
    if found.page.more:
        say(console, (f"There are older ones: --offset {found.page.offset + len(rows)}", "dim"))
