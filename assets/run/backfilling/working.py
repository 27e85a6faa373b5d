"""Making the partitions of a backfill inline, to its end, partition by partition: of what is planned the first is made,
unless something that can be planned by now comes before it. What another process has planned and nobody has begun is
made here as well, while there is nothing else to do.

Whoever is stopped leaves the backfill running, and what it had planned and not begun as if it had never been; the next
process goes on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter, sleep

from ....lineage.relay import Relay
from ....storage.meta.backfills import backfills, made
from ....storage.meta.backfills.backfills import Backfill
from ....storage.types import BackfillState, MaterializationState, Propagate, RunState
from ...plan.backfills.counting import told_of
from ...plan.backfills.frontier import Item
from ..attempt.assignment import Assignment, assign
from ..attempt.delivery import destinations
from ..attempt.repeating import attempts
from ..attempt.showing import show_all, skipped
from ..ending import release
from ..looking.sources import look
from ..materialize import run_wave
from ..notifying.notify import notifying
from ..progress import Listener, Outcome, Started, silent
from ..project.project import Project
from ..recording import recorded
from ..recovery import recover, unbegun, unclaimed
from ..termination import heeding_termination
from .advancing import Going, Step, StepKind, look_at
from .terms import terms_of

_POLL = 0.1
"""Seconds between two looks while another process makes what this one waits for."""
_PATIENCE = 3
"""How often a partition whose observed input moved is planned anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillResult:
    """What one process did for a backfill, and where that stands.

    Attributes
    ----------
    backfill: its row, as it was in the end.
    runs: of how many of its partitions the newest run is in each state, whoever made it.
    failed: what failed in this process, at most a hundred of it.
    seconds: for which this process worked on it.
    """

    backfill: Backfill
    runs: Mapping[RunState, int]
    failed: tuple[Outcome, ...] = ()
    seconds: float = 0.0

    @property
    def id(self) -> str:
        """Of the backfill; a UUID."""
        return self.backfill.id

    @property
    def state(self) -> BackfillState:
        """Where it stands."""
        return self.backfill.state

    @property
    def ok(self) -> bool:
        """Whether it has ended well, or is running and nothing of it has failed, nor was held of what was asked for.
        One that somebody paused or canceled while it was waited for has not made what was asked for."""
        return self.state in _WELL and not self.runs.get(RunState.FAILED) and not self.backfill.held


_WELL = frozenset({BackfillState.RUNNING, BackfillState.SUCCESS})
_NAMED = 100  # failures that a result keeps


def work_on(project: Project, row: Backfill, *, listener: Listener | None = None) -> BackfillResult:
    """Make the partitions of a backfill until it has ended, or somebody pauses or cancels it.

    Raises
    ------
    KeyboardInterrupt, SystemExit: Ctrl-C, or SIGTERM in the main thread: the run at work is canceled, the backfill
        stays running.
    """
    begun = perf_counter()
    tell = listener or silent
    relay = Relay(project.store, destinations(project.settings))
    terms = terms_of(project, row)
    telling = notifying(project.store, project.settings)
    with heeding_termination(), relay, telling, recorded(project, row.selection) as one:
        work = _Work(project=project, id=one.id, backfill_id=row.id, tell=tell)
        work.run(list(terms.scope))
        one.state = MaterializationState.FAILED if work.failed else MaterializationState.SUCCESS
    if row.propagate is Propagate.ALL and work.news:
        run_wave(project, (), news=work.news, listener=listener)
    return result_of(project, row.id, failed=work.failed, seconds=perf_counter() - begun)


def result_of(
    project: Project, backfill_id: str, *, failed: Sequence[Outcome] = (), seconds: float = 0.0
) -> BackfillResult:
    """Where a backfill stands now."""
    with project.store.read() as tx:
        row = backfills.backfill(tx, backfill_id)
        counts = made.tally(made.counts_of(tx, backfill_id))
    assert row is not None, "backfills are never deleted"
    return BackfillResult(backfill=row, runs=told_of(counts, row.state), failed=tuple(failed), seconds=seconds)


