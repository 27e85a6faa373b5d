"""Popovers that close when what was asked for in them is done: left to itself one stays open, over what came of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import streamlit as st

_SHUT = "popovers-shut"


def popover(label: str, *, icon: str, key: str) -> AbstractContextManager[Any]:
    """One that is closed again by `shut`."""
    if key in st.session_state.get(_SHUT, ()):
        st.session_state[_SHUT].discard(key)
        st.session_state[key] = False
    return st.popover(label, icon=icon, key=key, on_change="rerun")


def shut(key: str) -> None:
    """It is closed when the page is drawn again: until then it cannot be told."""
    st.session_state.setdefault(_SHUT, set[str]()).add(key)
