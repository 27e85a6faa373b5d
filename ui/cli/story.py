"""A story on the terminal, and as JSON: what a simulation gave, or what would run from now on."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from ...assets.plan.simulate.story import Story, rows_of, shown
from ..words.quantities import listed
from .console import Column, Gives, say, table, word

_COLUMNS = (
    Column(title="at (UTC)"),
    Column(title="asset", gives=Gives.LAST),
    Column(title="became"),
    Column(title="why, and what it took", gives=Gives.FIRST),
)
_HELD = (Column(title="asset", gives=Gives.LAST), Column(title="at the end", gives=Gives.FIRST))


def show_story(console: Console, story: Story) -> None:
    """What happened, a row each; then what is held at the end, and what nobody waits for."""
    rows = rows_of(story)
    if rows:
        table(console, _COLUMNS, [(shown(at), asset, word(became), about) for at, asset, became, about in rows])
    else:
        say(console, "Nothing runs.")
    if story.held:
        say(console, "")
        table(console, _HELD, [(name, reason.text) for name, reason in story.held.items()])
    if story.unmatched:
        say(console, ("Nobody waits for: ", "yellow"), listed(story.unmatched))


def plain_story(story: Story) -> dict[str, Any]:
    """The story as one object."""
    return {
        "runs": story.runs,
        "confirmations": story.confirmations,
        "missed": story.missed,
        "events": story.events,
        "held": story.held,
        "unmatched": story.unmatched,
        "ended_at": story.ended_at,
    }
