"""Walks over graphs of versions, against a model that reads the whole history at once.

A history is a list of publications, in the order in which they were recorded. The same bytes are published again and
again, from other inputs and by nobody who made them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from penstock.lineage.graph.graph import Direction, Graph, between, ends, joined, turned
from penstock.lineage.graph.walk import Edge, impact, reach, trace
from penstock.lineage.graph.ways import Ways
from penstock.lineage.graph.ways import ways as led
from penstock.storage.meta.past.makings import Named, Published, Reading

START = datetime(2026, 1, 5, tzinfo=UTC)
FAR = 100


@dataclass(frozen=True)
class Told:
    """A publication, by its number: of a version, by a run that had read these, or by others; or that tells again what
    was made before."""

    number: int
    version: int
    read: tuple[Named, ...] = ()
    by_run: bool = True
    makes: bool = True

    @property
    def run(self) -> str | None:
        """The id of the run."""
        return f"r{self.number:03}" if self.by_run else None


class Store:
    """A history, and how often it was asked."""

    def __init__(self, history: Sequence[Told]) -> None:
        self.history = history
        self.asked = 0

    def _edges(self) -> Iterable[Edge]:
        for one in self.history:
            if one.run is not None and one.makes:
                yield from (Edge(one.version, source, one.run) for source in sorted({it.version for it in one.read}))

    def into(self, versions: Collection[int]) -> list[Edge]:
        """What these were made from."""
        self.asked += 1
        return sorted((one for one in self._edges() if one.output in versions), key=lambda one: one.output)

    def out_of(self, versions: Collection[int]) -> list[Edge]:
        """What these led to."""
        self.asked += 1
        return sorted((one for one in self._edges() if one.input in versions), key=lambda one: one.input)

    def _readings(self) -> Iterable[Reading]:
        for one in self.history:
            if one.run is not None and one.makes:
                yield from (Reading(it.version, it.number or 0, one.run, one.version) for it in sorted(set(one.read)))

    def readings(self, versions: Collection[int]) -> list[Reading]:
        """What was made from these publications, each named by its number."""
        self.asked += 1
        return sorted((one for one in self._readings() if one.input in versions), key=lambda one: (one.input, one.by))

    def were_read(self, versions: Collection[int]) -> set[tuple[int, int]]:
        """From which of them anything was made."""
        return {(one.input, one.event) for one in self._readings() if one.input in versions}

    def published(self, versions: Collection[int]) -> dict[int, list[Published]]:
        """When these were told."""
        found: dict[int, list[Published]] = defaultdict(list)
        for one in self.history:
            if one.version in versions:
                found[one.version].append(Published(one.number, "", one.run, START, one.makes, one.number))
        return found

    def read_by(self, run_ids: Collection[str]) -> dict[str, list[Named]]:
        """What these had pinned."""
        self.asked += 1
        return {one.run: sorted(set(one.read)) for one in self.history if one.run in run_ids and one.run and one.read}


@st.composite
def histories(draw: st.DrawFn, *, orderly: bool = True) -> list[Told]:
    """A few versions, published many times. Runs read what was published before, of any version but, in an orderly
    history, those after their own; some things are told by others, and some again without having been made."""
    found: list[Told] = []
    for number in range(draw(st.integers(0, 14))):
        version = draw(st.integers(0, 6))
        there = [Named(one.version, one.number) for one in found if not orderly or one.version <= version]
        read = tuple(draw(st.lists(st.sampled_from(there), max_size=3))) if there else ()
        again = any(one.version == version for one in found) and draw(st.integers(0, 4)) == 0
        by_run = draw(st.integers(0, 4)) > 0
        read = read if by_run and not again else ()
        found.append(Told(number, version, read, by_run, makes=not again))
    return found


tangles = histories(orderly=False)
"""Histories in which a version may come of itself in several steps."""
ways = st.sampled_from(list(Direction))
FORKED = [
    Told(0, 0),
    Told(1, 1),
    Told(2, 2, (Named(0, 0),)),
    Told(3, 3, (Named(1, 1),)),
    Told(4, 4, (Named(2, 2), Named(3, 3))),
]
"""One in which there is no room for what both of a level go on to."""


def distances(history: Sequence[Told], root: int, way: Direction = Direction.DOWN) -> dict[int, int]:
    """Version → steps from one of them, by whichever making: nothing gets nearer any more."""
    steps_of = [(it.version, one.version) for one in history for it in one.read]
    found, changed = {root: 0}, True
    while changed:
        changed = False
        for source, made in steps_of:
            near, far = (made, source) if way is Direction.UP else (source, made)
            if found.get(near, FAR) + 1 < found.get(far, FAR):
                found[far], changed = found[near] + 1, True
    return found


def making_of(history: Sequence[Told], at: Named) -> Told | None:
    """By which publication the bytes were made that were told under this number; without one, the last time."""
    own = [one for one in history if one.version == at.version]
    until = [one for one in own if at.number is None or one.number <= at.number]
    return next((one for one in reversed(until) if one.makes), own[0] if own else None)


def ancestors(history: Sequence[Told], root: Named) -> set[tuple[int, int | None]]:
    """(version, number) of each making upstream: what the run of each had read, and no other making."""
    found: set[tuple[int, int | None]] = set()

    def visit(at: Named) -> None:
        made = making_of(history, at)
        one = (at.version, None if made is None else made.number)
        if one not in found:
            found.add(one)
            for source in () if made is None else made.read:
                visit(source)

    visit(root)
    return found


def walked(store: Store, root: Named, way: Direction, *, depth: int = FAR, most: int = 10_000) -> Graph:
    """Everything that way, by whichever making."""
    return reach(store, [root], way, depth=depth, most=most)


def way_to(history: Sequence[Told], end: Named, begin: Named) -> Ways:
    """The ways from one to another."""
    return led(Store(history), [begin], [end], depth=FAR)


@given(tangles, st.integers(0, 6), ways)
def test_everything_is_reached_by_whichever_making(history: list[Told], root: int, way: Direction) -> None:
    """Every version that can be reached, as far away as it is, and every making between them."""
    found = walked(Store(history), Named(root), way)
    reached = distances(history, root, way)
    assert {node.of: node.depth for node in found.nodes} == reached
    every = {(it.version, one.version, one.run) for one in history for it in one.read}
    assert {(int(link.input), int(link.output), link.by) for link in found.links} == {
        one for one in every if one[way is Direction.UP] in reached
    }
    assert not found.is_cut


@given(tangles, st.integers(0, 6), st.integers(1, 3), ways)
def test_a_walk_ends_at_its_depth_and_says_where_it_goes_on(
    history: list[Told], root: int, depth: int, way: Direction
) -> None:
    """It is everything up to so many steps away; what is as far as that and goes on is cut."""
    found = walked(Store(history), Named(root), way, depth=depth)
    near = {version: steps for version, steps in distances(history, root, way).items() if steps <= depth}
    on = {it.version if way is Direction.DOWN else one.version for one in history for it in one.read}
    assert {node.of: node.depth for node in found.nodes} == near
    cut = {node.of for node in found.nodes if node.cut}
    assert cut == {version for version, steps in near.items() if steps == depth and version in on}


@given(tangles, st.integers(0, 6), st.none() | st.integers(0, 13))
def test_a_publication_came_from_what_its_run_had_read(history: list[Told], version: int, number: int | None) -> None:
    """Every version upstream as it was published when it was read, and no other making; the root under the number that
    was asked for, and the links of a node exactly the inputs of its run."""
    root = Named(version, number)
    found = trace(Store(history), [root], depth=FAR)
    made = {node.id: making_of(history, Named(node.of, node.number)) for node in found.nodes}
    assert {(node.of, getattr(made[node.id], "number", None)) for node in found.nodes} == ancestors(history, root)
    assert [node.number for node in found.nodes if node.id in found.roots] == [
        number if number is not None else getattr(making_of(history, root), "number", None)
    ]
    read = {
        (node.id, one.run, it)
        for node in found.nodes
        if (one := made[node.id]) is not None
        for it in {(source.version, getattr(making_of(history, source), "number", None)) for source in one.read}
    }
    of = {node.id: (node.of, getattr(made[node.id], "number", None)) for node in found.nodes}
    assert {(link.output, link.by, of[link.input]) for link in found.links} == read
    assert not found.is_cut


@given(tangles, st.integers(0, 6), st.none() | st.integers(0, 13))
def test_what_came_of_a_publication_is_what_has_it_in_its_trace(
    history: list[Told], version: int, number: int | None
) -> None:
    """Every making whose trace has that very one, or, without a number, any making of the version; and no other. The
    links are those of the traces."""
    root = Named(version, number)
    found = impact(Store(history), [root], depth=FAR)

    def number_of(at: Named) -> int | None:
        made = making_of(history, at)
        return None if made is None else made.number

    every = {(one.version, number_of(Named(one.version, one.number))) for one in history}
    begins = {(version, number_of(root))} if number is not None else {one for one in every if one[0] == version}
    begins = begins or {(version, None)}
    came = {one for one in every if begins & ancestors(history, Named(*one))}
    of = {node.id: (node.of, number_of(Named(node.of, node.number))) for node in found.nodes}
    assert len(set(of.values())) == len(of)
    assert set(of.values()) == begins | came
    assert {of[one] for one in found.roots} == begins
    links = set[tuple[Any, Any, Any]]()
    for one in came:
        made = making_of(history, Named(*one))
        assert made is not None
        links |= {((it.version, number_of(it)), one, made.run) for it in made.read}
    assert {(of[link.input], of[link.output], link.by) for link in found.links} == {
        link for link in links if link[0] in begins | came
    }
    assert not found.is_cut


@given(tangles, st.integers(0, 6), st.integers(0, 6), st.none() | st.integers(0, 13), st.none() | st.integers(0, 13))
@example([Told(0, 0), Told(1, 1, (Named(0, 0),)), Told(2, 0, (Named(1, 1),))], 0, 0, 0, 2)
def test_ways_are_a_part_of_the_trace_and_of_the_impact(
    history: list[Told], begin: int, end: int, number: int | None, of_end: int | None
) -> None:
    """All of the trace of the end that comes from that very publication, with each link of it in the impact of this."""
    first, last = Named(begin, number), Named(end, of_end)
    found = way_to(history, last, first)
    made = making_of(history, first)
    meant = (begin, None if made is None else made.number)

    def begins_above(at: Named) -> bool:
        return any(one == meant if number is not None else one[0] == begin for one in ancestors(history, at))

    if not begins_above(last):
        assert found.graph.nodes == ()
        return
    whole = trace(Store(history), [last], depth=FAR)
    on_the_way = {node.id for node in whole.nodes if begins_above(Named(node.of, node.number))}
    assert {node.id for node in found.graph.nodes} == on_the_way
    assert set(found.graph.links) == {one for one in whole.links if {one.input, one.output} <= on_the_way}
    assert found.graph.roots == whole.roots
    called = {node.id: node.number for node in found.graph.nodes}
    if not set(found.begins) & set(whole.roots):
        assert {one: called[one] for one in whole.roots} == {
            node.id: node.number for node in whole.nodes if node.id in whole.roots
        }
        assert number is None or {called[one] for one in found.begins} == {number}
    below = impact(Store(history), [first], depth=FAR)
    assert on_the_way <= {node.id for node in below.nodes}
    assert set(found.graph.links) <= set(below.links)


@given(
    tangles, st.integers(0, 6), st.integers(1, 4), st.integers(1, 5), st.sampled_from(["up", "down", "trace", "impact"])
)
@example(FORKED, 4, 4, 3, "up")
def test_limits_hold_and_nothing_hangs(history: list[Told], root: int, depth: int, most: int, what: str) -> None:
    """Never more versions, steps or questions than were allowed, also in a cycle; a node is cut just where something
    that leads on from it was left off."""

    def walk(store: Store, depth: int, most: int) -> Graph:
        if what == "trace":
            return trace(store, [Named(root)], depth=depth, most=most)
        if what == "impact":
            return impact(store, [Named(root, 0)], depth=depth, most=most)
        return walked(store, Named(root), Direction(what), depth=depth, most=most)

    store = Store(history)
    found = walk(store, depth, most)
    assert len(found.nodes) <= most
    assert max(node.depth for node in found.nodes) <= depth
    assert store.asked <= depth + 1
    whole = walk(Store(history), FAR, 10_000)
    assert {node.id for node in found.nodes} <= {node.id for node in whole.nodes}
    assert found.is_cut or len(found.nodes) == len(whole.nodes)
    near = {node.id: node.cut for node in found.nodes}
    goes_on = {ends(link, whole.direction)[0] for link in set(whole.links).difference(found.links)}
    assert {node for node, cut in near.items() if cut} == goes_on.intersection(near)


@given(tangles, st.integers(0, 6), st.integers(0, 6), ways)
def test_between_two_lies_what_is_on_a_way(history: list[Told], root: int, goal: int, way: Direction) -> None:
    """A node is kept if the goal can be reached from it; and there is nothing if the goal cannot be reached at all."""
    whole = walked(Store(history), Named(root), way)
    found = between(whole, {str(goal)})
    leads = set(distances(history, goal, Direction.UP if way is Direction.DOWN else Direction.DOWN))
    assert {node.of for node in found.nodes} == {node.of for node in whole.nodes if node.of in leads}
    assert (found.roots == whole.roots) is any(node.of == goal for node in whole.nodes)
    kept = {node.id for node in found.nodes}
    assert set(found.links) == {link for link in whole.links if {link.input, link.output} <= kept}


@given(histories(), st.integers(0, 6), st.integers(0, 6))
def test_a_way_that_is_turned_is_the_same_way(history: list[Told], begin: int, end: int) -> None:
    """The same versions and links, from the other end."""
    way = way_to(history, Named(end), Named(begin))
    found, down = way.graph, turned(way.graph, way.begins)
    assert set(down.links) == set(found.links)
    assert {node.id for node in down.nodes} == {node.id for node in found.nodes}
    assert down.direction is Direction.DOWN


@given(histories(), st.integers(0, 6), st.integers(1, 3))
def test_above_and_below_are_joined_at_the_root(history: list[Told], root: int, depth: int) -> None:
    """Each version stands there once, with the links of both."""
    newest = making_of(history, Named(root))
    at = Named(root, None if newest is None else newest.number)
    higher = trace(Store(history), [at], depth=depth)
    lower = impact(Store(history), [at], depth=depth)
    found = joined(higher, lower)
    assert {node.id for node in found.nodes} == {node.id for node in (*higher.nodes, *lower.nodes)}
    assert len({node.id for node in found.nodes}) == len(found.nodes)
    assert found.roots == higher.roots == lower.roots
    assert found.is_cut is (higher.is_cut or lower.is_cut)
    known = {node.id for node in found.nodes}
    assert all(link.input in known and link.output in known for link in found.links)
