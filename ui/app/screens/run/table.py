"""Runs as a table, of which one is chosen by a click: on the screen of runs, and of one asset."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from .....storage.types import FINAL_STATES
from ....read.runs import RunLine
from ...parts.tables import chosen_of
from ...parts.text import visible
from ...parts.times import ago, took

_LONGEST = 200


def run_of(lines: Sequence[RunLine], *, key: str, of: str | None = None) -> str | None:
    """Draw them; the id of the run that was clicked. `of`: the one asset whose runs they all are."""
    divided = of is not None and any(one.partition for one in lines)
    place = chosen_of([_row(one, of, divided=divided) for one in lines], key=key)
    st.caption("Click a run to see all of it.")
    return None if place is None else lines[place].id


def _row(one: RunLine, of: str | None, *, divided: bool) -> dict[str, object]:
    why = one.error.text if one.error is not None else one.reason.text
    said = visible(f"{why}; {one.told}" if one.told else why).replace("\n", " ")
    row: dict[str, object] = {
        "state": "left behind" if one.left_behind and one.state not in FINAL_STATES else one.state
    }
    if of is None:
        row["asset"] = visible(f"{one.asset} {one.partition}".rstrip())
    elif divided:
        row["partition"] = visible(one.partition)
    return row | {
        "why": said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…",
        "planned": ago(one.created_at),
        "took": "" if one.took is None else took(one.took.total_seconds()),
        "run": one.id[-8:],
    }
