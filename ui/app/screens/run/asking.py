"""What a person asks for of a run: that it ends, or that it is made again."""

from __future__ import annotations

import streamlit as st

from .....storage.types import RunState
from ....ask import ask_cancel, ask_rerun
from ....read.run import RunDetail
from ...parts.popovers import popover, shut
from ...project import store
from ..asking import ask_for


def buttons(detail: RunDetail) -> None:
    """Cancel it while it has not ended, make it again afterwards."""
    if store().is_read_only:
        return
    run_id = detail.run.id
    if detail.run.ended_at is None:
        with popover("Cancel", icon=":material/cancel:", key=f"canceling-{run_id}"):
            st.markdown("It ends wherever it stands; what caused it is pending again.")
            if st.button("Cancel it", type="primary", key=f"cancel-{run_id}"):
                shut(f"canceling-{run_id}")
                ask_for("Cancel", ask_cancel, run_id)
        return
    failed = detail.run.state in (RunState.FAILED, RunState.CANCELED)
    again, kind = ("Retry", "primary") if failed else ("Run again", "secondary")
    helped = "From the same versions of its inputs, whatever is newer, with the code of now."
    if st.button(again, icon=":material/replay:", type=kind, help=helped, key=f"rerun-{run_id}"):
        ask_for(again, ask_rerun, run_id)
