"""A worker: it takes runs that wait, has each made in a warm process, and sees to what becomes of those processes.

The attempt itself, from its claim to its publication, is made there (`job.py`). What is left here is to hand out, to
listen, and to say what only somebody else can say: that the process of an attempt is gone. Whatever the worker dies of,
the next scheduler gives back what it was at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from time import monotonic

from ....storage.errors import DatabaseFault
from ....storage.meta import cancellations, runs
from ....storage.meta.database.bell import Listener, Topic
from ....storage.types import FINAL_STATES, PartKind, RunState
from ...declare.definitions import Definitions
from ...execute.executor import Died, Executor, Raised, Report, Returned, Trouble, Wrote
from ...execute.processes import Processes
from ..ending import cancel
from ..project.project import Project, open_project
from ..recovery import lose
from .claiming import claim_next
from .code import definitions_of
from .job import attempts
from .order import PRELOAD, Order, Problem, Said
from .part import Part
from .registered import when_registered

_LOOK = 1.0
"""Seconds after which it looks although nothing rang."""
_TAIL = 4000
"""Bytes of what a process wrote that are told when it dies."""


def run_worker(order: Order, line: Connection) -> None:
    """Make runs until asked to stop: the process of a worker."""
    part = Part(PartKind.WORKER, line)
    settings = order.settings()
    definitions: Definitions = definitions_of(settings)
    with open_project(settings, definitions) as project, project.store.listener(Topic.WORKER) as bell:
        if not when_registered(project, waits=lambda: not part.stopping):
            return
        part.beat(project.store, now=True)  # before anything is claimed in its name
        pool = Processes(
            partial(attempts, order, part.name), size=order.slots, memory_limit=order.memory_limit, preload=PRELOAD
        )
        try:
            work = Work(project=project, part=part, executor=pool, bell=bell, grace=order.grace)
            while not pool.is_ready() and not part.stopping:
                part.wait(pool.waitables(), _LOOK)
                work.listen()
            part.ready()
            work.to_the_end()
        finally:
            pool.close()
            part.end(project.store)


@dataclass(kw_only=True)
class _Active:
    """A run that was handed out; `tail` is the last that its process wrote, `since` when it was asked to end."""

    started: float
    tail: deque[bytes] = field(default_factory=lambda: deque[bytes](maxlen=64))
    since: float | None = None


@dataclass(kw_only=True)
class Work:
    """What a worker has at work, and what it still has to settle: what ended while the database was away.
    `wake`: when the next token of a rate limit comes that a run waits for."""

    project: Project
    part: Part
    executor: Executor
    bell: Listener
    grace: float = 10.0
    active: dict[str, _Active] = field(default_factory=dict[str, _Active])
    unsettled: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])
    made: int = 0
    wake: datetime | None = None

    def to_the_end(self) -> None:
        """Until it is asked to stop and nothing is at work; asked twice, at once."""
        while not (self.part.stopping and not self.active and not self.unsettled):
            if self.part.at_once:
                self._stop_at_once()
                return
            self.bell.heard()
            self.part.patiently(self._once)
            self.part.wait([*self.bell.waitables(), *self.executor.waitables()], self._patience())
            self.listen()

    def _patience(self) -> float:
        """Seconds until it looks although nothing rang."""
        return _LOOK if self.wake is None else min(_LOOK, max(0.0, (self.wake - datetime.now(UTC)).total_seconds()))

    def listen(self) -> None:
        """Hear what the executor has to report."""
        for report in self.executor.reports():
            self._hear(report)

    def _once(self) -> None:
        """Settle, take, cancel, beat: all that asks the store."""
        for run_id in list(self.unsettled):
            self.unsettled[run_id]()
            del self.unsettled[run_id]
        if not self.part.stopping and (room := self.executor.room()):
            chosen = claim_next(self.project, self.part.name, room)
            self.wake = chosen.next_at
            for run_id in chosen.runs:
                self.active[run_id] = _Active(started=monotonic())
                self.executor.start(run_id)
        self._cancel()
        self.part.doing = f"{self.made} runs made, {len(self.active)} at work"
        self.part.beat(self.project.store)

    def _cancel(self) -> None:
        """Runs that are to be canceled are asked to end, and made to when they do not."""
        if not self.active:
            return
        with self.project.store.read() as tx:
            wanted = cancellations.asked(tx, self.project.name)
        for run_id in wanted.keys() & self.active.keys():
            one = self.active[run_id]
            if one.since is None:
                one.since = monotonic()
                self.executor.stop(run_id, kill=False)
            elif monotonic() - one.since >= self.grace:
                self.executor.stop(run_id, kill=True)

    def _hear(self, report: Report) -> None:
        match report:
            case Wrote(task=task, data=data):
                if task in self.active:
                    self.active[task].tail.append(data)
            case Returned(task=task, value=value):
                self._over(task)
                if value is not None:
                    self.made += 1
                    name = f"{value['asset']} {value.get('partition', '')}".rstrip()
                    error = value.get("error", "") or value.get("warning", "")
                    told = Said(
                        text=f"run {task}", name=name, state=value["state"], seconds=value.get("seconds"), error=error
                    )
                    self.part.tell(told)
            case Raised(task=task, text=text):
                self._lose(task, f"run {task} could not be attempted:\n{text}")
            case Died(task=task, exit_code=code, signal=by, why=why):
                how = why or (f"signal {by}" if by is not None else f"exit code {code}")
                self._lose(task, f"the process of run {task} is gone: {how}", exit_code=code, signal=by)
            case Trouble(text=text):
                self.part.tell(Problem(text=text))
                self.part.say(f"no process could be made ready:\n{text}")

    def _over(self, task: str) -> _Active | None:
        one = self.active.pop(task, None)
        if one is not None and one.since is not None:
            self.unsettled[task] = partial(self._forget, task)
        return one

    def _forget(self, task: str) -> None:
        with self.project.store.write() as tx:
            cancellations.forget(tx, [task])

    def _lose(self, task: str, text: str, *, exit_code: int | None = None, signal: int | None = None) -> None:
        one = self._over(task)
        self.part.say(text)
        if one is not None:
            self.unsettled[task] = partial(self._settle, task, one, exit_code=exit_code, signal=signal)

    def _settle(self, task: str, one: _Active, *, exit_code: int | None = None, signal: int | None = None) -> None:
        """What becomes of a run whose process is gone; nothing, if that had ended it before."""
        with self.project.store.read() as tx:
            run = runs.run(tx, task)
        if run is not None and run.state not in FINAL_STATES and run.worker == self.part.name:
            if run.state is RunState.RUNNING and one.since is not None:
                cancel(self.project, run, "somebody canceled it, and its worker had to be killed")
            else:
                lose(self.project, run, exit_code=exit_code, signal=signal)
        if one.since is not None:
            self._forget(task)

    def _stop_at_once(self) -> None:
        """Everything is killed, and given back."""
        self.executor.close()
        for task, one in list(self.active.items()):
            try:
                self._settle(task, one)
            except DatabaseFault as error:
                self.part.say(f"run {task} could not be given back: {error.message}; the next scheduler does it")
