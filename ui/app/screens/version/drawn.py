"""The graph around a version, drawn; and in strong lines the ways to another one."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from .....storage.errors import UsageError
from ....read.tracing import Trace, Traced, ways
from ....words.makings import named, reference
from ...graphs.drawing import draw
from ...graphs.picture import Node
from ...parts.address import move
from ...parts.says import refused
from ...parts.text import plain
from ...project import ask_past

_LEGEND = (
    "Green: what its dataset holds now. Gray: what it held before. Dashed: written by others. "
    "…: it goes on beyond. A click moves there."
)


def drawn(found: Trace, version: str, run: str | None, to: str, moment: datetime | None) -> None:
    """Draw it; whoever is clicked is chosen."""
    way = _way(found, version, run, to, moment) if to else None
    lines = {one.node.id: one for one in (*(() if way is None else way.lines), *found.lines)}
    edges = {*_edges(found), *(() if way is None else _edges(way))}
    roots = [one.node.id for one in found.roots]
    names = {id_: reference(one) for id_, one in lines.items() if id_ not in roots}
    draw(
        [_node(one) for one in lines.values()],
        edges,
        lambda node: move(version=names[node], run=None) if node in names else None,
        chosen=roots[0],
        key="lineage-graph",
        legend=_LEGEND,
        way=() if way is None else set(_edges(way)),
    )


def _way(found: Trace, version: str, run: str | None, to: str, moment: datetime | None) -> Trace | None:
    """The ways between what was chosen and another version, whichever came from the other; None where there is none,
    which is said."""
    here = reference(found.roots[0]) if run is not None else version
    try:
        way = ask_past(ways, here, to, as_of=moment)
    except UsageError as error:
        refused(error)
        return None
    if way.lines:
        return way
    st.info(f"**Neither of {plain(here)} and {plain(to)} came from the other.**", icon=":material/info:")
    return None


def _edges(found: Trace) -> list[tuple[str, str]]:
    return [(link.input, link.output) for link in found.graph.links]


def _node(one: Traced) -> Node:
    text = f"{named(one)} …" if one.node.cut else named(one)
    return Node(id=one.node.id, text=text, state="success" if one.is_head else "skipped", outside=one.run is None)
