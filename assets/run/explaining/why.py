"""`why`: what the planner would do with one asset, now or at an earlier time, and why. Writes nothing.

Now or then, it is the same planner on the same snapshot; then, the snapshot is of a store that holds the rows of then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ....storage.meta import holds, omissions, pending, versions
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.database.looking import to_look
from ....storage.meta.past import history
from ....storage.meta.past.history import Consumed
from ....storage.meta.pending import PendingEvent
from ....storage.meta.runs import PinnedInput, Run, pinned
from ....storage.meta.ticks import missed
from ....storage.settings import ProjectSettings
from ....storage.types import ConsumptionOutcome, EventKind, OnDeadline, ReasonKind, RunState
from ...declare.catalogue import Input
from ...declare.definitions import Definitions
from ...declare.policies import Each
from ...plan.case import Case
from ...plan.deadline import missed_deadline, overdue
from ...plan.evaluate import Now, evaluate
from ...plan.explain import Beside, Part, Pile, explain
from ...plan.graph import Graph
from ...plan.planner import Confirmation, Decision, Held, PlannedRun, decide
from ...plan.reasons import Reason
from ...plan.state import AssetState, HeadState, Pause
from ...plan.taking import pins
from ..dispatching import waits_for
from ..looking.sources import Look, look, probe, tell_looked, unreadable
from ..planning.reading import Failed
from ..planning.snapshot import AskedPartitions, Snapshot, load
from ..progress import told_of
from ..project.foretold import foretold
from ..project.project import Project, open_project
from ..project.trial import on_trial
from ..recovery import LeftBehind, as_if_given_up, left_behind
from .earlier import as_it_was, as_registered, time_of, unknown_asset
from .pending import news_of

SHOWN = 5
"""So many of the events that are pending of a dataset are named; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a run would read for a parameter; `head` is None where there is no version, `narrowed` where the condition
    pins it to another than the newest. Of a dataset with partitions, `partitions` says how many; None of others.
    `version`: of data without files, the version that somebody told."""

    parameter: str
    dataset: str
    optional: bool
    head: HeadState | None
    narrowed: bool = False
    partitions: int | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineMark:
    """The deadline of an asset: `missed` passed without a run, for this reason, and there was none since; `next_at` is
    to come."""

    label: str
    then: OnDeadline
    missed: datetime | None
    reason: Reason | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """The newest run: why it was made, what it read and took, and what its producer said of what it did not make."""

    run_id: str
    state: RunState
    reason: Reason
    created_at: datetime
    read: tuple[PinnedInput, ...]
    consumed: tuple[Consumed, ...]
    ticks: Mapping[str, datetime]
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What the planner would do with an asset, and all that it goes by.

    Attributes
    ----------
    at: when; then: whether that is an earlier time.
    decision: `run`, `skip`, `confirm` or `hold`, for this reason.
    condition: as a tree with what each part has and lacks; None without one.
    reads: what a run would read.
    active, limit: how many of its runs have not ended, and how many may.
    next_at: when time alone may change the answer.
    last: its newest run; None before the first.
    notes: what else bears on it, and what cannot be known, in sentences.
    partition: the key, where one partition was asked about.
    """

    asset: str
    at: datetime
    then: bool
    decision: str
    reason: Reason
    condition: Part | None
    reads: tuple[Read, ...]
    active: int
    limit: int
    pause: Pause | None
    deadline: DeadlineMark | None
    next_at: datetime | None
    last: Last | None
    notes: tuple[str, ...] = ()
    partition: str = ""


def why_now(settings: ProjectSettings, definitions: Definitions, name: str) -> Why:
    """What the planner would do with the asset of this name now."""
    with open_project(settings, definitions, planning=True) as project:
        asset = project.catalogue.assets.get(name)
        if asset is None:
            raise unknown_asset(name, project.name, list(project.catalogue.assets))
        seen = look_for(project, name)
        left = left_behind(project)
        found = _now(project, left, name, seen)
        if asset.source and found.decision in {"run", "skip"}:
            probed = probe(project, [name])
            found = _now(project, left, name, seen, probed.fingerprints.get(name))
            if name in probed.failures:
                found = replace(found, decision="hold", reason=probed.failures[name])
        blocked = unreadable(project, seen)
        if name in blocked:
            found = replace(found, decision="hold", reason=blocked[name])
        again = left.resumed.get(name, {}).get("")
        if again is not None:
            found = replace(found, decision="run", reason=again)
        with on_trial(project) as trial:
            before = [*held_before(trial.project, trial.tx, name), *waits_for(trial.project, trial.tx, name)]
        leaves = foretold(project).about(asset).texts
        return replace(found, notes=(*found.notes, *looked_notes(project, seen), *before, *leaves))


def look_for(project: Project, name: str) -> Look:
    """What is there now of the datasets that others write and an asset reads or waits for; nothing is recorded."""
    used = (*project.graph.leaves[name], *(one.uri for one in project.catalogue.assets[name].inputs))
    return look(project, [uri for uri in dict.fromkeys(used) if uri not in project.graph.producer], record=False)


