"""What a person asks for with a button: a row in `commands`, which a scheduler carries out."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any
from uuid import uuid4

import streamlit as st

from ..login import visitor
from ..project import forget, project_settings, store

_TWICE = 3.0
"""Seconds: who clicks again by then, as with a double click, has asked once."""


def ask_for(what: str, asks: Callable[..., int], about: str, **given: Any) -> None:
    """It is asked for by this visitor, now, which is said before it is recorded; then everything is read anew.

    Parameters
    ----------
    what: the word of the button, `"Cancel"`.
    asks: the function of `ui/ask.py`.
    about: the asset, the run or the backfill; `given` is what else it depends on.
    """
    st.toast(f"**{what}** is asked for …", icon=":material/hourglass_empty:")
    key = _key(what, about, given)
    number = asks(store(), about, by=visitor(project_settings()), key=key, **given)
    st.session_state["asked-here"] = {*st.session_state.get("asked-here", ()), number}
    forget()
    st.rerun()


def _key(what: str, about: str, given: dict[str, Any]) -> str:
    """What the command is known by: that of the click before if this one follows at once."""
    wish, now = repr((what, about, given)), monotonic()
    before, key, at = st.session_state.get("asked-last", ("", "", 0.0))
    if before != wish or now - at > _TWICE:
        key = str(uuid4())
    st.session_state["asked-last"] = wish, key, now
    return key
