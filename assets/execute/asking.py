"""Which task this process runs, and whether its worker asked that to end: only then does SIGTERM mean the task.

Whoever ends a service ends a whole group of processes: each gets a SIGTERM, and what has begun is to be made to its end
all the same. So a SIGTERM from elsewhere is for the worker alone, which gets it too.
"""

from __future__ import annotations

import os
import signal
import threading


class _Asking:
    """What this process is at, and which task its worker asked to end last; None where there is none."""

    def __init__(self) -> None:
        self.task: str | None = None
        self.asked: str | None = None


_asking = _Asking()


def asked_to_end() -> bool:
    """Whether the worker asked the task that runs here to end; False where none runs."""
    return _asking.task is not None and _asking.task == _asking.asked


def begin(task: str | None) -> None:
    """From now on the process is at this task, or at none."""
    _asking.task = task


def ask(task: str) -> None:
    """The worker asks for the end of a task: SIGTERM interrupts it, wherever it stands. Nothing, if it has ended."""
    _asking.asked = task
    ident = threading.main_thread().ident
    if asked_to_end() and ident is not None:
        signal.pthread_kill(ident, signal.SIGTERM)


def heed() -> None:
    """From now on SIGTERM ends this process only when its worker asked for that; copies that a task forks end by it.

    By a handler rather than by ignoring it: what is ignored would be by each program that a task starts, too.
    """
    own = os.getpid()

    def end(*_: object) -> None:
        if asked_to_end() or os.getpid() != own:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
