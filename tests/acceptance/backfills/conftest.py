"""What the suites of backfills share: asking for one in a project in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock import backfill, cancel_backfill, pause_backfill, resume_backfill
from penstock.assets.run.progress import Outcome, Progress, Started


class Asking:
    """A project, and what was begun in it by the backfills that were asked for here; `ended` is what became of them."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.begun: list[str] = []
        self.ended: list[Outcome] = []

    def __call__(self, *things: Any, **options: Any) -> Any:
        """Ask for a backfill of these assets."""
        return backfill(list(things), listener=self._hear, **self._places, **options)

    def resume(self, part: str, *things: Any) -> Any:
        """Go on with one."""
        return resume_backfill(part, list(things), listener=self._hear, **self._places)

    def pause(self, part: str) -> Any:
        """Pause one."""
        return pause_backfill(part, **self._places)

    def cancel(self, part: str) -> Any:
        """Cancel one."""
        return cancel_backfill(part, **self._places)

    def took(self) -> list[str]:
        """What was begun since somebody asked last: `"daily 2026-01-01"`, in order."""
        found, self.begun = self.begun, []
        return found

    @property
    def _places(self) -> dict[str, Any]:
        return {"project_folder": self.lab.folder, **self.lab.places}

    def _hear(self, progress: Progress) -> None:
        if isinstance(progress, Started):
            self.begun.append(f"{progress.asset} {progress.partition}".rstrip())
        if isinstance(progress, Outcome):
            self.ended.append(progress)


@pytest.fixture
def asking(lab: Any) -> Callable[..., Any]:
    """`asking(daily, partitions="2026-01-01..")` asks for a backfill in an empty project."""
    return Asking(lab)
