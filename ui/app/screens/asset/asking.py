"""What a person asks for of an asset: that it is made, paused, let go on or backfilled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ....ask import ask_backfill, ask_materialize, ask_pause, ask_resume
from ...parts.popovers import popover, shut
from ...project import store
from ..asking import ask_for
from . import backfilling


def buttons(name: str, *, paused: bool, divided: bool) -> None:
    """Make it, pause it or let it go on, backfill it."""
    if store().is_read_only:
        return
    with st.container(horizontal=True):
        with popover("Materialize", icon=":material/play_arrow:", key=_popover("Materialize", name)):
            _materialize(name, divided=divided)
        if divided:
            with popover("Backfill", icon=":material/history:", key=_popover("Backfill", name)):
                if (given := backfilling.form(name)) is not None:
                    _ask_for("Backfill", ask_backfill, name, **given)
        if paused:
            if st.button("Resume", icon=":material/resume:"):
                _ask_for("Resume", ask_resume, name)
        else:
            with popover("Pause", icon=":material/pause:", key=_popover("Pause", name)):
                why = st.text_input("Why", key=f"pause-{name}", placeholder="what others should know")
                if st.button("Pause it", type="primary"):
                    _ask_for("Pause", ask_pause, name, why=why)


def _materialize(name: str, *, divided: bool) -> None:
    with st.form(f"materialize-{name}", border=False, enter_to_submit=False):
        upstream = st.checkbox("with all that it reads")
        force = st.checkbox("although nothing changed")
        keys = st.text_input("Partitions", placeholder="last:7") if divided else ""
        if st.form_submit_button("Make it", type="primary"):
            _ask_for("Materialize", ask_materialize, name, upstream=upstream, force=force, partitions=keys or None)


def _popover(what: str, name: str) -> str:
    return f"{what}-open-{name}"


def _ask_for(what: str, asks: Callable[..., int], name: str, **given: Any) -> None:
    shut(_popover(what, name))
    ask_for(what, asks, name, **given)
