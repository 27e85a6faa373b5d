"""The ways from some versions to others that came of them. Pure but for what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...storage.meta.past.makings import Named
from .graph import Graph, Node, between
from .publications import Publications
from .walk import DEPTH, MOST, Makings, making_id, trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What leads from some versions to others.

    Attributes
    ----------
    graph: all ways, upwards from the last; without nodes where there is none.
    begins: the nodes at which they begin.
    looked_through: all that was met in search of them.
    """

    graph: Graph
    begins: tuple[str, ...]
    looked_through: Graph


def ways(
    known: Makings, first: Sequence[Named], last: Sequence[Named], *, depth: int = DEPTH, most: int = MOST
) -> Ways:
    """The part of the trace of the last, at most `depth` steps and `most` nodes, that leads to the first: these
    publications, or every making of a version that is named without a number."""
    whole = trace(known, last, depth=depth, most=most)
    begins = _makings_of(known, first, whole)
    number = {one.version: one.number for one in first if one.number is not None}

    def called(node: Node) -> Node:
        """A beginning has the number by which it was asked for, though it may only tell again."""
        return replace(node, number=number.get(node.of, node.number)) if node.id in begins else node

    led = between(whole, begins)
    return Ways(graph=replace(led, nodes=tuple(map(called, led.nodes))), begins=tuple(begins), looked_through=whole)


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
