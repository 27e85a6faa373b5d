"""What is chosen lies in the address, so that a page survives a reload and can be sent to somebody."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ....storage.errors import UsageError

SCREENS = ("assets", "runs", "lineage")
"""The paths of their addresses."""
_LEFT = "page-left"
_HEARD, _NOW = "heard", "heard-now"


def require_readable() -> None:
    """Raise UsageError where the address holds the character 0: no name has one, and PostgreSQL reads none."""
    for name, values in ((name, st.query_params.get_all(name)) for name in st.query_params):
        if any("\0" in one for one in values):
            raise UsageError(
                f"what the address says of {name} holds a character that nothing is called by, %00",
                hint="Take it out, or begin anew with one of the screens above.",
            )


def chosen(name: str, otherwise: str = "") -> str:
    """What the address says of one choice."""
    return st.query_params.get(name, otherwise)


def choose(**choices: str | Sequence[str] | None) -> None:
    """The address says so from now on; what is "" or None leaves it."""
    for name, value in choices.items():
        if value:
            st.query_params[name] = value if isinstance(value, str) else list(value)
        elif name in st.query_params:
            del st.query_params[name]


def move(**choices: str | Sequence[str] | None) -> None:
    """The same for what hears a click, which is called before anything is drawn: the page is drawn anew as a whole, not
    that part of it alone which was clicked."""
    choose(**choices)
    leave()


def leave() -> None:
    """What is seen does not stand any more, whichever part of it was clicked."""
    st.session_state[_LEFT] = True


def is_left() -> bool:
    """Whether a click led elsewhere since the page was drawn."""
    return _LEFT in st.session_state


def arrive() -> None:
    """The page is drawn, from its beginning."""
    st.session_state.pop(_LEFT, None)
    st.session_state[_NOW] = st.session_state.pop(_HEARD, None)


def hear(key: str) -> None:
    """What the element of this key told was heard, before what comes of it is drawn."""
    st.session_state[_HEARD] = key


def is_heard(key: str) -> bool:
    """Whether that was in this drawing, of the page or of a part of it; what was heard for one that was broken off says
    nothing of another."""
    return key in (st.session_state.get(_HEARD), st.session_state.get(_NOW))
