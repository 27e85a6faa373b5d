"""What a screen says instead of an answer: that there is nothing yet, or what is the matter, and what to do."""

from __future__ import annotations

import streamlit as st

from ....storage.errors import PenstockError
from .text import sentence, told


def fault(error: PenstockError) -> None:
    """What is the matter, and the next step; and a way to try again."""
    refused(error)
    st.button("Try again", icon=":material/refresh:", key="try-again")


def refused(error: PenstockError, more: str = "") -> None:
    """What is the matter, and the next step, in one box; `more` is Markdown of ours between them."""
    rest = "".join(f" {one}" for one in (more, told(error.hint)) if one)
    st.error(f"**{sentence(error.message)}**{rest}", icon=":material/error:")


def empty(what: str, next_step: str) -> None:
    """That there is nothing to be seen, and what would change that; both are Markdown of ours."""
    st.info(f"**{what}**  \n{next_step}", icon=":material/info:")
