"""The time as of which a screen is shown: where it is chosen, and that it is said."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from ....storage.errors import UsageError
from ...read.times import moment_of
from ..parts.text import plain
from ..parts.times import exact
from ..project import ask

_KEY = "at"


def as_of() -> str:
    """As it stands in the form or in the address; "" for now."""
    said = st.session_state[_KEY] if _KEY in st.session_state else st.query_params.get(_KEY, "")
    return str(said or "").strip()


def choose_time() -> None:
    """Where it is written."""
    st.text_input(
        "As of",
        key=_KEY,
        bind="query-params",
        placeholder="now",
        help="2026-01-05T03:00Z, or -2h",
        on_change=_pinned,
    )


def then(moment: datetime, what: str) -> None:
    """That it is not now, with the way back; `what` is shown."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"**As of {plain(exact(moment))}**: {what}", icon=":material/history:")
        st.button("Now", icon=":material/update:", on_click=_now)


def _pinned() -> None:
    """What is counted from now is that moment from then on, also for whoever is sent the address."""
    said = as_of()
    with suppress(UsageError):  # which the screen tells
        if said.startswith("-") and (moment := ask(moment_of, said)) is not None:
            st.session_state[_KEY] = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _now() -> None:
    st.session_state[_KEY] = ""
