"""A worker: it takes runs that wait, has each made in a warm process, and sees to what becomes of those processes.

The attempt itself, from its claim to its publication, is made there (`job.py`). What is left here is to hand out, to
listen, and to say what only somebody else can say: that the process of an attempt is gone. Whatever the worker dies of,
the next scheduler gives back what it was at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any

from ....storage.errors import DatabaseFault
from ....storage.meta import cancellations, leftovers
from ....storage.meta.database.bell import Listener, Topic
from ....storage.meta.runs import Run
from ....storage.types import PartKind
from ...execute.executor import Died, Executor, Raised, Report, Returned, Trouble, Wrote
from ...execute.nursery import fork_server
from ...execute.processes import Processes
from ..attempt.publication import stopped
from ..identity import gone
from ..project.project import Project, open_project
from ..recovery import Death, lose
from .claiming import claim_next
from .job import TIDY, attempts
from .log_keeping import Logs
from .order import PRELOAD, Order, Problem, Said
from .part import IDLE, LOOK, Part
from .registered import when_registered
from .settling import Active, handed_out, settle

_AHEAD, _MOST_AHEAD = 0.15, 16
"""So many seconds of work are taken ahead where runs are short, and so many runs at most: asking for each of a crowd
costs more than making it."""
_LONG = 0.5
"""Seconds after which what was taken ahead is given back: what is at work takes longer than was thought."""


def run_worker(order: Order, line: Connection) -> None:
    """Make runs until asked to stop: the process of a worker."""
    fork_server(leave=line.close)
    part = Part(PartKind.WORKER, line)
    settings = order.settings()
    with open_project(settings, part.load(settings)) as project, project.store.listener(Topic.WORKER) as bell:
        if not when_registered(project, waits=lambda: not part.stopping):
            return
        part.beat(project.store, now=True)  # before anything is claimed in its name
        pool = Processes(
            partial(attempts, order, part.name), size=order.slots, memory_limit=order.memory_limit, preload=PRELOAD
        )
        try:
            work = Work(project=project, part=part, executor=pool, bell=bell, logs=Logs(project), grace=order.grace)
            while not pool.is_ready() and not part.stopping:
                part.wait(pool.waitables(), LOOK)
                work.listen()
            part.ready()
            work.to_the_end()
        finally:
            pool.close()
            part.end(project.store)


@dataclass(kw_only=True)
class Work:
    """What a worker has at work, and what it still has to settle: what ended while the database was away.

    Attributes
    ----------
    wake: when to look again although nothing rings: then a token comes, or a run is due to be tried again.
    ahead: runs that are queued for it and wait for room, since `taken`; `pace` is what a run takes of late, in seconds.
    untidy: whether resources may have left something over that a warm process is to clean up; `tidying` while it does.
    """

    project: Project
    part: Part
    executor: Executor
    bell: Listener
    logs: Logs
    grace: float = 10.0
    active: dict[str, Active] = field(default_factory=dict[str, Active])
    unsettled: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])
    made: int = 0
    wake: datetime | None = None
    ahead: deque[Run] = field(default_factory=deque[Run])
    taken: float = 0.0
    pace: float = 1.0
    untidy: bool = True
    tidying: bool = False

    def to_the_end(self) -> None:
        """Until it is asked to stop and nothing is at work; asked twice, at once."""
        while not (self.part.stopping and not self.active and not self.ahead and not self.unsettled):
            if self.part.at_once:
                self._stop_at_once()
                return
            self.bell.heard()
            self.part.patiently(self._once)
            self.part.wait([*self.bell.waitables(), *self.executor.waitables()], self._patience())
            self.listen()

    def listen(self) -> None:
        """Hear what the executor has to report."""
        for report in self.executor.reports():
            self._hear(report)

    def _patience(self) -> float:
        """Seconds until it looks although nothing rang."""
        at_work = self.active or self.ahead or self.unsettled or self.tidying
        look = LOOK if at_work or not self.bell.waitables() else IDLE
        return look if self.wake is None else min(look, max(0.0, (self.wake - datetime.now(UTC)).total_seconds()))

    def _once(self) -> None:
        """Settle, take, end what is to end, beat: all that asks the store."""
        for run_id in list(self.unsettled):
            self.unsettled[run_id]()
            del self.unsettled[run_id]
        if not self.part.stopping:
            self._tidy()
            self._take()
        if self.ahead and (self.part.stopping or monotonic() - self.taken >= _LONG):
            self._give_back()
        self._cancel()
        self._end_what_is_late()
        self.part.doing = f"{self.made} runs made, {len(self.active)} at work"
        self.part.beat(self.project.store)

    def _take(self) -> None:
        """As many runs as there is room for."""
        room = self.executor.room()
        if room > len(self.ahead):
            more = min(_MOST_AHEAD, int(_AHEAD / self.pace))
            handed = claim_next(self.project, self.part.name, room - len(self.ahead), more)
            self.wake = handed.next_at
            self.ahead += handed.runs
            self.taken = monotonic()
        while room and self.ahead:
            run = self.ahead.popleft()
            if run.id in self.active:  # it was given up while this worker stood still: its first try has to go
                self.active[run.id].given_up = True
                self.executor.stop(run.id, kill=True)
                lose(self.project, run)
                continue
            room -= 1
            self.active[run.id] = handed_out(self.project, run)
            self.logs.begin(run.id, run.attempts + 1, run.asset)
            self.executor.start(run.id)

    def _give_back(self) -> None:
        """What was taken ahead is for others."""
        while self.ahead:
            lose(self.project, self.ahead[0])
            self.ahead.popleft()

    def _tidy(self) -> None:
        """What resources left over in processes that are gone is cleaned up in a warm process: it is code of users."""
        if not self.untidy or self.tidying or not self.executor.room():
            return
        with self.project.store.read() as tx:
            found = any(not one.worker or gone(one.worker) for one in leftovers.left(tx, self.project.name))
        self.untidy = False
        if found:
            self.tidying = True
            self.executor.start(TIDY)

    def _cancel(self) -> None:
        """Runs that are to be canceled are asked to end, and made to when they do not."""
        if not self.active and not self.ahead:
            return
        with self.project.store.read() as tx:
            wanted = cancellations.asked(tx, self.project.name)
        if any(one.id in wanted for one in self.ahead):
            self._give_back()  # whoever wanted it canceled, the scheduler sees to it
        for run_id in wanted.keys() & self.active.keys():
            one = self.active[run_id]
            if one.asked is None:
                one.asked = monotonic()
                self.executor.stop(run_id, kill=False)
            elif monotonic() - one.asked >= self.grace:
                self.executor.stop(run_id, kill=True)

    def _end_what_is_late(self) -> None:
        """A try whose clock ran out has interrupted itself (`attempt/timing.py`); what ignores that is killed."""
        for run_id, one in self.active.items():
            if one.ends is not None and not one.late and monotonic() >= one.ends + self.grace:
                one.late = True
                self.executor.stop(run_id, kill=True)

    def _hear(self, report: Report) -> None:
        match report:
            case Wrote(task=task, stream=stream, data=data):
                self.logs.take(task, stream, data)
            case Returned(task=task, value={"prevented": error}):
                self._prevented(task, error)
            case Returned(task=task, value=value):
                self._over(task)
                fault = self.logs.end(task)
                if value is not None:
                    self.made += 1
                    self.pace += ((value.get("seconds") or 0.0) - self.pace) / 4
                    self.part.tell(_told(task, value, fault))
            case Raised(task=task, text=text):
                said = text.strip().rpartition("\n")[2]
                death = Death(error={**stopped(f"penstock itself failed at it: {said}"), "trace": text})
                self._lose(task, f"run {task} could not be attempted:\n{text}", death)
            case Died(task=task, exit_code=code, signal=by, why=why):
                one = self.active.get(task)
                known = "" if one is None else one.ended_for
                death = Death(exit_code=code, signal=by, why=why or known, tail=self.logs.end_with_tail(task))
                self._lose(task, f"run {task}: {death.text}", death)
            case Trouble(text=text):
                self.part.tell(Problem(text=text))

    def _prevented(self, task: str, error: Mapping[str, Any]) -> None:
        """The store cannot be used: that is said at once, and written down once it can."""
        one = self.active.get(task)
        name = "" if one is None else f"{one.run.asset} {one.run.partition}".rstrip()
        self.part.say(f"{name}, run {task}: the metadata store cannot be used; it is tried again when that is over")
        self._lose(task, "", Death(error=error, prevented=True))

    def _over(self, task: str) -> Active | None:
        if task == TIDY:
            self.tidying = False
        one = self.active.pop(task, None)
        if one is not None and one.asked is not None:
            self.unsettled[task] = partial(self._forget, task)
        return one

    def _forget(self, task: str) -> None:
        with self.project.store.write() as tx:
            cancellations.forget(tx, [task])

    def _lose(self, task: str, text: str, death: Death) -> None:
        one = self._over(task)
        self.logs.end(task)
        if one is None and text:
            self.part.say(text)
        seconds = None if one is None or death.prevented else monotonic() - one.begun
        self.unsettled[task] = partial(self._settle, one, death, seconds)

    def _settle(self, one: Active | None, death: Death, seconds: float | None) -> None:
        """What becomes of what a process was at that is gone; also what its resources left over."""
        if one is not None:
            state = settle(self.project, self.part.name, one, death)
            name = f"{one.run.asset} {one.run.partition}".rstrip()
            said = "" if death.prevented else death.text
            if state is not None:
                told = Said(text=f"run {one.run.id}", name=name, state=state.value, seconds=seconds, error=said)
                self.part.tell(told)
        if not self.tidying:
            with self.project.store.write() as tx:
                leftovers.abandon(tx, self.part.name, at_work=self.active)
        self.untidy = True

    def _stop_at_once(self) -> None:
        """Everything is killed, and given back."""
        self.executor.close()
        with suppress(DatabaseFault):
            self._give_back()
        for task, one in list(self.active.items()):
            self.logs.end(task)
            try:
                settle(self.project, self.part.name, one, Death(why="its worker was stopped at once", prevented=True))
            except DatabaseFault as error:
                self.part.say(f"run {task} could not be given back: {error.message}; the next scheduler does it")


def _told(task: str, value: Mapping[str, Any], fault: str) -> Said:
    """What is told of a run that its process has ended."""
    name = f"{value['asset']} {value.get('partition', '')}".rstrip()
    error = value.get("error", "") or "\n".join(filter(None, (value.get("warning", ""), fault)))
    return Said(text=f"run {task}", name=name, state=value["state"], seconds=value.get("seconds"), error=error)
