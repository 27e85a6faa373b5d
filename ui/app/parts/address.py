"""What is chosen lies in the address, so that a page survives a reload and can be sent to somebody."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def chosen(name: str, otherwise: str = "") -> str:
    """What the address says of one choice."""
    return st.query_params.get(name, otherwise)


def several(name: str) -> list[str]:
    """What the address says of a choice of several."""
    return st.query_params.get_all(name)


def choose(**choices: str | Sequence[str] | None) -> None:
    """The address says so from now on; what is "" or None leaves it."""
    for name, value in choices.items():
        if value:
            st.query_params[name] = value if isinstance(value, str) else list(value)
        elif name in st.query_params:
            del st.query_params[name]


def bound(name: str, options: Sequence[str]) -> str:
    """The key of a widget that chooses one of these, and begins with what the address says; it is written there again
    by `keep`."""
    key = f"address-{name}"
    if key not in st.session_state:
        said = chosen(name)
        st.session_state[key] = said if said in options else options[0]
    elif st.session_state[key] not in options:
        st.session_state[key] = options[0]
    return key
