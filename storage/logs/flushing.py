"""What is written a little later, by a thread that lives only while something waits for it.

One thread serves a process. It must never raise: what it calls sees to its own faults.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import sleep

INTERVAL = 0.5
"""Seconds that something waits at most."""


class Flusher:
    """Calls what was handed to it, each once, after `INTERVAL`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], None]] = []
        self._running = False

    def later(self, flush: Callable[[], None]) -> None:
        """It is called within `INTERVAL` and a little, in another thread."""
        with self._lock:
            self._waiting.append(flush)
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._run, name="penstock-flusher", daemon=True).start()

    def _run(self) -> None:
        while True:
            sleep(INTERVAL)
            with self._lock:
                due, self._waiting = self._waiting, []
                if not due:
                    self._running = False
                    return
            for flush in due:
                flush()


def later(flush: Callable[[], None]) -> None:
    """It is called within `INTERVAL` and a little, in another thread of this process."""
    _here[0].later(flush)


_here = [Flusher()]


def _anew() -> None:
    """A forked child has none of its parent's threads, and perhaps a lock that nobody will open."""
    _here[0] = Flusher()


os.register_at_fork(after_in_child=_anew)
