"""A part of lineage as a tree in the terminal, from a root on. One drawing, for whatever its nodes are."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ...lineage.graph.graph import Graph


def show_trees(console: Console, graph: Graph, label: Callable[[str], Text]) -> None:
    """A tree from each root on."""
    for root in graph.roots:
        console.print(drawn(graph, root, label))


def drawn(graph: Graph, root: str, label: Callable[[str], Text]) -> Tree:
    """The tree; `label` says what is written at a node. What stands in several places is drawn out at the first and
    marked `(above)` at the others; what goes on beyond what was asked for ends in `…`."""
    near = graph.next_to()
    cut = {node.id for node in graph.nodes if node.cut}
    tree = Tree(_marked(label(root), root in cut), guide_style="dim")
    seen = {root}
    waiting = [(tree, child) for child in reversed(near.get(root, []))]
    while waiting:
        parent, name = waiting.pop()
        again = name in seen and bool(near.get(name))
        branch = parent.add(_marked(label(name), name in cut, above=again))
        if name not in seen:
            seen.add(name)
            waiting += [(branch, child) for child in reversed(near.get(name, []))]
    return tree


def _marked(text: Text, cut: bool, *, above: bool = False) -> Text:
    if above:
        return text.append("  (above)", style="italic not bold")
    return text.append("  …", style="not bold") if cut else text
