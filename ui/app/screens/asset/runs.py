"""The newest runs of an asset."""

from __future__ import annotations

from ....read.runs import runs
from ...parts.links import go, link
from ...parts.live import live
from ...parts.says import empty
from ...project import ask
from ..run.table import run_of


@live(every=5)
def newest(name: str) -> None:
    """The last twenty, asked again every few seconds; each leads to its own page."""
    found = ask(runs, asset=name, limit=20)
    if not found.items:
        empty("No run yet", "A run is recorded when its condition holds, or when you ask for it above.")
        return
    run_of(found.items, lambda run_id: go("runs", run=run_id), key="newest-runs", of=name)
    link("All its runs", "runs", asset=name)
