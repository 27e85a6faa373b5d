"""What a picture of a graph consists of, at the places of `layers.py`: boxes, lines, and the room that they take. Pure.

How large it is on a page the browser decides (`picture.css`): all of it where there is room, else in a box that is
scrolled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..parts.states import shade
from ..parts.text import shortened
from .layers import Places, placed

ACROSS, DOWN = 190, 62
"""Pixels between two layers, and between two neighbours in a layer, at their natural size."""
_WIDE, _HIGH, _HIGHER = 150, 34, 40
"""How large a node is, and how high one that stands for several."""
_EDGE = 14
"""Around the outermost nodes."""
_HEAD = 6
_LONGEST = 200
"""Characters of a name; the browser writes as many as there is room for, and tells the rest on demand."""
_Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node: its id, what is written on it, and the state whose colour it has. `outside`: nothing of this project
    makes it; `many`: it stands for several."""

    id: str
    text: str
    state: str
    outside: bool = False
    many: bool = False


def picture(
    nodes: Sequence[Node], edges: Iterable[tuple[str, str]], *, chosen: str = "", way: Collection[tuple[str, str]] = ()
) -> dict[str, Any]:
    """All that is drawn, ready for JSON; edges of a `way` are strong.

    >>> seen = picture([Node(id="a", text="a", state="success"), Node(id="b", text="b", state="failed")], [("a", "b")])
    >>> [(one["id"], one["x"], one["y"]) for one in seen["nodes"]]
    [('a', 0, 0.0), ('b', 190, 0.0)]
    >>> seen["lines"][0]["path"]
    'M75 0.0C95.0 0.0 95.0 0.0 115 0.0m-6 -4l6 4l-6 4'
    """
    joined = sorted(set(edges))
    places = placed([one.id for one in nodes], joined)
    return {
        **_room(places),
        "chosen": chosen,
        "nodes": [_node(one, _point(places.nodes[one.id]), one.id == chosen) for one in nodes],
        "lines": [
            {"path": _path(edge, places), "way": edge in way}
            for edge in sorted(joined, key=lambda one: one in way)  # the strong ones above the others
            if set(edge) <= places.nodes.keys()
        ],
    }


def _point(place: tuple[int, float]) -> _Point:
    return place[0] * ACROSS, place[1] * DOWN


def _node(node: Node, at: _Point, chosen: bool) -> dict[str, Any]:
    text = shortened(node.text, _LONGEST)
    return {
        "id": node.id,
        "text": text,
        "x": at[0],
        "y": at[1],
        "wide": _WIDE,
        "high": _HIGHER if node.many else _HIGH,
        "kind": "outside" if node.outside else "many" if node.many else "one",
        "shade": shade(node.state),
        "chosen": chosen,
        "name": f"{text}, {node.state}",
    }


def _room(places: Places) -> dict[str, float]:
    points = [_point(one) for bends in (places.nodes.values(), *places.bends.values()) for one in bends] or [(0, 0)]
    beside, above = _WIDE / 2 + _EDGE, _HIGHER / 2 + _EDGE
    left, right = min(x for x, _ in points) - beside, max(x for x, _ in points) + beside
    top, bottom = min(y for _, y in points) - above, max(y for _, y in points) + above
    return {"left": left, "top": top, "width": right - left, "height": bottom - top}


def _path(edge: tuple[str, str], places: Places) -> str:
    """A line from the right side of one node to the left side of another, straight where it passes between others."""
    source, *passed, target = (
        _point(one) for one in (places.nodes[edge[0]], *places.bends.get(edge, ()), places.nodes[edge[1]])
    )
    points = [(source[0] + _WIDE // 2, source[1])]
    points += [(x + side * _WIDE // 2, y) for x, y in passed for side in (-1, 1)]
    points.append((target[0] - _WIDE // 2, target[1]))
    drawn = f"M{points[0][0]} {points[0][1]}"
    for number, ((x, y), (then_x, then_y)) in enumerate(pairwise(points)):
        middle = (x + then_x) / 2
        curved = f"C{middle} {y} {middle} {then_y} {then_x} {then_y}"
        drawn += curved if number % 2 == 0 else f"L{then_x} {then_y}"
    return f"{drawn}m-{_HEAD} -4l{_HEAD} 4l-{_HEAD} 4"
