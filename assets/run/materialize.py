"""`materialize`: plan and run a selection inline, to the end of the wave that it causes.

The wave goes through the graph level by level. A level is planned on one snapshot and recorded in one transaction;
then its runs are made one after the other. What they publish brings in the consumers whose conditions name it. What is
deeper never feeds what is less deep, so every asset is planned once, after everything that could concern it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter, sleep
from types import MappingProxyType
from typing import Any

from ...lineage.relay import Relay
from ...storage.meta import runs
from ...storage.meta.database.engine import now as moment_of
from ...storage.types import ReasonKind, RunState
from ..plan.planner import Held, Plan, plan, settled
from ..plan.state import Request
from .attempt.assignment import Assignment, assign
from .attempt.delivery import destinations
from .attempt.fencing import TooLate
from .attempt.repeating import attempts
from .attempt.showing import show_all, skipped
from .collector import at_rest
from .looking.sources import look, probe, unreadable
from .notifying.notify import notifying
from .planning.partitions.keeping import held_of_asset
from .planning.partitions.portions import hear_news, plan_portion
from .planning.record import Record, record
from .planning.refusing import Refusals, fault, refused_alone
from .planning.snapshot import AskedPartitions, Snapshot, load
from .progress import Listener, Looked, Outcome, Result, Started, Waiting, silent
from .project.keys import asked_keys
from .project.project import Project
from .project.trial import for_good
from .recording import recorded
from .recovery import recover, unclaimed
from .termination import heeding_termination
from .wave import Wave, state_of

_PATIENCE = 3
"""How often a run whose observed input moved is planned anew."""
_POLL = 0.1
"""Seconds between two looks while another process makes the same asset."""
_AT_ONCE = 200
"""So many partitions are planned on one snapshot and recorded in one transaction."""


def run_wave(
    project: Project,
    names: Sequence[str],
    *,
    force: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    only: bool = False,
    listener: Listener | None = None,
    partitions: str | None = None,
    keys: Mapping[str, Sequence[str]] = MappingProxyType({}),
    news: Iterable[str] = (),
) -> Result:
    """Make the named assets, and what their news causes downstream; see `materialize`. Once the keys can be read, the
    definitions are registered.

    Parameters
    ----------
    keys: asset → its keys that are to be made, where no text says which.
    news: URIs of datasets that were published a moment ago: what waits for them is part of the wave.
    """
    begun = perf_counter()
    tell = listener or silent
    relay = Relay(project.store, destinations(project.settings))  # its settings are checked before anything is recorded
    known, chosen = for_good(
        project, lambda trial: asked_keys(trial.project, trial.tx, names, partitions, moment_of(trial.tx)), tell=tell
    )
    chosen |= {name: tuple(several) for name, several in keys.items()}
    with heeding_termination(), relay, notifying(project.store, project.settings):
        with recorded(project, names) as one:
            work = _Work(
                project=project,
                id=one.id,
                only=only,
                tell=tell,
                parameters=parameters or {},
                wave=Wave(
                    graph=project.graph,
                    requests={name: Request(nonce=one.id if force else None) for name in names},
                    keys=chosen,
                    asked={name: frozenset(several) for name, several in chosen.items()},
                    named=known.keys,
                ),
            )
            try:
                work.run(names, news)
            finally:
                one.held |= work.wave.held()
            one.state = state_of(work.wave.outcomes.values(), work.wave.is_asked)
        seconds = perf_counter() - begun
    return Result(
        id=one.id,
        state=one.state,
        outcomes=tuple(work.wave.outcomes.values()),
        looked=tuple(work.looked),
        seconds=seconds,
        refused={one.destination: one.refused for one in relay.deliveries() if one.refused},
    )


@dataclass(kw_only=True)
class _Work:
    """One materialization at work."""

    project: Project
    id: str
    only: bool
    tell: Listener
    parameters: Mapping[str, Mapping[str, Any]]
    wave: Wave
    probes: dict[str, str] = field(default_factory=dict[str, str])
    looked: list[Looked] = field(default_factory=list[Looked])
    moved: dict[str, int] = field(default_factory=dict[str, int])
    waited: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    behind: dict[str, str] = field(default_factory=dict[str, str])

    def run(self, names: Sequence[str], news: Iterable[str] = ()) -> None:
        """Everything, in order: what a crash left, the sources, then level by level."""
        self.behind = show_all(self.project)
        for assignment in recover(self.project):
            self._attempt(assignment)
        self._look(self.project.graph.observed_above(names))
        self._publish_news(news)
        self.wave.add(name for name in names if name in self.wave.keys)
        whole = [name for name in names if name not in self.wave.keys and name not in self.wave.failed]
        self._skip(self._probed(whole))
        while level := self.wave.level():
            level = self._probed(level)
            divided = [name for name in level if self.project.catalogue.assets[name].partitions is not None]
            self._make([name for name in level if name not in divided])
            for name in divided:
                self._make_partitions(name)

    def _probed(self, names: Sequence[str]) -> list[str]:
        """The names without the sources whose probe failed; the fingerprints of the others are known from now on."""
        probed = probe(self.project, [name for name in names if name not in self.probes])
        self.probes |= probed.fingerprints
        self._note(probed.looked)
        for name, reason in probed.failures.items():
            self._settle(Outcome(asset=name, run_id=None, state=None, reason=reason))
        return [name for name in names if name not in probed.failures]

    def _skip(self, names: Sequence[str]) -> None:
        """Skip at once what is unchanged whatever becomes of the others; the rest joins the wave."""
        graph = self.project.graph
        moving = graph.reach(self.wave.queued, graph.downstream)  # by news of what was looked at
        with at_rest():
            self._skip_quiet([name for name in names if name not in moving])
        self.wave.add(name for name in names if (name, "") not in self.wave.outcomes)

    def _skip_quiet(self, names: Sequence[str]) -> None:
        graph = self.project.graph
        snapshot = self._load(names)
        quiet = settled(graph, plan(graph, snapshot.state, snapshot.at))
        recorded = record(self.project, quiet, snapshot, materialization_id=self.id, now=snapshot.at)
        for one in () if recorded is None else recorded.runs:
            self._settle(skipped(self.project, one, snapshot))

    def _load(self, names: Sequence[str], keys: Sequence[str] = ()) -> Snapshot:
        """How these assets stand; of one with partitions, how these keys do."""
        with self.project.store.read() as tx:
            return load(
                self.project,
                tx,
                names,
                requests={name: self.wave.requests[name] for name in names if name in self.wave.requests},
                failed=self.wave.failed,
                probes=self.probes,
                parameters=self.parameters,
                partitions=AskedPartitions(
                    keys=dict.fromkeys(names, keys) if keys else {}, named=self.wave.named, failed=self.wave.fallen
                ),
                left_out=self.wave.left_out,
            )

    def _make_partitions(self, name: str) -> None:
        """Plan and make the keys of an asset that are asked for, some hundred at a time, and those that news starts."""
        keys, self.wave.keys[name] = self.wave.keys.get(name, ()), ()
        for start in range(0, len(keys), _AT_ONCE):
            self._make([name], keys[start : start + _AT_ONCE])
        if not self.only and self.project.catalogue.assets[name].condition is not None:
            self._make_by_news(name)
        if name in self.wave.requests:
            self._tell_held(name)

    def _tell_held(self, name: str) -> None:
        """What is told of an asset as a whole: that nobody has named a key, or what the other partitions wait for."""
        told = [key for asset, key in self.wave.outcomes if asset == name]
        if not told:
            self._make([name])
        elif "" not in told and not self.only:
            with self.project.store.read() as tx:
                asset = self.project.catalogue.assets[name]
                reason = held_of_asset(tx, self.project.ids.assets[name], asset, but=told)
            if reason is not None:
                self._settle(Outcome(asset=name, run_id=None, state=None, reason=reason))

    def _make_by_news(self, name: str) -> None:
        """Make the partitions that planners recorded and nobody has begun, then plan those that news concerns."""
        for assignment in unclaimed(self.project, {name}):
            self._attempt(assignment)
        more = True
        while more:
            heard = hear_news(self.project, name)
            more = heard.more
            if heard.reason is not None:
                self._settle(Outcome(asset=name, run_id=None, state=None, reason=heard.reason))
            portion = partial(plan_portion, self.project, name, materialization_id=self.id, parameters=self.parameters)
            while (found := portion()) is not None:
                for held in found.decided.held:
                    asked = (name, held.partition) in self.wave.outcomes  # that has its answer
                    if not asked and not held.idle:
                        self._hold(held)
                self._carry_out(found.decided, found.snapshot, found.recorded)

    def _make(self, level: Sequence[str], keys: Sequence[str] = ()) -> None:
        """Plan and make one level of the graph, or these keys of an asset."""
        if not level:
            return
        decided, snapshot, recorded = self._plan(level, keys)
        for held in decided.held:
            self._hold(held)
        self._carry_out(decided, snapshot, recorded)

    def _carry_out(self, decided: Plan, snapshot: Snapshot, recorded: Record) -> None:
        """Make what was planned."""
        self._publish_news(recorded.confirmed)
        for one in recorded.runs:
            if one.planned.state is RunState.SKIPPED:
                self._settle(skipped(self.project, one, snapshot))
        for confirmation in decided.confirmations:
            asset, key, reason = confirmation.asset, confirmation.partition, confirmation.reason
            self._settle(Outcome(asset=asset, run_id=None, state=None, reason=reason, partition=key))
        for one in recorded.runs:
            if one.planned.state is RunState.SCHEDULED:
                self._attempt(assign(self.project, one, snapshot, materialization_id=self.id))

    def _plan(self, level: Sequence[str], keys: Sequence[str] = ()) -> tuple[Plan, Snapshot, Record]:
        """A plan of these assets that is recorded: planned again for as long as somebody else is faster."""
        refusals = Refusals()
        while True:
            with at_rest():
                snapshot = self._load(level, keys)
                decided = plan(self.project.graph, snapshot.state, snapshot.at)
            busy = [held for held in decided.held if held.reason.kind is ReasonKind.AT_LIMIT]
            if busy:
                self._wait(busy)
                continue
            with at_rest():
                recorded = record(self.project, decided, snapshot, materialization_id=self.id, now=snapshot.at)
            if recorded is not None:
                return decided, snapshot, recorded
            if refusals.endless(decided):
                raise fault(refused_alone(self.project, decided, snapshot))

    def _wait(self, busy: Sequence[Held]) -> None:
        """Another process makes these now: tell so once, give it time, and take over should it be gone. What a planner
        recorded and nobody has begun is made here."""
        free = unclaimed(self.project, {held.asset for held in busy})
        for assignment in free:
            self._attempt(assignment)
        if free:
            return
        news = [held for held in busy if (held.asset, held.partition) not in self.waited]
        if news:
            with self.project.store.read() as tx:
                at_work = {(run.asset, run.partition): run for run in runs.unfinished(tx, self.project.name)}
            for held in news:
                self.waited.add((held.asset, held.partition))
                run = at_work.get((held.asset, held.partition))
                who = "" if run is None else f"run {run.id} by {run.worker or 'nobody yet'}"
                reason = replace(held.reason, detail=who or held.reason.detail)
                self.tell(Waiting(asset=held.asset, reason=reason, partition=held.partition))
        sleep(_POLL)
        for assignment in recover(self.project):
            self._attempt(assignment)

    def _hold(self, held: Held) -> None:
        """Note why a requested asset was not made; of the others, only what concerns them is told."""
        if held.asset in self.wave.requests or held.verdict is not None:
            self._settle(
                Outcome(asset=held.asset, run_id=None, state=None, reason=held.reason, partition=held.partition)
            )

    def _attempt(self, assignment: Assignment) -> None:
        asset, key = assignment.asset.name, assignment.partition
        self.tell(Started(asset=asset, run_id=assignment.run_id, reason=assignment.reason, partition=key))
        patient = self.moved.get(asset, 0) < _PATIENCE
        outcome = attempts(self.project, assignment, anew=patient, tell=self.tell)
        if outcome is None:  # another process claimed it: who asked for it sees what comes of it
            if not key or key in self.wave.asked.get(asset, ()):
                self._again(asset, key)
            return
        moved = None if outcome.error is None else outcome.error["uri"]
        if moved is not None and patient:
            self.moved[asset] = self.moved.get(asset, 0) + 1
            self._look([moved])
            self._again(asset, key)
        late = "" if outcome.error is None or outcome.error["kind"] != TooLate.kind else outcome.error["message"]
        if late:
            self._again(asset, key)  # the run is somebody else's: see what comes of it
        self._settle(outcome)
        if late:
            self.behind[asset] = late  # told with what comes of it
        self._publish_news(made.uri for made in outcome.made)

    def _again(self, asset: str, key: str) -> None:
        """Plan an asset, or a partition of it, once more in this wave."""
        if key:
            self.wave.keys[asset] = (*self.wave.keys.get(asset, ()), key)
        self.wave.add([asset])

    def _look(self, uris: Sequence[str]) -> None:
        found = look(self.project, uris)
        self.wave.fallen |= {uri: set(found.unseen.get(uri, ())) for uri in uris}
        self._note(found.looked)
        self._publish_news(found.events)
        for name, reason in unreadable(self.project, found).items():
            self._settle(Outcome(asset=name, run_id=None, state=None, reason=reason))

    def _note(self, looked: Sequence[Looked]) -> None:
        self.looked += looked
        for one in looked:
            self.tell(one)

    def _publish_news(self, uris: Iterable[str]) -> None:
        """Whoever waits for these datasets is planned in this wave."""
        if not self.only:
            self.wave.add(name for uri in uris for name in self.project.graph.waiting.get(uri, ()))

    def _settle(self, outcome: Outcome) -> None:
        behind = self.behind.pop(outcome.asset, "")
        if behind and not outcome.made and not outcome.warning:
            outcome = replace(outcome, warning=behind)  # what it made before is still not shown at its URI
        self.wave.settle(outcome)
        self.tell(outcome)
