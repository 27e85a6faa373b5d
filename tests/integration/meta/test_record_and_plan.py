"""Planning and recording on a real store, beside a model of plain dictionaries that knows the rules of consumption.

Events are published, plans made and recorded, runs ended in every way, and a second planner with a store of its own
records what it planned too long ago. After each step the store says what the model says.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from penstock.assets.declare.asset import Policies
from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions import AllOf, AnyOf, Condition, DatasetLeaf, NOf
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.timetables import Every
from penstock.assets.plan.graph import Graph
from penstock.assets.plan.planner import Plan, PlannedRun, Taken, plan
from penstock.assets.plan.state import Request
from penstock.assets.run.project import Project, register
from penstock.assets.run.record import Record, record
from penstock.assets.run.snapshot import Snapshot, load
from penstock.storage.manifest import Manifest
from penstock.storage.meta import catalogue as rows
from penstock.storage.meta import events, runs, versions
from penstock.storage.meta.engine import Store, sqlite_url
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURLY = Every("1h")


def on(uri: str, *, confirmed: bool = False) -> DatasetLeaf:
    """A leaf of a condition."""
    return DatasetLeaf(uri=uri, confirmed=confirmed)


def asset(name: str, *inputs: str, condition: Condition, **policies: Any) -> Asset:
    """An asset that writes `<name>.json`; an input with a `?` is optional."""
    read = tuple(Input(parameter=uri[0], uri=uri.rstrip("?"), optional=uri.endswith("?")) for uri in inputs)
    return Asset(name=name, outputs=(f"{name}.json",), inputs=read, condition=condition, policies=Policies(**policies))


ASSETS = (
    asset("x", "a.csv", condition=on("a.csv")),
    asset("y", "a.csv", "b.csv?", condition=AllOf(children=(on("a.csv"), on("b.csv")))),
    asset("z", "x.json", condition=AnyOf(children=(on("x.json"), on("b.csv")))),
    asset("w", condition=NOf(n=2, children=(on("a.csv"), on("x.json"), on("y.json"))), max_active_runs=2),
    asset("u", "x.json", condition=on("x.json", confirmed=True)),
    asset("t", "a.csv", condition=AllOf(children=(HOURLY, on("a.csv")))),
    asset("p", "b.csv?", condition=AnyOf(children=(HOURLY, on("b.csv"))), pure=True),
)
NAMES = [one.name for one in ASSETS]
OBSERVED = ("a.csv", "b.csv")
CATALOGUE = Catalogue(
    assets={one.name: one for one in ASSETS},
    datasets={uri: Dataset(uri) for uri in (*OBSERVED, *(one.outputs[0] for one in ASSETS))},
)
GRAPH = Graph.of(CATALOGUE)


def opened(path: Path) -> Project:
    """A project on this database, with a store of its own."""
    store = Store(sqlite_url(path), project="kb")
    ids = register(store, CATALOGUE)
    with store.write() as tx:
        tx.execute(text("UPDATE assets SET registered_at = :at"), {"at": START.replace(tzinfo=None).isoformat(" ")})
    return Project(
        settings=read_settings(path.parent, project="kb", home=path.parent, data_root=str(path.parent / "data")),
        catalogue=CATALOGUE,
        functions={},
        graph=GRAPH,
        store=store,
        ids=ids,
        environment={},
        parameters={},
    )


@dataclass(kw_only=True)
class Model:
    """What is pending, taken and active, as dictionaries; it knows nothing of tables or of the planner."""

    heads: dict[str, str] = field(default_factory=dict[str, str])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    waiting: dict[tuple[str, str], dict[int, str]] = field(
        default_factory=lambda: {(name, uri): {} for name in NAMES for uri in GRAPH.leaves[name]}
    )
    old: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    ticks: dict[str, datetime] = field(default_factory=dict[str, datetime])
    complete: set[str] = field(default_factory=set[str])
    active: dict[str, str] = field(default_factory=dict[str, str])
    took: dict[str, dict[str, dict[int, str]]] = field(default_factory=dict[str, dict[str, dict[int, str]]])
    links: set[tuple[str, str, int, str | None]] = field(default_factory=set[tuple[str, str, int, "str | None"]])
    returned: int = 0

    def publish(self, uri: str, content: str | None) -> str | None:
        """The kind of the event, for everyone who waits for it; None: nothing was there to be removed."""
        head = self.heads.get(uri)
        if content is None and head is None:
            return None
        number = self.numbers[uri] = self.numbers.get(uri, 0) + 1
        kind = "removed" if content is None else "confirmed" if content == head else "changed"
        if content is None:
            del self.heads[uri]
        else:
            self.heads[uri] = content
            for name in GRAPH.waiting.get(uri, ()):
                self.waiting[name, uri][number] = kind
        return kind

    def counts(self, name: str, uri: str) -> tuple[int, int, int]:
        """Pending, causes, confirmed."""
        waiting = self.waiting[name, uri]
        fresh = [kind for number, kind in waiting.items() if number > self.old.get((name, uri), 0)]
        return len(waiting), fresh.count("changed"), fresh.count("confirmed")

    def tick(self, name: str, now: datetime) -> datetime | None:
        """The full hour that is due."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        return hour if hour > self.ticks.get(name, START) else None

    def support(self, name: str, node: Condition, now: datetime) -> set[str] | None:
        """None: it does not hold. Else what holds it: `cause`, `confirmed`, or neither."""
        if isinstance(node, Every):
            return {"cause"} if self.tick(name, now) else None
        if isinstance(node, DatasetLeaf):
            count, causes, confirmed = self.counts(name, node.uri)
            found = {"cause"} if causes or (node.confirmed and confirmed) else set[str]()
            return found | ({"confirmed"} if confirmed else set[str]()) if count else None
        assert isinstance(node, AllOf | AnyOf | NOf)
        parts = [self.support(name, child, now) for child in node.children]
        holding = [part for part in parts if part is not None]
        needed = {AllOf: len(parts), AnyOf: 1}.get(type(node), getattr(node, "n", 0))
        return set[str]().union(*holding) if len(holding) >= needed else None

    def decision(self, name: str, now: datetime, requested: bool) -> str:
        """`run`, `confirm` or `hold`."""
        one = CATALOGUE.assets[name]
        assert one.condition is not None
        support = self.support(name, one.condition, now)
        if not requested:
            if support is None:
                return "hold"
            if "cause" not in support:
                return "confirm" if "confirmed" in support and name in self.complete else "hold"
        if any(used.uri not in self.heads and not used.optional for used in one.inputs):
            return "hold"
        return "run" if self.below_limit(name) else "hold"

    def below_limit(self, name: str) -> bool:
        """Whether another run of it may be active."""
        return list(self.active.values()).count(name) < CATALOGUE.assets[name].policies.max_active_runs

    def takes(self, name: str, requested: bool) -> dict[str, tuple[int, int]]:
        """Dataset → newest number and count of what a run takes: everything, or by request what its pins cover."""
        pinned = {used.uri for used in CATALOGUE.assets[name].inputs if used.uri in self.heads}
        return {
            uri: (max(waiting), len(waiting))
            for uri in GRAPH.leaves[name]
            if (waiting := self.waiting[name, uri]) and (not requested or uri in pinned)
        }

    def take(self, name: str, taken: tuple[Taken, ...], run: str | None) -> None:
        """These are no longer pending, but linked."""
        mine = self.took.setdefault(run or "", {}) if run else {}
        for one in taken:
            waiting = self.waiting[name, one.uri]
            seen = {number: kind for number, kind in waiting.items() if number <= one.newest}
            assert len(seen) == one.count
            self.waiting[name, one.uri] = {n: kind for n, kind in waiting.items() if n > one.newest}
            self.links |= {(name, one.uri, number, run) for number in seen}
            mine[one.uri] = seen

    def end(self, run: str, outcome: str) -> str:
        """The run is over; unless it succeeded its news is pending again. Gives its asset."""
        name = self.active.pop(run)
        if outcome != "success":
            for uri, seen in self.took[run].items():
                self.waiting[name, uri] |= seen
                self.links -= {(name, uri, number, run) for number in seen}
                self.returned += len(seen)
                if outcome == "failed" and seen:
                    self.old[name, uri] = max(self.old.get((name, uri), 0), *seen)
        return name


