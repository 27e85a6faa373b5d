"""All data that went into a version, or all that was made of it, in one table that can be downloaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from ....read.datasets import consumers
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
_MOST = 200
_KEPT = 100_000
"""Versions that are shown, and that are in what is downloaded, at most."""


def listed(version: str, run: str | None, moment: datetime | None) -> None:
    """Draw it."""
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
    if which == _READ:
        _consumed(version, run, moment)
        return
    with st.spinner("Following its lineage …"):
        question = trace if which == _INTO else impact
        found = ask_past(question, version, run=run, most=_MOST, as_of=moment)
    if not found.others:
        said = "It came from nothing that is recorded" if which == _INTO else "No run has read it"
        empty(
            said, "What others write begins where it was observed." if which == _INTO else "So nothing depends on it."
        )
        return
    gone = absent(store(), project_settings(), found.others)  # not by `ask`, for which so many lines are much to read
    rows = [{**_row(one), "bytes": gone.get(one.version.id, "").removeprefix("its bytes ")} for one in found.others]
    names = [reference(one) for one in found.others]
    chosen_of(rows, names, lambda name: move(version=name, run=None), key="lineage-list")
    # Not by `ask`, which would keep all of it.
    _below(found, lambda: question(store(), version, run=run, most=_KEPT, as_of=moment), version or f"run-{run}")


def _consumed(version: str, run: str | None, moment: datetime | None) -> None:
    """The assets that consume it as they are declared, the nearest first."""
    with st.spinner("Looking for who reads it …"):
        made = ask_past(impact, version, run=run, most=_MOST, as_of=moment)
        found = ask(consumers, made, most=_MOST)
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
    chosen_of(rows, [one.asset for one in found.items], lambda name: go("assets", asset=name), key="consumers")
    if found.datasets.graph.is_cut:
        st.caption(f"There are more: those within the nearest {_MOST:,} datasets are shown.")


def _below(found: Trace, whole: Callable[[], Trace], name: str) -> None:
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
