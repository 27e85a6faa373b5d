"""The screen of lineage: what a version, or what a run made, came from, and what came from it."""

from __future__ import annotations

from ..parts.address import chosen
from .version.choosing import choosing
from .version.shown import shown


def lineage() -> None:
    """Draw it."""
    version, run = chosen("version"), chosen("run")
    if version or run:
        shown(version, run or None)
    else:
        choosing()
