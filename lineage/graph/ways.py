"""The ways from some versions to others that came of them. Pure but for what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ...storage.meta.past.makings import Named
from .graph import Graph, between, turned
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
    begin, end = _ends(known, first, every=True), _ends(known, last)
    begins, ends = {one.id for one in begin}, {one.id for one in end}
    whole = impact(known, first, depth=depth, most=min(most, _FEW), until=max((one.event for one in end), default=0))
    if not whole.is_cut:
        led = turned(between(whole, ends), ends)
    else:
        since = min((one.event for one in begin), default=0)
        whole = trace(known, last, depth=depth, most=min(most, _FEW), since=since)
        if whole.is_cut and most > _FEW:
            whole = trace(known, last, depth=depth, most=most, since=since)
        led = between(whole, begins)
    asked = {one.id: one.number for one in (*begin, *end) if one.number is not None}
    nodes = tuple(replace(node, number=asked.get(node.id, node.number)) for node in led.nodes)
    return Ways(
        graph=replace(led, nodes=nodes),
        begins=tuple(node.id for node in nodes if node.id in begins),
        looked_through=whole,
    )


class _End(NamedTuple):
    """The making of a publication between which and another ways are looked for: its node, the event that told it, and
    the number by which it was asked for, though that may only tell it again."""

    id: str
    event: int
    number: int | None


def _ends(known: Makings, named: Sequence[Named], *, every: bool = False) -> list[_End]:
    """Of what has no number the last making, or every one."""
    told = known.published({one.version for one in named})
    found: list[_End] = []
    for version, number in named:
        of_it = Publications.of(told.get(version, ()))
        makings = (every and number is None and of_it.makings) or (of_it.making(number),)
        found += (_End(making_id(version, one), 0 if one is None else one.event, number) for one in makings)
    return found
