"""The screen of lineage."""

from __future__ import annotations

import streamlit as st

from ..parts.says import empty


def lineage() -> None:
    """Of the lineage of the project."""
    st.title("Lineage")
    empty("Nothing to be seen yet", "This screen is being built.")
