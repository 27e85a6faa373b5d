"""The screen of assets."""

from __future__ import annotations

import streamlit as st

from ..parts.says import empty


def assets() -> None:
    """Of the assets of the project."""
    st.title("Assets")
    empty("Nothing to be seen yet", "This screen is being built.")
