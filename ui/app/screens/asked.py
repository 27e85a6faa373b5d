"""What became of what was asked for, of an asset or a run: whether it waits, what is being done, and how it went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from ....storage.types import FINAL_STATES, BackfillState, CommandState
from ...ask import ask_cancel_backfill, ask_pause_backfill, ask_resume_backfill
from ...read.backfills import BackfillLine, backfill
from ...read.commands import CommandLine, commands, scheduler_since
from ...read.run import run
from ..parts.links import link, links
from ..parts.live import live
from ..parts.states import badge
from ..parts.text import plain, visible
from ..parts.times import ago
from ..project import ask, forget, store
from .asking import ask_for

_NEWS = timedelta(minutes=1)
"""So long after its end everybody is told; whoever asked for it, until the notice is dismissed."""
_OVER = (BackfillState.SUCCESS, BackfillState.FAILED, BackfillState.CANCELED)
_RUNS = 5


@live(every=1)
def outcome(about: str) -> None:
    """What became of the newest that was asked for, while that is news."""
    found = ask(commands, about=about, limit=1)
    if not found.items:
        return
    newest = found.items[0]
    if newest.ended_at is None:
        st.session_state["awaited"] = newest.id
        _waiting(newest)
        return
    if st.session_state.pop("awaited", None) == newest.id:  # what else is shown may be another thing now
        forget()
        st.rerun()
    mine = newest.id in st.session_state.get("asked-here", ())
    if not mine and datetime.now(UTC) - newest.ended_at > _NEWS:
        return
    if st.session_state.get("dismissed") == newest.id:
        return
    _told(newest)
    if st.button("Dismiss", key=f"dismiss-{newest.id}", type="tertiary"):
        st.session_state["dismissed"] = newest.id
        st.rerun(scope="fragment")


def _waiting(one: CommandLine) -> None:
    if ask(scheduler_since) is None:
        st.warning(
            f"**{_title(one)} waits: nobody is at work.** Start `penstock up` in the project's folder.",
            icon=":material/hourglass_empty:",
        )
        return
    state = "is being carried out" if one.state is not CommandState.WAITING else "is about to be carried out"
    st.info(f"**{_title(one)}** {state} …", icon=":material/hourglass_empty:")


def _told(one: CommandLine) -> None:
    when = f"asked by {plain(one.asked_by)} {plain(ago(one.asked_at))}"
    if one.error is not None:
        first, _, rest = one.error.message.partition("\n")
        st.error(f"**{_title(one)}: {plain(first)}** {plain(one.error.hint)} ({when})", icon=":material/error:")
        if rest:
            st.code(visible(rest), language=None)
        return
    st.success(f"**{_title(one)}:** {plain(one.said)} ({when})", icon=":material/check:")
    if one.backfill is not None:
        _backfill(ask(backfill, one.backfill).backfill)
    else:
        links((f"{_state_of(each)} run {each[-8:]}", "runs", {"run": each}) for each in one.runs[:_RUNS])


def _state_of(run_id: str) -> str:
    return badge(ask(run, run_id).run.state)


def _backfill(line: BackfillLine) -> None:
    """How far it has come, its runs, and how to hold or end it."""
    ended = " · ".join(f"{badge(state)} {many:,}" for state, many in line.runs.items() if state in FINAL_STATES)
    said = f"{line.looked:,} of {line.total:,} partitions seen to"
    st.progress(min(line.looked / max(line.total, 1), 1.0), text=f"{badge(line.state)} {said} {ended}")
    with st.container(horizontal=True):
        link("Its runs", "runs", backfill=line.id)
        if line.state in _OVER or store().is_read_only:
            return
        if line.state is BackfillState.PAUSED:
            if st.button("Resume it", key=f"resume-{line.id}", type="tertiary"):
                ask_for("Resume", ask_resume_backfill, line.id)
        elif st.button("Pause it", key=f"pause-{line.id}", type="tertiary"):
            ask_for("Pause", ask_pause_backfill, line.id)
        if st.button("Cancel it", key=f"cancel-{line.id}", type="tertiary"):
            ask_for("Cancel", ask_cancel_backfill, line.id)


def _title(one: CommandLine) -> str:
    return one.kind.value.replace("_", " ").capitalize()
