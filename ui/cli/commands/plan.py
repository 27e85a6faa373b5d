"""`penstock plan`: what a scheduler would do now with every asset, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Annotated

import typer
from rich.console import Console

from ....assets.plan.graph import Graph
from ....assets.plan.preview import Foreseen
from ....assets.plan.selection import select as selected
from ....assets.plan.simulate.story import narrowed
from ....assets.run.api import Outlook, outlook
from ....assets.run.backfilling.pending import Pending, pending_backfills
from ....assets.run.explaining.until import Selected, outlook_until
from ....assets.run.project.foretold import foretold
from ....assets.run.project.project import open_project
from ...words.quantities import count, instant, several
from ..console import Column, Gives, out, say, table, word
from ..definitions import definitions_of, show_foretold
from ..options import Json, Names, Select
from ..plain import apart, plain, show
from ..reasons import worded
from ..story import plain_story, show_story

app = typer.Typer(add_completion=False)

Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="What runs when up to then: +24h, or 2026-01-05T10:00Z."),
]
_COLUMNS = (Column(title="asset", gives=Gives.LAST), Column(title="would"), Column(title="why", gives=Gives.FIRST))
_SELECTED = (
    Column(title="at (UTC)"),
    Column(title="asset", gives=Gives.LAST),
    Column(title="partitions", gives=Gives.FIRST),
    Column(title="by"),
)

_BY = {"tick": "its tick selects them", "time": "what they waited for is over"}


@app.command(name="plan")
def command(
    ctx: typer.Context, names: Names = None, select: Select = None, until: Until = None, json: Json = False
) -> None:
    """What would run now, and why; what would not, and why not.

    By the conditions alone: what a scheduler would do. `possible` depends on what a run before it gives. Nothing is
    run; what others write is looked at. For what a command of yours would do: `penstock materialize --dry-run`.

    With `--until`, what runs when up to then, if nothing new arrives and every run succeeds at once with news; one that
    is active counts as ended now. Of assets with partitions, which keys their ticks select by then.
    """
    selections = [*(names or ()), *(select or ())]
    if until is not None:
        _show_until(ctx, selections, until, json=json)
        return
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with open_project(settings, definitions, planning=True) as project:
            divided = foretold(project)
            wanted = set(selected(project.graph, selections))
            found, pending = outlook(project), pending_backfills(project)
            beside = _beside(project.graph, found, wanted)
    foreseen = [one for one in found.assets if one.asset in wanted]
    if json:
        show({
            "at": found.at, "changed": found.changed, "removed": found.removed, "assets": foreseen,
            "beside": beside, "next_wakeup": found.next_wakeup, "backfills": pending, **plain(divided),
        })  # fmt: skip
        return
    console = out()
    show_foretold(console, divided)
    if found.looked:
        news = "; ".join(f"{one.name} {one.news}" for one in found.looked)
        say(console, ("News since the last look: ", "bold"), f"{news}.")
    show_foreseen(console, foreseen)
    show_pending(console, pending)
    runs = sum(one.count for one in foreseen if one.outcome == "run")
    possible = sum(one.count for one in foreseen if one.outcome == "possible")
    facts = ([several(runs, "run")] if runs else []) + ([several(possible, "possible run")] if possible else [])
    say(console, f"{', '.join(facts)}." if facts else f"Nothing {'else ' if pending else ''}would run.")
    if beside:
        also = ", ".join(f"{name} ({count(number)})" for name, number in beside.items())
        say(console, f"`penstock materialize` of these makes also what waits for the same data, or for them: {also}.")
    if found.next_wakeup is not None:
        say(console, (f"Time alone changes this next at {instant(found.next_wakeup)}.", "dim"))


def _beside(graph: Graph, found: Outlook, wanted: AbstractSet[str]) -> dict[str, int]:
    """What a materialization of the wanted assets makes besides, or may make: asset → how many runs. It looks at what
    others write and these are made from, and whoever waits for that, or for what it makes, is part of it."""
    news = {*found.changed, *found.removed}
    looked = [uri for uri in graph.observed_above(wanted) if graph.dataset_name(uri) in news]
    told = {name for uri in looked for name in graph.waiting.get(uri, ())}
    would = [one for one in found.assets if one.outcome in ("run", "possible")]
    told |= wanted & {one.asset for one in would}
    reached = graph.reach(told, graph.downstream) - wanted
    sums = Counter[str]()
    for one in would:
        sums[one.asset] += one.count if one.asset in reached else 0
    return {name: number for name, number in sums.items() if number}


def show_pending(console: Console, found: Iterable[Pending]) -> None:
    """A sentence for each backfill that will be gone on with."""
    for one in found:
        say(console, ("Backfill: ", "yellow"), one.text)


def _show_until(ctx: typer.Context, select: Iterable[str], until: str, *, json: bool) -> None:
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with open_project(settings, definitions, planning=True) as project:
            names = set(selected(project.graph, select))
            found = outlook_until(project, until)
    story = narrowed(found.story, names)
    coming = [one for one in found.selected if one.asset in names]
    if json:
        show({**plain_story(story), "selected": coming})
        return
    show_story(out(), story)
    if coming:
        say(out(), "")
        table(out(), _SELECTED, [(instant(one.at), one.asset, _keys(one), _BY[one.by]) for one in coming])


def _keys(one: Selected) -> str:
    return one.first if one.count == 1 else f"{one.first}..{one.last} ({count(one.count)})"


def named(one: Foreseen) -> str:
    """What people call it: the asset, with the key of its partition, or the first and the last of several."""
    if one.last:
        return f"{one.asset} {one.partition}..{one.last} ({count(one.count)})"
    return f"{one.asset} {one.partition}".rstrip()


def show_foreseen(console: Console, foreseen: list[Foreseen]) -> None:
    """What would become of each asset, as a table."""
    table(console, _COLUMNS, [(named(one), word(one.outcome), worded(one.reason)) for one in foreseen])
