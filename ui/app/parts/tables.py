"""Tables of plain rows: cells are shown as text, never as Markdown or HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import polars as pl
import streamlit as st
from streamlit.components.v2 import component

from .clicks import mount
from .states import shade, word

_SHORT = 25
_WRITTEN = 100
"""So many rows are written at most, where none can be chosen."""
_LONG = 40
"""Characters that stay in one line."""
_STATE = "state"
_CHOSEN = component(
    "penstock-rows",
    html='<div class="rows chosen"></div>',
    js=Path(__file__).with_name("rows.js").read_text("utf-8"),
    isolate_styles=False,
)

STYLE = Path(__file__).with_name("rows.css").read_text("utf-8")
"""How written rows look: part of the frame of the page."""


def table(rows: Any) -> None:
    """The rows, dicts from the title of a column to its cell, or a frame, as wide as there is room; what is wider is
    scrolled. Few rows are written as text that can be marked: a grid takes the browser ten times as long."""
    if isinstance(rows, list):
        said = cast("list[dict[str, object]]", rows)
        if len(said) <= _WRITTEN:
            st.html(f'<div class="rows">{written(said)}</div>')
            return
        rows = as_frame(said)
    st.dataframe(rows, hide_index=True, width="stretch", height="content" if len(rows) <= _SHORT else "auto")  # pyright: ignore[reportUnknownMemberType]  numpy


def as_frame(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """The rows as the browser gets them. Left to Streamlit, or to pyarrow, they go through pandas, which costs ten
    times as long, and once half a second and 40 MB."""
    return pl.DataFrame(rows, infer_schema_length=None)


def chosen_of(
    rows: Sequence[Mapping[str, object]], ids: Sequence[str], choose: Callable[[str], None], *, key: str
) -> None:
    """The rows, of which one is chosen by a click, or by the keyboard: of that its id is heard, before anything is
    drawn. One whose id is "" cannot be chosen."""
    view = f"{key} {sorted(st.query_params.to_dict().items())}"  # what is marked in one holds no other back
    mount(_CHOSEN, [written(rows), list(ids), view], choose, key=key)


def written(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as HTML, in which every cell is text, and a state has its colour. Columns in which nothing stands are
    left out, so that the others have room.

    >>> written([{"name": "<b>", "note": ""}])
    '<table><thead><tr><th>name</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    titles = [title for title in (rows[0] if rows else ()) if any(row[title] not in ("", None) for row in rows)]
    head = "".join(f"<th>{html.escape(title)}</th>" for title in titles)
    lines = (f"<tr>{''.join(_cell(title, str(row[title])) for title in titles)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(title: str, said: str) -> str:
    if title == _STATE:
        return f'<td><b style="--shade: {shade(said)}">{html.escape(word(said))}</b></td>'
    kind = ' class="long"' if len(said) > _LONG else ""
    return f"<td{kind}>{html.escape(said)}</td>"
