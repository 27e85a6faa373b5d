"""Charts of which a mark can be clicked, in the words of Vega-Lite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from .clicks import told
from .tables import as_frame

_CLICKED = "clicked"

Chart = dict[str, Any]
"""A mark, its size, and an encoding: channel → which field of the rows it shows, and how."""


def clickable(
    chart: Chart, rows: Sequence[Mapping[str, object]], field: str, choose: Callable[[str], None], *, key: str
) -> None:
    """Draw the rows as wide as there is room; what a clicked mark says of this field is heard, before anything is
    drawn."""

    def heard() -> None:
        selection: dict[str, list[dict[str, str]]] = told(key, "selection") or {}
        picked = selection.get(_CLICKED)
        if picked and (said := picked[0].get(field)):
            choose(said)

    clicks = {"name": _CLICKED, "select": {"type": "point", "fields": [field]}}
    spec = {**chart, "data": {"values": as_frame(rows)}, "params": [clicks]}
    st.vega_lite_chart(  # pyright: ignore[reportUnknownMemberType]  pandas is no need of ours
        spec=spec, width="stretch", on_select=heard, key=key
    )


def coloured(state: str, shades: Mapping[str, str]) -> Chart:
    """The encoding of a field by the colour of its state; the words of a page have the same colours, which saves a
    legend."""
    scale = {"domain": list(shades), "range": list(shades.values())}
    return {"field": state, "type": "nominal", "title": None, "scale": scale, "legend": None}


def told_on(*fields: str) -> list[Chart]:
    """The encoding of what is told where the mouse is."""
    return [{"field": one, "type": "nominal"} for one in fields]
