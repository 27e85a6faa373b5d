"""The form of a backfill: which partitions, and what it would come to, before it is asked for."""

from __future__ import annotations

from typing import Any

import streamlit as st

from .....assets.plan.backfills.counting import Counts
from .....storage.errors import UsageError
from .....storage.types import Propagate, Reprocess
from ....read.foreseen import Foreseen, foreseen
from ...parts.says import refused
from ...parts.text import plain, visible
from ...project import ask

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


def form(name: str) -> dict[str, Any] | None:
    """Draw it; what `ask_backfill` is to be given, once that is wished."""
    with st.form(f"backfill-{name}", border=False, enter_to_submit=False):
        keys = st.text_input(
            "Partitions", placeholder="2026-01-01..2026-01-31", help="A range, `last:30`, keys with commas, or `all`."
        ).strip()
        which = st.selectbox(
            "Which of them",
            list(Reprocess),
            format_func=_WHICH.__getitem__,
            help="The others are left alone, and so is what is being made.",
        )
        then = st.selectbox(
            "What reads them",
            list(Propagate),
            format_func=_READERS.__getitem__,
            help="What becomes of the assets that wait for these partitions once they are made.",
        )
        with st.container(horizontal=True):
            looked = st.form_submit_button("What it comes to")
            wished = st.form_submit_button("Backfill", type="primary")
        if not keys:
            if looked or wished:
                st.warning("Say which partitions: a range such as `2026-01-01..2026-01-31`, `last:30`, or `all`.")
            return None
        if not _told(name, keys, which, then) or not wished:
            return None
    return {"partitions": keys, "reprocess": which, "propagate": then}


def _told(name: str, keys: str, which: Reprocess, then: Propagate) -> bool:
    """What it would come to; False where it would be refused, which is said."""
    try:
        found = ask(foreseen, name, keys, which)
    except UsageError as error:
        first, _, rest = error.message.partition("\n")
        refused(UsageError(first, hint=error.hint))
        if rest:
            st.code(visible(rest), language=None)
        return False
    st.markdown("  \n".join(_lines(found)))
    if then is Propagate.WITHIN:
        st.caption("What reads them, and is made too, is not counted here.")
    return True


def _lines(found: Foreseen) -> list[str]:
    counts = found.counts
    span = found.first if counts.total == 1 else f"{found.first} … {found.last}"
    left = [f"{many:,} {what}" for what, many in _left(counts).items() if many]
    what = f"{counts.total:,} {'partition' if counts.total == 1 else 'partitions'} ({plain(span)})"
    would = (
        f"**{counts.look:,}** of {what} would be made, unless nothing has changed or something lacks."
        if counts.look
        else f"Nothing would be made of {what}."
    )
    return [would, *([f"Left alone: {', '.join(left)}."] if left else [])]


def _left(counts: Counts) -> dict[str, int]:
    return {"made already": counts.made, "failed": counts.failed, "being made": counts.active}