@dataclass(kw_only=True)
class Planned:
    """A plan that is not recorded yet."""

    plan: Plan
    snapshot: Snapshot
    outputs: Mapping[str, int]


class Planning(RuleBasedStateMachine):
    """The store and the model, side by side."""

    database: Path

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(shutil.copy(self.database, self.database.parent / "machine.db"))
        self.first, self.second = opened(self.path), opened(self.path)
        self.model = Model()
        self.now = START + timedelta(minutes=50)
        self.stale: Planned | None = None
        self.minted = 0

    def teardown(self) -> None:
        """Nothing is left open, and no file for the next one."""
        self.first.store.close()
        self.second.store.close()
        for path in self.path.parent.glob("machine.db*"):
            path.unlink()

    # --- what happens ------------------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 20, 70, 200]))
    def time_passes(self, minutes: int) -> None:
        """Ticks may become due."""
        self.now += timedelta(minutes=minutes)

    @rule(uri=st.sampled_from(OBSERVED), content=st.sampled_from(["A", "A", "B", None]))
    def others_write(self, uri: str, content: str | None) -> None:
        """A dataset that is observed changed, was written again, or is gone."""
        dataset_id = self.first.ids.datasets[uri]
        with self.first.store.write() as tx:
            if content is None:
                found = events.publish_removal(tx, dataset_id=dataset_id, now=self.now)
            else:
                found = self.published(tx, uri, content, None)
        kind = self.model.publish(uri, content)
        assert (found and str(found.kind)) == kind

    @rule(requested=st.sets(st.sampled_from(NAMES), max_size=2))
    def plan_and_record(self, requested: set[str]) -> None:
        """The plan is that of the model; recorded, planning again plans none of it a second time."""
        planned = self.planned(self.first, requested)
        self.compare(planned.plan, requested)
        done = record(self.first, planned.plan, planned.snapshot, materialization_id=None, now=self.now)
        assert done is not None
        self.recorded(planned, done)
        again = self.planned(self.first, set()).plan
        self.compare(again, set())
        for one in again.runs:
            for taken in one.takes:  # only what was published by what has just been recorded, or left by a request
                assert all(number not in self.numbers_of(planned.plan, one.asset, taken.uri) for number in
                           self.model.waiting[one.asset, taken.uri])  # fmt: skip

    @rule()
    def another_plans(self) -> None:
        """A second planner looks at the store, and is slow."""
        planned = self.planned(self.second, set())
        self.compare(planned.plan, set())
        self.stale = planned

    @precondition(lambda self: self.stale is not None and not self.ticks_are_gone())
    @rule()
    def another_records(self) -> None:
        """What the slow one planned is recorded if every fact of it still holds, else nothing of it is."""
        assert self.stale is not None
        planned, self.stale = self.stale, None
        holds = self.still_holds(planned)
        done = record(self.second, planned.plan, planned.snapshot, materialization_id=None, now=self.now)
        assert (done is not None) == holds
        if done is not None:
            self.recorded(planned, done)

    @precondition(lambda self: self.model.active)
    @rule(
        data=st.data(), outcome=st.sampled_from(["success", "success", "failed", "lost"]), content=st.sampled_from("CD")
    )
    def a_run_ends(self, data: st.DataObject, outcome: str, content: str) -> None:
        """It publishes; or fails for good; or was lost before it began, and is as if it had never been."""
        run = data.draw(st.sampled_from(sorted(self.model.active)))
        name = self.model.end(run, outcome)
        asset_id, uri = self.first.ids.assets[name], f"{name}.json"
        new = {"success": RunState.SUCCESS, "failed": RunState.FAILED, "lost": RunState.CANCELED}[outcome]
        with self.first.store.write() as tx:
            assert runs.advance(tx, run, old=RunState.SCHEDULED, new=new, ended_at=self.now)
            if outcome == "success":
                found = self.published(tx, uri, content, run)
                rows.record_success(tx, asset_id=asset_id, run_id=run, now=self.now)
                assert str(found.kind) == self.model.publish(uri, content)
                self.model.complete.add(name)
            else:
                events.give_back(tx, asset_id=asset_id, run_id=run, fresh=outcome == "lost")

    # --- what holds after each step ----------------------------------------------------------------------------------

    @invariant()
    def pending_is_what_the_model_says(self) -> None:
        """For every consumer and dataset."""
        ids = self.first.ids
        with self.first.store.read() as tx:
            found = events.pending(tx, list(ids.assets.values()))
        counted = {key: (one.count, one.causes, one.confirmed) for key, one in found.items()}
        expected = {
            (ids.assets[name], ids.datasets[uri]): self.model.counts(name, uri)
            for (name, uri), waiting in self.model.waiting.items()
            if waiting
        }
        assert counted == expected

    @invariant()
    def links_are_what_the_model_says(self) -> None:
        """Each event has at most one current link for a consumer; links that were given up are kept."""
        query = """SELECT a.name, d.uri, e.number, c.run_id, c.current FROM consumptions c
            JOIN events e ON e.id = c.event_id JOIN datasets d ON d.id = e.dataset_id JOIN assets a ON a.id = c.asset_id"""
        with self.first.store.read() as tx:
            found = [tuple(row) for row in tx.execute(text(query))]
        current = [row[:4] for row in found if row[4]]
        assert len({row[:3] for row in current}) == len(current)
        assert set(current) == self.model.links
        assert len(found) - len(current) == self.model.returned

    # --- how -----------------------------------------------------------------------------------------------------------

    def published(self, tx: Any, uri: str, content: str, run_id: str | None) -> events.Published:
        """A version with this content is published."""
        dataset_id = self.first.ids.datasets[uri]
        manifest = Manifest(suffix="", token=content)
        version = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=True, now=self.now)
        return events.publish_event(
            tx, dataset_id=dataset_id, version_id=version, run_id=run_id, metadata={}, now=self.now
        )

    def planned(self, project: Project, requested: set[str]) -> Planned:
        """What that planner says now of every asset."""
        with project.store.read() as tx:
            snapshot = load(project, tx, NAMES, requests=dict.fromkeys(requested, Request()))
        return Planned(
            plan=plan(GRAPH, snapshot.state, self.now),
            snapshot=snapshot,
            outputs={name: self.model.numbers.get(f"{name}.json", 0) for name in NAMES},
        )

    def compare(self, found: Plan, requested: set[str]) -> None:
        """The plan decides and takes what the model does."""
        told = {one.asset: "run" for one in found.runs} | {one.asset: "confirm" for one in found.confirmations}
        assert told == {
            name: decision
            for name in NAMES
            if (decision := self.model.decision(name, self.now, name in requested)) != "hold"
        }
        for one in (*found.runs, *found.confirmations):
            asked = one.asset in requested
            assert {t.uri: (t.newest, t.count) for t in one.takes} == self.model.takes(one.asset, asked)
            if isinstance(one, PlannedRun):
                due = self.model.tick(one.asset, self.now) if one.asset in ("t", "p") and not asked else None
                assert one.ticks == ({} if due is None else {HOURLY.label: due})

    def recorded(self, planned: Planned, done: Record) -> None:
        """The model takes over what was recorded."""
        confirmed: list[str] = []
        assert [one.planned for one in done.runs] == list(planned.plan.runs)
        for one in done.runs:
            self.model.take(one.planned.asset, one.planned.takes, one.id)
            if one.planned.ticks:
                before = self.model.ticks.get(one.planned.asset, START)
                self.model.ticks[one.planned.asset] = max(before, *one.planned.ticks.values())
            if one.planned.state is RunState.SCHEDULED:
                self.model.active[one.id] = one.planned.asset
            elif one.planned.takes:
                confirmed.append(one.planned.asset)
        for confirmation in planned.plan.confirmations:
            self.model.take(confirmation.asset, confirmation.takes, None)
            confirmed.append(confirmation.asset)
        for name in confirmed:
            assert self.model.publish(f"{name}.json", self.model.heads[f"{name}.json"]) == "confirmed"
        assert set(done.confirmed) == {f"{name}.json" for name in confirmed}

    def still_holds(self, planned: Planned) -> bool:
        """Whether every fact that the plan consumes is as it was."""
        for one in (*planned.plan.runs, *planned.plan.confirmations):
            for taken in one.takes:
                waiting = self.model.waiting[one.asset, taken.uri]
                if sum(number <= taken.newest for number in waiting) != taken.count:
                    return False
            skipped = isinstance(one, PlannedRun) and one.state is RunState.SKIPPED and one.takes
            if isinstance(one, PlannedRun) and not self.model.below_limit(one.asset):
                return False
            moved = self.model.numbers.get(f"{one.asset}.json", 0) != planned.outputs[one.asset]
            if moved and (skipped or not isinstance(one, PlannedRun)):
                return False
        return True

    def ticks_are_gone(self) -> bool:
        """Whether a tick of the stale plan was taken meanwhile: see the test below."""
        assert self.stale is not None
        return any(
            self.model.ticks.get(one.asset, START) >= max(one.ticks.values())
            for one in self.stale.plan.runs
            if one.ticks
        )

    def numbers_of(self, decided: Plan, name: str, uri: str) -> set[int]:
        """The numbers of the events that a plan took for a consumer of a dataset."""
        return {
            number
            for linked, dataset, number, _ in self.model.links
            for one in decided.runs
            for taken in one.takes
            if (linked, dataset) == (name, uri) == (one.asset, taken.uri) and number <= taken.newest
        }


