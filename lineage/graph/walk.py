"""Walking the graph from some versions, level by level, within limits of depth and size. Pure but for `Makings`.

Upstream it is exact: a version is shown as it came to be the last time before it was read. If a later run gave the same
bytes from other inputs, that is another making and no ancestor. Downstream every version counts that was ever made from
these bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ...storage.meta.past.makings import Making
from .graph import Direction, Graph, Link, Node

DEPTH = 1000
"""Steps that nobody goes further than."""
MOST = 10_000
"""Nodes that an answer has at most, if no other number is asked for."""


class Makings(Protocol):
    """Where the walk gets the edges from, as they were at some time."""

    def of(self, versions: Collection[int]) -> list[Making]:
        """How these versions came to be, every time they were made; oldest first."""
        ...

    def out_of(self, versions: Collection[int]) -> list[Making]:
        """What was made from these versions; oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class _Visit:
    """A version to be looked at: as it stood at a time (None: now), for an output that is already in the graph."""

    version: int
    before: datetime | None = None
    output: str | None = None
    run: str = ""


@dataclass(slots=True)
class _Walk:
    """What was met so far; node ids in the order in which they were met, the roots first."""

    most: int
    versions: dict[str, int] = field(default_factory=dict[str, int])
    runs: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    depths: dict[str, int] = field(default_factory=dict[str, int])
    links: dict[Link, None] = field(default_factory=dict[Link, None])
    cut: set[str] = field(default_factory=set[str])

    def has_room(self, node: str) -> bool:
        """Whether the graph may have this node."""
        return node in self.versions or len(self.versions) < self.most

    def meet(self, node: str, version: int, run: str | None, depth: int) -> bool:
        """The node is in the graph; whether it is new."""
        new = node not in self.versions
        if new:
            self.versions[node], self.runs[node], self.depths[node] = version, run, depth
        return new

    def graph(self, roots: Sequence[str], direction: Direction) -> Graph:
        """What was walked."""
        return Graph(
            roots=tuple(roots),
            direction=direction,
            nodes=tuple(
                Node(id=node, of=version, by=self.runs[node], depth=self.depths[node], cut=node in self.cut)
                for node, version in self.versions.items()
            ),
            links=tuple(self.links),
        )


def up(
    makings: Makings, roots: Sequence[int], *, depth: int = 10, most: int = MOST, made_by: str | None = None
) -> Graph:
    """What these versions came from, at most `depth` steps up and `most` nodes.

    Parameters
    ----------
    made_by: the roots as this run made them; None: as they came to be the last time.
    """
    walk = _Walk(most)
    begins: list[str] = []
    level = [_Visit(root) for root in dict.fromkeys(roots)]
    for step in range(min(depth, DEPTH) + 1):
        made_of: dict[int, list[Making]] = defaultdict(list)
        for making in makings.of({visit.version for visit in level}):
            made_of[making.output].append(making)
        following: list[_Visit] = []
        for visit in level:
            asked = visit.output is None and made_by is not None
            of_run = [one for one in made_of[visit.version] if asked and one.run_id == made_by]
            made = of_run or _last(made_of[visit.version], visit.before)
            run = made[0].run_id if made else None
            node = f"{visit.version}/{run or ''}"
            if not walk.has_room(node):
                if visit.output is not None:
                    walk.cut.add(visit.output)
                continue
            new = walk.meet(node, visit.version, run, step)
            if visit.output is None:
                begins.append(node)
            else:
                walk.links[Link(input=node, output=visit.output, by=visit.run)] = None
            if new and step < depth:
                following += [_Visit(one.input, one.read_at, node, one.run_id) for one in made]
            elif new and made:
                walk.cut.add(node)
        level = following
        if not level:
            break
    return walk.graph(begins, Direction.UP)


def _last(makings: Sequence[Making], before: datetime | None) -> list[Making]:
    """The edges of the newest run among those that had ended by then; of the oldest, if none had."""
    counted = [one for one in makings if before is None or one.at <= before] or makings[:1]
    newest = max(((one.at, one.run_id) for one in counted), default=None)
    return [one for one in makings if (one.at, one.run_id) == newest]


def down(makings: Makings, roots: Sequence[int], *, depth: int = 10, most: int = MOST) -> Graph:
    """What was made from these versions, at most `depth` steps down and `most` nodes."""
    walk = _Walk(most)
    level = list(dict.fromkeys(roots))
    for root in level:
        walk.meet(str(root), root, None, 0)
    begins = [str(root) for root in level]
    for step in range(1, min(depth, DEPTH) + 2):
        found = makings.out_of(level)
        if step > depth:
            walk.cut |= {str(making.input) for making in found}
            break
        level = list(_below(walk, found, step))
        if not level:
            break
    return walk.graph(begins, Direction.DOWN)


def _below(walk: _Walk, found: Sequence[Making], step: int) -> Iterator[int]:
    """The versions that were met for the first time."""
    for making in found:
        node, above = str(making.output), str(making.input)
        if not walk.has_room(node):
            walk.cut.add(above)
            continue
        walk.links[Link(input=above, output=node, by=making.run_id)] = None
        if walk.meet(node, making.output, making.run_id, step):
            yield making.output
