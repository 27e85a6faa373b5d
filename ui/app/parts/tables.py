"""Tables of plain rows: cells are shown as text, never as Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

_SHORT = 25


def table(rows: Any, *, links: Mapping[str, str] | None = None) -> None:
    """The rows, dicts from the title of a column to its cell, or a frame, as wide as there is room; what is wider is
    scrolled.

    Parameters
    ----------
    links: title of a column that holds addresses → the text of its links, or a regular expression whose group that is.
    """
    columns = {title: st.column_config.LinkColumn(display_text=text) for title, text in (links or {}).items()}
    st.dataframe(rows, hide_index=True, width="stretch", height=_height(rows), column_config=columns)  # pyright: ignore[reportUnknownMemberType]  numpy


def chosen_of(rows: Sequence[Mapping[str, object]], *, key: str) -> int | None:
    """The rows, of which one is chosen by a click into it: its place; None while none is."""
    said: Any = st.dataframe(  # pyright: ignore[reportUnknownMemberType]  numpy is no need of ours
        rows,
        hide_index=True,
        width="stretch",
        height=_height(rows),
        on_select="rerun",
        selection_mode="single-cell",
        key=key,
    )
    cells = said["selection"]["cells"]
    return int(cells[0][0]) if cells else None


def _height(rows: Any) -> Literal["content", "auto"]:
    """Short ones are shown whole; in long ones one scrolls."""
    return "content" if len(rows) <= _SHORT else "auto"
