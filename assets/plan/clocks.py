"""Which clock of a run has run out: in queue, running, in all. Pure; whoever can end the run asks and does it.

A try interrupts itself (`assets/run/attempt/timing.py`); what does not listen can be ended by another process alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ...storage.types import FINAL_STATES, RunState
from ..declare.durations import as_text
from ..declare.retrying import Timeouts
from .retry import later

Clock = Literal["queue", "run", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the clocks of a run are read from.

    Attributes
    ----------
    planned_at: when it was planned. retry_at: when it was due to be tried again, where it was.
    started_at: when the try that is at work was claimed; None while none is.
    """

    state: RunState
    planned_at: datetime
    retry_at: datetime | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A clock that has run out, since when, and the sentence that says so."""

    clock: Clock
    since: datetime
    why: str


_WAITING = frozenset({RunState.SCHEDULED, RunState.QUEUED, RunState.UP_FOR_RETRY})
"""Where the clock of the queue runs. A run that waits for something outside, or for approval, is in no queue."""
_SAID: dict[Clock, str] = {
    "queue": "it waited in the queue for",
    "run": "this try has been running for",
    "total": "it has taken",
}


def overdue(timeouts: Timeouts, course: Course, now: datetime) -> Overdue | None:
    """The clock that has run out first; None while none has.

    >>> at = datetime.fromisoformat("2026-01-05T10:00:00+00:00")
    >>> found = overdue(Timeouts(queue="1h"), Course(state=RunState.QUEUED, planned_at=at), at + timedelta(hours=2))
    >>> found.clock, found.why
    ('queue', 'it waited in the queue for 2h, longer than the 1h that timeout= allows')
    """
    ends = _ends(timeouts, course)
    clock = min(ends, key=lambda one: ends[one][1], default=None)
    if clock is None or ends[clock][1] > now:
        return None
    begun, end = ends[clock]
    in_all = " in all" if clock == "total" else ""
    spent = timedelta(seconds=int((now - begun).total_seconds())) or now - begun  # nobody reads milliseconds of hours
    said = f"{_SAID[clock]} {as_text(spent)}{in_all}, longer than the {as_text(end - begun)} that timeout= allows"
    return Overdue(clock=clock, since=end, why=said)


def runs_out_at(timeouts: Timeouts, course: Course) -> datetime | None:
    """When the first clock runs out, unless the run goes on to another state before; None: never."""
    return min((at for _, at in _ends(timeouts, course).values()), default=None)


def first_to_end(timeouts: Timeouts, course: Course, now: datetime) -> tuple[timedelta, str] | None:
    """How long from now until the first clock runs out, and what is said then; None: never.

    >>> at = datetime.fromisoformat("2026-01-05T10:00:00+00:00")
    >>> course = Course(state=RunState.RUNNING, planned_at=at, started_at=at)
    >>> first_to_end(Timeouts(run="1h"), course, at + timedelta(minutes=59))
    (datetime.timedelta(seconds=60), 'this try has been running for 1h, longer than the 1h that timeout= allows (run)')
    """
    end = runs_out_at(timeouts, course)
    found = None if end is None else overdue(timeouts, course, max(now, end))
    if end is None or found is None:
        return None
    return max(end - now, timedelta()), f"{found.why} ({found.clock})"


def _ends(timeouts: Timeouts, course: Course) -> dict[Clock, tuple[datetime, datetime]]:
    """Of each clock that runs, since when, and when it runs out."""
    if course.state in FINAL_STATES:
        return {}
    found: dict[Clock, tuple[datetime, datetime]] = {}
    if timeouts.queue is not None and course.state in _WAITING:
        begun = max(course.planned_at, course.retry_at or course.planned_at)
        found["queue"] = (begun, later(begun, timeouts.queue))
    if timeouts.run is not None and course.state is RunState.RUNNING and course.started_at is not None:
        found["run"] = (course.started_at, later(course.started_at, timeouts.run))
    if timeouts.total is not None:
        found["total"] = (course.planned_at, later(course.planned_at, timeouts.total))
    return found
