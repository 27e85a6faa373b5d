"""The box in which a graph is seen: how large it is, what of it is seen at first, and when its page says that there is
more. Pure.

How wide the page is, only the browser knows. So both forms of the box are told here, as a style: that in which the
whole graph has room, and that of which a part is seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .layers import Places

ACROSS, DOWN = 190, 62
"""Pixels between two layers, and between two neighbours in a layer, at their natural size."""
_BESIDE = 0.75
"""Layers between the outermost ones and the edges of the component, whose bar at the right lies there."""
_ABOVE, _CLOSE = 72, 44
"""Pixels between the outermost places and the upper and lower edge, at their natural size: of the component, whose bar
at the top lies there, and of a box that shows no bars."""
_NARROWEST = 1
"""Layers for which there is room at least: a graph of a few nodes is not blown up."""
_SMALLEST, _USUAL = 0.8, 0.9
"""Of their natural size, at which letters have 13 pixels: at least, and where the page has room."""
_BARS, _TALL, _TALLEST = 240, 560, 1600
"""Pixels: as high as the bars of the component are; a box is at most, which is scrolled if the graph is higher; and a
graph is at most, for a browser keeps all its pixels several times."""
_STYLE = """
.st-key-KEY { container: KEY / inline-size; }
.st-key-KEY-frame { overflow: auto SCROLL; max-height: TALLpx; scrollbar-width: thin; background: GROUND;
  scrollbar-color: color-mix(in srgb, currentColor 45%, transparent) transparent;
  border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: .5rem;
  position: relative; scroll-snap-type: SNAP mandatory; animation: KEY-at-SPOT 1s 1s forwards; }
@keyframes KEY-at-SPOT { to { scroll-snap-type: none; } }
.st-key-KEY-frame::before, .st-key-KEY-frame::after { content: ""; position: absolute; top: 0; left: 0; height: 1px;
  width: calc(max(100% + 42px, WIDTHpx) - 42px); }
.st-key-KEY-frame::after { left: calc(max(100% + 42px, WIDTHpx) * PLACE - 42px); top: DROPpx; width: 1px;
  scroll-snap-align: center; }
.st-key-KEY-frame :has(> iframe) { display: flow-root; overflow: visible clip; }
.st-key-KEY-frame iframe { display: block; margin: -4px 0 -4px -42px; width: calc(100% + 42px); max-width: none;
  min-width: WIDTHpx; height: HEIGHTpx; clip-path: inset(0 4px 0 0); }
[data-testid=stLayoutWrapper]:has(> .st-key-KEY-beyond) { display: none; }
@container KEY (width < ROOMpx) {
  .st-key-KEY-frame iframe { margin-block: -CROPpx; clip-path: polygon(0 0, calc(100% - 140px) 0,
    calc(100% - 140px) 44px, calc(100% - 44px) 44px, calc(100% - 44px) 100%, 0 100%); }
  [data-testid=stLayoutWrapper]:has(> .st-key-KEY-beyond) { display: flex; } }
"""
"""The component has a panel at its left edge for what is selected in it, which nothing here is: that is cut off, and so
is its dashed edge. It is as wide and as high as the graph from the start, so that nothing below it moves when that
comes.

Where there is less room than the graph needs, it keeps a size at which it can be read, and is scrolled: at first to
what is chosen, to which the box snaps as long as its animation has not ended; for another place that has another name,
and begins anew. The component's two bars would then lie beyond the edge of the box, or half: they are cut off, and so
is the room above and below that they need. The element of the key `-beyond` is seen then, and only then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The room that a graph takes at its natural size, with that at its edges. In pixels, from the middle of its first
    layer."""

    left: float
    top: float
    width: float
    height: float


def extent(places: Places) -> Extent:
    """The room that these places take.

    >>> extent(Places({"a": (0, 0.0), "b": (1, -0.5), "c": (1, 0.5), "d": (2, 0.0)}, {}))
    Extent(left=-142.5, top=-103.0, width=665.0, height=206.0)
    """
    last = max((layer for layer, _ in places.nodes.values()), default=0)
    beside = (max(_NARROWEST - last, 0) / 2 + _BESIDE) * ACROSS
    passed = (one for bends in places.bends.values() for one in bends)
    above = max((abs(place) for _, place in (*places.nodes.values(), *passed)), default=0) * DOWN + _ABOVE
    return Extent(left=-beside, top=-above, width=last * ACROSS + 2 * beside, height=2 * above)


def framed(key: str, places: Places, chosen: str, *, ground: str) -> tuple[int, str]:
    """How high the component is, in pixels, and the style of the box around it, which is scrolled to the chosen node.

    The box is the element of the key `KEY-frame` within that of `key`; that of `KEY-beyond` is seen only where the
    graph is larger than the box.
    """
    room = extent(places)
    scale = min(_SMALLEST, _TALLEST / room.height)
    least, spared = room.height * scale, (_ABOVE - _CLOSE) * scale
    high = least - 2 * spared > _TALL
    height = round(least if high else max(min(max(room.height * _USUAL, _BARS), _TALL), least))
    crop = (height - least) / 2 + spared
    width = round(room.width * scale) + 4
    layer, place = places.nodes.get(chosen, (0, 0.0))
    across, down = (layer * ACROSS - room.left) / room.width, height / 2 + place * DOWN * scale - crop
    values = {
        "KEY": key,
        "SCROLL": "auto" if high else "hidden",
        "SNAP": "both" if high else "x",
        "GROUND": ground,
        "WIDTH": f"{width}",
        "HEIGHT": f"{height}",
        "TALL": f"{_TALL}",
        "CROP": f"{crop:.0f}",
        "PLACE": f"{across:.3f}",
        "DROP": f"{down:.0f}",
        "SPOT": f"{across * 1000:.0f}-{down:.0f}",
        "ROOM": f"{100_000 if high else width - 40}",
    }
    return height, re.sub("|".join(values), lambda found: values[found[0]], _STYLE)
