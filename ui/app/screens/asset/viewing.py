"""Which view of the chosen asset is shown: it stands in the address, and another view may lead to it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ...parts.address import choose
from ...parts.filters import told_astray

_VIEW, _WANTED = "view", "view-wanted"


def view_of(views: Sequence[str]) -> str:
    """The one that is chosen, or that `look_at` asked for, of these; draws them."""
    if (wanted := st.session_state.pop(_WANTED, None)) in views:
        st.session_state[_VIEW] = wanted
    told_astray({_VIEW: views})
    return str(
        st.segmented_control(
            "View", views, default=views[0], key=_VIEW, bind="query-params", label_visibility="collapsed", required=True
        )
    )


def look_at(view: str, **choices: str | None) -> None:
    """Show this view instead, in which this is chosen."""
    st.session_state[_WANTED] = view  # its widget has been drawn, and cannot be told before it is drawn again
    choose(**choices)
    st.rerun()
