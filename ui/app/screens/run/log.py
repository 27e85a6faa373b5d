"""The log of a run: its last lines, of each attempt, as they come."""

from __future__ import annotations

import streamlit as st

from .....storage.errors import StorageFault
from .....storage.logs.places import logs_of
from .....storage.types import LogStream
from ....read.logs import LogTail, now_logged, why_empty
from ....read.run import RunDetail
from ...parts.text import plain, visible
from ...project import ask, project_settings

_MOST = 1000
_SHORT, _HEIGHT = 16, 420
"""Lines up to which all are shown; pixels of more, of which the last are seen."""


def log(detail: RunDetail) -> None:
    """The lines of its newest attempt, or of the one that is chosen."""
    run_id, attempts = detail.run.id, [one.number for one in detail.attempts]
    number = attempts[-1] if attempts else 0
    if len(attempts) > 1:
        asked = st.segmented_control(
            "Attempt", attempts, default=number, key=f"attempt-{run_id}-{number}", format_func=str
        )
        number = asked if isinstance(asked, int) else number
    place = logs_of(project_settings())
    try:
        if number:
            tail = _tail(run_id, number)
            tail.look()
            if tail.lines:
                _show(tail)
                return
        st.caption(plain(why_empty(place, ask(now_logged, run_id))))
    except StorageFault as error:
        st.warning(f"**{plain(error.message)}** {plain(error.hint)}", icon=":material/error:")


def _tail(run_id: str, number: int) -> LogTail:
    """That of this visitor, which goes on where it was; one at a time is kept."""
    kept = st.session_state.get("log-tail")
    if kept is None or kept[0] != (run_id, number):
        kept = ((run_id, number), LogTail(logs_of(project_settings()), run_id, number, most=_MOST))
        st.session_state["log-tail"] = kept
    return kept[1]


def _show(tail: LogTail) -> None:
    marks = {LogStream.STDERR: "! ", LogStream.NOTE: "# "}
    lines = [f"{one.at.astimezone():%H:%M:%S} {marks.get(one.stream, '')}{visible(one.text)}" for one in tail.lines]
    if tail.left_out:
        st.caption(f"{tail.left_out:,} earlier lines are not shown: `penstock logs` has them all.")
    with st.container(height=_HEIGHT if len(lines) > _SHORT else "content", border=False, autoscroll=True):
        st.code("\n".join(lines), language=None, wrap_lines=True)
