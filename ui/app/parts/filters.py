"""What narrows a screen: how much of it is set, and the way to be rid of it. All of it stands in the address."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from .text import plain

_OFFERED = 20
_CALLED = {"states": "state", "in-group": "group", "since": "time", "within": "time"}
"""Key of a widget → what it is called, where that is another word."""


def counted(label: str, keys: Collection[str], astray: Collection[str] = ()) -> str:
    """The label of what hides filters, with how many of them are set; `astray` are left out."""
    many = sum(key in st.query_params and key not in astray for key in keys)
    return f"{label} ({many})" if many else label


def told_astray(offered: Mapping[str, Collection[str]]) -> set[str]:
    """Say what the address asks for that is none of what is offered: key of a widget → what it offers, as that is
    written; those of which nothing is left. To be called before the widgets are drawn: what they do not offer they take
    out of the address, but not before."""
    none_left: set[str] = set()
    for key, words in offered.items():
        said = [one for one in st.query_params.get_all(key) if one]
        if astray := [one for one in said if one not in words]:
            few = sorted(words)[:_OFFERED]
            there = f"What there is: {', '.join(few)}{' …' if len(few) < len(words) else '.'}"
            tell_left_out(_CALLED.get(key, key), astray, there if few else "There is none.")
            none_left |= {key} if len(astray) == len(said) else set()
    return none_left


def tell_left_out(called: str, those: Sequence[str], there: str) -> None:
    """Say that the address asks for these, which are not there, and what is."""
    many, are, they = ("", "is", "it is") if len(those) == 1 else ("s", "are", "they are")
    st.warning(
        f"**The address asks for the {called}{many} {plain(', '.join(those))}, which {are} not there; {they} left "
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
