"""What a version came from, and what came from it: a graph of versions, down to their digests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ...lineage.graph.graph import Direction, Graph, Link, ends
from ...lineage.graph.walk import down, up
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.past import history
from ...storage.meta.past.history import VersionFacts
from ...storage.meta.past.makings import StoredMakings
from .references import version_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A version at one place of the graph.

    Attributes
    ----------
    id: unique in this answer, nothing elsewhere.
    run: the run that made it; None for what others write.
    cut: whether it goes on beyond the depth that was asked for.
    """

    id: str
    version: VersionFacts
    run: str | None
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The graph around a root, by level; links lead from inputs to outputs whichever way it was followed."""

    root: str
    direction: Direction
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    def next_to(self) -> dict[str, list[str]]:
        """For each node the ids of those one step further from the root."""
        found: dict[str, list[str]] = defaultdict(list)
        for link in self.links:
            near, far = ends(link, self.direction)
            if far not in found[near]:
                found[near].append(far)
        return found


def lineage(store: Store, text: str, *, direction: Direction = Direction.UP, depth: int = 10) -> Lineage:
    """The lineage of the version that `text` means (see `version_of`), at most `depth` steps away.

    Raises
    ------
    UsageError: there is no such version.
    """
    with store.read() as tx:
        root = version_of(tx, store.project, text)
        makings = StoredMakings(tx)
        walk = up if direction is Direction.UP else down
        return _lineage(tx, walk(makings, [root.id], depth=depth))


def _lineage(tx: Transaction, graph: Graph) -> Lineage:
    numbers = {node.version for node in graph.nodes}
    facts = history.version_facts(tx, sorted(numbers))
    # A version that was made without inputs has no edges: its run is that of its publication.
    alone = history.publishers(tx, sorted({node.version for node in graph.nodes if node.run is None}))
    nodes = tuple(
        Node(id=one.id, version=facts[one.version], run=one.run or alone.get(one.version), cut=one.cut)
        for one in graph.nodes
    )
    order = {node.id: (node.version.dataset, node.version.digest) for node in nodes}
    links = sorted(graph.links, key=lambda link: (order[ends(link, graph.direction)[1]], link.run))
    return Lineage(root=graph.roots[0], direction=graph.direction, nodes=nodes, links=tuple(links))
