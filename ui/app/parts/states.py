"""States in the words of the command line, each with the colour that it has there."""

from __future__ import annotations

from typing import Literal

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]

_COLOURS: dict[str, Colour] = {
    "success": "green",
    "up to date": "green",
    "made": "green",
    "failed": "red",
    "refused": "red",
    "left behind": "red",
    "canceled": "orange",
    "up for retry": "orange",
    "paused": "violet",
    "running": "blue",
    "active": "blue",
    "queued": "blue",
    "scheduled": "blue",
    "deferred": "blue",
    "waiting": "yellow",
    "awaiting approval": "yellow",
    "skipped": "gray",
    "missing": "gray",
    "never made": "gray",
}
_SHADES: dict[Colour, str] = {
    "red": "#d9423a",
    "orange": "#e0822b",
    "yellow": "#c9a21d",
    "blue": "#3b7ddd",
    "green": "#2f9e58",
    "violet": "#8a63d2",
    "gray": "#8b919c",
}
"""Readable beside white and beside black: for graphs and timelines, which know no theme."""


def word(state: str) -> str:
    """A state as it is written: `"up_for_retry"` → `"up for retry"`."""
    return state.replace("_", " ")


def colour(state: str) -> Colour:
    """The colour of a state, a name that Streamlit knows; gray for one that is none."""
    return _COLOURS.get(word(state), "gray")


def shade(state: str) -> str:
    """The same as `#rrggbb`."""
    return _SHADES[colour(state)]


def badge(state: str) -> str:
    """A state as a badge, in Markdown."""
    return f":{colour(state)}-badge[{word(state)}]"
