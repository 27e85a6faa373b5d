"""The screen of assets: the graph, or the part of it that was looked for, and beside it the chosen asset."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import streamlit as st

from ....storage.errors import UsageError
from ...read.outline import Outline, Spot, outline_at
from ...read.times import moment_of
from ..graphs import part as parts_of
from ..graphs.drawing import draw
from ..graphs.part import Part, node_of_group
from ..graphs.picture import Node
from ..outlined import outlined
from ..parts.address import chosen, move
from ..parts.live import live
from ..parts.says import empty, refused
from ..parts.states import badge, word
from ..parts.tables import chosen_of
from ..parts.text import plain, visible
from ..parts.times import ago
from ..project import ask, store
from .as_of import as_of, then
from .asset import partitions
from .asset.chosen import shown, shown_at
from .finding import Sought, finding, fitting

_LISTED = 500
_AGAIN = 5
"""Seconds after which it is drawn again."""
_BESIDE = """
.st-key-beside [data-testid=stHorizontalBlock]:first-of-type { flex-wrap: wrap; }
.st-key-beside > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] > [data-testid=stColumn] {
  min-width: min(100%, 26rem); }
.st-key-beside > [data-testid=stLayoutWrapper] > [data-testid=stHorizontalBlock] > [data-testid=stColumn]:first-child {
  position: sticky; top: 4rem; align-self: flex-start; }
"""
_OF_ONE = ("partition", "version", "before", partitions.FIRST)
"""What the address says only as long as one asset is chosen: which part of it is seen."""
_BAD = ("failed", "refused", "paused", "up_for_retry")


@st.cache_resource(ttl=60, max_entries=4, show_spinner="Looking up how the assets stood …")
def _outlined_at(url: str, at: datetime) -> Outline:
    del url  # stands for the store in what is remembered
    return outline_at(store(), at)


def assets() -> None:
    """Draw it."""
    known, at = _known()
    if not known.assets and at is None:
        empty("No assets are registered yet", "Start `penstock up` in the project's folder, or `penstock materialize`.")
        return
    sought, name = finding(known), chosen("asset")
    if at is not None:
        then(at, f"what was declared then, and how it stood.{'' if known.assets else ' Nothing was registered yet.'}")
    if name in known.assets:
        st.html(f"<style>{_BESIDE}</style>")
        with st.container(key="beside"):
            left, right = st.columns([5, 6])
            with right:  # first, for it is what is waited for
                if at is None:
                    shown(known.assets[name])
                else:
                    shown_at(known.assets[name], at)
            with left:
                _overview(sought, name, at)
        return
    if name:
        st.error(f"**There is no asset {plain(name)}.** It may have been left out of the definitions.")
    _overview(sought, "", at)


def _known() -> tuple[Outline, datetime | None]:
    """The assets as of the time in the address, which is given; of now where that is none."""
    try:
        at = ask(moment_of, as_of())
    except UsageError as error:
        refused(error, "These are the assets of now.")
        at = None
    return _known_at(at), at


def _known_at(at: datetime | None) -> Outline:
    return outlined(store()) if at is None else _outlined_at(store().shown_url, at)


@live(every=_AGAIN)
def _overview(sought: Sought, name: str, at: datetime | None) -> None:
    """The graph, and as long as no asset is chosen the list; as things stand, again every few seconds."""
    known = _known_at(at)
    found = fitting(known, sought, at)
    _graph(known, found, name if name in known.assets else "")
    if not name:
        _list(known, found)


def _graph(known: Outline, found: list[str], name: str) -> None:
    group = st.query_params.get("group-of", "")
    whole = len(known.assets) <= parts_of.WHOLE
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_summary(known, found))
        if name or group:
            st.button("Show all", icon=":material/zoom_out_map:", type="tertiary", on_click=_choose)
        up = down = 2
        if name in known.assets and not whole:
            up = st.number_input("Steps before", 0, 9, 2, key="up", bind="query-params", width=130)
            down = st.number_input("Steps after", 0, 9, 2, key="down", bind="query-params", width=130)
    if not found and name not in known.assets:
        empty("No asset is like that", "Change what is looked for, or clear it.")
        return
    if name in known.assets and not whole:
        shown = parts_of.around(known, name, int(up), int(down))
    else:
        shown = _part(known, found, group)
    if not shown.nodes and not shown.groups:
        empty(f"No asset is in the group {plain(group.removeprefix('-'))}", "`Show all` leads back to all of them.")
        return
    ways = {node_of_group(one): {"group": f"-{one}"} for one in shown.groups}
    ways |= {one: {"asset": one, "group": group} for one in shown.nodes if one in known.assets}
    draw(
        _nodes(known, shown),
        shown.edges,
        lambda node: _choose(**ways[node]) if node in ways else None,
        chosen=name,
        key="asset-graph",
        legend="The colour is that of the state. Dashed: written by others." + " Double: a group." * bool(shown.groups),
    )
    if shown.left_out:
        st.caption(f"{shown.left_out:,} more are not drawn: look for something, or choose a group or an asset.")
    if shown.implied:
        st.caption(f"{shown.implied:,} arrows are not drawn: longer ways lead there too.")


def _part(known: Outline, found: list[str], group: str) -> Part:
    """What is drawn of those that were found: of a group, all, or the groups of many."""
    if group:
        return parts_of.of_assets(known, [one for one in found if known.assets[one].group == group.removeprefix("-")])
    return parts_of.of_assets(known, found) if len(found) <= parts_of.WHOLE else parts_of.by_groups(known, tuple(found))


def _nodes(known: Outline, shown: Part) -> list[Node]:
    nodes = [
        Node(id=one, text=one, state=known.assets[one].state)
        if one in known.assets
        else Node(id=one, text=one, state="outside", outside=True)
        for one in shown.nodes
    ]
    states = defaultdict[str, Counter[str]](Counter)
    for spot in known.assets.values():
        if spot.group in shown.groups:
            states[spot.group][spot.state] += 1
    for group, count in shown.groups.items():
        worst = next((one for one in _BAD if states[group][one]), states[group].most_common(1)[0][0])
        title = f"{group or 'no group'} ({count:,})"
        nodes.append(Node(id=node_of_group(group), text=title, state=worst, many=True))
    return nodes


def _choose(*, asset: str = "", group: str = "") -> None:
    move(**{"asset": asset, "group-of": group, **dict.fromkeys(_OF_ONE, "")})


def _summary(known: Outline, found: list[str]) -> str:
    states = Counter(known.assets[one].state for one in found)
    many = f"**{len(found):,}** of {len(known.assets):,}" if len(found) < len(known.assets) else f"**{len(found):,}**"
    told = " ".join(f"{badge(state)} {count:,}" for state, count in states.most_common())
    return f"{plain(store().project)}: {many} {'asset' if len(known.assets) == 1 else 'assets'} {told}"


def _list(known: Outline, found: list[str]) -> None:
    """The assets as a table, from which one is chosen too."""
    if not found:
        return
    shown = found[:_LISTED]
    chosen_of([_row(known.assets[one]) for one in shown], shown, lambda name: _choose(asset=name), key="asset-list")
    if len(found) > len(shown):
        st.caption(f"The first {_LISTED:,} of {len(found):,}: look for something to see others.")


def _row(spot: Spot) -> dict[str, str]:
    return {
        "asset": visible(spot.name),
        "state": word(spot.state),
        "made": ago(spot.updated_at),
        "group": visible(spot.group),
        "tags": visible(", ".join(spot.tags)),
        "owners": visible(", ".join(spot.owners)),
    }
