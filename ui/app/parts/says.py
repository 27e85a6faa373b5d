"""What a screen says instead of an answer: that there is nothing yet, or what is the matter, and what to do."""

from __future__ import annotations

import streamlit as st

from ....storage.errors import PenstockError
from .text import plain


def fault(error: PenstockError) -> None:
    """What is the matter, and the next step; and a way to try again."""
    st.error(f"**{plain(error.message[:1].upper() + error.message[1:])}**", icon=":material/error:")
    if error.hint:
        st.markdown(plain(error.hint))
    st.button("Try again", icon=":material/refresh:", key="try-again")


def empty(what: str, next_step: str) -> None:
    """That there is nothing to be seen, and what would change that; both are Markdown of ours."""
    st.info(f"**{what}**  \n{next_step}", icon=":material/info:")
