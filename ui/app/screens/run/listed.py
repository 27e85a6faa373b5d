"""The runs that were looked for: how many in each state, and a page of them, newest first."""

from __future__ import annotations

from typing import Any

import streamlit as st

from .....storage.errors import UsageError
from .....storage.types import FINAL_STATES
from ....read.runs import RunLine, Wanted, run_states, runs
from ...parts.address import choose, chosen
from ...parts.live import live
from ...parts.says import empty, refused
from ...parts.states import badge, colour, word
from ...parts.tables import cells
from ...parts.text import visible
from ...parts.times import ago, took
from ...project import ask
from .timeline import bars

_PAGE = 50


def listed(wanted: Wanted) -> None:
    """The list, asked again every few seconds as long as its newest page is shown."""
    before = chosen("before") or None
    live(every=None if before else 5)(_listed)(wanted, before)


def _listed(wanted: Wanted, before: str | None) -> None:
    try:
        with st.spinner("Looking for runs …", show_time=True):
            found, states = ask(runs, wanted, limit=_PAGE, before=before), ask(run_states, wanted)
    except UsageError as error:
        refused(error)
        return
    shown = {one: many for one, many in states.items() if not wanted.states or one in wanted.states}
    if not found.items:
        _nothing(wanted, before)
        return
    told = " ".join(f"{badge(state)} {many:,}" for state, many in shown.items())
    many = sum(shown.values())
    st.markdown(f"**{many:,}** {'run' if many == 1 else 'runs'} {told}")
    with st.expander("The last day", expanded=True, icon=":material/view_timeline:"):
        picked = bars(wanted)
    picked = _table(found.items) or picked
    if picked is not None:
        st.session_state["runs-seen"] = int(st.session_state.get("runs-seen", 0)) + 1  # what was clicked is forgotten
        choose(run=picked)
        st.rerun()
    _pages(found.following, before)


def _nothing(wanted: Wanted, before: str | None) -> None:
    if before:
        empty("There are no older ones", "Go back to the newest ones.")
        _pages(None, before)
    elif wanted == Wanted():
        empty("No run yet", "Runs are recorded while `penstock up` is at work, and by `penstock materialize`.")
    else:
        empty("No run is like that", "Change what is looked for, or clear it.")


def _table(lines: tuple[RunLine, ...]) -> str | None:
    """Draw it; the id of the run that was clicked."""
    states = list(dict.fromkeys(_state(one) for one in lines))
    said: Any = st.dataframe(  # pyright: ignore[reportUnknownMemberType]  numpy is no need of ours
        cells([_row(one) for one in lines]),
        hide_index=True,
        width="stretch",
        height=min(35 * (len(lines) + 1) + 3, 773),
        on_select="rerun",
        selection_mode="single-cell",
        key=f"runs-list-{st.session_state.get('runs-seen', 0)}",
        column_config={
            "state": st.column_config.MultiselectColumn(
                options=states, color=[colour(one) for one in states], width="small", disabled=True
            ),
            "why": st.column_config.TextColumn(width="medium"),
        },
    )
    st.caption("Click a run to see all of it.")
    picked: list[tuple[int, str]] = said["selection"].get("cells") or []
    return lines[picked[0][0]].id if picked and picked[0][0] < len(lines) else None


def _row(one: RunLine) -> dict[str, object]:
    return {
        "state": [_state(one)],
        "asset": visible(f"{one.asset} {one.partition}".rstrip()),
        "why": why(one),
        "planned": ago(one.created_at),
        "took": "" if one.took is None else took(one.took.total_seconds()),
        "run": one.id[-8:],
    }


def why(one: RunLine) -> str:
    """Why it failed, else why it was made; and what its producer says to it."""
    said = one.error.text if one.error is not None else one.reason.text
    return visible(f"{said}; {one.told}" if one.told else said).replace("\n", " ")[:200]


def _state(one: RunLine) -> str:
    return word("left behind" if one.left_behind and one.state not in FINAL_STATES else one.state)


def _pages(following: str | None, before: str | None) -> None:
    if before is None and following is None:
        return
    with st.container(horizontal=True):
        if before is not None and st.button("Newest", icon=":material/first_page:"):
            choose(before=None)
            st.rerun()
        if following is not None and st.button("Older", icon=":material/chevron_right:"):
            choose(before=following)
            st.rerun()
