"""A player of scripts on a real store: the lines that `simulate` takes, with the functions that a project works with.

What happens is recorded as a program would do it: events, pauses, registration, planning passes, claims, publications
and ends. The clock alone is the script's. What came of it is read from the tables, in the form of a `Story`, so that
it can be compared with what `simulate` tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count, groupby
from pathlib import Path
from typing import Any

from sqlalchemy import text

from penstock.assets.declare.catalogue import Catalogue
from penstock.assets.plan.planner import plan
from penstock.assets.plan.simulate.script import EVENTS, Act, Step, read_script
from penstock.assets.plan.simulate.simulation import _ENDS, _ORDER, _names
from penstock.assets.plan.state import Request
from penstock.assets.run.attempt.assignment import Assignment, resume
from penstock.assets.run.attempt.publication import Produced, end, publish, skip
from penstock.assets.run.attempt.worker import claim
from penstock.assets.run.planning.record import Record, record
from penstock.assets.run.planning.snapshot import Snapshot, load
from penstock.assets.run.project.project import Project
from penstock.assets.run.project.reading import Reading
from penstock.assets.run.project.registering import register
from penstock.assets.run.telling.pausing import pause_in, resume_in
from penstock.assets.run.tick import tick
from penstock.storage.manifest import Manifest
from penstock.storage.meta import agenda, events, outside, runs, versions
from penstock.storage.meta.database.engine import Store, Transaction
from penstock.storage.settings import read_settings
from penstock.storage.types import EventKind, RunState

BROKEN = {
    "kind": "producer",
    "type": "ValueError",
    "message": "as the script says",
    "hint": "",
    "trace": "",
    "uri": None,
}
_AT_ONCE = timedelta(0)
_ROUNDS = 200


@dataclass(kw_only=True)
class Active:
    """A run that is at work."""

    work: Assignment
    asset_id: int
    at: datetime
    ends_at: datetime


@dataclass(kw_only=True)
class Missed:
    """A deadline that passed without a run, and the links by which its news was given up."""

    asset_id: int
    label: str
    tick: datetime
    dropped: tuple[int, ...]


@dataclass(kw_only=True)
class Habits:
    """What a script said of the runs to come; as the simulation keeps it."""

    lasting: dict[str, timedelta] = field(default_factory=dict[str, timedelta])
    giving: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    ends: dict[str, list[Act]] = field(default_factory=dict[str, list[Act]])
    broken: set[str] = field(default_factory=set[str])
    down: bool = False


class Stage:
    """One project on one database, to which scripts are played one after the other."""

    _serial = count(1)

    def __init__(self, store: Store, folder: Path) -> None:
        name = f"stage{next(self._serial)}"
        self.store = copy(store)  # with the same connections: each statement is compiled once for all stages
        self.store.project = name
        self.settings = read_settings(folder, project=name, home=folder, data_root=str(folder / "data"))
        self.habits = Habits()
        self.active: dict[str, Active] = {}
        self.requests: dict[str, Request] = {}
        self.missed: list[Missed] = []
        self.now: datetime | None = None
        self.told = 0
        self.linked = 0
        self.project: Any = None

    def play(self, catalogue: Catalogue, script: str, *, start: datetime | None) -> None:
        """What the script says happens, with these definitions."""
        self.told += 1
        graph = Reading(catalogue).graph
        steps = read_script(script, _names(graph), start=self.now or start)
        begun = self.now is None
        self.now = self.now or start or steps[0].at
        self.missed = []
        late = {step.subject for step in steps if step.act is Act.REGISTERED} if begun else set[str]()
        assets = {name: one for name, one in catalogue.assets.items() if name not in late}
        self.whole = catalogue
        self.open(Catalogue(assets=assets, datasets=catalogue.datasets))
        self.active = {run: one for run, one in self.active.items() if one.asset_id in self.project.names}
        if steps and steps[0].at > self.now:
            self.act_all(self.now, [])
        for moment, several in groupby(steps, key=lambda step: step.at):
            while (coming := self.coming()) is not None and max(coming, self.now) < moment:
                self.act_all(max(coming, self.now), [])
            self.act_all(moment, list(several))

    def open(self, catalogue: Catalogue) -> None:
        """These definitions are registered now."""
        self.project = Project(
            settings=self.settings,
            reading=Reading(catalogue),
            functions={},
            store=self.store,
            ids=register(self.store, catalogue, at=self.now),
            environment={},
            parameters={},
        )

    def coming(self) -> datetime | None:
        """When something happens by itself."""
        with self.store.read() as tx:
            planned = agenda.next_at(tx, self.store.project)
        ends = [one.ends_at for one in self.active.values()]
        return min([*ends, *([planned] if planned is not None and not self.habits.down else [])], default=None)

    def act_all(self, moment: datetime, steps: Sequence[Step]) -> None:
        """First what the script says, then the ends that are due; then it is planned until nothing more follows."""
        self.now = moment
        for step in sorted(steps, key=lambda step: _ORDER.get(step.act, len(_ORDER))):
            self.act(step)
        self.end_due()
        for _ in range(_ROUNDS):
            planned = self.plan_requested()
            if self.habits.down:
                self.end_due()
                return
            ((self.linked,),) = self.rows("SELECT coalesce(max(id), 0) FROM consumptions")
            done = tick(self.project, at=moment)
            self.recorded(done.record)
            ended = self.end_due()
            if not (planned or ended or done.planned or (done.next_at is not None and done.next_at <= moment)):
                return
        raise AssertionError(f"planning does not come to rest at {moment}")

    def act(self, step: Step) -> None:
        """One line of the script."""
        name, habits = step.subject, self.habits
        match step.act:
            case _ if step.act in EVENTS:
                self.tell(name, EVENTS[step.act], dict(step.metadata))
            case Act.FAILS | Act.CANCELED | Act.UNCHANGED | Act.SKIPPED:
                one = next((one for one in self.active.values() if one.work.asset.name == name), None)
                if one is None:
                    habits.ends.setdefault(name, []).append(step.act)
                else:
                    self.end(one, step.act)
            case Act.TAKES | Act.GIVES | Act.BREAKS | Act.WORKS:
                self.get_used_to(step)
            case Act.REGISTERED:
                assets = {**self.project.catalogue.assets, name: self.whole.assets[name]}
                self.open(Catalogue(assets=assets, datasets=self.whole.datasets))
            case Act.PAUSE:
                pause_in(self.store, name, why="by hand", at=self.now)
            case Act.RESUME:
                resume_in(self.store, name, drop=True if step.word == "drop" else None, at=self.now)
            case Act.MATERIALIZE:
                self.requests[name] = Request(nonce="forced" if step.word == "force" else None)
            case Act.STOPS | Act.STARTS:
                habits.down = step.act is Act.STOPS
            case _:
                assert step.act is Act.WAIT

    def get_used_to(self, step: Step) -> None:
        """How runs are from now on."""
        habits, name = self.habits, step.subject
        match step.act:
            case Act.TAKES:
                habits.lasting[name] = step.length or _AT_ONCE
            case Act.GIVES:
                habits.giving[name] = dict(step.metadata)
            case Act.BREAKS:
                habits.broken.add(name)
            case _:
                habits.broken.discard(name)

    # --- what happens ------------------------------------------------------------------------------------------------

    def tell(self, uri: str, kind: EventKind, said: dict[str, Any]) -> None:
        """Somebody outside tells of a dataset, with everything that is to be said of that version."""
        with self.store.write() as tx:
            number, before = self.head(tx, uri)
            if kind is EventKind.REMOVED:
                if before is not None:
                    events.publish_removal(tx, dataset_id=before.dataset_id, now=self.now)
                return
            token = str(said.pop("version", f"{self.title(uri)}@{number + 1}"))
            if before is not None and (kind is EventKind.CONFIRMED or token == before.manifest.token):
                token, said = str(before.manifest.token), {**before.metadata, **said}
            outside.record_event(tx, self.store.project, uri, version=token, metadata=said, now=self.now)

    def plan_requested(self) -> bool:
        """What a person asked for is planned and recorded."""
        requests, self.requests = self.requests, {}
        if not requests:
            return False
        snapshot = self.snapshot(list(requests), requests)
        decided = plan(self.project.graph, snapshot.state, self.now)
        done = record(self.project, decided, snapshot, materialization_id=None, now=self.now)
        assert done is not None, "nobody else plans"
        self.recorded(done)
        return True

    def snapshot(self, names: list[str], requests: dict[str, Request] | None = None) -> Snapshot:
        """How these assets stand now."""
        with self.store.read() as tx:
            return load(self.project, tx, names, now=self.now, requests=requests)

    def recorded(self, done: Record) -> None:
        """Runs that were planned are claimed at once."""
        for one in done.runs:
            if one.planned.state is not RunState.SCHEDULED:
                continue
            with self.store.read() as tx:
                row = runs.run(tx, one.id)
                assert row is not None
                work = resume(self.project, tx, row)
            assert work is not None
            assert claim(self.project, work, at=self.now)
            lasts = self.habits.lasting.get(row.asset, _AT_ONCE)
            self.active[one.id] = Active(work=work, asset_id=row.asset_id, at=self.now, ends_at=self.now + lasts)
        for one in done.missed:
            asset_id = self.project.ids.assets[one.asset]
            found = self.rows(
                "SELECT id FROM consumptions WHERE asset_id = :a AND outcome = 'dropped' AND current AND id > :before",
                a=asset_id,
                before=self.linked,  # what was dropped by a resume, or at a deadline before, is not of this one
            )
            new = tuple(number for (number,) in found) if one.takes else ()
            self.missed.append(Missed(asset_id=asset_id, label=one.label, tick=one.tick, dropped=new))

    def end_due(self) -> bool:
        """The runs whose time has come end, in the order of the graph."""
        depth, names = self.project.graph.depth, self.project.names
        due = [one for one in self.active.values() if one.ends_at <= self.now]
        for one in sorted(due, key=lambda one: (depth[names[one.asset_id]], names[one.asset_id], one.at)):
            name = names[one.asset_id]
            coming = self.habits.ends.get(name)
            self.end(one, coming.pop(0) if coming else Act.FAILS if name in self.habits.broken else None)
        return bool(due)

    def end(self, one: Active, act: Act | None) -> None:
        """A run ends, as the script says or well."""
        del self.active[one.work.run_id]
        with self.store.read() as tx:
            row = runs.run(tx, one.work.run_id)
        assert row is not None
        work = replace(one.work, asset=self.project.catalogue.assets[row.asset])  # it may have another name by now
        match None if act is None else _ENDS[act]:
            case RunState.FAILED | RunState.CANCELED as state:
                assert end(self.project, work, state, BROKEN, at=self.now)
            case RunState.SKIPPED:
                assert skip(self.project, work, "", at=self.now)
            case _:
                publish(self.project, work, self.produced(work, changed=act is not Act.UNCHANGED), at=self.now)

    def produced(self, work: Assignment, *, changed: bool) -> list[Produced]:
        """What the producer gave: new versions, or those that were there, of which it says the same."""
        given: list[Produced] = []
        with self.store.read() as tx:
            heads = {uri: self.head(tx, uri) for uri in work.asset.outputs}
        changed = changed or any(head is None for _, head in heads.values())
        for uri, (number, before) in heads.items():
            said = dict(self.habits.giving.get(work.asset.name, {}))
            token = str(said.pop("version", f"{self.title(uri)}@{number + 1}"))
            if before is not None and (not changed or token == before.manifest.token):
                token, said = str(before.manifest.token), {**before.metadata, **said}
            given.append(Produced(uri=uri, manifest=Manifest(suffix="", token=token), staged=None, metadata=said))
        return given

    def head(self, tx: Transaction, uri: str) -> tuple[int, versions.Head | None]:
        """The number of the newest event of a dataset, and its head."""
        found = self.rows(
            "SELECT id, last_number FROM datasets WHERE project = :p AND uri = :u", tx, p=self.store.project, u=uri
        )
        if not found:
            return 0, None
        return found[0][1], versions.heads(tx, [found[0][0]]).get(found[0][0])

    def title(self, uri: str) -> str:
        """What people call a dataset."""
        dataset = self.project.catalogue.datasets.get(uri)
        return uri if dataset is None else dataset.name

    def rows(self, query: str, tx: Transaction | None = None, **values: Any) -> list[tuple[Any, ...]]:
        """What the database says."""
        if tx is None:
            with self.store.read() as reading:
                return self.rows(query, reading, **values)
        return [tuple(row) for row in tx.execute(text(query), values)]
