"""The screen of runs."""

from __future__ import annotations

import streamlit as st

from ..parts.says import empty


def runs() -> None:
    """Of the runs of the project."""
    st.title("Runs")
    empty("Nothing to be seen yet", "This screen is being built.")
