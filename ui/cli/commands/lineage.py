"""`penstock lineage DATASET|VERSION`: what it came from, or what came from it, as a tree of versions."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from ....lineage.graph.graph import Direction
from ...read.lineage import Lineage, Node, lineage
from ..console import clean, out, say
from ..options import Json
from ..plain import show
from ..quantities import several, short, short_id, size
from ..store import store_of

app = typer.Typer(add_completion=False)


@app.command(name="lineage")
def command(
    ctx: typer.Context,
    version: Annotated[
        str,
        typer.Argument(
            metavar="DATASET|VERSION",
            help="A dataset (its newest version), one version of it (chunks@3), or the beginning of a digest.",
        ),
    ],
    up: Annotated[bool, typer.Option("--up/--down", help="What it came from, or what came from it.")] = True,
    depth: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="At most so many steps away.")] = 10,
    json: Json = False,
) -> None:
    """What a dataset or version came from, or what came from it.

    A tree of versions, each with the digest that names its content and the run that made it.
    """
    with store_of(ctx) as store:
        found = lineage(store, version, direction=Direction.UP if up else Direction.DOWN, depth=depth)
    if json:
        show(_plain(found))
        return
    console = out()
    console.print(drawn(found))
    steps = "came from nothing that is recorded" if up else "was not read by any run"
    if not found.links:
        say(console, (f"This version {steps}.", "dim"))
    elif any(node.cut for node in found.nodes):
        say(console, (f"… goes on: --depth {depth * 2}", "dim"))


def _plain(found: Lineage) -> dict[str, Any]:
    """The graph as nodes and links: links lead from inputs to outputs; `id` and `cut` are of this answer alone."""
    return {
        "direction": found.direction,
        "root": found.root,
        "nodes": [
            {
                "id": node.id,
                "dataset": node.version.dataset,
                "uri": node.version.uri,
                "asset": node.version.producer,
                "digest": node.version.digest,
                "rows": node.version.rows,
                "size": node.version.size,
                "held": node.version.held,
                "run": node.run,
                "cut": node.cut,
            }
            for node in found.nodes
        ],
        "links": found.links,
    }


def drawn(found: Lineage) -> Tree:
    """The graph as a tree. A version that stands in several places is drawn out at the first and marked `(above)` at
    the others."""
    nodes = {node.id: node for node in found.nodes}
    near = found.next_to()
    tree = Tree(_label(nodes[found.root]), guide_style="dim")
    seen = {found.root}
    waiting = [(tree, child) for child in reversed(near.get(found.root, []))]
    while waiting:
        parent, name = waiting.pop()
        again = name in seen and bool(near.get(name))
        branch = parent.add(_label(nodes[name], above=again))
        if name not in seen:
            seen.add(name)
            waiting += [(branch, child) for child in reversed(near.get(name, []))]
    return tree


def _label(node: Node, *, above: bool = False) -> Text:
    version = node.version
    text = Text(clean(version.dataset), style="bold")
    text.append(f" {short(version.digest)}", style="cyan not bold")
    facts = [] if version.rows is None else [several(version.rows, "row")]
    facts += [size(version.size)] if version.size else []
    if node.run is not None:
        facts.append(f"run {short_id(node.run)}")
    if not version.held:
        facts.append("observed, not held")
    text.append(f"  {', '.join(facts)}", style="dim not bold")
    if above:
        text.append("  (above)", style="italic not bold")
    elif node.cut:
        text.append("  …", style="not bold")
    return text
