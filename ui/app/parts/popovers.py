"""Popovers that close when what was asked for in them is done: left to itself one stays open, over what came of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import streamlit as st

_SHUT = "popovers-shut"


def popover(label: str, *, icon: str, key: str) -> AbstractContextManager[Any]:
    """One that is closed again by `shut`.

    It is closed by being another one from then on. To tell the browser that it is closed would not do: who is quick
    clicks in it before the browser has heard that it is open, and to whom it was closed all the time nothing is new.
    """
    return st.popover(label, icon=icon, key=f"{key}-{_times().get(key, 0)}", on_change="rerun")


def shut(key: str) -> None:
    """It is closed when the page is drawn again."""
    _times()[key] = _times().get(key, 0) + 1


def _times() -> dict[str, int]:
    """How often each was closed."""
    return st.session_state.setdefault(_SHUT, {})