def test_planning_and_recording_consume_exactly_once(prepared: Path, tmp_path: Path) -> None:
    """Whatever happens in whatever order, with a second planner that is always late."""
    Planning.database = Path(shutil.copy(prepared, tmp_path / "prepared.db"))
    run_state_machine_as_test(Planning, settings=settings(max_examples=30, stateful_step_count=30, deadline=None))


@pytest.fixture
def project(prepared: Path, tmp_path: Path) -> Iterator[Project]:
    """A project on a store of its own."""
    made = opened(Path(shutil.copy(prepared, tmp_path / "penstock.db")))
    yield made
    made.store.close()


def news(project: Project, uri: str, content: str, now: datetime) -> None:
    """A dataset is published."""
    dataset_id = project.ids.datasets[uri]
    with project.store.write() as tx:
        manifest = Manifest(suffix="", token=content)
        version = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=True, now=now)
        events.publish_event(tx, dataset_id=dataset_id, version_id=version, run_id=None, metadata={}, now=now)


def planned(project: Project, now: datetime) -> tuple[Plan, Snapshot]:
    """What is to be done with every asset."""
    with project.store.read() as tx:
        snapshot = load(project, tx, NAMES)
    return plan(GRAPH, snapshot.state, now), snapshot


def test_the_order_of_simultaneous_events_does_not_matter(prepared: Path, tmp_path: Path) -> None:
    """Two datasets published in one order or the other: the same runs, reasons, takes and confirmations."""
    found: list[list[tuple[Any, ...]]] = []
    for order in (("a.csv", "b.csv", "x.json"), ("x.json", "b.csv", "a.csv")):
        path = Path(shutil.copy(prepared, tmp_path / f"{order[0]}.db"))
        project = opened(path)
        for uri in order:
            news(project, uri, "A", START)
        decided, _ = planned(project, START + timedelta(hours=2))
        found.append(
            [(one.asset, one.state, one.reason, one.takes, one.ticks, one.key.digest) for one in decided.runs]
            + [(one.asset, one.reason) for one in decided.held]
        )
        project.store.close()
    assert found[0] == found[1]
    assert {name for name, *_ in found[0]} == set(NAMES)


