"""The screen of runs: those that were looked for, or the one that the address names."""

from __future__ import annotations

from ..parts.address import chosen
from .run.finding import finding
from .run.listed import listed
from .run.one import one


def runs() -> None:
    """Draw it."""
    run_id = chosen("run")
    if run_id:
        one(run_id)
    else:
        listed(finding())
