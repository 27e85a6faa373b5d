"""What is chosen lies in the address, so that a page survives a reload and can be sent to somebody."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

SCREENS = ("assets", "runs", "lineage")
"""The paths of their addresses."""


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
