"""The runs that were looked for: how many in each state, and a page of them, newest first."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from .....storage.errors import UsageError
from ....read.runs import Wanted, run_states, runs
from ...parts.address import chosen, move
from ...parts.live import live
from ...parts.pages import turned
from ...parts.says import empty, refused
from ...parts.states import badge
from ...project import ask, ask_recorded
from .table import run_of
from .timeline import bars

_PAGE = 50


def listed(wanted: Wanted) -> None:
    """The list, asked again every few seconds as long as its newest page is shown."""
    before = chosen("before") or None
    live(every=None if before else 5)(_listed)(wanted, before)


def _listed(wanted: Wanted, before: str | None) -> None:
    try:
        with st.spinner("Looking for runs …", show_time=True):
            found = ask(runs, wanted, limit=_PAGE, before=before)
            every = replace(wanted, states=frozenset())  # one answer, whichever states are wanted
            states = ask_recorded(run_states, every)
    except UsageError as error:
        refused(error)
        turned(before, None, move)
        return
    shown = {one: many for one, many in states.items() if not wanted.states or one in wanted.states}
    if not found.items:
        _nothing(wanted, before)
        return
    told = " ".join(f"{badge(state)} {many:,}" for state, many in shown.items())
    many = sum(shown.values())
    st.markdown(f"**{many:,}** {'run' if many == 1 else 'runs'} {told}")
    with st.expander("The last day", expanded=True, icon=":material/view_timeline:"):
        bars(wanted, _see)
    run_of(found.items, _see, key="runs-list")
    turned(before, found.following, move)


def _see(run_id: str) -> None:
    st.session_state["runs-seen"] = int(st.session_state.get("runs-seen", 0)) + 1  # what was clicked is forgotten
    move(run=run_id)


def _nothing(wanted: Wanted, before: str | None) -> None:
    if before:
        empty("There are no older ones", "Go back to the newest ones.")
        turned(before, None, move)
    elif wanted == Wanted():
        empty("No run yet", "`penstock up` makes one when a condition holds; a button on an asset asks for one.")
    else:
        empty("No run is like that", "Change what is looked for, or clear it.")
