"""Walking the graph from some versions, level by level, within limits of depth and size. Pure but for what it asks.

A version is bytes, which may have been made several times. `trace` is exact: it goes from a publication to what its run
had pinned, so that other makings of the same bytes are no ancestors. `reach` counts every making.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from ...storage.meta.past.makings import Edge, Named, Published
from .graph import Direction, Graph, Link, Node, ends
from .publications import Publications

DEPTH = 1000
"""Steps that nobody goes further than."""
MOST = 10_000
"""Nodes that an answer has at most, if no other number is asked for."""


class Edges(Protocol):
    """What was ever made from what."""

    def into(self, versions: Collection[int]) -> Iterable[Edge]:
        """What these versions were made from, every time; version by version, by their ids. There may be very much."""
        ...

    def out_of(self, versions: Collection[int]) -> Iterable[Edge]:
        """What was made from these versions; version by version, by their ids. There may be very much."""
        ...

    def having_inputs(self, versions: Collection[int]) -> Collection[int]:
        """Those of these versions that were made from something."""
        ...

    def having_outputs(self, versions: Collection[int]) -> Collection[int]:
        """Those of these versions from which something was made."""
        ...


class Makings(Protocol):
    """Which publications there were, and what was read for them."""

    def published(self, versions: Collection[int]) -> Mapping[int, Sequence[Published]]:
        """The events that published each of these versions, oldest first."""
        ...

    def read_by(self, run_ids: Collection[str]) -> Mapping[str, Sequence[Named]]:
        """What each of these runs had pinned."""
        ...


class _Visit(NamedTuple):
    """A publication to be looked at, read for an output that is already in the graph, by a run; or a root."""

    of: Named
    output: str | None = None
    run: str = ""


@dataclass(slots=True)
class _Walk:
    """What was met so far; nodes in the order in which they were met, the roots first."""

    most: int
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    links: dict[Link, None] = field(default_factory=dict[Link, None])
    cut: set[str] = field(default_factory=set[str])

    def has_room(self, node: str) -> bool:
        """Whether the graph may have this node."""
        return node in self.nodes or len(self.nodes) < self.most

    def meet(self, node: Node) -> bool:
        """The node is in the graph; whether it is new."""
        return self.nodes.setdefault(node.id, node) is node

    def graph(self, roots: Sequence[str], direction: Direction) -> Graph:
        """What was walked."""
        nodes = tuple(replace(node, cut=node.id in self.cut) for node in self.nodes.values())
        return Graph(roots=tuple(roots), direction=direction, nodes=nodes, links=tuple(self.links))


def making_id(version: int, made: Published | None) -> str:
    """The id of the node of a making in a trace.

    >>> making_id(7, None)
    '7/'
    """
    return f"{version}/{'' if made is None else made.number}"


def trace(known: Makings, roots: Sequence[Named], *, depth: int = 10, most: int = MOST) -> Graph:
    """What these publications came from, at most `depth` steps up and `most` nodes: a node for each making. A root
    without a number is the newest making of its version."""
    walk = _Walk(most)
    begins: list[str] = []
    level = [_Visit(root) for root in dict.fromkeys(roots)]
    depth = min(depth, DEPTH)
    for step in range(depth + 1):
        published = known.published({visit.of.version for visit in level})
        all_of = {version: Publications.of(told) for version, told in published.items()}
        made = {of: all_of.get(of.version, Publications()).making(of.number) for of in {visit.of for visit in level}}
        met: list[tuple[str, str]] = []
        for visit in level:
            (version, number), one = visit.of, made[visit.of]
            number = number if one is None or (number is not None and visit.output is None) else one.number
            node = making_id(version, one)
            if not walk.has_room(node):
                if visit.output is not None:
                    walk.cut.add(visit.output)
                continue
            if walk.meet(Node(id=node, of=version, number=number, depth=step)) and one is not None and one.run_id:
                met.append((node, one.run_id))
            if visit.output is None:
                begins.append(node)
            else:
                walk.links[Link(input=node, output=visit.output, by=visit.run)] = None
        read = known.read_by({run for _, run in met})
        if step == depth:
            walk.cut |= {node for node, run in met if read.get(run)}
        level = [_Visit(source, node, run) for node, run in met for source in read.get(run, ())]
        if not level:
            break
    return walk.graph(begins, Direction.UP)


def reach(
    edges: Edges,
    roots: Sequence[Named],
    direction: Direction,
    *,
    depth: int = 10,
    most: int = MOST,
    made_by: Mapping[int, str | None] | None = None,
) -> Graph:
    """What was ever made from these versions, or, upwards, what ever went into them, at most `depth` steps away and
    `most` nodes: a node for each version.

    Parameters
    ----------
    made_by: version of a root → the run whose making of it is meant alone, None: that of others. Where it is met again
        further up, it is as any other version.
    """
    alone = made_by or {}
    walk = _Walk(most)
    level = {one.version: f"{one.version}/only" if one.version in alone else str(one.version) for one in roots}
    for one in roots:
        walk.meet(Node(id=level[one.version], of=one.version, number=one.number, depth=0))
    begins = tuple(level.values())
    up = direction is Direction.UP
    ask, going_on = (edges.into, edges.having_inputs) if up else (edges.out_of, edges.having_outputs)
    for step in range(1, min(depth, DEPTH) + 1):
        following: dict[int, str] = {}
        for edge in ask(level):
            near, far = ends(edge, direction)
            if step == 1 and near in alone and edge.by != alone[near]:
                continue
            node = str(far)
            if not walk.has_room(node):  # nothing more is read
                walk.cut |= {level[one] for one in going_on([one for one in level if one >= near])}
                break
            lower, upper = (node, level[near]) if up else (level[near], node)
            walk.links[Link(input=lower, output=upper, by=edge.by)] = None
            if walk.meet(Node(id=node, of=far, depth=step)):
                following[far] = node
        level = following
        if not level:
            break
    walk.cut |= {level[one] for one in going_on(level)}
    return walk.graph(begins, direction)
