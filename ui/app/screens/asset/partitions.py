"""The partitions of an asset: counts, days as a calendar, any others as ranges a page at a time; never every key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import altair as alt
import streamlit as st

from .....storage.errors import UsageError
from ....read.partitions import Partitions, PartitionState, Stretch, partitions
from ...parts.states import shade
from ...parts.tables import table
from ...parts.text import plain, visible
from ...project import ask

_DAYS = 53 * 7
_PAGE = 50
_SHADES = {
    PartitionState.MADE: shade("success"),
    PartitionState.MISSING: "#8b919c55",
    PartitionState.FAILED: shade("failed"),
    PartitionState.ACTIVE: shade("running"),
}


def divided(dataset: str) -> None:
    """How the partitions of a dataset stand."""
    found = ask(partitions, dataset, limit=_PAGE, first=st.session_state.get(f"stretch-{dataset}"))
    counts = " · ".join(f"{count:,} {state.value}" for state, count in found.counts.items() if count)
    st.markdown(f"{found.total:,} partitions ({plain(found.label)}): {counts or 'none made yet'}")
    if found.stretches and _day(found.stretches[0].first) is not None:
        st.altair_chart(_calendar(_year(dataset)), width="stretch")
    _ranges(dataset, found)


def _year(dataset: str) -> dict[date, PartitionState]:
    """The days of the last year, each with how it stands; what failed or is at work shows before what is made."""
    begin = date.today() - timedelta(days=_DAYS - 1)  # noqa: DTZ011  the calendar of whoever looks
    days: dict[date, PartitionState] = {}
    for state in (None, PartitionState.FAILED, PartitionState.ACTIVE):
        try:
            found = ask(partitions, dataset, state=state, limit=_DAYS, first=begin.isoformat())
        except UsageError:  # it begins later than that
            found = ask(partitions, dataset, state=state, limit=_DAYS)
        for one in found.stretches:
            days.update(dict.fromkeys(_days_of(one, begin), one.state))
    return days


def _days_of(stretch: Stretch, begin: date) -> Iterator[date]:
    first, last = _day(stretch.first), _day(stretch.last)
    if first is not None and last is not None:
        first = max(first, begin)
        yield from (first + timedelta(days=one) for one in range(min((last - first).days + 1, _DAYS)))


def _calendar(days: dict[date, PartitionState]) -> alt.Chart:
    rows = [
        {
            "day": f"{one:%a %d %b %Y}",
            "week": (one - timedelta(days=one.weekday())).isoformat(),
            "weekday": f"{one:%a}",
            "state": state.value,
        }
        for one, state in sorted(days.items())
    ]
    weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    months = "date(toDate(datum.value)) < 8 ? timeFormat(toDate(datum.value), '%b') : ''"
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_rect(cornerRadius=2, stroke="#80808040", strokeWidth=1)
        .encode(
            x=alt.X("week:O", title=None, axis=alt.Axis(labelExpr=months, ticks=False, labelAngle=0, domain=False)),
            y=alt.Y("weekday:O", title=None, sort=weekdays, axis=alt.Axis(ticks=False, domain=False)),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=[one.value for one in _SHADES], range=list(_SHADES.values())),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=["day:N", "state:N"],
        )
        .properties(height=190)
    )


def _ranges(dataset: str, found: Partitions) -> None:
    rows = [
        {"state": one.state.value, "from": visible(one.first), "to": visible(one.last), "partitions": one.count}
        for one in found.stretches
    ]
    table(rows)
    key = f"stretch-{dataset}"
    with st.container(horizontal=True):
        if st.session_state.get(key) is not None and st.button("First page", key=f"{key}-first"):
            st.session_state[key] = None
            st.rerun()
        if found.following is not None and st.button("Next page", key=f"{key}-next"):
            st.session_state[key] = found.following
            st.rerun()


def _day(key: str) -> date | None:
    try:
        return date.fromisoformat(key) if len(key) == len("2026-01-05") else None
    except ValueError:
        return None
