"""The ways from some versions to others that came of them. Pure but for what it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...storage.meta.past.makings import Named, Published
from .graph import Graph, Node, between, turned
from .publications import Publications
from .walk import DEPTH, MOST, Makings, impact, making_id, trace

_FEW = 1_000
"""Nodes up to which either end is tried: of one that goes on, the other may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What leads from some versions to others.

    Attributes
    ----------
    graph: all ways, upwards from the last; without nodes where there is none.
    begins: the nodes at which they begin.
    looked_through: all that was met in search of them; where that is cut, there may be more.
    """

    graph: Graph
    begins: tuple[str, ...]
    looked_through: Graph


def ways(
    known: Makings, first: Sequence[Named], last: Sequence[Named], *, depth: int = DEPTH, most: int = MOST
) -> Ways:
    """What lies in the impact of the first as well as in the trace of the last, at most `depth` steps and looked for
    among `most` nodes. A version without a number begins them with every making of it, and ends them with its last.

    Whatever leads from one to the other was made between them: nothing older or newer is looked at.
    """
    begin, end = _events(known, first, every=True), _events(known, last)
    whole = impact(known, first, depth=depth, most=min(most, _FEW), until=max(end, default=0))
    if not whole.is_cut:
        ends = _makings_of(known, last, whole)
        led, begins = turned(between(whole, ends), ends), [*whole.roots]
    else:
        since = min(begin, default=0)
        whole = trace(known, last, depth=depth, most=min(most, _FEW), since=since)
        if whole.is_cut and most > _FEW:
            whole = trace(known, last, depth=depth, most=most, since=since)
        begins = _makings_of(known, first, whole, every=True)
        led = between(whole, begins)
    number = {one.version: one.number for one in (*last, *first) if one.number is not None}
    ends_of_it = {*begins, *led.roots}

    def called(node: Node) -> Node:
        """An end has the number by which it was asked for, though it may only tell again."""
        return replace(node, number=number.get(node.of, node.number)) if node.id in ends_of_it else node

    nodes = tuple(map(called, led.nodes))
    there = {node.id for node in nodes}
    return Ways(
        graph=replace(led, nodes=nodes), begins=tuple(one for one in begins if one in there), looked_through=whole
    )


def _makings_of(known: Makings, named: Sequence[Named], graph: Graph, *, every: bool = False) -> list[str]:
    """The nodes of a graph that are these publications; of one without a number the last making, or every one."""
    meant = {making_id(version, one) for version, one in _meant(known, named, every=every)}
    return [node.id for node in graph.nodes if node.id in meant]


def _events(known: Makings, named: Sequence[Named], *, every: bool = False) -> list[int]:
    return [0 if one is None else one.event for _, one in _meant(known, named, every=every)]


def _meant(known: Makings, named: Sequence[Named], *, every: bool) -> Iterator[tuple[int, Published | None]]:
    told = known.published({one.version for one in named})
    for one in named:
        found = Publications.of(told.get(one.version, ()))
        whole = every and one.number is None and found.makings
        yield from ((one.version, making) for making in whole or (found.making(one.number),))
