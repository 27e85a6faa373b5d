"""Where lineage begins when the address names nothing: a version that is looked for, or one of the newest."""

from __future__ import annotations

import streamlit as st

from ....read.events import Event, events
from ....words.quantities import short
from ...parts.address import move
from ...parts.says import empty
from ...parts.tables import chosen_of
from ...parts.text import visible
from ...parts.times import ago
from ...project import ask

_KEY, _NEWEST = "lineage-of", 100
_HELP = "A dataset (its newest version), one version of it, such as chunks@3, or the beginning of a digest."


def choosing() -> None:
    """Draw it."""
    st.text_input(
        "Lineage of",
        placeholder="chunks, chunks@3 or the beginning of a digest",
        help=_HELP,
        key=_KEY,
        on_change=_named,
    )
    found = [one for one in ask(events, limit=_NEWEST).items if one.digest is not None]
    if not found:
        empty("Nothing has been published yet", "Make something: `penstock materialize`, or a button on an asset.")
        return
    st.subheader("What was published last", anchor=False)
    names = [f"{one.dataset}@{one.number}" for one in found]
    chosen_of([_row(one) for one in found], names, lambda name: move(version=name), key="published")


def _named() -> None:
    """Before the page is drawn again, which is then done once."""
    move(version=str(st.session_state[_KEY]).strip())


def _row(one: Event) -> dict[str, str]:
    return {
        "dataset": visible(f"{one.dataset} {one.partition}".rstrip()),
        "version": f"@{one.number} {short(one.digest)}",
        "what": one.kind.value,
        "published": ago(one.at),
    }
