"""When the runs of the last day were at work: a bar each, by asset; of many runs, one for those of a quarter hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import streamlit as st

from .....storage.types import FINAL_STATES
from ....read.runs import Span, Timeline, Wanted, timeline
from ...parts.charts import Chart, clickable, coloured, told_on
from ...parts.states import shade, word
from ...parts.text import shortened
from ...parts.times import exact, took
from ...project import ask_recorded

_ROWS = 25
_LONGEST = 300
"""Characters of a name: two that begin alike are two; the browser writes as many as there is room for."""
_SHORTEST = 1 / 250
"""So much of the width a bar has at least: one of a second could not be seen, nor clicked."""


def bars(wanted: Wanted, choose: Callable[[str], None]) -> None:
    """Draw them; of the run whose bar is clicked its id is heard."""
    found = ask_recorded(timeline, wanted)
    if not found.spans:
        st.caption("None of these runs was at work within the last day.")
        return
    names = list(dict.fromkeys(one.asset for one in found.spans))
    shown = names[:_ROWS]
    begin = _begin(found)
    shortest = (found.at - begin) * _SHORTEST
    drawn = [one for one in found.spans if one.asset in shown]
    drawn.sort(key=lambda one: _over(one, found.at))
    rows = [_row(one, found.at, begin, shortest) for one in drawn]
    key = f"timeline-{st.session_state.get('runs-seen', 0)}"
    chart = _chart(rows, begin, found.at + shortest, [_named(one) for one in shown])
    clickable(chart, rows, "run", choose, key=key)
    for told in _told(found, len(names) - len(shown)):
        st.caption(told)


def _told(found: Timeline, others: int) -> list[str]:
    told: list[str] = []
    if found.together is not None:
        told.append("Each bar is all runs of an asset in one state that began in the same quarter of an hour.")
    if others or found.left_out:
        many = f"{others} more assets" if others else "Older ones"
        told.append(f"{many} are not drawn: look for something to see less.")
    return told


def _named(asset: str) -> str:
    return shortened(asset, _LONGEST)


def _over(one: Span, at: datetime) -> tuple[bool, bool, timedelta]:
    """What is drawn later lies over the rest: what failed over everything, what is at work over what went well, and of
    these the shorter over the longer. The partitions of an asset are often made in the same moment."""
    end = one.ended_at or at
    return one.went_badly, one.state not in FINAL_STATES, one.started_at - end


def _begin(found: Timeline) -> datetime:
    """Where the drawing begins: with the first of them where all are of the last hours, else a day ago."""
    first = max(found.since, min(one.started_at for one in found.spans))
    apart = max((found.at - first) * 1.05, timedelta(minutes=1))
    return max(found.since, found.at - apart)


def _row(one: Span, at: datetime, begin: datetime, shortest: timedelta) -> dict[str, object]:
    end = one.ended_at or at
    many = f"{one.count:,} runs, " if one.count > 1 else ""
    return {
        "asset": _named(one.asset),
        "state": word(one.state),
        "begin": max(one.started_at, begin).isoformat(),
        "end": max(end, one.started_at + shortest).isoformat(),
        "began": exact(one.started_at),
        "took": many + (took((end - one.started_at).total_seconds()) if one.ended_at else "at work"),
        "run": one.run_id,
    }


def _chart(rows: list[dict[str, object]], begin: datetime, end: datetime, assets: list[str]) -> Chart:
    form = "%H:%M:%S" if end - begin < timedelta(minutes=15) else "%H:%M"
    hours = {"format": form, "tickCount": 8, "labelOverlap": True}
    names = {"labelLimit": 140, "ticks": False, "domain": False}
    scale = {"domain": [begin.isoformat(), end.isoformat()]}
    colours = coloured("state", {state: shade(state) for state in sorted({str(row["state"]) for row in rows})})
    return {
        "mark": {"type": "bar", "height": {"band": 0.7}, "cornerRadius": 2, "strokeWidth": 2, "cursor": "pointer"},
        "height": {"step": 22} if len(assets) > 2 else 90,
        "encoding": {
            "x": {"field": "begin", "type": "temporal", "title": None, "scale": scale, "axis": hours},
            "x2": {"field": "end"},
            "y": {"field": "asset", "type": "nominal", "title": None, "sort": assets, "axis": names},
            "color": colours,
            "stroke": colours,  # which makes a bar that can be seen of what is narrower than a pixel
            "tooltip": told_on("asset", "state", "began", "took"),
        },
    }
