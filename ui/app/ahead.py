"""Kinds of elements that a page comes to need, met by the browser before anybody waits for them."""

from __future__ import annotations

import streamlit as st
from streamlit.components.v2 import component

STYLE = ".st-key-ahead { display: none; }"
"""Part of the frame of the page."""
_MET = "kinds-met"
_COMPONENT = component("penstock-ahead", html="<i></i>", isolate_styles=False)


def ahead() -> None:
    """Draw one of each that a first step leads to, unseen, for a visitor who has just come; the place
    stays, so that nothing below it moves.

    Streamlit's page fetches the code of a kind when it meets the first of it and draws a placeholder until then, which
    React keeps for 300 ms at least. Tables and charts, whose code is large, are met where they are.
    """
    with st.container(key="ahead"):
        if _MET in st.session_state:
            return
        st.session_state[_MET] = True
        st.button("ahead", key="ahead-button")
        st.download_button("ahead", "", key="ahead-download")
        st.number_input("ahead", key="ahead-number")
        st.segmented_control("ahead", ("ahead",), key="ahead-control")
        st.selectbox("ahead", ("ahead",), key="ahead-box")
        _COMPONENT(key="ahead-component")
