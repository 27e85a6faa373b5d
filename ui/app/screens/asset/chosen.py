"""The chosen asset: what it is, what can be asked of it, and the view of it that the address names."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ....read.assets import AssetLine, asset_named
from ....read.broken import failures
from ....read.outline import Spot, standing
from ...parts.links import link
from ...parts.live import live
from ...parts.states import badge
from ...parts.text import plain
from ...parts.times import ago, exact
from ...project import ask
from ..asked import outcome
from . import asking, condition, data, partitions, runs, source
from .viewing import look_at, view_of

_VIEWS = ("Why", "Data", "Versions", "Runs", "Source")


def shown(spot: Spot) -> None:
    """Draw it."""
    line, asset = ask(asset_named, spot.name)
    is_divided = any(one.partitions is not None for one in line.outputs)
    _head(spot, divided=is_divided)
    outcome(spot.name)
    views = [*_VIEWS[:3], "Partitions", *_VIEWS[3:]] if is_divided else list(_VIEWS)
    view = view_of(views)
    datasets = [one.dataset for one in line.outputs]
    match view:
        case "Data" if datasets:
            data.data(datasets, divided=is_divided)
        case "Versions" if datasets:
            data.history(datasets)
        case "Partitions":
            partitions.divided(spot.name, datasets[0])
        case "Runs":
            runs.newest(spot.name)
        case "Source":
            source.source(asset)
        case _:
            condition.condition(spot.name)


@live(every=5)
def _head(spot: Spot, *, divided: bool) -> None:
    """How it stands, asked again every few seconds, and what can be asked of it."""
    line, _ = ask(asset_named, spot.name)
    st.subheader(plain(spot.name), anchor=False)
    failed = ask(failures, spot.name) if divided else 0
    st.markdown(" ".join(_marks(spot, line, failed)))
    if failed:
        many = "1 partition" if failed == 1 else f"{failed:,} partitions"
        st.button(
            f":red[{many} failed]", type="tertiary", icon=":material/error:", on_click=look_at, args=("Partitions",)
        )
    if line.last_run is not None and line.last_run.error:
        st.markdown(f":red[{plain(line.last_run.error)}]")
        link("Its run", "runs", run=line.last_run.id)
    if spot.description:
        st.markdown(plain(spot.description))
    asking.buttons(spot.name, paused=line.paused is not None, divided=divided)


def shown_at(spot: Spot, at: datetime) -> None:
    """What it was at an earlier time: how it stood, and its condition."""
    st.subheader(plain(spot.name), anchor=False)
    made = "" if spot.updated_at is None else f" made last {plain(exact(spot.updated_at))}"
    st.markdown(f"{badge(spot.state)}{made}")
    if spot.description:
        st.markdown(plain(spot.description))
    condition.condition_at(spot.name, at)


def _marks(spot: Spot, line: AssetLine, failed: int) -> list[str]:
    left = line.last_run is not None and line.last_run.left_behind
    last = None if line.last_run is None else line.last_run.state
    state = "left behind" if left else standing(last, made=line.succeeded_at is not None, broken=failed > 0)
    found = [badge(state), *([badge("paused")] if line.paused is not None else [])]
    if line.succeeded_at is not None:
        found.append(f"made {plain(ago(line.succeeded_at))} ({plain(exact(line.succeeded_at))})")
    found += [f"· group {plain(spot.group)}"] if spot.group else []
    found += [f"· {plain(', '.join(spot.tags))}"] if spot.tags else []
    found += [f"· {plain(', '.join(spot.owners))}"] if spot.owners else []
    return found
