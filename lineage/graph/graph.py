"""The part of lineage that was asked for, as nodes and links: of versions, or of datasets as declared. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, TypeVar

_Id_co = TypeVar("_Id_co", covariant=True)


class Direction(StrEnum):
    """Which way lineage is followed."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A version, or a dataset, at one place of the graph.

    Attributes
    ----------
    id: unique in this answer, nothing elsewhere.
    of: id of the version; of a dataset its number in this answer.
    number: of the event that published it, where one of several is meant; None: all that the links to it made.
    depth: steps from the nearest root.
    cut: whether it goes on beyond what was asked for.
    """

    id: str
    of: int
    number: int | None = None
    depth: int
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A run made the version of node `output` from that of node `input`; or an asset makes a dataset from another."""

    input: str
    output: str
    by: str


class Ends(Protocol[_Id_co]):
    """What leads from an input to an output."""

    @property
    def input(self) -> _Id_co:
        """Where it begins."""
        ...

    @property
    def output(self) -> _Id_co:
        """Where it ends."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes in the order in which they were met, the roots first; links lead from inputs to outputs, whichever way they
    were followed."""

    roots: tuple[str, ...]
    direction: Direction
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    @property
    def is_cut(self) -> bool:
        """Whether anything goes on beyond what was asked for."""
        return any(node.cut for node in self.nodes)

    def made_by(self) -> dict[str, set[str]]:
        """For each node the runs, or assets, whose links lead to it from its inputs."""
        found: dict[str, set[str]] = defaultdict(set)
        for link in self.links:
            found[link.output].add(link.by)
        return found

    def next_to(self) -> dict[str, list[str]]:
        """For each node the ids of those one step further from the roots."""
        found: dict[str, list[str]] = defaultdict(list)
        for link in self.links:
            near, far = ends(link, self.direction)
            if far not in found[near]:
                found[near].append(far)
        return found


def ends(link: Ends[_Id_co], direction: Direction) -> tuple[_Id_co, _Id_co]:
    """The ends of a link or an edge, the one nearer to the roots first."""
    return (link.output, link.input) if direction is Direction.UP else (link.input, link.output)


def between(graph: Graph, goals: Collection[str]) -> Graph:
    """The part of a graph that leads from its roots to these nodes, all ways; no nodes where none does.

    >>> made = Graph(
    ...     roots=("c",),
    ...     direction=Direction.UP,
    ...     nodes=tuple(Node(id=one, of=number, depth=0) for number, one in enumerate("cba")),
    ...     links=(Link(input="b", output="c", by="r"), Link(input="a", output="c", by="r")),
    ... )
    >>> [node.id for node in between(made, {"a"}).nodes]
    ['c', 'a']
    """
    nearer: dict[str, list[str]] = defaultdict(list)
    for link in graph.links:
        near, far = ends(link, graph.direction)
        nearer[far].append(near)
    kept = _reached((node.id for node in graph.nodes if node.id in goals), nearer)
    return Graph(
        roots=tuple(root for root in graph.roots if root in kept),
        direction=graph.direction,
        nodes=tuple(replace(node, cut=False) for node in graph.nodes if node.id in kept),
        links=tuple(link for link in graph.links if link.input in kept and link.output in kept),
    )


def turned(graph: Graph, roots: Collection[str]) -> Graph:
    """The same graph as it is seen from other nodes in it, which lie at the other end of its links.

    >>> up = Graph(
    ...     roots=("b",),
    ...     direction=Direction.UP,
    ...     nodes=(Node(id="b", of=2, depth=0), Node(id="a", of=1, depth=1)),
    ...     links=(Link(input="a", output="b", by="r"),),
    ... )
    >>> [(node.id, node.depth) for node in turned(up, {"a"}).nodes]
    [('a', 0), ('b', 1)]
    """
    begins = tuple(node.id for node in graph.nodes if node.id in roots)
    direction = Direction.DOWN if graph.direction is Direction.UP else Direction.UP
    seen = replace(graph, roots=begins, direction=direction)
    near, depth, level = seen.next_to(), dict.fromkeys(begins, 0), list(begins)
    while level:
        level = list(dict.fromkeys(one for node in level for one in near.get(node, ()) if one not in depth))
        depth |= dict.fromkeys(level, max(depth.values()) + 1)
    nodes = [replace(node, depth=depth[node.id]) for node in graph.nodes if node.id in depth]
    return replace(seen, nodes=tuple(sorted(nodes, key=lambda node: node.depth)))


def joined(up: Graph, down: Graph) -> Graph:
    """What lies above a root and what lies below it, in one graph; read as lineage downwards."""
    both = (*up.nodes, *down.nodes)
    nodes, cut = {node.id: node for node in reversed(both)}, {node.id for node in both if node.cut}
    return Graph(
        roots=tuple(dict.fromkeys((*up.roots, *down.roots))),
        direction=Direction.DOWN,
        nodes=tuple(replace(nodes[one], cut=one in cut) for one in dict.fromkeys(node.id for node in both)),
        links=tuple(dict.fromkeys((*up.links, *down.links))),
    )


def _reached(begins: Iterable[str], further: dict[str, list[str]]) -> set[str]:
    found = set(begins)
    waiting = list(found)
    while waiting:
        fresh = [one for one in further[waiting.pop()] if one not in found]
        found.update(fresh)
        waiting += fresh
    return found
