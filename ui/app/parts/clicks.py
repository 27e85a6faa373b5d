"""What an element that is clicked tells, and what hears it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from .address import hear, is_heard


def mount(component: Callable[..., Any], data: list[Any], choose: Callable[[str], None], *, key: str) -> None:
    """Draw a component of ours; what is `chosen` in it is heard before anything is drawn.

    A run of the script that was broken off before it came to the component has made Streamlit forget it, as has one
    that led elsewhere: what is told then is heard once the component is drawn again. Data is a list: in a dict
    Streamlit looks for frames, by pandas.
    """

    def heard() -> None:
        chosen = told(key, "chosen")
        if isinstance(chosen, str):
            hear(key)
            choose(chosen)

    late = component(data=data, key=key, on_chosen_change=heard).chosen
    if isinstance(late, str) and not is_heard(key):
        choose(late)
        st.rerun()


def told(key: str, what: str) -> Any:
    """This part of what the element of this key has told; None where Streamlit has forgotten it."""
    state: Any = st.session_state
    return state[key][what] if key in state else None
