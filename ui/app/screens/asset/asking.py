"""What a person asks for of an asset: a row in `commands`, which a scheduler carries out, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import streamlit as st

from .....storage.types import CommandState, Propagate, Reprocess
from ....ask import ask_backfill, ask_materialize, ask_pause, ask_resume
from ....read.commands import CommandLine, commands, scheduler_since
from ...login import visitor
from ...parts.live import live
from ...parts.text import plain
from ...parts.times import ago
from ...project import ask, forget, project_settings, store

_NEWS = timedelta(minutes=10)
"""So long after its end what became of a command is shown."""


def buttons(name: str, *, paused: bool, divided: bool) -> None:
    """Make it, pause it or let it go on, backfill it."""
    with st.container(horizontal=True):
        with st.popover("Materialize", icon=":material/play_arrow:"):
            _materialize(name, divided=divided)
        if divided:
            with st.popover("Backfill", icon=":material/history:"):
                _backfill(name)
        if paused:
            if st.button("Resume", icon=":material/resume:"):
                ask_resume(store(), name, by=_who())
                _asked()
        else:
            with st.popover("Pause", icon=":material/pause:"):
                why = st.text_input("Why", key=f"pause-{name}", placeholder="what others should know")
                if st.button("Pause it", type="primary"):
                    ask_pause(store(), name, why=why, by=_who())
                    _asked()


@live(every=1)
def outcome(name: str) -> None:
    """What became of the newest that was asked for, while that is news."""
    found = ask(commands, about=name, limit=1)
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
    if st.session_state.get("dismissed") == newest.id or datetime.now(UTC) - newest.ended_at > _NEWS:
        return
    said = plain(newest.said)
    when = f"asked by {plain(newest.asked_by)} {plain(ago(newest.asked_at))}"
    if newest.error is not None:
        text = f"**{_title(newest)}: {plain(newest.error.message)}** {plain(newest.error.hint)} ({when})"
        st.error(text, icon=":material/error:")
    else:
        links = " ".join(f"[run {one[-8:]}](/runs?run={one})" for one in newest.runs[:5])
        st.success(f"**{_title(newest)}:** {said} {links} ({when})", icon=":material/check:")
    if st.button("Dismiss", key=f"dismiss-{newest.id}", type="tertiary"):
        st.session_state["dismissed"] = newest.id
        st.rerun(scope="fragment")


def _waiting(one: CommandLine) -> None:
    if ask(scheduler_since) is None:
        st.warning(
            f"**{_title(one)} waits: nobody is at work.** Start `penstock up` in the project's folder.",
            icon=":material/hourglass_empty:",
        )
    else:
        state = "is being carried out" if one.state is not CommandState.WAITING else "is about to be carried out"
        st.info(f"**{_title(one)}** {state} …", icon=":material/hourglass_empty:")


def _materialize(name: str, *, divided: bool) -> None:
    with st.form(f"materialize-{name}", border=False):
        upstream = st.checkbox("with all that it reads")
        force = st.checkbox("although nothing changed")
        keys = st.text_input("Partitions", placeholder="last:7") if divided else ""
        if st.form_submit_button("Make it", type="primary"):
            ask_materialize(
                store(), name, upstream=upstream, force=force, partitions=keys or None, by=_who(), key=_key(name)
            )
            _asked()


def _backfill(name: str) -> None:
    with st.form(f"backfill-{name}", border=False):
        keys = st.text_input("Partitions", placeholder="2026-01-01..2026-01-31")
        which = st.selectbox("Which of them", list(Reprocess), format_func=lambda one: one.value)
        then = st.selectbox("What reads them", list(Propagate), format_func=lambda one: one.value)
        if st.form_submit_button("Backfill", type="primary") and keys:
            ask_backfill(store(), name, partitions=keys, reprocess=which, propagate=then, by=_who(), key=_key(name))
            _asked()


def _title(one: CommandLine) -> str:
    return one.kind.value.replace("_", " ").capitalize()


def _who() -> str:
    return visitor(project_settings())


def _key(name: str) -> str:
    """One for each form that is shown: a second click on it asks for nothing more."""
    return str(st.session_state.setdefault(f"asking-{name}", str(uuid4())))


def _asked() -> None:
    for key in [str(one) for one in st.session_state if str(one).startswith("asking-")]:
        del st.session_state[key]
    forget()
    st.rerun()
