"""What a person asks for of an asset: a row in `commands`, which a scheduler carries out."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import streamlit as st

from ....ask import ask_materialize, ask_pause, ask_resume
from ...login import visitor
from ...parts.popovers import popover, shut
from ...project import project_settings, store
from ..asked import note
from . import backfilling


def buttons(name: str, *, paused: bool, divided: bool) -> None:
    """Make it, pause it or let it go on, backfill it."""
    if store().is_read_only:
        return
    with st.container(horizontal=True):
        with popover("Materialize", icon=":material/play_arrow:", key=_popover("materialize", name)):
            _materialize(name, divided=divided)
        if divided:
            with popover("Backfill", icon=":material/history:", key=_popover("backfill", name)):
                if (asked := backfilling.form(name, by=_who(), key=_key(name))) is not None:
                    _asked("Backfill", name, asked)
        if paused:
            if st.button("Resume", icon=":material/resume:"):
                _asked("Resume", name, lambda: ask_resume(store(), name, by=_who()))
        else:
            with popover("Pause", icon=":material/pause:", key=_popover("pause", name)):
                why = st.text_input("Why", key=f"pause-{name}", placeholder="what others should know")
                if st.button("Pause it", type="primary"):
                    _asked("Pause", name, lambda: ask_pause(store(), name, why=why, by=_who()))


def _materialize(name: str, *, divided: bool) -> None:
    with st.form(f"materialize-{name}", border=False, enter_to_submit=False):
        upstream = st.checkbox("with all that it reads")
        force = st.checkbox("although nothing changed")
        keys = st.text_input("Partitions", placeholder="last:7") if divided else ""
        if st.form_submit_button("Make it", type="primary"):
            key, given = _key(name), keys or None
            _asked(
                "Materialize",
                name,
                lambda: ask_materialize(
                    store(), name, upstream=upstream, force=force, partitions=given, by=_who(), key=key
                ),
            )


def _who() -> str:
    return visitor(project_settings())


def _popover(what: str, name: str) -> str:
    return f"{what}-open-{name}"


def _key(name: str) -> str:
    """One for each form that is shown: a second click on it asks for nothing more."""
    return str(st.session_state.setdefault(f"asking-{name}", str(uuid4())))


def _asked(what: str, name: str, asked: Callable[[], int]) -> None:
    for key in [str(one) for one in st.session_state if str(one).startswith("asking-")]:
        del st.session_state[key]
    shut(_popover(what.lower(), name))
    note(what, asked)
