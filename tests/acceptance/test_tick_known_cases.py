"""Known cases against the real store: what a story tells is what planners and workers do."""

from __future__ import annotations

from typing import Any

import pytest

from penstock import Dataset, Version, asset, each, pause, resume

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""
DOCS = Dataset("warehouse://db/docs")


def test_each_keeps_what_failed_while_it_was_paused(lab: Lab, world: Any) -> None:
    """Paused by hand while its run was at work, which failed: resumed, it tries that event again, then the others."""
    seen: list[str] = []

    @asset("made.json", on=DOCS, consume=each(DOCS))
    def made(docs: Version) -> str:
        seen.append(str(docs.manifest.token))
        if len(seen) == 1:
            raise ValueError("poison")
        return docs.digest

    options = {"project_folder": lab.folder, **lab.places}
    with world(lab, made) as here:
        here.tell("docs", "a")
        here.tell("docs", "b")
        assert here.runs() == [("made", "input_changed")]
        assert pause("made", why="tired", **options)
        assert here.work() == ["failed"]
        over = resume("made", **options)
        assert over is not None
        assert over.why == "tired"
        assert over.returned is not None
        while here.runs():
            here.work()
        assert seen == ["a", "a", "b"]
