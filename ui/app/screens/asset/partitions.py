"""The partitions of an asset: counts, days as a calendar, any others as ranges a page at a time; never every key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta

import streamlit as st

from .....storage.errors import UsageError
from .....storage.types import RunState
from ....read.partitions import PartitionState, Stretch
from ....read.stretches import Laid, laid
from ...parts.address import choose, chosen
from ...parts.charts import Chart, clickable, coloured, told_on
from ...parts.links import go
from ...parts.live import live
from ...parts.says import refused
from ...parts.states import badge, shade
from ...parts.tables import chosen_of
from ...parts.text import plain, visible
from ...project import ask
from .viewing import look_at

_DAYS = 53 * 7
_WEEK = 7
_WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_PAGE = 50
FIRST = "ranges-from"
"""What the address says of the partition with which the page of ranges begins."""
_SHADES = {one: f"{shade(one.value)}{'55' if one is PartitionState.MISSING else ''}" for one in PartitionState}


@live(every=5)
def divided(asset: str, dataset: str) -> None:
    """How the partitions of a dataset stand, which this asset writes; asked again every few seconds."""
    try:
        found = ask(laid, dataset, limit=_PAGE, first=chosen(FIRST) or None)
    except UsageError as error:
        refused(error, "These are the first.")
        found = ask(laid, dataset, limit=_PAGE)
    st.markdown("  \n".join(_counts(found)))
    if found.whole.first is not None and _day(found.whole.first) is not None:
        _last_year(asset, dataset, found)
    _ranges(asset, dataset, found)


def _counts(found: Laid) -> Iterator[str]:
    whole = found.whole
    many = f"**{whole.total:,}** {'partition' if whole.total == 1 else 'partitions'}"
    told = [f"{badge(state.value)} {count:,}" for state, count in found.counts.items() if count]
    yield f"{many} ({plain(whole.label)}) {' '.join(told)}"
    if found.is_cut:
        yield "More failed than are counted here: they are among what is made or missing."
    if whole.left:
        yield f"{whole.left:,} more were made of an earlier definition, and count no more."


def _last_year(asset: str, dataset: str, found: Laid) -> None:
    days = _year(dataset)
    if not days:
        return
    clickable(
        _calendar(days.values()),
        _rows_of(days),
        "key",
        lambda day: _look_at_day(asset, day, days[date.fromisoformat(day)]),
        key=f"calendar-{dataset}",
    )
    said = f"From {min(days):%d %b %Y} to {max(days):%d %b %Y}."
    first = None if found.whole.first is None else _day(found.whole.first)
    if first is not None and first < min(days):
        said += f" There are partitions from {first:%d %b %Y} on: the ranges below have them all."
    st.caption(said)


def _look_at_day(asset: str, day: str, state: PartitionState) -> None:
    """What is made leads to its data, what failed or is active to its runs."""
    if state is PartitionState.MADE:
        look_at("Data", partition=day, version=None)
    elif state is not PartitionState.MISSING:
        go("runs", asset=asset, partition=day)


def _year(dataset: str) -> dict[date, PartitionState]:
    """The days of the last year, each with how it stands."""
    begin = date.today() - timedelta(days=_DAYS - 1)  # noqa: DTZ011  the calendar of whoever looks
    days: dict[date, PartitionState] = {}
    for one in _since(dataset, begin).stretches:
        days.update(dict.fromkeys(_days_of(one, begin), one.state))
    return days


def _since(dataset: str, begin: date) -> Laid:
    """From a day on, or from the first after it that is a partition; all where they begin later."""
    for later in range(_WEEK):
        try:
            return ask(laid, dataset, limit=_DAYS, first=(begin + timedelta(days=later)).isoformat())
        except UsageError:
            continue
    return ask(laid, dataset, limit=_DAYS)


def _days_of(stretch: Stretch, begin: date) -> Iterator[date]:
    first, last = _day(stretch.first), _day(stretch.last)
    if first is not None and last is not None:
        first = max(first, begin)
        yield from (first + timedelta(days=one) for one in range(min((last - first).days + 1, _DAYS)))


def _rows_of(days: dict[date, PartitionState]) -> list[dict[str, object]]:
    return [
        {
            "key": one.isoformat(),
            "day": f"{one:%a %d %b %Y}",
            "week": (one - timedelta(days=one.weekday())).isoformat(),
            "weekday": f"{one:%a}",
            "state": state.value,
        }
        for one, state in sorted(days.items())
    ]


def _calendar(states: Collection[PartitionState]) -> Chart:
    shades = {one.value: shade for one, shade in _SHADES.items() if one in states}
    bare = {"ticks": False, "domain": False}
    months = "date(toDate(datum.value)) < 8 ? timeFormat(toDate(datum.value), '%b') : ''"
    weeks = {**bare, "labelExpr": months, "labelAngle": 0}
    return {
        "mark": {"type": "rect", "cornerRadius": 2, "stroke": "#80808040", "strokeWidth": 1, "cursor": "pointer"},
        "height": 150,
        "encoding": {
            "x": {"field": "week", "type": "ordinal", "title": None, "axis": weeks},
            "y": {"field": "weekday", "type": "ordinal", "title": None, "sort": _WEEKDAYS, "axis": bare},
            "color": coloured("state", shades),
            "tooltip": told_on("day", "state"),
        },
    }


def _ranges(asset: str, dataset: str, found: Laid) -> None:
    chosen_of(
        [_row(one, found) for one in found.stretches],
        ["" if one.state is PartitionState.MISSING else one.first for one in found.stretches],
        lambda first: _follow(asset, first, found),
        key=f"stretches-{dataset}",
    )
    if any(one.state is not PartitionState.MISSING for one in found.stretches):
        st.caption("Click what is made to see its data, what failed or is active to see its run.")
    with st.container(horizontal=True):
        if chosen(FIRST):
            st.button("First page", on_click=choose, kwargs={FIRST: None})
        if found.whole.following is not None:
            st.button("Next page", on_click=choose, kwargs={FIRST: found.whole.following})


def _row(one: Stretch, found: Laid) -> dict[str, object]:
    run = found.runs.get(one.first)
    error = "" if run is None or run.error is None else run.error.first_line
    row: dict[str, object] = {"state": one.state.value, "from": visible(one.first), "to": visible(one.last)}
    row["partitions"] = f"{one.count:,}"
    return row | {"why": visible(error)} if found.runs else row


def _follow(asset: str, first: str, found: Laid) -> None:
    """What failed or is active leads to its run, several to theirs; what is made to the data of the last of it."""
    one = next((one for one in found.stretches if one.first == first), None)
    if one is None:  # what was clicked has changed since it was drawn
        return
    run = found.runs.get(first)
    if one.state is PartitionState.MADE:
        look_at("Data", partition=one.last, version=None)
    elif run is not None and one.count == 1:
        go("runs", run=run.id)
    elif run is not None:
        state = RunState.FAILED if one.state is PartitionState.FAILED else RunState.RUNNING
        go("runs", asset=asset, states=state.value)


def _day(key: str) -> date | None:
    try:
        return date.fromisoformat(key) if len(key) == len("2026-01-05") else None
    except ValueError:
        return None
