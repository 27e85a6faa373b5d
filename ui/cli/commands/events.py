"""`penstock events`: what was published, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ....storage.types import ConsumptionOutcome
from ...read.events import Event, Link, events
from ...words.quantities import called, moment, short_id, told_apart
from ..console import Cell, Column, Gives, out, say, table, word
from ..options import Json, Limit, Offset
from ..plain import plain, show
from ..store import store_of

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="dataset", gives=Gives.LAST),
    Column(title="number", right=True),
    Column(title="kind"),
    Column(title="version"),
    Column(title="published"),
    Column(title="by run", style="dim"),
    Column(title="taken by", gives=Gives.FIRST),
)


@app.command(name="events")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    dataset: Annotated[
        str | None, typer.Argument(help="Name or URI of a dataset, or the asset that writes it; without it, all.")
    ] = None,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Only of datasets that nobody declares, told of from outside.")
    ] = False,
    limit: Limit = 20,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """What was published, and what became of it.

    The newest first. `taken by` names each consumer with what it made of the event: a run, or a word such as confirmed,
    superseded, returned (by a run that failed: pending again), dropped or closed. A consumer for which it is pending is
    not named. `again: old 2` tells once more what was told of a dataset that became an alias.
    """
    with store_of(ctx) as store:
        page = events(store, dataset, unmatched=unmatched, limit=limit, offset=offset)
    if json:
        show({"events": [_plain(one) for one in page.items], "more": page.more})
        return
    console = out()
    if not page.items:
        none = "No event of a dataset that nobody declares." if unmatched else "No event has been recorded."
        say(console, none if not offset else "There are no more.")
        return
    former = [one.again_of for one in page.items if one.again_of is not None]
    names = told_apart({one.uri: one.dataset for one in (*former, *page.items)})
    table(console, _COLUMNS, [_row(one, names) for one in page.items])
    if not unmatched and any(not one.matched and one.run_id is None for one in page.items):
        say(console, ("* nobody declares this dataset: its events count once somebody does", "yellow"))
    if page.more:
        say(console, (f"There are older ones: --offset {page.offset + len(page.items)}", "dim"))


def _row(one: Event, names: Mapping[str, str]) -> tuple[Cell, ...]:
    name = f"{names[one.uri]} {one.partition}".rstrip()
    again = "" if one.again_of is None else f"again: {names[one.again_of.uri]} {one.again_of.number}"
    return (
        name if one.matched or one.run_id is not None else f"{name}*",
        str(one.number),
        word(one.kind),
        called(one.digest, one.version) or "none",
        moment(one.at),
        short_id(one.run_id) or again or "outside",
        ", ".join(f"{link.asset} ({_became(link)})" for link in one.links if not _is_passed_on(link)),
    )


def _became(link: Link) -> str:
    return f"run {short_id(link.run_id)}" if link.outcome == "run" else link.outcome.value


def _is_passed_on(link: Link) -> bool:
    """Whether a run took what was suppressed before."""
    return link.outcome is ConsumptionOutcome.SUPPRESSED and not link.current


def _plain(one: Event) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "uri": one.uri,
        **({"partition": one.partition} if one.partition else {}),
        "number": one.number,
        "kind": one.kind.value,
        "version": one.version,
        "digest": one.digest,
        "run": one.run_id,
        "again_of": None if one.again_of is None else asdict(one.again_of),
        "at": plain(one.at),
        "metadata": plain(one.metadata),
        "matched": one.matched,
        "taken_by": [
            {
                "asset": link.asset,
                "outcome": link.outcome.value,
                "run": link.run_id,
                "current": link.current,
                "at": plain(link.at),
            }
            for link in one.links
        ],
    }
