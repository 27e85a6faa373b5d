"""Looking for assets: by their text, group, tag, owner, state, and when they were made; all of it in the address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import streamlit as st

from ...read.outline import Outline, Spot, kinds
from ..parts.filters import clear, counted, told_astray
from ..parts.states import word
from ..parts.text import visible
from ..parts.times import within
from .as_of import choose_time

_ALL = ("hour", "day", "week")
_HIDDEN: dict[str, object] = {"group": [], "tag": [], "owner": [], "state": [], "within": None, "at": ""}
"""Filters behind a button, each with what it holds when it is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What assets are looked for; what is empty leaves none out. `within`: so lately made."""

    words: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    within: timedelta | None = None


def finding(known: Outline) -> Sought:
    """The widgets, and what they say."""
    those = kinds(known)
    astray = told_astray(
        {
            "group": _written(those.groups),
            "tag": _written(those.tags),
            "owner": _written(those.owners),
            "state": _written(those.states),
            "within": _ALL,
        }
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Look for", key="q", bind="query-params", placeholder="name or description", icon=":material/search:"
        )
        with st.popover(counted("Filter", _HIDDEN, astray), icon=":material/filter_list:", key="filter"):
            groups = _among("Group", "group", those.groups)
            tags = _among("Tag", "tag", those.tags)
            owners = _among("Owner", "owner", those.owners)
            states = _among("State", "state", those.states)
            made = st.segmented_control("Made within the last", _ALL, key="within", bind="query-params")
            choose_time()
        clear({"q": "", **_HIDDEN})
    return Sought(
        words=tuple(str(text or "").casefold().split()),
        groups=groups,
        tags=tags,
        owners=owners,
        states=states,
        within=within(str(made)) if made else None,
    )


def fitting(known: Outline, sought: Sought, at: datetime | None = None) -> list[str]:
    """The names of the assets that are like that, in their order; `at`: as of when they are shown, None for now."""
    if sought == Sought():
        return list(known.assets)
    begin = None if sought.within is None else (at or datetime.now(UTC)) - sought.within
    found: Iterable[Spot] = known.assets.values()
    for part in sought.words:
        found = [one for one in found if part in one.text]
    return [one.name for one in found if _fits(one, sought, begin)]


def _fits(one: Spot, sought: Sought, begin: datetime | None) -> bool:
    return (
        (not sought.groups or one.group in sought.groups)
        and (not sought.tags or not {*sought.tags}.isdisjoint(one.tags))
        and (not sought.owners or not {*sought.owners}.isdisjoint(one.owners))
        and (not sought.states or one.state in sought.states)
        and (begin is None or (one.updated_at is not None and one.updated_at >= begin))
    )


def _written(those: Iterable[str]) -> set[str]:
    return {visible(word(one)) for one in those}


def _among(label: str, key: str, options: Sequence[str]) -> tuple[str, ...]:
    if not options and key not in st.query_params:  # else the widget takes it out of the address
        return ()
    return tuple(
        st.multiselect(label, options, key=key, bind="query-params", format_func=lambda one: visible(word(one)))
    )
