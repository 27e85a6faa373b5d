"""The newest runs of an asset."""

from __future__ import annotations

import streamlit as st

from ....read.runs import RunLine, runs
from ...parts.links import go, link
from ...parts.live import live
from ...parts.says import empty
from ...parts.states import word
from ...parts.tables import chosen_of
from ...parts.text import visible
from ...parts.times import ago, took
from ...project import ask
from ..run.listed import why


@live(every=5)
def newest(name: str) -> None:
    """The last twenty, asked again every few seconds; each leads to its own page."""
    found = ask(runs, asset=name, limit=20)
    if not found.items:
        empty("No run yet", "A run is recorded when its condition holds, or when you ask for it above.")
        return
    place = chosen_of([_row(one) for one in found.items], key="newest-runs")
    if place is not None:
        go("runs", run=found.items[place].id)
    st.caption("Click a run to see all of it.")
    link("All its runs", "runs", asset=name)


def _row(one: RunLine) -> dict[str, object]:
    return {
        "run": one.id[-8:],
        "state": word("left behind" if one.left_behind else one.state),
        "partition": visible(one.partition),
        "planned": ago(one.created_at),
        "took": "" if one.took is None else took(one.took.total_seconds()),
        "why": why(one),
    }