def test_a_recorded_run_has_what_the_plan_gave_it(project: Project) -> None:
    """State, key, reason, pins, the interval of its tick, and the links to everything it took."""
    news(project, "a.csv", "A", START)
    now = START + timedelta(hours=2, minutes=10)
    decided, snapshot = planned(project, now)
    done = record(project, decided, snapshot, materialization_id=None, now=now)
    assert done is not None
    one = next(one for one in done.runs if one.planned.asset == "t")
    with project.store.read() as tx:
        run = runs.run(tx, one.id)
        pinned = runs.pinned(tx, one.id)
        last = events.last_ticks(tx, list(project.ids.assets.values()))
    assert run is not None
    assert (run.asset, run.state, run.key) == ("t", RunState.SCHEDULED, one.planned.key.digest)
    assert run.reason == one.planned.reason.to_plain()
    assert run.made_from == one.planned.key.parts
    assert (run.nominal_start, run.nominal_end) == (START, START + timedelta(hours=2))
    assert [(pin.parameter, pin.uri) for pin in pinned] == [("a", "a.csv")]
    assert last[project.ids.assets["t"], HOURLY.label] == START + timedelta(hours=2)


@pytest.mark.xfail(strict=True, reason="the violated key of the tick comes through instead of None")
def test_a_tick_that_somebody_else_took_is_planned_anew(project: Project) -> None:
    """The asset is pure and its run is over before the slower planner records: nothing but the tick says so."""
    news(project, "b.csv", "A", START)
    now = START + timedelta(hours=1)
    slow, fast = planned(project, now), planned(project, now)
    done = record(project, *fast, materialization_id=None, now=now)
    assert done is not None
    with project.store.write() as tx:
        for one in done.runs:
            runs.advance(tx, one.id, old=RunState.SCHEDULED, new=RunState.CANCELED, ended_at=now)
            events.give_back(tx, asset_id=project.ids.assets[one.planned.asset], run_id=one.id)
    assert record(project, *slow, materialization_id=None, now=now) is None
