"""Tasks run in this very process, each at once and to its end: for tests, and where no other process may be started."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from contextlib import ExitStack

from .executor import Job, Open, Raised, Report, Returned


class Inline:
    """An executor without processes: `start` returns when the task has ended, and nothing can stop it before."""

    def __init__(self, job: Open) -> None:
        self._open = job
        self._opened = ExitStack()
        self._job: Job | None = None
        self._ended: list[Report] = []

    def room(self) -> int:
        """One."""
        return 1

    def start(self, task: str) -> None:
        """The task has run, to its end."""
        try:
            self._job = self._job or self._opened.enter_context(self._open())
            self._ended.append(Returned(task=task, value=self._job(task)))
        except Exception:
            self._ended.append(Raised(task=task, text=traceback.format_exc()))

    def stop(self, task: str, *, kill: bool) -> None:
        """Nothing: whatever was started has ended."""

    def waitables(self) -> Sequence[int]:
        """Nothing: there is never anything to wait for."""
        return ()

    def reports(self) -> list[Report]:
        """How each task ended."""
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """What was opened is left."""
        self._opened.close()
        self._job = None
