"""The ways from some versions to others that came of them. Pure but for what it asks.

What was read is one thing, what the bytes could have come from another: equal bytes may have been made several times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ...storage.meta.past.makings import Named
from .graph import Direction, Graph, Node, between
from .publications import Publications
from .walk import DEPTH, MOST, Edges, Makings, making_id, reach, trace


class Known(Edges, Makings, Protocol):
    """What was ever made from what, and which publications there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What leads from some versions to others.

    Attributes
    ----------
    graph: all ways, upwards from the last; without nodes where there is none.
    begins: the nodes at which they begin.
    through_equal_bytes: whether they lead through makings that nobody on the way read: where none leads by what was
        read, equal bytes may still have been made from the first.
    looked_through: all that was met in search of them.
    """

    graph: Graph
    begins: tuple[str, ...]
    through_equal_bytes: bool
    looked_through: Graph


def ways(known: Known, first: Sequence[Named], last: Sequence[Named], *, depth: int = DEPTH, most: int = MOST) -> Ways:
    """Those by which the last were made from the first, at most `depth` steps and looked for among `most` nodes; where
    there are none, those by which equal bytes were: so there are ways just where the impact of the first has the last.
    """
    read = trace(known, last, depth=depth, most=most)
    begins = _makings_of(known, first, read)
    if begins:
        return _found(read, begins, first, through_equal_bytes=False)
    every = reach(known, last, Direction.UP, depth=depth, most=most, made_by=_made_by(known, last))
    wanted = {one.version for one in first}
    begins = [node.id for node in every.nodes if node.of in wanted]
    return _found(every, begins, first, through_equal_bytes=True)


def _found(graph: Graph, begins: Sequence[str], first: Sequence[Named], *, through_equal_bytes: bool) -> Ways:
    """The ends of what leads to these nodes have the numbers by which they were asked for."""
    number = {one.version: one.number for one in first if one.number is not None}

    def called(node: Node) -> Node:
        return replace(node, number=number.get(node.of, node.number)) if node.id in begins else node

    led = between(graph, begins)
    return Ways(
        graph=replace(led, nodes=tuple(map(called, led.nodes))),
        begins=tuple(begins),
        through_equal_bytes=through_equal_bytes,
        looked_through=graph,
    )


def _makings_of(known: Makings, first: Sequence[Named], graph: Graph) -> list[str]:
    """The nodes of a trace that are these publications; whichever making, where no number is named."""
    told = known.published({one.version for one in first})
    named = {
        making_id(one.version, Publications.of(told.get(one.version, ())).making(one.number))
        for one in first
        if one.number is not None
    }
    alike = {one.version for one in first if one.number is None}
    return [node.id for node in graph.nodes if node.id in named or node.of in alike]


def _made_by(known: Makings, last: Sequence[Named]) -> dict[int, str | None]:
    """The run that made each of those that are named by a number; None: others did."""
    numbered = [one for one in last if one.number is not None]
    told = known.published({one.version for one in numbered})
    made = {
        one.version: Publications.of(told[one.version]).making(one.number) for one in numbered if one.version in told
    }
    return {version: None if one is None else one.run_id for version, one in made.items()}
