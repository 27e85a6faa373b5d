"""Runs as a table, of which one is chosen by a click: on the screen of runs, and of one asset."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from .....storage.types import FINAL_STATES
from ....read.runs import RunLine
from ...parts.tables import chosen_of
from ...parts.text import shortened, visible
from ...parts.times import ago, took

_LONGEST = 200


def run_of(lines: Sequence[RunLine], choose: Callable[[str], None], *, key: str, of: str | None = None) -> None:
    """Draw them; of the run that is clicked its id is heard. `of`: the one asset whose runs they all are."""
    divided = of is not None and any(one.partition for one in lines)
    chosen_of([_row(one, of, divided=divided) for one in lines], [one.id for one in lines], choose, key=key)
    st.caption("Click a run to see all of it.")


def _row(one: RunLine, of: str | None, *, divided: bool) -> dict[str, object]:
    why = one.error.text if one.error is not None else one.reason.text
    row: dict[str, object] = {
        "state": "left behind" if one.left_behind and one.state not in FINAL_STATES else one.state
    }
    if of is None:
        row["asset"] = visible(f"{one.asset} {one.partition}".rstrip())
    elif divided:
        row["partition"] = visible(one.partition)
    return row | {
        "why": shortened(f"{why}; {one.told}" if one.told else why, _LONGEST),
        "planned": ago(one.created_at),
        "took": "" if one.took is None else took(one.took.total_seconds()),
        "run": one.id[-8:],
    }