@dataclass(kw_only=True)
class _Work:
    """One process at work on a backfill."""

    project: Project
    id: str
    backfill_id: str
    tell: Listener
    failed: list[Outcome] = field(default_factory=list[Outcome])
    news: dict[str, None] = field(default_factory=dict[str, None])
    moved: Counter[Item] = field(default_factory=Counter[Item])
    again: set[Item] = field(default_factory=set[Item])
    planned: dict[Item, Assignment] = field(default_factory=dict[Item, Assignment])

    def run(self, names: Sequence[str]) -> None:
        """What a crash left, what others write, then partition by partition."""
        show_all(self.project)
        self._recover()
        self._look(self.project.graph.observed_above(names))
        while True:
            going = look_at(self.project, self.backfill_id, again=self.again)
            if isinstance(going, Going):
                self._go(going, names)
                continue
            self._tell_held(going)
            if going.kind is StepKind.OVER:
                return

    def _go(self, going: Going, names: Sequence[str]) -> None:
        """Go through a chunk, until it is done or has to be looked at anew."""
        for work in unclaimed(self.project, names):
            if work.backfill_id == self.backfill_id:
                self._plan_in(work)
        while True:
            first = min(self.planned, key=going.frontier.place, default=None)
            if first is None or not going.frontier.comes_first(first):
                step = going.plan(self.id)
                self._plan_all(step)
                if step.kind is StepKind.MOVED:
                    self._tell_held(step)
                    return
                if step.kind is StepKind.PLANNED:
                    continue
                if first is None:
                    self._wait()
                    return
            if not self._attempt(self.planned.pop(first), going):
                return

    def _plan_all(self, step: Step) -> None:
        """What a step has planned is to be made in its turn; what is unchanged is skipped at once."""
        if step.record is None or step.snapshot is None:
            return
        for one in step.record.runs:
            self.again.discard((one.planned.asset, one.planned.partition))
            if one.planned.state is RunState.SKIPPED:
                self._tell(skipped(self.project, one, step.snapshot))
            else:
                self._plan_in(
                    assign(self.project, one, step.snapshot, materialization_id=self.id, backfill_id=self.backfill_id)
                )

    def _plan_in(self, work: Assignment) -> None:
        self.planned[work.asset.name, work.partition] = work

    def _recover(self) -> bool:
        """What a crash left of the backfill is to be made in its turn, the rest at once; whether there was anything."""
        left = recover(self.project)
        for work in left:
            if work.backfill_id == self.backfill_id:
                self._plan_in(work)
            else:
                self._attempt(work)
        return bool(left)

    def _attempt(self, work: Assignment, going: Going | None = None) -> bool:
        """Try one run, of a chunk that is gone through; False when that is to be looked at anew."""
        name, key = work.asset.name, work.partition
        started = Started(asset=name, run_id=work.run_id, reason=work.reason, partition=key)
        patient = self.moved[name, key] < _PATIENCE
        outcome = attempts(self.project, work, anew=patient, claimed=lambda: self.tell(started), tell=self.tell)
        if outcome is None or outcome.state is None:  # somebody paused or canceled the backfill, or makes this run
            return False
        self._tell(outcome)
        moved = None if outcome.error is None else outcome.error["uri"]
        if moved is not None and self.moved[name, key] < _PATIENCE:
            self.moved[name, key] += 1
            self.again.add((name, key))
            self._look([moved])
            release(self.project, self.id)  # they have pinned what is no longer there
            self.planned.clear()
            return False
        if going is not None:
            going.ended(name, key, outcome.state)
        return True

    def _wait(self) -> None:
        """Runs of the backfill have not ended: make one that nobody has begun, whoever planned it, or give the others
        time."""
        work = unbegun(self.project, self.backfill_id)
        if work is not None:
            self._plan_in(work)
        elif not self._recover():
            sleep(_POLL)

    def _tell_held(self, step: Step) -> None:
        for held in step.held:
            self._tell(Outcome(asset=held.asset, run_id=None, state=None, reason=held.reason, partition=held.partition))

    def _look(self, uris: Sequence[str]) -> None:
        for one in look(self.project, uris).looked:
            self.tell(one)

    def _tell(self, outcome: Outcome) -> None:
        if outcome.state is RunState.FAILED and len(self.failed) < _NAMED:
            self.failed.append(outcome)
        self.news |= dict.fromkeys(one.uri for one in outcome.made)
        self.tell(outcome)
