"""A graph, drawn by streamlit-cytoscape at the places of `layers.py`, and the node that was chosen in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit_cytoscape import EdgeStyle, Event, NodeStyle, streamlit_cytoscape

from ..parts.states import shade
from ..parts.text import visible
from .layers import placed

_ACROSS, _DOWN = 190, 62
"""Pixels between two layers, and between two neighbours in a layer, at their natural size."""
_LONGEST = 22
_NARROWEST = 2
"""Layers for which there is room at least: a graph of a few nodes is not blown up."""
_SMALLEST = 0.7
"""Of their natural size."""
_FRAME = """
.st-key-KEY { overflow: auto hidden; border: 1px solid color-mix(in srgb, currentColor 18%, transparent);
  border-radius: .5rem; }
.st-key-KEY iframe { display: block; margin: -4px -4px -6px -36px; width: calc(100% + 40px); max-width: none;
  min-width: WIDTHpx; }
"""
"""The component has a panel at its left edge for what is selected in it, which nothing here is: that is cut off. On a
narrow screen the graph keeps a size at which it can be read, and is scrolled."""
_MARGIN = NodeStyle("margin", custom_styles={"opacity": 0, "events": "no", "width": 1, "height": 1})


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
    elements: dict[str, Any] = {
        "nodes": [*(_element(one, places[one.id], chosen) for one in nodes), *_margins(places)],
        "edges": [_edge(*one, kind="way" if one in way else "reads") for one in joined],
    }
    kinds = {one["data"]["label"]: one["data"]["_state"] for one in elements["nodes"] if "_state" in one["data"]}
    height, width = _height(places), _width(places)
    with st.container(key=f"{key}-frame"):
        st.html(f"<style>{_FRAME.replace('KEY', f'{key}-frame').replace('WIDTH', str(width))}</style>")
        said: object = streamlit_cytoscape(
            elements,
            layout={"name": "preset", "fit": True, "padding": 30, "animate": False},
            node_styles=[*(_look(kind, state, dark=dark) for kind, state in sorted(kinds.items())), _MARGIN],
            edge_styles=[_line("reads", dark=dark), _line("way", dark=dark)],
            height=height,
            events=[Event("chosen", "tap", "node")],
            key=f"{key}-{height}",  # a height is given once
        )
    return _fresh(said, key)


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


def _edge(source: str, target: str, *, kind: str) -> dict[str, Any]:
    return {"data": {"id": f"{source}\0{target}", "source": source, "target": target, "label": kind}}


def _margins(places: dict[str, tuple[int, float]]) -> list[dict[str, Any]]:
    """Room beside the outermost nodes, which the component leaves none, for what lies over its edges."""
    last = max((layer for layer, _ in places.values()), default=0)
    half = max((abs(place) for _, place in places.values()), default=0) * _DOWN + 40
    more = max(_NARROWEST - last, 0) / 2
    return [
        {"data": {"id": f"\0{name}", "label": "margin"}, "position": {"x": x, "y": y}, "selectable": False}
        for name, x, y in (("first", -(more + 0.75) * _ACROSS, -half), ("last", (last + more + 0.75) * _ACROSS, half))
    ]


def _look(kind: str, state: str, *, dark: bool) -> NodeStyle:
    ink = "#fafafa" if dark else "#20242c"
    ground = "#1c2129" if dark else "#ffffff"
    outside, many = kind.startswith("outside"), kind.startswith("many")
    style: dict[str, Any] = {
        "shape": "round-rectangle",
        "width": 150,
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


def _line(kind: str, *, dark: bool) -> EdgeStyle:
    colour = shade("running") if kind == "way" else "#6b7280" if dark else "#9aa2ae"
    style: dict[str, Any] = {
        "width": 4 if kind == "way" else 1.5,
        "curve-style": "bezier",
        "source-endpoint": "90deg",
        "target-endpoint": "270deg",
        "arrow-scale": 0.9,
        "label": "",
    }
    return EdgeStyle(kind, color=colour, directed=True, custom_styles=style)


def _height(places: dict[str, tuple[int, float]]) -> int:
    rows = max((abs(place) for _, place in places.values()), default=0) * 2 + 1
    return int(min(max(rows * _DOWN + 40, 240), 560))


def _width(places: dict[str, tuple[int, float]]) -> int:
    return int((max((layer for layer, _ in places.values()), default=0) + 1.5) * _ACROSS * _SMALLEST)


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
