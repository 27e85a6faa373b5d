"""Which view of the chosen asset is shown: it stands in the address, and another view may lead to it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ...parts.address import move
from ...parts.filters import told_astray

_VIEW = "view"


def view_of(views: Sequence[str]) -> str:
    """The one of these that is chosen; draws them."""
    told_astray({_VIEW: views})
    return str(
        st.segmented_control(
            "View", views, default=views[0], key=_VIEW, bind="query-params", label_visibility="collapsed", required=True
        )
    )


def look_at(view: str, **choices: str | None) -> None:
    """Show this view instead, in which this is chosen; for what hears a click."""
    st.session_state[_VIEW] = view
    move(**choices)
