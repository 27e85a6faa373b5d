"""`penstock list`: what is declared."""

from __future__ import annotations

from typing import Any

import typer

from ....assets.declare.catalogue import Asset
from ....assets.plan.graph import Graph
from ....assets.plan.selection import select as selected
from ...read.assets import paused_assets
from ...read.store import opened
from ...words.quantities import several
from ..console import Column, Gives, out, say, table
from ..definitions import definitions_of, spelled
from ..names import titled
from ..options import Json, Names, Select
from ..plain import apart, plain, show

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="asset", gives=Gives.LAST),
    Column(title="group"),
    Column(title="reads", gives=Gives.FIRST),
    Column(title="writes", gives=Gives.LAST),
    Column(title="made when", gives=Gives.FIRST),
)


@app.command(name="list")
def command(ctx: typer.Context, names: Names = None, select: Select = None, json: Json = False) -> None:
    """The assets, with what they read and write, and when they are made.

    As they are declared now; `penstock status` shows what is recorded of them.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx)
        graph = Graph.of(definitions.resolve())
        with opened(settings) as store:
            paused = paused_assets(store)
    assets = [graph.catalogue.assets[name] for name in selected(graph, [*(names or ()), *(select or ())])]
    if json:
        show([{**_plain(asset, graph), "paused": asset.name in paused} for asset in assets])
        return
    console = out()
    if not assets:
        say(console, f"Project {settings.project} declares no assets.")
        return
    grouped = any(asset.policies.group for asset in assets)
    columns = [column for column in _COLUMNS if grouped or column.title != "group"]
    table(console, columns, [_row(asset, graph, grouped=grouped) for asset in assets])
    used = {uri for one in assets for uri in (*(read.uri for read in one.inputs), *graph.leaves[one.name])}
    used -= {uri for one in assets for uri in one.outputs}
    foreign = ", ".join(_at(uri, graph) for uri in graph.catalogue.datasets if uri in used - set(graph.producer))
    unshown = ", ".join(_at(uri, graph) for uri in graph.catalogue.datasets if uri in used & set(graph.producer))
    still = [asset.name for asset in assets if asset.name in paused]
    if still:
        say(console, ("paused: ", "yellow"), ", ".join(still))
    told = [several(len(assets), "asset")]
    told += [f"others write: {foreign}"] if foreign else []
    told += [f"assets that are not shown write: {unshown}"] if unshown else []
    say(console, ("; ".join(told), "dim"))


def _at(uri: str, graph: Graph) -> str:
    """A dataset with its URI."""
    return f"{graph.dataset_name(uri)} ({uri})"


def _row(asset: Asset, graph: Graph, *, grouped: bool) -> tuple[str, ...]:
    reads = ", ".join(graph.dataset_name(one.uri) for one in asset.inputs) or ("a probe" if asset.source else "")
    when = spelled(asset.condition, graph) or "asked for"
    group = (asset.policies.group or "",) if grouped else ()
    return (
        titled(asset.name, [graph.dataset_name(uri) for uri in asset.outputs]),
        *group,
        reads,
        ", ".join(asset.outputs),
        when,
    )


def _plain(asset: Asset, graph: Graph) -> dict[str, Any]:
    return {
        "name": asset.name,
        "group": asset.policies.group,
        "tags": list(asset.policies.tags),
        "owners": list(asset.policies.owners),
        "kind": asset.kind,
        "source": asset.source,
        "description": asset.description,
        "inputs": [
            {
                "parameter": one.parameter,
                "dataset": graph.dataset_name(one.uri),
                "uri": one.uri,
                "optional": one.optional,
            }
            for one in asset.inputs
        ],
        "outputs": [{"dataset": graph.dataset_name(uri), "uri": uri} for uri in asset.outputs],
        "condition": spelled(asset.condition, graph) or None,
        "parameters": plain(asset.parameters),
        "code": asset.code,
        "file": None if asset.location is None else asset.location.file,
        "line": None if asset.location is None else asset.location.line,
    }
