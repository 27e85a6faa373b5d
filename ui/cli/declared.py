"""Datasets as they are made of each other by what is declared, and who consumes something: tables, trees, JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from ..read.datasets import Consumer, Consumers, DatasetLine, DatasetTrace
from .branches import show_trees
from .console import Column, Gives, clean, out, say, table
from .plain import plain, show

CUT = "There is more than that: a higher --depth, or --limit, shows it."
_DATASETS = (
    Column(title="dataset", gives=Gives.LAST),
    Column(title="steps", right=True),
    Column(title="made by", gives=Gives.LAST),
    Column(title="licence", gives=Gives.LAST),
    Column(title="uri", gives=Gives.LAST),
)
_CONSUMERS = (
    Column(title="consumer", gives=Gives.LAST),
    Column(title="steps", right=True),
    Column(title="reads", gives=Gives.FIRST),
    Column(title="waits for", gives=Gives.FIRST),
    Column(title="", gives=Gives.FIRST),
)


def tell_datasets(found: DatasetTrace, *, nothing: str, tree: bool, json: bool) -> None:
    """The datasets, the root first."""
    if json:
        show(_plain(found))
        return
    console = out()
    if not found.others:
        say(console, (nothing, "dim"))
    if tree:
        lines = {one.node.id: one for one in found.lines}
        show_trees(console, found.graph, lambda node: _label(lines[node]))
    elif found.lines:
        rows = [
            (one.name, str(one.node.depth), one.asset or "others", one.licence or "", one.uri) for one in found.lines
        ]
        table(console, _DATASETS, rows)
    if found.graph.is_cut:
        say(console, (CUT, "yellow"))


def show_consumers(console: Console, found: Consumers, *, tree: bool) -> None:
    """Who consumes it as it is declared, directly and through others."""
    if not found.items:
        say(console, ("No asset that is declared reads it, or waits for it.", "dim"))
        return
    if tree:
        by_name = {one.asset: one for one in found.items}
        lines = {one.node.id: one for one in found.datasets.lines}
        say(console, ("Consumers, as they are declared:", "bold"))
        show_trees(console, found.datasets.graph, lambda node: _label(lines[node], by_name))
    else:
        rows = [
            (one.asset, str(one.depth), ", ".join(one.reads), ", ".join(one.waits), ", ".join(_marks(one)))
            for one in found.items
        ]
        say(console, "")
        table(console, _CONSUMERS, rows)
    if found.datasets.graph.is_cut:
        say(console, (CUT, "yellow"))


def plain_consumers(found: Consumers) -> dict[str, Any]:
    """With whether there are more."""
    return {"consumers": plain(found.items), "consumers_cut": found.datasets.graph.is_cut}


def _marks(one: Consumer) -> list[str]:
    stands = {True: "newest version made from it", False: "", None: "not all versions looked at"}
    marks = [stands[one.made_from_it], "paused" if one.paused else "", "" if one.waits else "news of it starts nothing"]
    return [mark for mark in marks if mark]


def _label(one: DatasetLine, consumers: dict[str, Consumer] | None = None) -> Text:
    text = Text(clean(one.name), style="bold")
    consumer = (consumers or {}).get(one.asset or "")
    facts = [f"by {one.asset}"] if one.asset else ["others write it"]
    facts += [one.licence] if one.licence and consumer is None else []
    facts += _marks(consumer) if consumer is not None and one.node.depth else []
    return text.append(clean(f"  {', '.join(facts)}"), style="dim not bold")


def _plain(found: DatasetTrace) -> dict[str, Any]:
    """`id` names a dataset in `links` alone; `links` lead from what is read to what is made, each by an asset."""
    return {
        "direction": found.graph.direction,
        "as_of": plain(found.as_of),
        "roots": list(found.graph.roots),
        "cut": found.graph.is_cut,
        "datasets": [
            {
                "id": one.node.id,
                "dataset": one.name,
                "uri": one.uri,
                "asset": one.asset,
                "licence": one.licence,
                "depth": one.node.depth,
                "cut": one.node.cut,
            }
            for one in found.lines
        ],
        "links": [{"input": one.input, "output": one.output, "asset": one.by} for one in found.graph.links],
    }
