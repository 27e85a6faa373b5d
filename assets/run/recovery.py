"""After a crash: runs whose process is gone are tried again with the same pins, or ended with a reason.

Only a process of this host can be known to be gone. Runs of other hosts are left to them.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from signal import Signals
from typing import Any

from ...storage.meta import materializations, runs
from ...storage.meta.attempts import end_attempt
from ...storage.meta.database.bell import Topic, ring
from ...storage.meta.database.engine import Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.runs import Fence
from ...storage.meta.waiting_runs import at_work
from ...storage.types import AttemptOutcome, MaterializationState, ReasonKind, RunState
from ..plan.lifecycle import require
from ..plan.reasons import Reason
from ..plan.retry import GivenUp
from .attempt.assignment import Assignment, resume
from .attempt.failing import after_loss_of
from .attempt.publication import stopped
from .ending import OTHERS, close_run, end_run, superseded, sweep_run
from .identity import gone
from .project.project import Project
from .project.trial import Trial, on_trial
from .tidying import tidy

_PATIENT = timedelta(seconds=5)
"""So long after it was due, a run that waits to be tried again is taken over from a process that still lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How the process of an attempt ended, as far as anybody knows.

    Attributes
    ----------
    exit_code, signal: a code from 0 to 255, or the number of the signal that ended it.
    why: what it was ended for, e.g. "it held 2.10 GiB of memory, of 2.00 GiB".
    tail: the last lines that it wrote.
    error: what it said itself that was the matter, as an attempt keeps it.
    prevented: whether that is the machine's: a full disk, a database that is away.
    silent: for so many seconds nothing was heard of its worker; 0.0 where that is known to be gone.
    """

    exit_code: int | None = None
    signal: int | None = None
    why: str = ""
    tail: str = ""
    error: Mapping[str, Any] | None = None
    prevented: bool = False
    silent: float = 0.0

    @property
    def text(self) -> str:
        """In a sentence.

        >>> Death(signal=9).text, Death().text
        ('its process was ended by signal 9 (SIGKILL)', 'its process ended without a word')
        >>> Death(silent=31.4).text
        'its worker was not heard of for 31 s'
        """
        if self.error is not None:
            return str(self.error["message"])
        if self.why:
            return f"its process was ended: {self.why}"
        if self.signal is not None:
            known = {one.value: one.name for one in Signals}
            return f"its process was ended by signal {self.signal} ({known.get(self.signal, 'unknown')})"
        if self.exit_code is not None:
            return f"its process ended with exit code {self.exit_code}"
        if self.silent:
            return f"its worker was not heard of for {self.silent:.0f} s"
        return "its process ended without a word"

    def stored(self, why: str = "") -> dict[str, Any]:
        """As the error of an attempt, or of a run that is given up for this reason."""
        if self.error is not None:
            return {**self.error, **({"gave_up": why} if why else {})}
        known = self.text if self != Death() else why or self.text
        return {**stopped(known), "trace": self.tail}


UNKNOWN = Death()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """What dead processes left behind, as `recover` would see to it.

    Attributes
    ----------
    resumed: by asset and key, "" without partitions, of what a run would be tried again, and why it was made.
    given_up: the runs that would be ended, their events given back.
    """

    resumed: Mapping[str, Mapping[str, Reason]]
    given_up: tuple[runs.Run, ...]


def left_behind(project: Project) -> LeftBehind:
    """What `recover` would try again, and what it would end; nothing is written."""
    resumed: dict[str, dict[str, Reason]] = {}
    given_up: list[runs.Run] = []
    with project.store.read() as tx:
        if not _left(project, tx):
            return LeftBehind(resumed=resumed, given_up=())
    with on_trial(project) as trial:
        for run in _left(trial.project, trial.tx):
            if _decided(trial.project, trial.tx, run).work is None:
                given_up.append(run)
                continue
            why = Reason.from_plain(run.reason).text
            waits = run.state is RunState.UP_FOR_RETRY and run.retry_at is not None
            gone_by = f"it is due at {run.retry_at:%Y-%m-%d %H:%M:%S} UTC" if waits else "its process is gone"
            again = Reason(kind=ReasonKind.RETRY, detail=f"{gone_by}; it was made for: {why}")
            resumed.setdefault(run.asset, {})[run.partition] = again
    return LeftBehind(resumed=resumed, given_up=tuple(given_up))


@contextmanager
def as_if_given_up(project: Project, left: LeftBehind, *, writing: bool = False) -> Generator[Trial]:
    """A trial in which what would be given up is ended already; with `writing` more can be written in it."""
    with on_trial(project, writing=writing or bool(left.given_up)) as trial:
        for run in left.given_up:
            moment, fresh = moment_of(trial.tx), _decided(trial.project, trial.tx, run).fresh
            close_run(trial.project, trial.tx, run, _given_up(run), stopped(""), fresh=fresh, now=moment)
        yield trial


def recover(project: Project) -> list[Assignment]:
    """What dead processes left behind, ready to be tried again; what cannot be tried again is ended.

    A run is tried again with the same pins, unless its asset is gone or its code has changed: then it is ended, and
    its events are pending again as if it had never been. One that waits to be tried again says when it is due. First
    is cleaned up what their resources left over.
    """
    tidy(project)
    with project.store.read() as tx:
        left = [(run, _decided(project, tx, run)) for run in _left(project, tx)]
        dead = [one.id for one in materializations.unfinished(tx, project.name) if gone(one.worker)]
    assignments = [work for run, decided in left if (work := _done(project, run, decided)) is not None]
    _end_materializations(project, dead)
    return assignments


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """What is to become of a run that nobody is at: its next attempt is `work`, `at` a time or at once; or it is ended,
    and why, `fresh` as if it had never been."""

    work: Assignment | None = None
    at: datetime | None = None
    why: str = ""
    fresh: bool = False


def _decided(project: Project, tx: Transaction, run: runs.Run, death: Death = UNKNOWN) -> _Decided:
    at: datetime | None = None
    if run.state is RunState.RUNNING:
        after = after_loss_of(project, tx, run, moment_of(tx), prevented=death.prevented)
        if isinstance(after, GivenUp):
            return _Decided(why=after.why)
        at = after.at if death.prevented else None
    work = resume(project, tx, run)
    return _Decided(why=OTHERS, fresh=True) if work is None else _Decided(work=work, at=at)


def _done(project: Project, run: runs.Run, decided: _Decided, death: Death = UNKNOWN) -> Assignment | None:
    """Do what was decided; what is to be tried next, None where nothing is, or somebody else saw to it."""
    if decided.work is None:
        end_run(
            project,
            run,
            _given_up(run),
            stopped(decided.why) if decided.fresh else death.stored(decided.why),
            fresh=decided.fresh,
            exit_code=death.exit_code,
            signal=death.signal,
        )
        return None
    if run.state is not RunState.RUNNING:
        return decided.work
    return decided.work.again() if _retry(project, run, death, decided.at) else None


def lose(project: Project, run: runs.Run, death: Death = UNKNOWN) -> Assignment | None:
    """Give the attempt at which a running run is up for lost, whether or not its worker still lives: from now on that
    can publish nothing. What is to be tried next; None where the run was ended, or somebody else saw to it. A run that
    is queued for a worker that is gone waits for another.
    """
    if run.state is RunState.QUEUED:
        with project.store.write() as tx:
            new = require(run.state, RunState.SCHEDULED)
            runs.advance(tx, run.id, old=run.state, new=new, fence=Fence(run.attempts, run.worker), worker=None)
            ring(tx, Topic.WORKER)
        return None
    with project.store.read() as tx:
        decided = _decided(project, tx, run, death)
    return _done(project, run, decided, death)


def _left(project: Project, tx: Transaction) -> list[runs.Run]:
    """The runs that nobody is at any more, also of those that wait to be tried again; oldest first."""
    unfinished = runs.unfinished(tx, project.name)
    owners = materializations.by_id(tx, {run.materialization_id for run in unfinished if run.materialization_id})
    overdue = moment_of(tx) - _PATIENT
    return [run for run in unfinished if _waits_alone(run, overdue) or _abandoned(run, owners)]


def _waits_alone(run: runs.Run, overdue: datetime) -> bool:
    """Whether a run is to be tried again and its time has come, or long passed although its worker lives."""
    return run.state is RunState.UP_FOR_RETRY and (run.retry_at is None or run.retry_at <= overdue)


def _abandoned(run: runs.Run, owners: Mapping[str, materializations.Materialization]) -> bool:
    """Whether nobody is at the run any more: its worker, or before it had one, the materialization that planned it."""
    if run.worker is not None:
        return gone(run.worker)
    owner = owners.get(run.materialization_id or "")
    return owner is not None and (owner.ended_at is not None or gone(owner.worker))


def unclaimed(project: Project, names: Collection[str]) -> list[Assignment]:
    """Runs of these assets that a planner recorded for whoever comes first, ready to be tried; one whose code or inputs
    are others by now is given up, as if it had never been."""
    with project.store.read() as tx:
        left = [
            (run, resume(project, tx, run))
            for run in runs.unfinished(tx, project.name)
            if run.asset in names and run.state is RunState.SCHEDULED and run.materialization_id is None
        ]
    assignments: list[Assignment] = []
    for run, work in left:
        if work is None:
            superseded(project, run)
        else:
            assignments.append(work)
    return assignments


def unbegun(project: Project, backfill_id: str) -> Assignment | None:
    """The first run of a backfill that nobody has begun, whichever process planned it, ready to be tried: whoever
    claims it makes it. None when there is none. One whose code or inputs are others here is left to who planned it."""
    with project.store.read() as tx:
        left = (
            run
            for run in runs.unfinished(tx, project.name)
            if run.backfill_id == backfill_id and run.state is RunState.SCHEDULED
        )
        return next((work for run in left if (work := resume(project, tx, run)) is not None), None)


def _retry(project: Project, run: runs.Run, death: Death, at: datetime | None) -> bool:
    """The lost attempt is over and the run waits for another; False when somebody else saw to it."""
    outcome = AttemptOutcome.PREVENTED if death.prevented else AttemptOutcome.LOST
    new = require(run.state, RunState.UP_FOR_RETRY)
    fence = Fence(run.attempts, run.worker)
    with project.store.write() as tx:
        moment = moment_of(tx)
        if not runs.advance(tx, run.id, old=run.state, new=new, fence=fence, retry_at=at or moment):
            return False
        end_attempt(
            tx,
            run.id,
            number=run.attempts,
            outcome=outcome,
            now=moment,
            error=death.stored(),
            exit_code=death.exit_code,
            signal=death.signal,
        )
        project.announcer.retrying(tx, run, next_at=at, error=death.stored(), now=moment)
        ring(tx, Topic.WORKER)
        sweep_run(project, run)  # before anybody else can claim it
    return True


def _given_up(run: runs.Run) -> RunState:
    return RunState.FAILED if run.state is RunState.RUNNING else RunState.CANCELED


def reclaim(project: Project, silent: Mapping[str, float]) -> int:
    """The runs of workers that are gone, or silent for so many seconds, are given back, tried again or ended; how many
    those were. What a dead materialization has planned is for workers."""
    with project.store.read() as tx:
        mine = [one for one in at_work(tx, project.name) if one.worker is not None]
        dead = [one.id for one in mine if gone(one.worker or "") or one.worker in silent]
        over = [one.id for one in materializations.unfinished(tx, project.name) if gone(one.worker)]
        found = [run for one in dead if (run := runs.run(tx, one)) is not None]
    for run in found:
        worker = run.worker or ""
        lose(project, run, UNKNOWN if gone(worker) else Death(silent=silent.get(worker, 0.0)))
    _end_materializations(project, over)
    return len(found)


def _end_materializations(project: Project, ids: Collection[str]) -> None:
    if not ids:
        return
    with project.store.write() as tx:
        for one in ids:
            materializations.end(tx, id=one, state=MaterializationState.FAILED, held={}, now=moment_of(tx))
        ring(tx, Topic.WORKER)
