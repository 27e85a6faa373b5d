"""Sums that are remembered are those that are counted, whatever happens; and what is remembered is not read again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from penstock import Cron, Dataset, each, meta
from penstock.assets.declare.catalogue import Asset, Catalogue
from penstock.assets.plan.planner import Plan, plan
from penstock.assets.plan.state import State
from penstock.assets.run.planning.record import Recorded, record
from penstock.assets.run.planning.snapshot import Snapshot, load
from penstock.assets.run.project.project import Project
from penstock.assets.run.project.reading import Reading
from penstock.assets.run.project.registering import register
from penstock.storage.meta import events, giving_up, pauses, pending, tallies
from penstock.storage.meta.catalogue import subscriptions
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings
from penstock.storage.types import Consume, ConsumptionOutcome, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

A, B = Dataset("a.csv"), Dataset("b.csv")
MANY = A.where(meta("rows") > 5)


def variants(kit: Any) -> list[Asset]:
    """One asset, defined in ever other ways."""
    return [
        kit.asset("x", "a.csv?", on=A & B),
        kit.asset("x", "a.csv?", on=MANY),
        kit.asset("x", "a.csv?", on=MANY & B, max_active_runs=2),
        kit.asset("x", "a.csv?", on=A.where(meta("rows") > 7) & MANY & B.removed()),
        kit.asset("x", "a.csv?", on=MANY.since(Cron("0 * * * *")) & B),
        kit.asset("x", "a.csv?", on=(MANY & B) | B.count(3), consume=Consume.BRANCH),
        kit.asset("x", "a.csv?", on=A.count(4) & B, consume=each(A)),
        kit.asset("x", "a.csv?", on=Dataset.match("*.csv").where(meta("rows") > 5).count(4), consume=Consume.LATEST),
        kit.asset("x", on=B),
    ]


STEPS = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from(["a.csv", "a.csv", "b.csv"]), st.sampled_from(["A", "B", "C", None])),
    st.tuples(st.just("plan")),
    st.tuples(st.just("look")),
    st.tuples(st.just("late")),
    st.tuples(st.just("end"), st.sampled_from([RunState.SUCCESS, RunState.FAILED])),
    st.tuples(st.sampled_from(["pause", "resume", "drop"])),
    st.tuples(st.just("time")),
    st.tuples(st.just("declare"), st.integers(0, 8)),
)


class _Undone(Exception):
    """Nothing of a transaction is kept."""


@dataclass(kw_only=True)
class World:
    """A project in which things happen, and a planner that remembers what it can."""

    kit: Any
    store: Store
    now: datetime = datetime(2026, 3, 2, 0, 10, tzinfo=UTC)
    active: list[Recorded] = field(default_factory=list[Recorded])
    project: Project = field(init=False)
    seen: Snapshot | None = None
    told: int = 0
    remembered: int = 0

    def declare(self, asset: Asset) -> None:
        """The asset is defined so."""
        uris = ("a.csv", "b.csv", "x.json")
        catalogue = Catalogue(assets={"x": asset}, datasets={uri: Dataset(uri) for uri in uris})
        self.project = Project(
            settings=read_settings(self.kit.folder, project="kb", home=self.kit.folder),
            reading=Reading(catalogue),
            functions={},
            store=self.store,
            ids=register(self.store, catalogue, at=self.now),
            environment={},
            parameters={},
        )
        self.seen = None

    def look(self) -> Snapshot:
        """How the asset stands; whatever is pending is worth to be remembered."""
        with self.store.read() as tx:
            return load(self.project, tx, ["x"], now=self.now, long=0)

    def counted(self) -> State | None:
        """The same, with nothing remembered."""
        found = None
        with suppress(_Undone), self.store.write() as tx:
            tallies.forget(tx)
            found = load(self.project, tx, ["x"], now=self.now, long=0).state
            raise _Undone
        return found

    def record(self, decided: Plan, snapshot: Snapshot) -> None:
        """What was decided, and what was counted."""
        done = record(self.project, decided, snapshot, materialization_id=None, now=self.now, beside=lambda tx: None)
        if done is not None:
            self.active += [one for one in done.runs if one.planned.state is RunState.SCHEDULED]
        with self.store.read() as tx:
            self.remembered += len(tallies.known(tx, list(self.project.ids.assets.values())))

    def step(self, what: str, *how: Any) -> None:
        """Something happens."""
        self.now += timedelta(minutes=1)
        match what:
            case "publish":
                self.told += 1
                self.kit.publish(self.project, *how, self.now, rows=self.told * 3 % 10)
            case "declare":
                self.declare(variants(self.kit)[how[0]])
            case "plan":
                snapshot = self.look()
                self.record(plan(self.project.graph, snapshot.state, self.now), snapshot)
            case "look":
                self.seen = self.look()
            case "late" if self.seen is not None:  # a planner that was slow remembers what it counted then
                self.record(Plan(), self.seen)
            case "end" if self.active:
                self.kit.end(self.project, self.active.pop(0), how[0], self.now, str(self.told))
            case "time":
                self.now += timedelta(minutes=40)
            case _:
                self.rest(self.project.ids.assets["x"], what)

    def rest(self, asset_id: int, what: str) -> None:
        """Pauses and their ends."""
        with self.store.write() as tx:
            if what == "pause":
                pauses.begin(tx, asset_id, why="by hand", now=self.now)
            elif what in ("resume", "drop") and pauses.end(tx, asset_id, now=self.now) is not None and what == "drop":
                giving_up.give_up_all(tx, asset_id, outcome=ConsumptionOutcome.DROPPED, now=self.now)


def test_what_is_remembered_is_what_is_counted(kit: Any) -> None:
    """Whatever came, was taken, given back, dropped or declared in another way, by whichever planner."""
    remembered = 0

    @settings(max_examples=max(settings.default.max_examples // 4, 8))
    @given(start=st.integers(0, 8), steps=st.lists(STEPS, min_size=6, max_size=25))
    def told(start: int, steps: list[tuple[Any, ...]]) -> None:
        nonlocal remembered
        store = Store(kit.databases.fresh(), project="kb")
        world = World(kit=kit, store=store)
        try:
            world.declare(variants(kit)[start])
            for step in steps:
                world.step(*step)
                assert world.look().state == world.counted(), step
        finally:
            store.close()
        remembered += world.remembered

    told()
    assert remembered, "nothing would have been tested"


def test_what_is_remembered_is_not_read_again(kit: Any) -> None:
    """Once a pass has counted three hundred events, the next reads what came since."""
    store = Store(kit.databases.fresh(), project="kb")
    world = World(kit=kit, store=store)
    try:
        world.declare(kit.asset("x", "a.csv?", on=MANY & B))
        asset_id, dataset_id = world.project.ids.assets["x"], world.project.ids.datasets["a.csv"]
        for number in range(300):
            kit.publish(world.project, "a.csv", str(number), world.now, rows=1)
        world.record(Plan(), plain_snapshot(world))
        with store.read() as tx:
            assert pending.counted(tx, [asset_id]).read == {}
            assert list(pending.each(tx, [(asset_id, dataset_id)], tallied=False)) == []
            assert pending.sums(tx, [asset_id])[asset_id, dataset_id].count == 300
        kit.publish(world.project, "a.csv", "more", world.now, rows=9)
        with store.read() as tx:
            assert pending.counted(tx, [asset_id]).read == {(asset_id, dataset_id): 1}
        found = plain_snapshot(world)
        assert found.tallies == ()
        (narrowed,) = found.state.assets["x"].narrowed.values()
        assert (narrowed.count, narrowed.upto, narrowed.newest) == (1, 301, 301)
        assert found.state == world.counted()
    finally:
        store.close()


def test_what_counts_since_a_tick_is_remembered_until_the_next(kit: Any) -> None:
    """It is 00:10, and three hundred events came since midnight: they are read once. After 01:00 none of them counts,
    which is counted once and remembered again."""
    store = Store(kit.databases.fresh(), project="kb")
    world = World(kit=kit, store=store)
    try:
        world.declare(kit.asset("x", "a.csv?", on=A.since(Cron("0 * * * *")) & B))
        for number in range(300):
            kit.publish(world.project, "a.csv", str(number), world.now, rows=1)
        for counted in (300, 0):
            first = plain_snapshot(world)
            assert [(one.upto, len(one.leaves)) for one in first.tallies] == [(300, 1)]
            world.record(Plan(), first)
            again = plain_snapshot(world)
            assert again.tallies == (), "it is known"
            for one in (first, again):
                (leaf,) = one.state.assets["x"].narrowed.values()
                assert (leaf.count, leaf.upto) == (counted, 300)
                assert one.state == world.counted()
            world.now += timedelta(hours=1)
    finally:
        store.close()


def plain_snapshot(world: World) -> Snapshot:
    """How the asset stands, remembering what is long alone."""
    with world.store.read() as tx:
        return load(world.project, tx, ["x"], now=world.now)


def test_little_is_not_remembered(kit: Any) -> None:
    """What is short costs nothing beyond being counted; what has been taken or given back is not remembered either."""
    store = Store(kit.databases.fresh(), project="kb")
    world = World(kit=kit, store=store)
    try:
        world.declare(kit.asset("x", "a.csv?", on=A & B))
        kit.publish(world.project, "a.csv", "1", world.now, rows=1)
        assert plain_snapshot(world).tallies == ()
        seen = world.look()
        asset_id = world.project.ids.assets["x"]
        with store.write() as tx:
            giving_up.give_up_all(tx, asset_id, outcome=ConsumptionOutcome.DROPPED, now=world.now)
            tallies.remember(tx, seen.tallies)
            assert tallies.known(tx, [asset_id]) == {}
            assert {one for (one,) in tx.execute(select(subscriptions.c.summed - subscriptions.c.floor))} == {0}
        assert events.PENDING is not events.UNSUMMED
    finally:
        store.close()
