"""Looking for runs: how they ended, of what, why, since when; all of it in the address."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from .....storage.types import ReasonKind, RunState
from ....read.outline import kinds
from ....read.runs import Wanted
from ...outlined import outlined
from ...parts.filters import clear, counted, tell_left_out, told_astray
from ...parts.states import word
from ...parts.text import visible
from ...parts.times import within
from ...project import store

_LAST = ("hour", "day", "week")
_HIDDEN: dict[str, object] = {
    "says": "",
    "reason": None,
    "in-group": None,
    "partition": "",
    "backfill": "",
    "until": None,
}
_EMPTY: dict[str, object] = {"asset": "", "states": [], "since": None, **_HIDDEN}
"""Each filter with what it holds when it is empty; the first are behind a button."""
_MADE = [one for one in ReasonKind if one.value not in ("waiting", "no_version", "paused", "at_limit", "settling")]


def finding() -> Wanted:
    """The widgets, and what they ask for."""
    groups = kinds(outlined(store())).groups
    astray = told_astray(
        {
            "states": [word(one.value) for one in RunState],
            "since": _LAST,
            "reason": [word(one.value) for one in _MADE],
            "in-group": [visible(one) for one in groups],
        }
    )
    astray |= _told_no_day()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asset = st.text_input("Asset", key="asset", bind="query-params", placeholder="its name", width=220)
        states = st.multiselect(
            "State",
            [one.value for one in RunState],
            key="states",
            bind="query-params",
            format_func=word,
            placeholder="any state",
            width=260,
        )
        last = st.selectbox(
            "Planned within the last",
            _LAST,
            index=None,
            key="since",
            bind="query-params",
            placeholder="any time",
            width=190,
        )
        with st.popover(counted("More", _HIDDEN, astray), icon=":material/filter_list:", key="more"):
            error = st.text_input("The error says", key="says", bind="query-params", placeholder="a part of its text")
            reason = st.selectbox(
                "Why it was made",
                [one.value for one in _MADE],
                index=None,
                key="reason",
                bind="query-params",
                format_func=word,
                placeholder="any reason",
            )
            group = st.selectbox(
                "Group of its asset",
                groups,
                index=None,
                key="in-group",
                bind="query-params",
                format_func=visible,
                placeholder="any group",
                disabled=not groups,
            )
            partition = st.text_input("Partition", key="partition", bind="query-params", placeholder="2026-01-05")
            backfill = st.text_input("Backfill", key="backfill", bind="query-params", placeholder="a part of its id")
            until = st.date_input("Planned until", value=None, key="until", bind="query-params")
        clear(_EMPTY)
    apart = within(str(last)) if last else None
    return Wanted(
        states=frozenset(RunState(one) for one in states),
        asset=asset.strip() or None,
        partition=partition.strip() or None,
        group=group,
        reason=None if reason is None else ReasonKind(reason),
        backfill=backfill.strip() or None,
        since=None if apart is None else _minute(datetime.now(UTC) - apart),
        until=_end_of(until) if isinstance(until, date) else None,
        error=error.strip() or None,
    )


def _told_no_day() -> set[str]:
    """The same of the day until which runs are looked for."""
    said = st.query_params.get("until", "")
    with suppress(ValueError):
        date.fromisoformat(said or "2026-01-05")
        return set()
    tell_left_out("day", [said], "A day is written as 2026-01-05.")
    return {"until"}


def _minute(moment: datetime) -> datetime:
    """A question that is asked again and again stays the same for a minute, and its answer is remembered."""
    return moment.replace(second=0, microsecond=0)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time()).astimezone(UTC)
