"""The clocks of a run while its producer is at work: when one has run out, the producer is interrupted by `TimedOut`.

Only in the main thread, where Python lets signals be handled, and only where nobody else uses SIGALRM. What ignores it,
as code in C may, is ended from outside: by the worker, some seconds later.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime

from ....storage.errors import ProducerError
from ....storage.meta import runs
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import RunState
from ...declare.retrying import Timeouts
from ...plan.clocks import Course, first_to_end
from ..project.inherited import timeouts_of
from ..project.project import Project
from .assignment import Assignment


class TimedOut(ProducerError, TimeoutError):
    """A clock of the run has run out. A `TimeoutError`, so that `RetryPolicy(on=TimeoutError)` means it too."""

    kind = "timeout"


@contextmanager
def timed(project: Project, work: Assignment) -> Generator[None]:
    """Inside, `TimedOut` is raised once the clock of this try, or of the run in all, has run out."""
    timeouts = timeouts_of(project, work.asset)
    if (timeouts.run is None and timeouts.total is None) or not _can_interrupt():
        yield
        return
    course, now = _course(project, work, timeouts)
    ends = first_to_end(timeouts, course, now)
    assert ends is not None, timeouts
    left, why = ends
    own = os.getpid()

    def interrupt(*_: object) -> None:
        if os.getpid() == own:  # no child that a producer forked
            raise TimedOut(why)

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, max(left.total_seconds(), 1e-6))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _course(project: Project, work: Assignment, timeouts: Timeouts) -> tuple[Course, datetime]:
    with project.store.read() as tx:
        now = moment_of(tx)
        run = None if timeouts.total is None else runs.run(tx, work.run_id)
    return Course(state=RunState.RUNNING, planned_at=now if run is None else run.created_at, started_at=now), now


def _can_interrupt() -> bool:
    return (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, signal.SIG_IGN)
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )
