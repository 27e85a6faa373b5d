"""Looking for assets: by their text, group, tag, owner, state, and when they were made; all of it in the address."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import streamlit as st

from ...read.outline import Outline, Spot
from ..parts.states import word
from ..parts.text import visible
from ..parts.times import within

_ALL = ("hour", "day", "week")


def as_of() -> str:
    """The time as of which the assets are shown, as it stands in the form or in the address; "" for now."""
    said = st.session_state["at"] if "at" in st.session_state else st.query_params.get("at", "")
    return str(said or "").strip()


def finding(known: Outline, at: datetime | None = None) -> list[str]:
    """The widgets, and the names of the assets that fit, in their order; `at`: as of when they are shown."""
    spots = list(known.assets.values())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Look for", key="q", bind="query-params", placeholder="name or description", icon=":material/search:"
        )
        with st.popover("Filter", icon=":material/filter_list:"):
            groups = _among("Group", "group", (one.group for one in spots))
            tags = _among("Tag", "tag", (tag for one in spots for tag in one.tags))
            owners = _among("Owner", "owner", (owner for one in spots for owner in one.owners))
            states = _among("State", "state", (one.state for one in spots))
            made = st.segmented_control("Made within the last", _ALL, key="within", bind="query-params")
            st.text_input("As of", key="at", bind="query-params", placeholder="now", help="2026-01-05T03:00Z, or -2h")
    since = within(str(made)) if made else None
    begin = None if since is None else (at or datetime.now(UTC)) - since
    wanted = str(text or "").casefold().split()
    return [
        one.name
        for one in spots
        if _fits(one, wanted, groups, tags, owners, states)
        and (begin is None or (one.updated_at is not None and one.updated_at >= begin))
    ]


def _fits(  # noqa: PLR0917  the words of the form, in its order
    one: Spot, wanted: list[str], groups: list[str], tags: list[str], owners: list[str], states: list[str]
) -> bool:
    text = f"{one.name} {one.description}".casefold()
    return (
        all(part in text for part in wanted)
        and (not groups or one.group in groups)
        and (not tags or not {*tags}.isdisjoint(one.tags))
        and (not owners or not {*owners}.isdisjoint(one.owners))
        and (not states or one.state in states)
    )


def _among(label: str, key: str, values: Iterable[str]) -> list[str]:
    options = sorted({one for one in values if one})
    if not options:
        return []
    return list(
        st.multiselect(label, options, key=key, bind="query-params", format_func=lambda one: visible(word(one)))
    )
