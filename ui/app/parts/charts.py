"""Charts of which a mark can be clicked."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import streamlit as st

_CLICKED = "clicked"


def clickable(chart: alt.Chart, field: str, choose: Callable[[str], None], *, key: str) -> None:
    """Draw it as wide as there is room; what a clicked mark says of this field is heard, before anything is drawn."""

    def heard() -> None:
        picked: list[dict[str, str]] = st.session_state[key]["selection"].get(_CLICKED) or []
        if picked and (said := picked[0].get(field)):
            choose(said)

    chart = chart.add_params(alt.selection_point(name=_CLICKED, fields=[field], empty=False))
    st.altair_chart(chart, width="stretch", on_select=heard, key=key)
