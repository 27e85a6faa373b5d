"""Where the nodes of a graph lie: from left to right in layers, with few crossings. Pure.

The same graph has the same places, whatever order it is told in: nothing moves when a view is refreshed. The way is
that of Sugiyama, Tagawa and Toda (1981): each node a layer right of all that leads to it; edges that pass a layer take
a place in it; then each layer is ordered by the middles of its neighbours, from the left and from the right in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 8
_Node = tuple[str, int]
"""A node with 0, or an edge `source\\0target` with the layer that it passes."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies: a layer, from 0, and a place in it, where neighbours are 1 apart and the middle is 0.

    Attributes
    ----------
    nodes: of each node.
    bends: of each edge that passes layers, source and target → where it passes them, from left to right.
    """

    nodes: Mapping[str, tuple[int, float]]
    bends: Mapping[tuple[str, str], tuple[tuple[int, float], ...]]


def placed(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Places:
    """The places of nodes, and of edges in the layers that they pass, so that none runs behind a node.

    An edge that names an unknown node is left out, and so is what would close a cycle.

    >>> placed(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    Places(nodes={'a': (0, 0.0), 'b': (1, -0.5), 'c': (2, 0.0)}, bends={('a', 'c'): ((1, 0.5),)})
    """
    known = sorted(set(nodes))
    wanted = sorted({one for one in edges if one[0] != one[1] and set(one) <= set(known)})
    layer = _near(layers(known, wanted), wanted)
    kept = [(source, target) for source, target in wanted if layer[source] < layer[target]]
    rows: list[list[_Node]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in known:
        rows[layer[name]].append((name, 0))
    left: dict[_Node, list[_Node]] = {}
    right: dict[_Node, list[_Node]] = {}
    passing: dict[tuple[str, str], list[_Node]] = {}
    for source, target in kept:
        before: _Node = (source, 0)
        for passed in range(layer[source] + 1, layer[target]):
            bend: _Node = (f"{source}\0{target}", passed)
            passing.setdefault((source, target), []).append(bend)
            rows[passed].append(bend)
            _join(before, bend, left, right)
            before = bend
        _join(before, (target, 0), left, right)
    _order(rows, left, right)
    found = {node: (number, place) for number, row in enumerate(rows) for node, place in _centred(row).items()}
    return Places(
        nodes={node[0]: place for node, place in found.items() if not node[1]},
        bends={edge: tuple(found[one] for one in those) for edge, those in passing.items()},
    )


def layers(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """How many edges the longest way to each node has; of a cycle, that which its last edge would make longer.

    >>> layers(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    {'a': 0, 'b': 1, 'c': 2}
    """
    follow: dict[str, list[str]] = {}
    missing = dict.fromkeys(nodes, 0)
    for source, target in edges:
        follow.setdefault(source, []).append(target)
        missing[target] += 1
    found = dict.fromkeys(nodes, 0)
    ready = [name for name in nodes if not missing[name]]
    done: set[str] = set()
    while len(done) < len(found):
        if not ready:  # a cycle, which definitions cannot have and a made-up graph may
            ready = [next(name for name in nodes if name not in done)]
        name = ready.pop()
        if name in done:
            continue
        done.add(name)
        for target in follow.get(name, ()):
            missing[target] -= 1
            if target not in done:
                found[target] = max(found[target], found[name] + 1)
                if missing[target] <= 0:
                    ready.append(target)
    return found


def _near(layer: dict[str, int], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """What nothing leads to lies right before the first that it leads to, so that its edges are short."""
    first: dict[str, int] = {}
    for source, target in edges:
        first[source] = min(layer[target], first.get(source, layer[target]))
    led = {target for _, target in edges}
    return {
        name: number if name in led or name not in first else max(first[name] - 1, 0) for name, number in layer.items()
    }


def _join(source: _Node, target: _Node, left: dict[_Node, list[_Node]], right: dict[_Node, list[_Node]]) -> None:
    right.setdefault(source, []).append(target)
    left.setdefault(target, []).append(source)


def _order(rows: list[list[_Node]], left: Mapping[_Node, list[_Node]], right: Mapping[_Node, list[_Node]]) -> None:
    """Order each row by what lies beside it. Equals stay as they were, which in the end is by name."""
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for number in range(1, len(rows)) if forward else range(len(rows) - 2, -1, -1):
            beside = _centred(rows[number - 1 if forward else number + 1])
            own = _centred(rows[number])
            neighbours = left if forward else right
            rows[number] = sorted(
                own, key={one: _middle(neighbours.get(one), beside, own[one]) for one in own}.__getitem__
            )


def _middle(neighbours: Sequence[_Node] | None, beside: Mapping[_Node, float], own: float) -> float:
    return sum(beside[one] for one in neighbours) / len(neighbours) if neighbours else own


def _centred(row: Sequence[_Node]) -> dict[_Node, float]:
    """The place of each in its row, of which 0 is the middle."""
    return {node: place - (len(row) - 1) / 2 for place, node in enumerate(row)}
