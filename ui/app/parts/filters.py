"""What narrows a screen: how much of it is set, and the way to be rid of it. All of it stands in the address."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import streamlit as st


def counted(label: str, keys: Collection[str]) -> str:
    """The label of what hides filters, with how many of them are set."""
    many = sum(key in st.query_params for key in keys)
    return f"{label} ({many})" if many else label


def clear(empty: Mapping[str, object]) -> None:
    """A button that empties all of them, while one is set: key of the widget → what it holds when it is empty."""
    if any(key in st.query_params for key in empty):
        st.button("Clear", icon=":material/close:", type="tertiary", key="clear", on_click=_empty, args=(empty,))


def _empty(empty: Mapping[str, object]) -> None:
    for key, value in empty.items():
        st.session_state[key] = value
