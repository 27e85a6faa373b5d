"""`penstock list`: what is declared."""

from __future__ import annotations

from typing import Any

import typer

from ....assets.declare.catalogue import Asset
from ....assets.plan.graph import Graph
from ....assets.plan.selection import select as selected
from ..console import Column, Gives, out, say, table
from ..definitions import definitions_of, spelled
from ..options import Json, Select
from ..plain import apart, plain, show
from ..quantities import several

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="asset", gives=Gives.LAST),
    Column(title="group"),
    Column(title="reads", gives=Gives.FIRST),
    Column(title="made when", gives=Gives.FIRST),
)


@app.command(name="list")
def command(ctx: typer.Context, select: Select = None, json: Json = False) -> None:
    """The assets, with what they read and write, and when they are made.

    As they are declared now; `penstock status` shows what is recorded of them.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx)
        graph = Graph.of(definitions.resolve())
    assets = [graph.catalogue.assets[name] for name in selected(graph, select or ())]
    if json:
        show([_plain(asset, graph) for asset in assets])
        return
    console = out()
    if not assets:
        say(console, f"Project {settings.project} declares no assets.")
        return
    grouped = any(asset.policies.group for asset in assets)
    columns = [column for column in _COLUMNS if grouped or column.title != "group"]
    table(console, columns, [_row(asset, graph, grouped=grouped) for asset in assets])
    watched = [one for one in graph.catalogue.datasets.values() if one.uri not in graph.producer]
    names = ", ".join(dataset.name for dataset in watched)
    say(console, (f"{several(len(assets), 'asset')}" + (f"; others write: {names}" if watched else ""), "dim"))


def _row(asset: Asset, graph: Graph, *, grouped: bool) -> tuple[str, ...]:
    reads = ", ".join(graph.dataset_name(one.uri) for one in asset.inputs) or ("a probe" if asset.source else "")
    when = spelled(asset.condition, graph) or "asked for"
    group = (asset.policies.group or "",) if grouped else ()
    written = [graph.dataset_name(uri) for uri in asset.outputs]
    name = asset.name if written == [asset.name] else f"{asset.name} → {', '.join(written)}"
    return (name, *group, reads, when)


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
