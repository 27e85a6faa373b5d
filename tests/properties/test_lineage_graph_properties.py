"""Walks over graphs of versions, against a model that reads the whole graph at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from penstock.lineage.graph.graph import Direction, Graph, between, joined
from penstock.lineage.graph.walk import down, up
from penstock.storage.meta.past.makings import Making

START = datetime(2026, 1, 5, tzinfo=UTC)
FAR = 100


def making(run: int, output: int, source: int, took: int = 0) -> Making:
    """What run number `run` made; a run is planned a minute after the one before it, and takes some minutes."""
    planned = START + timedelta(minutes=run)
    return Making(
        output=output, input=source, run_id=f"r{run:03}", read_at=planned, at=planned + timedelta(minutes=took)
    )


class Store:
    """All the makings, and how often it was asked."""

    def __init__(self, makings: Sequence[Making]) -> None:
        self.makings = sorted(set(makings), key=lambda one: (one.at, one.run_id, one.output, one.input))
        self.asked = 0

    def of(self, versions: Collection[int]) -> list[Making]:
        """How these came to be."""
        self.asked += 1
        return [one for one in self.makings if one.output in versions]

    def out_of(self, versions: Collection[int]) -> list[Making]:
        """What these led to."""
        self.asked += 1
        return [one for one in self.makings if one.input in versions]


@st.composite
def histories(draw: st.DrawFn) -> list[Making]:
    """Runs in order; each makes one version from some that are older, a version perhaps several times."""
    found: list[Making] = []
    for run in range(draw(st.integers(0, 14))):
        output = draw(st.integers(1, 8))
        sources = draw(st.sets(st.integers(0, output - 1), min_size=1, max_size=3))
        took = draw(st.integers(0, 5))
        found += [making(run, output, source, took) for source in sorted(sources)]
    return found


tangles = st.lists(st.builds(making, st.integers(0, 9), st.integers(0, 5), st.integers(0, 5)), max_size=20)
"""Any makings, cycles among them, as damaged rows would have them."""


def distances(makings: Sequence[Making], root: int) -> dict[int, int]:
    """Version → steps downstream: nothing gets nearer any more."""
    found, changed = {root: 0}, True
    while changed:
        changed = False
        for one in makings:
            steps = found.get(one.input, 10_000) + 1
            if steps < found.get(one.output, 10_000):
                found[one.output], changed = steps, True
    return found


def ancestors(makings: Sequence[Making], root: int) -> set[tuple[int, str]]:
    """(version, run that made it or nothing) upstream: each as it was made last before it was read."""
    found: set[tuple[int, str]] = set()

    def visit(version: int, before: datetime | None) -> None:
        of = [one for one in makings if one.output == version]
        runs = sorted({(one.at, one.run_id) for one in of})
        until = [one for one in runs if before is None or one[0] <= before]
        _, run = (until[-1] if until else runs[0]) if runs else (START, "")
        if (version, run) in found:
            return
        found.add((version, run))
        for one in of:
            if one.run_id == run:
                visit(one.input, one.read_at)

    visit(root, None)
    return found


def walked(store: Store, root: int, way: Direction, *, depth: int = FAR, most: int = 10_000) -> Graph:
    """The walk in this direction."""
    return (up if way is Direction.UP else down)(store, [root], depth=depth, most=most)


@given(histories(), st.integers(0, 8))
def test_downstream_is_what_the_model_reaches(makings: list[Making], root: int) -> None:
    """Every version that can be reached, as far away as it is, and every making between them."""
    found = walked(Store(makings), root, Direction.DOWN)
    reached = distances(makings, root)
    assert {node.of: node.depth for node in found.nodes} == reached
    assert {(int(link.input), int(link.output), link.by) for link in found.links} == {
        (one.input, one.output, one.run_id) for one in makings if one.input in reached
    }
    assert not found.is_cut


@given(histories(), st.integers(0, 8), st.integers(1, 3))
def test_a_walk_ends_at_its_depth_and_says_where_it_goes_on(makings: list[Making], root: int, depth: int) -> None:
    """Downstream it is everything up to so many steps away; what is as far as that and led to something is cut."""
    found = walked(Store(makings), root, Direction.DOWN, depth=depth)
    near = {version: steps for version, steps in distances(makings, root).items() if steps <= depth}
    read = {one.input for one in makings}
    assert {node.of: node.depth for node in found.nodes} == near
    cut = {node.of for node in found.nodes if node.cut}
    assert cut == {version for version, steps in near.items() if steps == depth and version in read}


@given(histories(), st.integers(0, 8))
def test_upstream_is_what_the_model_reaches(makings: list[Making], root: int) -> None:
    """Every version as it was made when it was read, and no other making."""
    found = walked(Store(makings), root, Direction.UP)
    assert {(node.of, node.by or "") for node in found.nodes} == ancestors(makings, root)
    assert not found.is_cut


@given(tangles, st.integers(0, 5), st.integers(1, 4), st.integers(1, 5), st.sampled_from(list(Direction)))
def test_limits_hold_and_nothing_hangs(makings: list[Making], root: int, depth: int, most: int, way: Direction) -> None:
    """Never more versions, steps or questions than were allowed, also in a cycle; and what was left off is told."""
    store = Store(makings)
    found = walked(store, root, way, depth=depth, most=most)
    assert len(found.nodes) <= most
    assert max(node.depth for node in found.nodes) <= depth
    assert store.asked <= depth + 1
    whole = walked(Store(makings), root, way)
    assert {node.id for node in found.nodes} <= {node.id for node in whole.nodes}
    assert found.is_cut or len(found.nodes) == len(whole.nodes)


@given(histories(), st.integers(0, 8), st.integers(0, 8), st.sampled_from(list(Direction)))
def test_between_two_lies_what_is_on_a_way(makings: list[Making], root: int, goal: int, way: Direction) -> None:
    """A node is kept if the goal can be reached from it; and there is nothing if the goal cannot be reached at all."""
    whole = walked(Store(makings), root, way)
    found = between(whole, {goal})
    near = whole.next_to()

    def leads(node: str) -> bool:
        version = next(one.of for one in whole.nodes if one.id == node)
        return version == goal or any(leads(further) for further in near.get(node, []))

    assert {node.id for node in found.nodes} == {node.id for node in whole.nodes if leads(node.id)}
    kept = {node.id for node in found.nodes}
    assert set(found.links) == {link for link in whole.links if {link.input, link.output} <= kept}


@given(histories(), st.integers(0, 8), st.integers(1, 3))
def test_both_ways_are_one_graph(makings: list[Making], root: int, depth: int) -> None:
    """Each version once, and the links of both."""
    higher = walked(Store(makings), root, Direction.UP, depth=depth)
    lower = walked(Store(makings), root, Direction.DOWN, depth=depth)
    found = joined(higher, lower)
    assert sorted(node.of for node in found.nodes) == sorted({node.of for node in (*higher.nodes, *lower.nodes)})
    assert found.roots == (str(root),)
    assert found.is_cut is (higher.is_cut or lower.is_cut)
    known = {node.id for node in found.nodes}
    assert all(link.input in known and link.output in known for link in found.links)
