"""Ways from one screen to another, in the same tab: links, and rows of a table that are clicked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from .address import leave

_PAGES, _WANTED = "pages", "wanted-page"


def offer(pages: Mapping[str, st.Page]) -> None:
    """These are the screens to which the others lead: path of the address → page. To one of them the visitor is led
    now, if a screen has asked for that."""
    st.session_state[_PAGES] = pages
    if wanted := st.session_state.pop(_WANTED, None):
        screen, choices = wanted
        st.switch_page(_page(screen), query_params=choices)


def go(screen: str, **choices: str) -> None:
    """Leave for a screen on which this is chosen; for what hears a click. It is left by a run of the whole script: a
    fragment that switches the page itself leaves the browser with pieces of both."""
    st.session_state[_WANTED] = (screen, choices)
    leave()


def link(label: str, screen: str, **choices: str) -> None:
    """A link to it; the label is Markdown."""
    st.page_link(_page(screen), label=label, query_params=choices)


def links(those: Iterable[tuple[str, str, Mapping[str, str]]]) -> None:
    """Some of them in a line: label, screen, and what is chosen there."""
    with st.container(horizontal=True, gap="small"):
        for label, screen, choices in those:
            link(label, screen, **choices)


def _page(screen: str) -> st.Page:
    pages: Mapping[str, st.Page] = st.session_state[_PAGES]
    return pages[screen]
