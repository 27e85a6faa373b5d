"""Where the nodes of a graph lie: from left to right, each at a place of its own, always the same."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from penstock.ui.app.graphs.layers import placed
from penstock.ui.app.graphs.part import essential

NAMES = [f"n{number:02}" for number in range(14)]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """A graph without cycles: edges go from earlier to later names."""
    nodes = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes))
    return nodes, [(min(one), max(one)) for one in draw(st.lists(pairs, max_size=40)) if one[0] != one[1]]


@given(graphs())
def test_each_edge_goes_to_the_right(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    """What is read lies left of what reads it, and no two nodes lie at one place."""
    nodes, edges = graph
    places = placed(nodes, edges).nodes
    assert places.keys() == set(nodes)
    assert all(places[source][0] < places[target][0] for source, target in edges)
    assert len({*places.values()}) == len(nodes)


@given(graphs())
def test_no_edge_runs_behind_a_node(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    """An edge that passes layers has a place of its own in each of them."""
    nodes, edges = graph
    places = placed(nodes, edges)
    passed = [place for bends in places.bends.values() for place in bends]
    assert len({*passed, *places.nodes.values()}) == len(passed) + len(nodes)
    for source, target in set(edges):
        between = range(places.nodes[source][0] + 1, places.nodes[target][0])
        assert [layer for layer, _ in places.bends.get((source, target), ())] == list(between)


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_telling_moves_nothing(
    graph: tuple[list[str], list[tuple[str, str]]], chance: random.Random
) -> None:
    """The same graph has the same places, in whatever order, and however often an edge is told."""
    nodes, edges = graph
    again = [*edges, *edges[:3]]
    others = list(nodes)
    chance.shuffle(again)
    chance.shuffle(others)
    assert placed(others, again) == placed(nodes, edges)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=40))
def test_a_cycle_and_an_unknown_node_hang_nothing(edges: list[tuple[str, str]]) -> None:
    """Whatever the edges, every node has a place, and no other has one."""
    assert placed(NAMES[:9], edges).nodes.keys() == set(NAMES[:9])


def test_two_ways_that_need_not_cross_do_not() -> None:
    """Crossing ways that were named awkwardly are laid out beside each other."""
    places = placed(["a", "b", "y", "z"], [("a", "z"), ("b", "y")]).nodes
    assert (places["a"][1] < places["b"][1]) == (places["z"][1] < places["y"][1])


def reached(edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """From where one gets where."""
    found = set(edges)
    while more := {(one, end) for one, middle in found for begin, end in edges if begin == middle} - found:
        found |= more
    return found


@given(st.lists(st.tuples(st.sampled_from(NAMES[:8]), st.sampled_from(NAMES[:8])), unique=True, max_size=30))
def test_what_longer_ways_imply_can_be_left_out(edges: list[tuple[str, str]]) -> None:
    """One still gets everywhere, also where there are cycles."""
    kept = essential(edges)
    assert set(kept) <= set(edges)
    assert reached(kept) == reached(edges)


@given(graphs())
def test_no_edge_stays_that_a_longer_way_implies(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    """Without a cycle each edge that stays is the only way."""
    kept = essential(sorted(set(graph[1])))
    assert all(
        (source, target) not in reached([one for one in kept if one != (source, target)]) for source, target in kept
    )
