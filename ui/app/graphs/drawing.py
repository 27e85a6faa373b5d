"""A graph, drawn by streamlit-cytoscape at the places of `layers.py`, and the node that was chosen in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Any

import streamlit as st
from streamlit_cytoscape import EdgeStyle, Event, NodeStyle, streamlit_cytoscape

from ..parts.states import shade
from ..parts.text import shortened
from .frame import ACROSS, DOWN, extent, framed
from .layers import Places, placed

_WIDE = 150
_LONGEST = 22
_BEYOND = ":material/drag_pan: There is more of it than is seen here: drag it. A wheel or two fingers zoom."
_UNSEEN = NodeStyle(
    "unseen",
    custom_styles={"opacity": 0, "events": "no", "width": 0.1, "height": 0.1, "border-width": 0, "padding": 0},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node: its id, what is written on it, and the state whose colour it has. `outside`: nothing of this project
    makes it; `many`: it stands for several."""

    id: str
    text: str
    state: str
    outside: bool = False
    many: bool = False


def draw(
    nodes: Sequence[Node],
    edges: Iterable[tuple[str, str]],
    choose: Callable[[str], None],
    *,
    chosen: str,
    key: str,
    way: Collection[tuple[str, str]] = (),
) -> None:
    """Draw it, with the edges of a `way` through it in strong lines; of the node that is clicked its id is heard,
    before anything is drawn."""
    drawn = f"{key}-drawn"

    def heard() -> None:
        said: object = st.session_state[drawn]
        if isinstance(said, dict):
            told: dict[str, Any] = said  # pyright: ignore[reportUnknownVariableType]  JSON of the component
            if told.get("action") == "chosen":
                choose(str(told["data"]["target_id"]))

    joined = sorted(set(edges))
    places = placed([one.id for one in nodes], joined)
    dark = st.context.theme.type == "dark"
    passing, lines = _lines(joined, places, way)
    elements: dict[str, Any] = {
        "nodes": [*(_element(one, places.nodes[one.id], chosen) for one in nodes), *passing, *_margins(places)],
        "edges": lines,
    }
    kinds = {one["data"]["label"]: one["data"]["_state"] for one in elements["nodes"] if "_state" in one["data"]}
    room = extent(places)
    fit = {"name": "preset", "fit": True, "padding": 0, "animate": False}
    height, style = framed(key, places, chosen, ground="hsl(223 19% 7%)" if dark else "#ffffff")
    with st.container(key=key):
        st.html(f"<style>{style}</style>")
        with st.container(key=f"{key}-frame"):
            streamlit_cytoscape(
                elements,
                layout={**fit, "of": [*astuple(room), chosen]},  # of another graph it is fitted in again
                node_styles=[*(_look(kind, state, dark=dark) for kind, state in sorted(kinds.items())), _UNSEEN],
                edge_styles=[_line(kind, end=end, dark=dark) for kind in ("reads", "way") for end in (True, False)],
                height=height,
                events=[Event("chosen", "tap", "node")],
                key=drawn,
                on_change=heard,
            )
        with st.container(key=f"{key}-beyond"):
            st.caption(_BEYOND)


def _element(node: Node, place: tuple[int, float], chosen: str) -> dict[str, Any]:
    kind = "outside" if node.outside else "many" if node.many else "one"
    kind = f"{kind}-{node.state.replace(' ', '-')}{'-chosen' if node.id == chosen else ''}"
    return {
        "data": {"id": node.id, "label": kind, "_text": shortened(node.text, _LONGEST), "_state": node.state},
        "position": {"x": place[0] * ACROSS, "y": place[1] * DOWN},
        "selectable": False,  # it would open the panel
        "pannable": True,  # a drag moves the graph wherever it begins; a node stays where it is
    }


def _lines(
    edges: Iterable[tuple[str, str]], places: Places, way: Collection[tuple[str, str]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The edges, each in pieces between the places at which it passes layers; and the nodes, unseen, that lie there."""
    bends: list[dict[str, Any]] = []
    pieces: list[dict[str, Any]] = []
    for edge in edges:
        kind = "way" if edge in way else "reads"
        points = [edge[0]]
        for layer, place in places.bends.get(edge, ()):
            for side in (-1, 1):
                points.append(f"{edge[0]}\0{edge[1]}\0{layer * side}")
                bends.append(_unseen(points[-1], layer * ACROSS + side * _WIDE / 2, place * DOWN))
        points.append(edge[1])
        for source, target in pairwise(points):
            label = kind if target == edge[1] else f"{kind}-on"
            data = {"id": f"{source}\0to\0{target}", "source": source, "target": target, "label": label}
            pieces.append({"data": data})
    return bends, pieces


def _unseen(name: str, x: float, y: float) -> dict[str, Any]:
    return {"data": {"id": name, "label": "unseen"}, "position": {"x": x, "y": y}, "selectable": False}


def _margins(places: Places) -> list[dict[str, Any]]:
    """Room beside the outermost nodes, which the component leaves none, for what lies over its edges."""
    room = extent(places)
    return [
        _unseen("\0first", room.left, room.top),
        _unseen("\0last", room.left + room.width, room.top + room.height),
    ]


def _look(kind: str, state: str, *, dark: bool) -> NodeStyle:
    ink = "#fafafa" if dark else "#20242c"
    ground = "#1c2129" if dark else "#ffffff"
    outside, many = kind.startswith("outside"), kind.startswith("many")
    style: dict[str, Any] = {
        "shape": "round-rectangle",
        "width": _WIDE,
        "height": 40 if many else 34,
        "background-color": ground,
        "border-width": 5 if kind.endswith("-chosen") else 2,
        "border-color": shade(state),
        "border-style": "dashed" if outside else "double" if many else "solid",
        "color": ink,
        "font-size": 13,
        "text-valign": "center",
        "text-wrap": "ellipsis",
        "text-max-width": "138px",
        "text-halign": "center",
        "text-background-opacity": 0,
        "text-outline-width": 0,
    }
    return NodeStyle(kind, ground, "_text", custom_styles=style)


def _line(kind: str, *, end: bool, dark: bool) -> EdgeStyle:
    colour = shade("running") if kind == "way" else "#6b7280" if dark else "#9aa2ae"
    style: dict[str, Any] = {
        "width": 4 if kind == "way" else 1.5,
        "curve-style": "bezier",
        "source-endpoint": "90deg",
        "target-endpoint": "270deg",
        "arrow-scale": 0.9,
        "label": "",
    }
    return EdgeStyle(kind if end else f"{kind}-on", color=colour, directed=end, custom_styles=style)
