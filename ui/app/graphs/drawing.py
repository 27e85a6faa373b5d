"""A graph on a page, and the node that is chosen in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from streamlit.components.v2 import component

from ..parts.clicks import mount
from ..parts.states import shade
from .picture import Node, picture

_BEYOND = "There is more of it than is seen here: drag or scroll it. Ctrl and the wheel, or two fingers, zoom."
_PAGE = f"""
<div class="graph" style="--way: {shade("running")}">
  <div class="box"><svg role="group" aria-label="graph"></svg></div>
  <div class="below">
    <p></p>
    <button title="Closer" aria-label="Closer">+</button>
    <button title="Farther" aria-label="Farther">&minus;</button>
    <button title="All of it" aria-label="All of it">&#x2922;</button>
  </div>
</div>
"""
_DRAWN = component(
    "penstock-graph",
    html=_PAGE,
    css=Path(__file__).with_name("picture.css").read_text("utf-8"),
    js=Path(__file__).with_name("picture.js").read_text("utf-8"),
)


def draw(
    nodes: Sequence[Node],
    edges: Iterable[tuple[str, str]],
    choose: Callable[[str], None],
    *,
    chosen: str,
    key: str,
    legend: str,
    way: Collection[tuple[str, str]] = (),
) -> None:
    """Draw it, with the edges of a `way` through it in strong lines, and a legend below; of the node that is clicked
    its id is heard, before anything is drawn."""

    seen = picture(nodes, edges, chosen=chosen, way=way)
    mount(_DRAWN, [seen, legend, _BEYOND], choose, key=key)
