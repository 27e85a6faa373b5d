"""What a version came from, and what came from it: a graph of versions, down to their digests.

Upstream it is exact: a version is shown as it came to be the last time before it was read. If a later run gave the
same bytes from other inputs, that is another making and no ancestor. Downstream every version counts that was ever
made from these bytes. Walked level by level, a fixed number of statements each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.past import history
from ...storage.meta.past.history import Making, VersionFacts
from .references import version_of


class Direction(StrEnum):
    """Which way lineage is followed."""

    UP = "up"
    DOWN = "down"


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
class Link:
    """The run made the version of node `output` from that of node `input`."""

    input: str
    output: str
    run: str


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
            near, far = (link.output, link.input) if self.direction is Direction.UP else (link.input, link.output)
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
        return _up(tx, root, depth) if direction is Direction.UP else _down(tx, root, depth)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A version to be looked at: as it stood at a time (None: now), for an output that is already in the graph."""

    version: int
    before: datetime | None = None
    output: str | None = None
    run: str = ""


@dataclass(slots=True)
class _Walk:
    """What was met so far; node ids in the order in which they were met, the root first."""

    versions: dict[str, int] = field(default_factory=dict[str, int])
    runs: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    links: dict[Link, None] = field(default_factory=dict[Link, None])
    cut: set[str] = field(default_factory=set[str])

    def lineage(self, tx: Transaction, direction: Direction) -> Lineage:
        """The graph that was walked."""
        facts = history.version_facts(tx, list(set(self.versions.values())))
        # A version that was made without inputs has no edges: its run is that of its publication.
        alone = history.publishers(tx, [self.versions[node] for node, run in self.runs.items() if run is None])
        nodes = tuple(
            Node(id=node, version=facts[version], run=self.runs[node] or alone.get(version), cut=node in self.cut)
            for node, version in self.versions.items()
        )
        order = {node.id: (node.version.dataset, node.version.digest) for node in nodes}
        up = direction is Direction.UP
        links = sorted(self.links, key=lambda link: (order[link.input if up else link.output], link.run))
        return Lineage(root=nodes[0].id, direction=direction, nodes=nodes, links=tuple(links))


def _up(tx: Transaction, root: VersionFacts, depth: int) -> Lineage:
    walk = _Walk()
    level = [_Visit(root.id)]
    for step in range(depth + 1):
        makings: dict[int, list[Making]] = defaultdict(list)
        for making in history.makings_of(tx, list({visit.version for visit in level})):
            makings[making.output].append(making)
        following: list[_Visit] = []
        for visit in level:
            made = _last(makings[visit.version], visit.before)
            run = made[0].run_id if made else None
            node = f"{visit.version}/{run or ''}"
            new = node not in walk.versions
            walk.versions[node], walk.runs[node] = visit.version, run
            if visit.output is not None:
                walk.links[Link(input=node, output=visit.output, run=visit.run)] = None
            if new and step < depth:
                following += [_Visit(one.input, one.at, node, one.run_id) for one in made]
            elif new and made:
                walk.cut.add(node)
        level = following
        if not level:
            break
    return walk.lineage(tx, Direction.UP)


def _last(makings: Sequence[Making], before: datetime | None) -> list[Making]:
    """The edges of the newest run among those recorded up to a time; of the oldest, if there is none."""
    counted = [one for one in makings if before is None or one.at <= before] or makings[:1]
    newest = max(((one.at, one.run_id) for one in counted), default=None)
    return [one for one in makings if (one.at, one.run_id) == newest]


def _down(tx: Transaction, root: VersionFacts, depth: int) -> Lineage:
    walk = _Walk(versions={str(root.id): root.id}, runs={str(root.id): None})
    level = [root.id]
    for step in range(depth + 1):
        makings = history.makings_from(tx, level)
        if step == depth:
            walk.cut = {str(making.input) for making in makings}
            break
        following: dict[int, None] = {}
        for making in makings:
            node = str(making.output)
            walk.links[Link(input=str(making.input), output=node, run=making.run_id)] = None
            if node not in walk.versions:
                following[making.output] = None
            walk.versions[node], walk.runs[node] = making.output, making.run_id
        level = list(following)
        if not level:
            break
    return walk.lineage(tx, Direction.DOWN)
