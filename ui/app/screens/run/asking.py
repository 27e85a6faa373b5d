"""What a person asks for of a run: that it ends, or that it is made again. A row in `commands`, which a scheduler
carries out."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import streamlit as st

from .....storage.types import RunState
from ....ask import ask_cancel, ask_rerun
from ....read.run import RunDetail
from ...login import visitor
from ...parts.popovers import popover, shut
from ...project import project_settings, store
from ..asked import note


def buttons(detail: RunDetail) -> None:
    """Cancel it while it has not ended, make it again afterwards."""
    if store().is_read_only:
        return
    run_id = detail.run.id
    key = f"asking-run-{run_id}"
    once = str(st.session_state.setdefault(key, str(uuid4())))  # a second click asks for nothing more
    by = visitor(project_settings())
    if detail.run.ended_at is None:
        with popover("Cancel", icon=":material/cancel:", key=f"canceling-{run_id}"):
            st.markdown("It ends wherever it stands; what caused it is pending again.")
            if st.button("Cancel it", type="primary", key=f"cancel-{run_id}"):
                shut(f"canceling-{run_id}")
                _asked(key, "Cancel", lambda: ask_cancel(store(), run_id, by=by, key=once))
        return
    failed = detail.run.state in (RunState.FAILED, RunState.CANCELED)
    again, kind = ("Retry", "primary") if failed else ("Run again", "secondary")
    helped = "From the same versions of its inputs, whatever is newer, with the code of now."
    if st.button(again, icon=":material/replay:", type=kind, help=helped, key=f"rerun-{run_id}"):
        _asked(key, again, lambda: ask_rerun(store(), run_id, by=by, key=once))


def _asked(key: str, what: str, asked: Callable[[], int]) -> None:
    st.session_state.pop(key, None)
    note(what, asked)
