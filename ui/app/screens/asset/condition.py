"""The condition of an asset as a live tree: each part with whether it holds, what it has and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import streamlit as st

from .....assets.plan.explain import Part
from ....read.why import Why, why_at, why_registered
from ....words.conditions import facts
from ...parts.live import live
from ...parts.states import badge
from ...parts.text import plain, told
from ...parts.times import ago, exact
from ...project import ask, project_settings

_DECIDED = {
    "run": "It would run",
    "skip": "It would be skipped",
    "confirm": "It would be confirmed",
    "hold": "It is held",
}
_DECIDED_THEN = {
    "run": "It would have run",
    "skip": "It would have been skipped",
    "confirm": "It would have been confirmed",
    "hold": "It was held",
}


@live(every=5)
def condition(name: str) -> None:
    """What the planner would do with it, and why, asked again every few seconds."""
    found = ask(why_registered, project_settings(), name)
    _show(found, f"**{_DECIDED[found.decision]}**")


def condition_at(name: str, at: datetime) -> None:
    """What the planner would have done with it at an earlier time, and why."""
    with st.spinner("Looking up how it stood …"):
        found = ask(why_at, project_settings(), name, at)
    _show(found, f"**{_DECIDED_THEN[found.decision]}** at {plain(exact(at))}")


def _show(found: Why, decided: str) -> None:
    st.markdown(f"{decided}: {plain(found.reason.text)}")
    if found.pause is not None:
        st.markdown(f"{badge('paused')} since {plain(exact(found.pause.since))}: {plain(found.pause.why)}")
    if found.condition is None:
        st.markdown("It has no condition: it is made when somebody asks for it.")
    else:
        st.markdown("\n".join(_lines(found.condition, found.at, 0)))
    if found.next_at is not None:
        st.markdown(f"Time alone changes this {plain(ago(found.next_at))}, at {plain(exact(found.next_at))}.")
    if found.deadline is not None:
        passed = "" if found.deadline.missed is None else f"; missed at {plain(exact(found.deadline.missed))}"
        due = "" if found.deadline.next_at is None else f", next at {plain(exact(found.deadline.next_at))}"
        st.markdown(f"Deadline {plain(found.deadline.label)}{due}{passed}.")
    for note in found.notes:
        st.caption(told(note))


def _lines(part: Part, at: datetime, depth: int) -> Iterator[str]:
    mark = ":green[:material/check_circle:]" if part.holds else ":orange[:material/hourglass_empty:]"
    said = "; ".join(facts(part, at))
    label = f"**{plain(part.label)}**"
    yield f"{'    ' * depth}- {mark} {label}{': ' if said else ''}{plain(said)}"
    for child in part.children:
        yield from _lines(child, at, depth + 1)
