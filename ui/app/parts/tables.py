"""Tables of plain rows: cells are shown as text, never as Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import pyarrow as pa
import streamlit as st

_SHORT = 25


def table(rows: Any) -> None:
    """The rows, dicts from the title of a column to its cell, or a frame, as wide as there is room; what is wider is
    scrolled."""
    shown = cells(cast("list[dict[str, object]]", rows)) if isinstance(rows, list) else rows
    st.dataframe(shown, hide_index=True, width="stretch", height=_height(rows))  # pyright: ignore[reportUnknownMemberType]  numpy


def chosen_of(rows: Sequence[Mapping[str, object]], *, key: str) -> int | None:
    """The rows, of which one is chosen by a click into it: its place; None while none is. A click is forgotten once the
    address has changed."""
    said: Any = st.dataframe(  # pyright: ignore[reportUnknownMemberType]  numpy is no need of ours
        cells(rows),
        hide_index=True,
        width="stretch",
        height=_height(rows),
        on_select="rerun",
        selection_mode="single-cell",
        key=f"{key}-{sorted(st.query_params.to_dict().items())}",
    )
    picked = said["selection"]["cells"]
    return int(picked[0][0]) if picked else None


def cells(rows: Sequence[Mapping[str, object]]) -> Any:
    """The rows as the browser gets them. Left to Streamlit they go through pandas, which costs ten times as long, and
    40 MB once."""
    return cast("Any", pa.Table).from_pylist(rows)


def _height(rows: Any) -> Literal["content", "auto"]:
    """Short ones are shown whole; in long ones one scrolls."""
    return "content" if len(rows) <= _SHORT else "auto"
