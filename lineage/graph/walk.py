"""Walking the graph from some versions, level by level, within limits of depth and size. Pure but for what it asks.

A version is bytes, which may have been made several times. `trace` goes from a publication up to what its run had
pinned, `impact` from one down to what the runs that had pinned it made: other makings of the same bytes are neither
ancestors nor descendants, and one is in the impact of another just where that is in its trace. `reach` is the same for
datasets, as they are declared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import NamedTuple, Protocol

from ...storage.meta.past.makings import Named, Published, Reading
from .graph import Direction, Graph, Link, Node, ends
from .publications import Publications

DEPTH = 1000
"""Steps that nobody goes further than."""
MOST = 10_000
"""Nodes that an answer has at most, if no other number is asked for."""
_AT_ONCE = 500
"""So many readings are looked at together, at most."""
_AT_LEAST = 50
"""So many publications are looked at together, at least, where there is room for fewer nodes."""


class Edge(NamedTuple):
    """An asset makes one dataset from another; both are named by their numbers."""

    output: int
    input: int
    by: str


class Edges(Protocol):
    """What is made from what."""

    def into(self, numbers: Collection[int], /) -> Sequence[Edge]:
        """What these are made from."""
        ...

    def out_of(self, numbers: Collection[int], /) -> Sequence[Edge]:
        """What is made from these."""
        ...


class Makings(Protocol):
    """Which publications there were, what was read for them, and what was made from them."""

    def published(self, versions: Collection[int]) -> Mapping[int, Sequence[Published]]:
        """The events that published each of these versions, oldest first."""
        ...

    def read_by(self, run_ids: Collection[str]) -> Mapping[str, Sequence[Named]]:
        """What each of these runs had pinned."""
        ...

    def readings(self, versions: Collection[int]) -> Iterable[Reading]:
        """What was made from these versions: version by version, by their ids. There may be very much."""
        ...

    def were_read(self, versions: Collection[int]) -> Collection[tuple[int, int]]:
        """The publications of these versions from which something was made: version, and event."""
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
        return node in self.nodes or self.room > 0

    @property
    def room(self) -> int:
        """How many more nodes the graph may have."""
        return self.most - len(self.nodes)

    def meet(self, node: Node) -> bool:
        """The node is in the graph; whether it is new."""
        return self.nodes.setdefault(node.id, node) is node

    def graph(self, roots: Sequence[str], direction: Direction) -> Graph:
        """What was walked."""
        nodes = tuple(replace(node, cut=node.id in self.cut) for node in self.nodes.values())
        return Graph(roots=tuple(roots), direction=direction, nodes=nodes, links=tuple(self.links))


@dataclass(slots=True)
class _Told:
    """The publications of versions, each asked for and gone through once in a walk."""

    known: Makings
    _of: dict[int, Publications] = field(default_factory=dict[int, Publications])

    def of(self, versions: Collection[int]) -> Mapping[int, Publications]:
        """Those of these versions, among others."""
        if fresh := {one for one in versions if one not in self._of}:
            told = self.known.published(fresh)
            self._of.update((one, Publications.of(told.get(one, ()))) for one in fresh)
        return self._of

    def known_of(self, versions: Collection[int]) -> Mapping[int, Publications]:
        """The same of those that were asked for before."""
        return {one: self._of[one] for one in versions if one in self._of}


def making_id(version: int, made: Published | None) -> str:
    """The id of the node of a making in a trace.

    >>> making_id(7, None)
    '7/'
    """
    return f"{version}/{'' if made is None else made.number}"


def trace(known: Makings, roots: Sequence[Named], *, depth: int = 10, most: int = MOST, since: int = 0) -> Graph:
    """What these publications came from, at most `depth` steps up and `most` nodes: a node for each making. A root
    without a number is the newest making of its version. What was made before the event `since` is left out."""
    walk, told = _Walk(most), _Told(known)
    begins: list[str] = []
    level = [_Visit(root) for root in dict.fromkeys(roots)]
    depth = min(depth, DEPTH)
    for step in range(depth + 1):
        met: list[tuple[str, str]] = []
        for visit, publications in _looked_at(level, told, walk, since):
            version, number = visit.of
            one = publications.making(number)
            number = number if one is None or (number is not None and visit.output is None) else one.number
            node = making_id(version, one)
            if one is not None and one.event < since:
                continue
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


def impact(
    known: Makings, roots: Sequence[Named], *, depth: int = 10, most: int = MOST, until: int | None = None
) -> Graph:
    """What came of these publications, at most `depth` steps down and `most` nodes: a node for each making. A root
    without a number is every making of its version. What was made after the event `until` is left out."""
    walk, told = _Walk(most), _Told(known)
    all_of = told.of({root.version for root in roots})
    level: dict[_Making, str] = {}
    for root in dict.fromkeys(roots):
        found = all_of[root.version]
        for one in (root.number is None and found.makings) or (found.making(root.number),):
            number = root.number if one is None or root.number is not None else one.number
            node = Node(id=making_id(root.version, one), of=root.version, number=number, depth=0)
            walk.meet(node)
            level[root.version, 0 if one is None else one.number] = node.id
    begins = tuple(walk.nodes)
    for step in range(1, min(depth, DEPTH) + 1):
        level = _made_from(told, walk, level, step, until)
        if not level:
            break
    walk.cut |= _going_on(told, level)
    return walk.graph(begins, Direction.DOWN)


def _looked_at(level: Sequence[_Visit], told: _Told, walk: _Walk, since: int) -> Iterator[tuple[_Visit, Publications]]:
    """The visits of a level, each with the publications of what is visited. Of those for which there is no room any
    more nobody asks the store; unless some, from before `since`, are no part of the graph anyway."""
    place = 0
    while some := level[place : place + max(walk.room, _AT_LEAST)]:
        place += len(some)
        versions = {visit.of.version for visit in some}
        all_of = told.of(versions) if walk.room > 0 or since else told.known_of(versions)
        for visit in some:
            if visit.of.version in all_of:
                yield visit, all_of[visit.of.version]
            elif visit.output is not None:
                walk.cut.add(visit.output)


_Making = tuple[int, int]
"""A version, and the number under which it was made."""


def _made_from(
    told: _Told, walk: _Walk, level: Mapping[_Making, str], step: int, until: int | None
) -> dict[_Making, str]:
    """What was made from the makings of a level, and is new; read no further than there is room."""
    following: dict[_Making, str] = {}
    read = _readings(told, level)
    while some := list(islice(read, _AT_ONCE)):
        made = told.of({one.output for _, one in some})
        for place, (near, one) in enumerate(some):
            output = made[one.output].by_run.get(one.by)
            if output is None or (until is not None and output.event > until):  # not told yet, at that time
                continue
            node = making_id(one.output, output)
            if not walk.has_room(node):
                walk.cut |= _unread(told, level, near, chain(some[place:], read))
                return following
            walk.links[Link(input=level[near], output=node, by=one.by)] = None
            if walk.meet(Node(id=node, of=one.output, number=output.number, depth=step)):
                following[one.output, output.number] = node
    return following


def _readings(told: _Told, level: Collection[_Making]) -> Iterator[tuple[_Making, Reading]]:
    """What was made from the makings of a level, with that of them which was read; version by version."""
    versions = {version for version, _ in level}
    all_of = told.of(versions)
    for one in told.known.readings(versions):
        made = all_of[one.input].told_by(one.event)
        if made is not None and (one.input, made.number) in level:
            yield (one.input, made.number), one


def _unread(
    told: _Told, level: Mapping[_Making, str], near: _Making, rest: Iterable[tuple[_Making, Reading]]
) -> set[str]:
    """The nodes of a level of which there is more than was read: `rest` begins with the first that was not."""
    same = {making for making in level if making[0] == near[0]}
    found: set[_Making] = set()
    for making, _ in rest:
        if making[0] != near[0]:
            break
        found.add(making)
        if found == same:
            break
    later = {making: node for making, node in level.items() if making[0] > near[0]}
    return {level[making] for making in found} | _going_on(told, later)


def _going_on(told: _Told, level: Mapping[_Making, str]) -> set[str]:
    """The nodes of a level from which anything was made."""
    versions = {version for version, _ in level}
    all_of = told.of(versions)
    read = ((version, all_of[version].told_by(event)) for version, event in told.known.were_read(versions))
    makings = {(version, made.number) for version, made in read if made is not None}
    return {node for making, node in level.items() if making in makings}


def reach(edges: Edges, roots: Sequence[Named], direction: Direction, *, depth: int = 10, most: int = MOST) -> Graph:
    """What these datasets are made from, or what is made from them, at most `depth` steps away and `most` nodes: a node
    for each."""
    walk = _Walk(most)
    level = dict.fromkeys(root.version for root in roots)
    for one in level:
        walk.meet(Node(id=str(one), of=one, depth=0))
    begins = tuple(walk.nodes)
    ask = edges.into if direction is Direction.UP else edges.out_of
    for step in range(1, min(depth, DEPTH) + 1):
        following: dict[int, None] = {}
        for edge in ask(level):
            near, far = ends(edge, direction)
            if not walk.has_room(str(far)):
                walk.cut.add(str(near))
                continue
            walk.links[Link(input=str(edge.input), output=str(edge.output), by=edge.by)] = None
            if walk.meet(Node(id=str(far), of=far, depth=step)):
                following[far] = None
        level = following
        if not level:
            break
    walk.cut |= {str(ends(edge, direction)[0]) for edge in ask(level)}
    return walk.graph(begins, direction)
