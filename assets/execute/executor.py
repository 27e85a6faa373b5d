"""The seam between a worker and where its tasks run: what an executor is asked for, and what it reports.

A task is a text; what to do with it is a job, a function that the executor calls where the task runs. To the executor
both mean nothing, so that one for a cluster is a file of its own. A worker asks all of them the same:

    room()      how many tasks could be started now
    start       a task runs somewhere
    stop        it is asked to end, or ended with everything that it has started
    waitables   what to wait on until there is something to report
    reports     what has happened since; waits for nothing
    close       nothing runs any more

A task ends with exactly one of `Returned`, `Raised` and `Died`; before it there may be any number of `Wrote`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal, Protocol

Job = Callable[[str], Any]
"""What is done with a task; what it returns is plain data."""

Open = Callable[[], AbstractContextManager[Job]]
"""Entered once where tasks run, before the first of them: what is slow is loaded here, and left in order when there are
no more. A function that pickle knows."""

Stream = Literal["stdout", "stderr", "log"]
"""Of a task: what it prints, and the records of its logging, as `records.py` writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """Bytes that came from a task, or from what it has started."""

    task: str
    stream: Stream
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The job is done."""

    task: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """The job itself raised, which it does for no fault of a user: `text` is the traceback."""

    task: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """What ran the task is gone.

    Attributes
    ----------
    exit_code: how it ended by itself, e.g. 3 after `os._exit(3)`; None where a signal ended it or nobody knows.
    signal: the number of the signal that ended it, e.g. 9; None where none did.
    why: what the executor itself had ended it for, e.g. "it took 2.1 GiB of memory, of 2.0 GiB"; "" where it had not.
    """

    task: str
    exit_code: int | None = None
    signal: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """No task could be run: what is to run them does not start. It is tried again."""

    text: str


Report = Wrote | Returned | Raised | Died | Trouble


class Executor(Protocol):
    """Runs tasks; used from one thread."""

    def room(self) -> int:
        """How many tasks could be started now."""
        ...

    def start(self, task: str) -> None:
        """Run a task. Only while there is room."""
        ...

    def stop(self, task: str, *, kill: bool) -> None:
        """Ask a task to end (SIGTERM, where that can be; one that others send does not count), or `kill` it with every
        process that it has started; nothing happens if it has ended."""
        ...

    def waitables(self) -> Sequence[Connection | int]:
        """What can be read, as `multiprocessing.connection.wait` tells it, when there may be something to report."""
        ...

    def reports(self) -> list[Report]:
        """What has happened since the last call, in order for each task."""
        ...

    def close(self) -> None:
        """Everything that still runs is killed; what became of it is not reported."""
        ...
