"""All data that went into a version, or all that was made of it, in one table that can be downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from ....read.datasets import Consumers, consumers
from ....read.presence import absent
from ....read.tracing import Trace, Traced, impact, trace
from ....words.makings import made_again, named, reference
from ....words.quantities import called, count, short_commit, short_id, size
from ...parts.address import move
from ...parts.filters import told_astray
from ...parts.links import go
from ...parts.says import empty
from ...parts.tables import chosen_of
from ...parts.text import pairs, visible
from ...parts.times import ago
from ...project import ask, ask_past, project_settings, store
from .sheet import sheet

_INTO, _FROM, _READ = "What went into it", "What was made of it", "Who consumes it"
_WHICH = (_INTO, _FROM, _READ)
_SAID = {
    **dict.fromkeys((_INTO, _FROM), "Following its lineage …"),
    _READ: "Looking for who reads it …",
}
_MOST = 200
_KEPT = 100_000
"""Versions that are shown, and that are in what is downloaded, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is listed below the graph of a version, or of what a run made."""

    which: str
    version: str
    run: str | None
    moment: datetime | None
    found: Trace
    read: Consumers | None = None


def asked_for(version: str, run: str | None, moment: datetime | None) -> Listed:
    """The choice of what is listed, drawn, and what that is."""
    told_astray({"which": _WHICH})
    which = st.segmented_control(
        "All of it",
        _WHICH,
        default=_INTO,
        key="which",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    with st.spinner(_SAID[which]):
        found = ask_past(trace if which == _INTO else impact, version, run=run, most=_MOST, as_of=moment)
        read = ask(consumers, found, most=_MOST) if which == _READ else None
    return Listed(which=which, version=version, run=run, moment=moment, found=found, read=read)


def listed(asked: Listed) -> None:
    """Draw it."""
    if asked.read is not None:
        _consumed(asked.read)
        return
    found = asked.found
    if not found.others:
        into = asked.which == _INTO
        empty(
            "It came from nothing that is recorded" if into else "No run has read it",
            "What others write begins where it was observed." if into else "So nothing depends on it.",
        )
        return
    gone = absent(store(), project_settings(), found.others)  # not by `ask`, for which so many lines are much to read
    rows = [{**_row(one), "bytes": gone.get(one.version.id, "").removeprefix("its bytes ")} for one in found.others]
    names = [reference(one) for one in found.others]
    chosen_of(rows, lambda place: move(version=names[place], run=None), key="lineage-list")
    _below(asked)


def _consumed(found: Consumers) -> None:
    """The assets that consume it as they are declared, the nearest first."""
    if not found.items:
        empty("No asset reads it, or waits for it", "What is declared says so, whatever was made.")
        return
    stands = {True: "was made from it", False: "was made without it", None: "not all versions were looked at"}
    rows = [
        {
            "asset": visible(one.asset),
            "steps": one.depth,
            "reads": visible(", ".join(one.reads)),
            "news of these starts it": visible(", ".join(one.waits)) if one.waits else "none",
            "its newest version": stands[one.made_from_it],
            "paused": "paused" if one.paused else "",
        }
        for one in found.items
    ]
    names = [one.asset for one in found.items]
    chosen_of(rows, lambda place: go("assets", asset=names[place]), key="consumers")
    if found.datasets.graph.is_cut:
        st.caption(f"There are more: those within the nearest {_MOST:,} datasets are shown.")


def _below(asked: Listed) -> None:
    found, name = asked.found, asked.version or f"run-{asked.run}"

    def whole() -> Trace:  # not by `ask`, which would keep all of it
        question = trace if asked.which == _INTO else impact
        return question(store(), asked.version, run=asked.run, most=_KEPT, as_of=asked.moment)

    unknown = sum(one.licence is None for one in found.others)
    many = len(found.others)
    said = [f"{many:,} {'version' if many == 1 else 'versions'}"]
    which = f"{unknown:,} of them" if many > 1 else "it is"
    said += [f"{which} without a licence: `licence=` at a dataset says it"] if unknown else []
    said += [f"the nearest {_MOST:,} are shown, the file has all"] if found.graph.is_cut else []
    st.caption(f"{' · '.join(said)}. Click one to go on from there.")
    st.download_button(
        "Download as CSV",
        lambda: sheet(whole().lines),
        file_name=f"lineage-{''.join(one if one.isalnum() else '-' for one in name[:100])}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _row(one: Traced) -> dict[str, object]:
    return {
        "version": visible(named(one)),
        "digest": visible(called(one.version.digest, one.version.token)),
        "rows": count(one.version.rows),
        "size": size(one.version.size),
        "licence": visible(one.licence) if one.licence else "unknown",
        "made by": visible(f"{one.asset} {short_id(one.run)}") if one.asset else "others",
        "commit": short_commit(one.commit, digits=8),
        "parameters": visible(pairs(one.parameters)),
        "published": ago(one.published_at),
        "in use": "newest" if one.is_head else "",
        "made again": made_again(one),
    }
