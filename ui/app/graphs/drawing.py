"""A graph, drawn by streamlit-cytoscape at the places of `layers.py`, and the node that was chosen in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import streamlit as st
from streamlit_cytoscape import EdgeStyle, Event, NodeStyle, streamlit_cytoscape

from ..parts.states import shade
from ..parts.text import visible
from .layers import Places, placed

_ACROSS, _DOWN = 190, 62
"""Pixels between two layers, and between two neighbours in a layer, at their natural size."""
_WIDE = 150
_LONGEST = 22
_NARROWEST = 2
"""Layers for which there is room at least: a graph of a few nodes is not blown up."""
_SMALLEST = 0.7
"""Of their natural size."""
_FRAME = """
.st-key-KEY { overflow: auto hidden; container: KEY / inline-size;
  border: 1px solid color-mix(in srgb, currentColor 18%, transparent);
  border-radius: .5rem; position: relative; scroll-snap-type: x mandatory; animation: KEY 1s 1s forwards; }
@keyframes KEY { to { scroll-snap-type: none; } }
.st-key-KEY::before, .st-key-KEY::after { content: ""; position: absolute; top: 0; left: 0; height: 1px;
  width: calc(max(100% + 40px, WIDTHpx) - 36px); }
.st-key-KEY::after { left: calc(max(100% + 40px, WIDTHpx) * PLACE - 36px); width: 1px; scroll-snap-align: center; }
.st-key-KEY iframe { display: block; margin: -4px -4px -6px -36px; width: calc(100% + 40px); max-width: none;
  min-width: WIDTHpx; height: HEIGHTpx; }
@container KEY (width < BARSpx) { .st-key-KEY iframe { clip-path: polygon(0 0, calc(100% - 140px) 0,
  calc(100% - 140px) 44px, calc(100% - 44px) 44px, calc(100% - 44px) 100%, 0 100%); } }
"""
"""The component has a panel at its left edge for what is selected in it, which nothing here is: that is cut off. On a
narrow screen the graph keeps a size at which it can be read, and is scrolled: at first to what is chosen, to which the
frame snaps as long as its animation has not ended. The component's two bars, at its right edge, would then lie beyond
that of the frame, or half: they are cut off where the frame is narrower than the graph, which a wheel or two fingers
zoom and a drag moves. It is as wide and as high as the graph from the start, so that
nothing below it moves when that comes."""
_HEIGHTS = (240, 400, 560)
"""Pixels; few, for another one is another frame in the browser, which takes a quarter of a second to come."""
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
    *,
    chosen: str,
    key: str,
    way: Collection[tuple[str, str]] = (),
) -> str | None:
    """Draw it, with the edges of a `way` through it in strong lines; the id of the node that was chosen by this very
    click, None without one."""
    joined = sorted(set(edges))
    places = placed([one.id for one in nodes], joined)
    dark = st.context.theme.type == "dark"
    passing, lines = _lines(joined, places, way)
    elements: dict[str, Any] = {
        "nodes": [*(_element(one, places.nodes[one.id], chosen) for one in nodes), *passing, *_margins(places)],
        "edges": lines,
    }
    kinds = {one["data"]["label"]: one["data"]["_state"] for one in elements["nodes"] if "_state" in one["data"]}
    height = _height(places)
    with st.container(key=f"{key}-frame"):
        st.html(f"<style>{_frame(f'{key}-frame', places, chosen, height)}</style>")
        said: object = streamlit_cytoscape(
            elements,
            layout={"name": "preset", "fit": True, "padding": 30, "animate": False},
            node_styles=[*(_look(kind, state, dark=dark) for kind, state in sorted(kinds.items())), _UNSEEN],
            edge_styles=[_line(kind, end=end, dark=dark) for kind in ("reads", "way") for end in (True, False)],
            height=height,
            events=[Event("chosen", "tap", "node")],
            key=f"{key}-{height}",  # a height is given once
        )
    return _fresh(said, key)


def _frame(key: str, places: Places, chosen: str, height: int) -> str:
    layer, last = places.nodes.get(chosen, (0, 0.0))[0], _last(places)
    first = max(_NARROWEST - last, 0) / 2 + 0.75
    place = (first + layer) / (2 * first + last)
    width = int((last + 1.5) * _ACROSS * _SMALLEST)
    values = {"KEY": key, "WIDTH": str(width), "HEIGHT": str(height), "PLACE": f"{place:.3f}"}
    values["BARS"] = str(width - 40)
    return re.sub("|".join(values), lambda found: values[found[0]], _FRAME)


def _element(node: Node, place: tuple[int, float], chosen: str) -> dict[str, Any]:
    shown = visible(node.text).replace("\n", " ")
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
    kind = "outside" if node.outside else "many" if node.many else "one"
    kind = f"{kind}-{node.state.replace(' ', '-')}{'-chosen' if node.id == chosen else ''}"
    return {
        "data": {"id": node.id, "label": kind, "_text": shown, "_state": node.state},
        "position": {"x": place[0] * _ACROSS, "y": place[1] * _DOWN},
        "selectable": False,  # it would open the panel
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
                bends.append(_unseen(points[-1], layer * _ACROSS + side * _WIDE / 2, place * _DOWN))
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
    last, half = _last(places), _half(places) * _DOWN + 40
    more = max(_NARROWEST - last, 0) / 2
    return [
        _unseen("\0first", -(more + 0.75) * _ACROSS, -half),
        _unseen("\0last", (last + more + 0.75) * _ACROSS, half),
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
        "font-size": 12,
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


def _last(places: Places) -> int:
    """The layer at the right."""
    return max((layer for layer, _ in places.nodes.values()), default=0)


def _half(places: Places) -> float:
    """How far the outermost place is from the middle."""
    passed = (one for bends in places.bends.values() for one in bends)
    return max((abs(place) for _, place in (*places.nodes.values(), *passed)), default=0)


def _height(places: Places) -> int:
    wanted = (_half(places) * 2 + 1) * _DOWN * _SMALLEST + 80
    return next((one for one in _HEIGHTS if one >= wanted), _HEIGHTS[-1])


def _fresh(said: object, key: str) -> str | None:
    """A click is heard once: the component says the last one again on every run of the script."""
    if not isinstance(said, dict):
        return None
    told: dict[str, Any] = said  # pyright: ignore[reportUnknownVariableType]  JSON of the component
    if told.get("action") != "chosen":
        return None
    stamp, heard = told.get("timestamp"), f"{key}-heard"
    if st.session_state.get(heard) == stamp:
        return None
    st.session_state[heard] = stamp
    return str(told["data"]["target_id"])
