"""Tasks run in warm processes of this machine: what they need is loaded before they come, one task at a time in each.

The processes are forked from a server (`multiprocessing`'s forkserver) that has loaded penstock and nothing of the
user's and has no threads: cheap to start, most of their memory shared. Each then loads the user's modules itself. Where
there is no fork they are started anew.

A process that dies takes its task with it and nothing else; another takes its place.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import Any

from .child import Ends, serve
from .ending import kill_tree, memory
from .executor import Died, Open, Raised, Report, Returned, Stream, Trouble, Wrote

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a process that could not load is started again; doubled each time."""
_WEIGHED = 0.5
"""Seconds between two looks at how much memory tasks hold."""
_CHUNK = 1 << 16
_ORDERLY = 5.0
"""Seconds that an idle process has to leave what it had opened."""


def context(preload: Sequence[str] = ()) -> Any:
    """How processes are started; those modules are loaded before the first is, where there is a server to do it."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["__main__", *preload])
    return made


@dataclass(kw_only=True, eq=False)
class _Child:
    """A process and our ends of its pipes; `task` is what it is at."""

    process: BaseProcess
    tasks: Connection
    life: Connection
    outputs: dict[Connection, Stream]
    ready: bool = False
    task: str | None = None
    why: str = ""
    grown: int = 0


class Processes:
    """An executor with so many warm processes.

    Parameters
    ----------
    job: opened once in each process.
    size: how many processes, and so tasks at a time.
    memory_limit: bytes that a task may hold together with what it has started (resident); None for no limit.
    recycle_after: tasks after which a process is replaced, so that what leaks in it comes to an end.
    """

    def __init__(
        self,
        job: Open,
        *,
        size: int,
        memory_limit: int | None = None,
        recycle_after: int = 1000,
        preload: Sequence[str] = (),
    ) -> None:
        self._job, self._size = job, size
        self._limit, self._recycle_after = memory_limit, recycle_after
        self._context = context(preload)
        self._children: list[_Child] = []
        self._retired: list[_Child] = []
        self._said: list[Report] = []
        self._failures, self._not_before = 0, 0.0
        self._weighed = 0.0
        self._fill()

    def room(self) -> int:
        """How many processes are ready and idle."""
        return sum(one.ready and one.task is None for one in self._children)

    def is_ready(self) -> bool:
        """Whether every process has loaded what it needs."""
        return len(self._children) == self._size and all(one.ready for one in self._children)

    def start(self, task: str) -> None:
        """The task runs in an idle process."""
        child = next(one for one in self._children if one.ready and one.task is None)
        child.task = task
        with suppress(OSError):  # it has died meanwhile: that is reported, of this task
            child.tasks.send(task)

    def stop(self, task: str, *, kill: bool, why: str = "") -> None:
        """The process of the task is asked to end it (`asking.py`), or ended with all that it has started."""
        for child in self._children:
            pid = child.process.pid
            if child.task != task or pid is None:
                continue
            child.why = child.why or why
            if kill:
                kill_tree(pid)
            else:
                with suppress(OSError):  # it has died meanwhile
                    child.life.send_bytes(task.encode())

    def waitables(self) -> list[Connection | int]:
        """Answers, what is written, and deaths."""
        found: list[Connection | int] = []
        for child in self._children:
            found += [child.tasks, child.process.sentinel, *child.outputs]
        return found

    def reports(self) -> list[Report]:
        """What has happened since."""
        self._weigh()
        heard = set(wait(self.waitables(), timeout=0))
        for child in list(self._children):
            if heard.isdisjoint((child.tasks, child.process.sentinel, *child.outputs)):
                continue
            dead = child.process.sentinel in heard
            self._read(child)
            while child.tasks in heard and child in self._children and _polled(child.tasks):
                try:
                    self._hear(child, *child.tasks.recv())
                except (EOFError, OSError):
                    dead = True
                    break
            if dead and child in self._children:  # not retired meanwhile
                self._bury(child)
        self._fill()
        said, self._said = self._said, []
        return said

    def close(self) -> None:
        """Every process is gone."""
        for child in self._children:
            if child.task is None:
                child.tasks.close()  # it leaves in order what it had opened
            elif child.process.pid is not None:
                kill_tree(child.process.pid)
        for child in (*self._retired, *self._children):
            child.process.join(_ORDERLY)
            if child.process.is_alive() and child.process.pid is not None:
                kill_tree(child.process.pid)
            _close(child)
        self._children = self._retired = []

    def _fill(self) -> None:
        """There are as many processes as there should be, unless they do not load: then after a pause."""
        if monotonic() < self._not_before:
            return
        while len(self._children) < self._size:
            try:
                self._children.append(self._born())
            except (EOFError, OSError) as error:  # the server has just died: another is started next time
                self._fail(f"no process could be started: {type(error).__name__}: {error}")
                return

    def _born(self) -> _Child:
        ours, tasks = self._context.Pipe()
        out, stdout = self._context.Pipe(duplex=False)
        err, stderr = self._context.Pipe(duplex=False)
        records, log = self._context.Pipe(duplex=False)
        life, lives = self._context.Pipe(duplex=False)
        theirs = Ends(tasks=tasks, stdout=stdout, stderr=stderr, log=log, life=life)
        process: Any = self._context.Process(target=serve, args=(self._job, theirs), name="penstock-task")  # pyright: ignore[reportAttributeAccessIssue]
        try:
            process.start()
        except (EOFError, OSError):
            for one in (ours, out, err, records, lives):
                one.close()
            raise
        finally:
            for one in (tasks, stdout, stderr, log, life):
                one.close()
        outputs: dict[Connection, Stream] = {out: "stdout", err: "stderr", records: "log"}
        for one in outputs:
            os.set_blocking(one.fileno(), False)
        return _Child(process=process, tasks=ours, life=lives, outputs=outputs)

    def _read(self, child: _Child) -> None:
        """What the process has written since; a part of it, if it writes faster than it is read."""
        for connection, stream in list(child.outputs.items()):
            for _ in range(16):
                try:
                    data = os.read(connection.fileno(), _CHUNK)
                except BlockingIOError:
                    break
                except OSError:
                    data = b""
                if not data:
                    child.outputs.pop(connection)
                    connection.close()
                    break
                if child.task is not None:
                    self._said.append(Wrote(task=child.task, stream=stream, data=data))

    def _hear(self, child: _Child, word: str, value: Any, leftover: Sequence[int] = ()) -> None:
        match word:
            case "ready":
                child.ready, self._failures = True, 0
            case "unready":
                self._fail(value)
            case _:
                self._read_all(child)
                assert child.task is not None, word
                made = Returned(task=child.task, value=value)
                self._said.append(made if word == "returned" else Raised(task=child.task, text=value))
                child.task, child.grown = None, child.grown + 1
                for pid in leftover:  # what a task has left running serves nobody
                    kill_tree(pid)
                if leftover or child.grown >= self._recycle_after:
                    self._retire(child)

    def _read_all(self, child: _Child) -> None:
        """All that was written before the answer was."""
        before = -1
        while before != len(self._said):
            before = len(self._said)
            self._read(child)

    def _fail(self, text: str) -> None:
        pause = min(_FIRST_PAUSE * 2**self._failures, _LONGEST_PAUSE)
        self._failures, self._not_before = self._failures + 1, monotonic() + pause
        self._said.append(Trouble(text=text))

    def _retire(self, child: _Child) -> None:
        """The idle process ends in order, and another takes its place."""
        self._children.remove(child)
        child.tasks.close()
        self._retired = [one for one in (*self._retired, child) if not _is_over(one)]

    def _bury(self, child: _Child) -> None:
        """The process is gone: what it was at is reported."""
        child.process.join(5)
        self._read_all(child)
        code = child.process.exitcode
        self._children.remove(child)
        if child.task is not None:
            ended = None if code is None or code < 0 else code
            by = -code if code is not None and code < 0 else None
            self._said.append(Died(task=child.task, exit_code=ended, signal=by, why=child.why))
        elif not child.ready and monotonic() >= self._not_before:
            self._fail(f"a process ended before it was ready, with exit code {code}")
        _close(child)

    def _weigh(self) -> None:
        """Kill the tasks that hold more memory than they may."""
        if self._limit is None or monotonic() - self._weighed < _WEIGHED:
            return
        self._weighed = monotonic()
        for child in self._children:
            if child.task is None or child.process.pid is None:
                continue
            held = memory(child.process.pid)
            if held > self._limit:
                why = f"it held {held / 2**30:.2f} GiB of memory, of {self._limit / 2**30:.2f} GiB"
                self.stop(child.task, kill=True, why=why)


def _polled(connection: Connection) -> bool:
    try:
        return connection.poll(0)
    except (OSError, EOFError):
        return True  # receiving tells it


def _is_over(child: _Child) -> bool:
    if child.process.is_alive():
        return False
    _close(child)
    return True


def _close(child: _Child) -> None:
    for one in (child.tasks, child.life, *child.outputs):
        with suppress(OSError):
            one.close()