def looked_notes(project: Project, seen: Look) -> list[str]:
    """What a look found that bears on an answer, in sentences."""
    named = project.graph.dataset_name
    notes = [
        f"{named(uri)} differs from its newest version: it counts as the news that the next look tells."
        for uri in seen.events
    ]
    notes += [f"{named(uri)} cannot be looked at: {error}" for uri, error in seen.failures.items()]
    unseen = {named(uri) for uri in seen.unseen}
    notes += [f"{one.name}, {one.news}: {one.error}. {one.hint}" for one in seen.looked if one.name in unseen]
    notes += [f"{one.name}: {one.news}." for one in seen.looked if one.strange and one.name not in unseen]
    return notes


def held_before(project: Project, tx: Transaction, name: str) -> list[str]:
    """What the last planner said that made no run of it, or what was told of its mappings."""
    found = holds.held(tx, project.name, [project.ids.assets[name]])
    return [
        f"Since {one.since:%Y-%m-%d %H:%M:%S} UTC planners say: {Reason.from_plain(one.reason).text}." for one in found
    ]


def _now(project: Project, left: LeftBehind, name: str, seen: Look, probed: str | None = None) -> Why:
    with as_if_given_up(project, left, writing=bool(seen.unrecorded)) as trial:
        moment = moment_of(trial.tx)
        tell_looked(trial.project, trial.tx, seen, now=moment)
        reading = _Reading(
            project=trial.project,
            tx=trial.tx,
            name=name,
            at=moment,
            probed=probed,
            unseen=seen.unseen,
        )
        return reading.why()


def why_registered(store: Store, settings: ProjectSettings, name: str) -> Why:
    """What the planner would do with the asset of this name now, by its registered definition. Loads no user code, and
    looks at nothing but the store."""
    with store.read() as tx:
        moment = moment_of(tx)
        one = as_registered(tx, store, settings, name, moment)
        found = _Reading(project=one.project, tx=tx, name=one.name, at=moment, probed=one.probe, then=True).why()
    return replace(found, then=False, notes=(*found.notes, *one.unknown, *_assumed(found)))


def why_then(settings: ProjectSettings, name: str, at: datetime | str) -> Why:
    """What the planner would have done with the asset of this name at an earlier time."""
    with to_look(settings.database_url, project=settings.project) as store:
        with store.read() as tx:
            moment = time_of(at, moment_of(tx))
        with as_it_was(store, settings, name, moment) as one, one.project.store.read() as tx:
            reading = _Reading(project=one.project, tx=tx, name=one.name, at=moment, probed=one.probe, then=True)
            found = reading.why()
        divided = [_DIVIDED] if one.name in one.project.reading.divided else []
    return replace(found, notes=(*found.notes, *one.unknown, *divided, *_assumed(found)))


def _assumed(found: Why) -> list[str]:
    return [_ASSUMED] if found.decision in {"run", "skip"} and found.last is not None else []


