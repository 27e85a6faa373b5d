"""Tables of plain rows: cells are shown as text, never as Markdown or HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import pyarrow as pa
import streamlit as st

from .states import colour, word

_SHORT = 25
_WRITTEN = 100
"""So many rows are written at most, where none can be chosen."""
_TALL = 773
"""Pixels: 21 rows."""


STYLE = """
.rows { max-height: 26rem; overflow: auto; border: 1px solid var(--line); border-radius: .5rem; font-size: .875rem; }
.rows, .rows * { --line: color-mix(in srgb, currentColor 15%, transparent); }
.rows table { border-collapse: collapse; min-width: 100%; margin: 0; }
.rows th, .rows td { padding: .4rem .5rem; border: 0 solid var(--line); text-align: left; vertical-align: top; }
.rows th { font-weight: normal; opacity: .7; white-space: nowrap; }
.rows td { border-top-width: 1px; white-space: pre-wrap; overflow-wrap: break-word; max-width: 40rem; }
"""
"""How `written` looks: part of the frame of the page."""


def table(rows: Any) -> None:
    """The rows, dicts from the title of a column to its cell, or a frame, as wide as there is room; what is wider is
    scrolled. Few rows are written as text that can be marked: a grid takes the browser ten times as long."""
    if isinstance(rows, list):
        said = cast("list[dict[str, object]]", rows)
        if len(said) <= _WRITTEN:
            st.html(written(said))
            return
        rows = cells(said)
    st.dataframe(rows, hide_index=True, width="stretch", height=_height(rows))  # pyright: ignore[reportUnknownMemberType]  numpy


def written(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as HTML, in which every cell is text.

    >>> written([{"name": "<b>"}])
    '<div class="rows"><table><tr><th>name</th></tr><tr><td>&lt;b&gt;</td></tr></table></div>'
    """
    lines = [_line("th", rows[0]), *(_line("td", row.values()) for row in rows)] if rows else []
    return f'<div class="rows"><table>{"".join(lines)}</table></div>'


def _line(kind: str, said: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<{kind}>{html.escape(str(one))}</{kind}>' for one in said)}</tr>"


def chosen_of(
    rows: Sequence[Mapping[str, object]],
    choose: Callable[[int], None],
    *,
    key: str,
    why: Literal["medium", "large"] = "medium",
) -> None:
    """The rows, of which one is chosen by a click into it: of that its place is heard, before anything is drawn. A
    click is forgotten once the address has changed. Columns in which nothing stands are left out, so that the others
    have room; states, in a column `state`, have their colours. `why` is the width of a column of that name."""
    name = f"{key}-{sorted(st.query_params.to_dict().items())}"
    many = len(rows)

    def heard() -> None:
        picked = st.session_state[name]["selection"]["cells"]
        if picked and int(picked[0][0]) < many:
            choose(int(picked[0][0]))

    said = [title for title in (rows[0] if rows else ()) if any(row[title] for row in rows)]
    states = list(dict.fromkeys(word(str(row["state"])) for row in rows if "state" in row))
    st.dataframe(  # pyright: ignore[reportUnknownMemberType]  numpy is no need of ours
        cells([{title: _cell(title, row[title]) for title in said} for row in rows]),
        hide_index=True,
        width="stretch",
        height="content" if len(rows) <= _SHORT else _TALL,
        on_select=heard,
        selection_mode="single-cell",
        key=name,
        column_config={
            "state": st.column_config.MultiselectColumn(
                options=states, color=[colour(one) for one in states], width="small", disabled=True
            ),
            "why": st.column_config.TextColumn(width=why),
        },
    )


def _cell(title: str, said: object) -> object:
    return [word(str(said))] if title == "state" else said


def cells(rows: Sequence[Mapping[str, object]]) -> Any:
    """The rows as the browser gets them. Left to Streamlit they go through pandas, which costs ten times as long, and
    40 MB once."""
    return cast("Any", pa.Table).from_pylist(rows)


def _height(rows: Any) -> Literal["content", "auto"]:
    """Short ones are shown whole; in long ones one scrolls."""
    return "content" if len(rows) <= _SHORT else "auto"
