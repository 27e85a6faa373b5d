"""What narrows a screen: how much of it is set, and the way to be rid of it. All of it stands in the address."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import streamlit as st

from .text import plain

_OFFERED = 20


def counted(label: str, keys: Collection[str]) -> str:
    """The label of what hides filters, with how many of them are set."""
    many = sum(key in st.query_params for key in keys)
    return f"{label} ({many})" if many else label


def told_astray(offered: Mapping[str, Collection[str]]) -> None:
    """Say what the address asks for that is none of what is offered: key of a widget → what it offers, as that is
    written. To be called before the widgets are drawn: what they do not offer they take out of the address."""
    astray = {
        key: [one for one in st.query_params.get_all(key) if one and one not in words] for key, words in offered.items()
    }
    for key, those in astray.items():
        if those:
            few = sorted(offered[key])[:_OFFERED]
            there = (
                f"There is {', '.join(few)}{' …' if len(offered[key]) > len(few) else ''}." if few else "There is none."
            )
            st.warning(
                f"**The address asks for the {plain(key)} {plain(', '.join(those))}, which is not there; it is left "
                f"out.** {plain(there)}",
                icon=":material/filter_list_off:",
            )


def clear(empty: Mapping[str, object]) -> None:
    """A button that empties all of them, while one is set: key of the widget → what it holds when it is empty."""
    if any(key in st.query_params for key in empty):
        st.button("Clear", icon=":material/close:", type="tertiary", key="clear", on_click=_empty, args=(empty,))


def _empty(empty: Mapping[str, object]) -> None:
    for key, value in empty.items():
        st.session_state[key] = value
