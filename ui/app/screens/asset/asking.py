"""What a person asks for of an asset: a row in `commands`, which a scheduler carries out."""

from __future__ import annotations

from uuid import uuid4

import streamlit as st

from .....storage.types import Propagate, Reprocess
from ....ask import ask_backfill, ask_materialize, ask_pause, ask_resume
from ...login import visitor
from ...project import project_settings, store
from ..asked import note

_WHICH = {
    Reprocess.MISSING: "what is not made, unless it failed",
    Reprocess.FAILED: "what is not made, failed or not",
    Reprocess.ALL: "all of them, made or not",
}
_READERS = {
    Propagate.NONE: "nothing: they do not hear of it",
    Propagate.WITHIN: "is made too, by the backfill",
    Propagate.ALL: "hears of it, as of any news",
}


def buttons(name: str, *, paused: bool, divided: bool) -> None:
    """Make it, pause it or let it go on, backfill it."""
    if store().is_read_only:
        return
    with st.container(horizontal=True):
        with st.popover("Materialize", icon=":material/play_arrow:"):
            _materialize(name, divided=divided)
        if divided:
            with st.popover("Backfill", icon=":material/history:"):
                _backfill(name)
        if paused:
            if st.button("Resume", icon=":material/resume:"):
                _asked(ask_resume(store(), name, by=_who()))
        else:
            with st.popover("Pause", icon=":material/pause:"):
                why = st.text_input("Why", key=f"pause-{name}", placeholder="what others should know")
                if st.button("Pause it", type="primary"):
                    _asked(ask_pause(store(), name, why=why, by=_who()))


def _materialize(name: str, *, divided: bool) -> None:
    with st.form(f"materialize-{name}", border=False, enter_to_submit=False):
        upstream = st.checkbox("with all that it reads")
        force = st.checkbox("although nothing changed")
        keys = st.text_input("Partitions", placeholder="last:7") if divided else ""
        if st.form_submit_button("Make it", type="primary"):
            _asked(
                ask_materialize(
                    store(), name, upstream=upstream, force=force, partitions=keys or None, by=_who(), key=_key(name)
                )
            )


def _backfill(name: str) -> None:
    with st.form(f"backfill-{name}", border=False, enter_to_submit=False):
        keys = st.text_input("Partitions", placeholder="2026-01-01..2026-01-31", help="or last:30, or one key")
        which = st.selectbox("Which of them", list(Reprocess), format_func=_WHICH.__getitem__)
        then = st.selectbox("What reads them", list(Propagate), format_func=_READERS.__getitem__)
        st.caption("`penstock backfill create … --dry-run` says before what it comes to.")
        if st.form_submit_button("Backfill", type="primary"):
            if not keys.strip():
                st.warning("Say which partitions: a range such as `2026-01-01..2026-01-31`, or `last:30`.")
                return
            _asked(
                ask_backfill(store(), name, partitions=keys, reprocess=which, propagate=then, by=_who(), key=_key(name))
            )


def _who() -> str:
    return visitor(project_settings())


def _key(name: str) -> str:
    """One for each form that is shown: a second click on it asks for nothing more."""
    return str(st.session_state.setdefault(f"asking-{name}", str(uuid4())))


def _asked(command: int) -> None:
    for key in [str(one) for one in st.session_state if str(one).startswith("asking-")]:
        del st.session_state[key]
    note(command)
