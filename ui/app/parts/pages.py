"""What is too long for a page is turned, newest first; the address says before which one a page begins."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def turned(before: str | None, following: str | None, by: Callable[..., None]) -> None:
    """Buttons to the newest page, and to the one behind; None where that is seen, and where there is none. They call
    what sets choices in the address: `choose` where a part turns its own page, `move` where the whole is drawn anew."""
    if before is None and following is None:
        return
    with st.container(horizontal=True):
        if before is not None:
            st.button("Newest", icon=":material/first_page:", on_click=by, kwargs={"before": None})
        if following is not None:
            st.button("Older", icon=":material/chevron_right:", on_click=by, kwargs={"before": following})