_DIVIDED = "Which partitions were made then is not looked up: none counts as made."
_ASSUMED = (
    "Run parameters, environment and answers of probes are not recorded between runs, nor whether files were there: "
    "those of the last success count, and nothing counts as missing."
)


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """One asset of one snapshot, at a time."""

    project: Project
    tx: Transaction
    name: str
    at: datetime
    probed: str | None = None
    then: bool = False
    unseen: Failed = field(default_factory=dict[str, Collection[str]])

    def why(self) -> Why:
        """What the planner would do, with all that it goes by."""
        project, name, at = self.project, self.name, self.at
        asset, graph = project.catalogue.assets[name], project.graph
        snapshot = self._snapshot()
        decided = decide(graph, snapshot.state, name, at)
        state, own = snapshot.state, snapshot.state.assets[name]
        meaning = Now(at=at, heads=state.heads, watched=state.watched)
        verdict = None if asset.condition is None else evaluate(asset.condition, own, meaning)
        case = Case(graph=graph, state=state, asset=asset, own=own, request=None, verdict=verdict)
        mode = asset.policies.consume
        each = mode if isinstance(mode, Each) else None
        piles = self._piles(snapshot, each)
        whole = asset.partitions is None
        beside = Beside(graph=graph, own=own, heads=state.heads, piles=piles, each=each, by_key=not whole)
        word, reason = said(decided)
        read = pins(asset, state, verdict, own)
        told = versions.tokens(self.tx, [head.version_id for head in read.values()])
        deadline = self._deadline(case, decided)
        last = self._last()
        moments = (None if verdict is None else verdict.until, None if deadline is None else deadline.next_at)
        return Why(
            asset=name,
            at=at,
            then=self.then,
            decision=word,
            reason=reason,
            condition=None if asset.condition is None or verdict is None else explain(asset.condition, verdict, beside),
            reads=tuple(
                Read(
                    parameter=one.parameter,
                    dataset=graph.dataset_name(one.uri),
                    optional=one.optional,
                    head=read.get(one.parameter),
                    narrowed=read.get(one.parameter) != state.heads.get(one.uri),
                    partitions=_count(graph, own, one),
                    version=told.get(read[one.parameter].version_id) if one.parameter in read else None,
                )
                for one in (asset.inputs if asset.partitions is None else ())  # what is read goes by key
            ),
            active=own.active,
            limit=asset.policies.max_active_runs,
            pause=own.pause,
            deadline=deadline,
            next_at=min((one for one in moments if one is not None), default=None),
            last=last,
            notes=_failed_on(last) if reason.kind is ReasonKind.WAITING else (),
        )

    def _snapshot(self) -> Snapshot:
        probes = {} if self.probed is None else {self.name: self.probed}
        partitions = AskedPartitions(failed=self.unseen)
        snapshot = load(self.project, self.tx, [self.name], now=self.at, probes=probes, partitions=partitions)
        if not self.then:
            return snapshot
        own = replace(snapshot.state.assets[self.name], present=True, unseen="")  # nobody knows what was there
        return replace(snapshot, state=replace(snapshot.state, assets={self.name: own}))

    def _piles(self, snapshot: Snapshot, each: Each | None) -> dict[str, Pile]:
        """What is pending, by URI, with the newest events of it; of what has its turn event by event, the oldest."""
        asset_id = self.project.ids.assets[self.name]
        found: dict[str, Pile] = {}
        for uri, dataset_id in snapshot.datasets.items():
            total = starting = 0
            singly = each is not None and each.is_about(uri)
            some: deque[PendingEvent] = deque(maxlen=SHOWN)
            for one in pending.in_order(self.tx, asset_id, dataset_id):
                total, starting = total + 1, starting + (one.fresh and one.kind is not EventKind.CONFIRMED)
                if not singly or total <= SHOWN:
                    some.append(one)
            news = news_of(self.tx, asset_id, some)
            found[uri] = Pile(total=total, starting=starting, news=tuple(news if singly else news[::-1]))
        return found

    def _deadline(self, case: Case, decided: Decision) -> DeadlineMark | None:
        deadline = case.asset.policies.deadline
        if deadline is None:
            return None
        missed, reason = self._missed(case, decided, deadline.label)
        return DeadlineMark(
            label=deadline.label,
            then=deadline.then,
            missed=missed,
            reason=reason,
            next_at=deadline.timetable.next(self.at),
        )

    def _missed(self, case: Case, decided: Decision, label: str) -> tuple[datetime | None, Reason | None]:
        """The deadline that was missed, and why: one of which the next pass takes note, or the last that one did."""
        tick = None
        if isinstance(decided, Held) and not decided.ticks:
            told = missed_deadline(case, decided.reason, self.at)
            tick = overdue(case, self.at) if told is None else told.tick
        elif isinstance(decided, PlannedRun) and ReasonKind.DEADLINE in (decided.reason.kind, *decided.reason.also):
            tick = decided.ticks.get(label)
        if tick is not None:
            return tick, decided.reason if isinstance(decided, Held) else None
        noted = next((one for one in missed(self.tx, self.project.name, self.name) if one.timetable == label), None)
        return (None, None) if noted is None else (noted.tick, Reason.from_plain(noted.reason))

    def _last(self) -> Last | None:
        asset_id = self.project.ids.assets[self.name]
        run = history.last_runs(self.tx, [asset_id]).get(asset_id)
        return None if run is None else last_of(self.tx, run)


def last_of(tx: Transaction, run: Run | history.LastRun) -> Last:
    """A run, with what it read and took."""
    return Last(
        run_id=run.id,
        state=run.state,
        reason=Reason.from_plain(run.reason),
        created_at=run.created_at,
        read=tuple(pinned(tx, run.id)),
        consumed=tuple(history.consumed_by(tx, run.id)),
        ticks=history.ticks_of(tx, run.id),
        told=told_of(run.state, omissions.omitted_by(tx, [run.id]).get(run.id, {})),
    )


def _failed_on(last: Last | None) -> tuple[str, ...]:
    """That what is pending was given back by a run that failed: it starts no other, which would fail as well."""
    if last is None or last.state is not RunState.FAILED:
        return ()
    if all(one.outcome is not ConsumptionOutcome.RETURNED for one in last.consumed):
        return ()
    return (f"The last run failed on what is pending: `penstock rerun {last.run_id[-8:]}` makes it again.",)


def said(decision: Decision) -> tuple[str, Reason]:
    """`run`, `skip`, `confirm` or `hold`, and the reason."""
    match decision:
        case PlannedRun(state=state, reason=reason):
            return "skip" if state is RunState.SKIPPED else "run", reason
        case Confirmation(reason=reason):
            return "confirm", reason
        case Held(reason=reason):
            return "hold", reason


def _count(graph: Graph, own: AssetState, one: Input) -> int | None:
    """How many partitions of an input would be read, of a dataset that has some."""
    if graph.catalogue.datasets[one.uri].partitions is None:
        return None
    read = own.reads.get(one.parameter)
    return 0 if read is None else len(read.heads)
