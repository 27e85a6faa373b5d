"""The state of an earlier time, rebuilt from what is kept, is the state that was loaded at that time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock import Dataset, Every, all_of, each, meta, stale
from penstock.assets.declare.catalogue import Asset, Catalogue
from penstock.assets.declare.policies import Deadline
from penstock.assets.plan.planner import plan
from penstock.assets.plan.state import State
from penstock.assets.run.attempt.publication import close
from penstock.assets.run.explaining.earlier import as_it_was
from penstock.assets.run.planning.record import Recorded, record
from penstock.assets.run.planning.snapshot import load
from penstock.assets.run.project.project import Project
from penstock.assets.run.project.reading import Reading
from penstock.assets.run.project.registering import register
from penstock.storage.errors import UsageError
from penstock.storage.meta import events, giving_up, pauses
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings
from penstock.storage.types import AttemptOutcome, Consume, ConsumptionOutcome, OnRegister, RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

A, B = Dataset("a.csv"), Dataset("b.csv")
OFTEN = Every("40ms")
UNKNOWN = ("What was pending of", "Whether ")


def variants(kit: Any) -> list[Asset]:
    """One asset, defined in ever other ways."""
    return [
        kit.asset("x", "a.csv", on=A),
        kit.asset("x", "a.csv", "b.csv?", on=A & B),
        kit.asset("x", "a.csv?", on=A.where(meta("rows") > 5) | B.removed()),
        kit.asset("x", "a.csv", on=A, consume=each(A)),
        kit.asset("x", "a.csv", on=A.where(meta("rows") > 5) & B, consume=each(A, on_error="skip")),
        kit.asset("x", "b.csv?", on=(OFTEN & A) | B.count(2), consume=Consume.BRANCH),
        kit.asset("x", "a.csv", "b.csv", on=all_of(A, B, aligned=True), max_active_runs=2),
        kit.asset("x", "a.csv?", on=Dataset.match("*.csv") | stale("7d"), consume=Consume.LATEST),
        kit.asset("x", "a.csv", on=A.updated() & B.fresh("1h"), deadline=Deadline(OFTEN, then="skip")),
        kit.asset("x", "a.csv?", on=A | B, on_register=OnRegister.BUILD, pause_after=1),
    ]


STEPS = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from(["a.csv", "b.csv"]), st.sampled_from(["A", "B", "C", None])),
    st.tuples(st.just("plan")),
    st.tuples(st.just("end"), st.sampled_from(["success", "failed", "lost"])),
    st.tuples(st.sampled_from(["pause", "resume", "drop"])),
    st.tuples(st.just("declare"), st.integers(0, 9)),
)


@dataclass(kw_only=True)
class World:
    """A project in which things happen, each at a time of its own."""

    kit: Any
    store: Store
    declared: Asset
    active: list[Recorded] = field(default_factory=list[Recorded])
    seen: list[tuple[datetime, State]] = field(default_factory=list[tuple[datetime, State]])
    project: Project = field(init=False)
    last: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.declare(self.declared)

    def now(self) -> datetime:
        """Later than ever before."""
        self.last = max(datetime.now(UTC), self.last + timedelta(microseconds=1))
        return self.last

    def declare(self, asset: Asset) -> None:
        """The asset is defined so."""
        while datetime.now(UTC) <= self.last:
            pass
        uris = ("a.csv", "b.csv", "x.json")
        catalogue = Catalogue(assets={"x": asset}, datasets={uri: Dataset(uri) for uri in uris})
        self.project = Project(
            settings=read_settings(self.kit.folder, project="kb", home=self.kit.folder),
            reading=Reading(catalogue),
            functions={},
            store=self.store,
            ids=register(self.store, catalogue),
            environment={},
            parameters={},
        )
        self.declared = asset

    def look(self) -> None:
        """How the asset stands now is remembered."""
        self.seen.append((at := self.now(), self.state(self.project, at)))

    @staticmethod
    def state(project: Project, at: datetime) -> State:
        """How the asset stands, without what no store tells."""
        with project.store.read() as tx:
            found = load(project, tx, ["x"], now=at).state
        own = replace(found.assets["x"], present=True)
        return replace(found, assets={"x": own}, parameters={}, environment={})

    def step(self, what: str, *how: Any) -> None:
        """Something happens."""
        asset_id, now = self.project.ids.assets["x"], self.now()
        match what:
            case "publish":
                self.kit.publish(self.project, *how, now, rows=len(self.seen) % 10)
            case "declare":
                self.declare(variants(self.kit)[how[0]])
            case "plan":
                with self.store.read() as tx:
                    snapshot = load(self.project, tx, ["x"], now=now)
                decided = plan(self.project.graph, snapshot.state, now)
                done = record(self.project, decided, snapshot, materialization_id=None, now=now)
                assert done is not None
                self.active += [one for one in done.runs if one.planned.state is RunState.SCHEDULED]
            case "end" if self.active:
                self.end(self.active.pop(0), how[0], now)
            case "pause":
                with self.store.write() as tx:
                    pauses.begin(tx, asset_id, why="by hand", now=now)
            case "resume" | "drop":
                self.resume(asset_id, now, drop=what == "drop")
            case _:
                pass

    def end(self, run: Recorded, how: str, now: datetime) -> None:
        """A run is over, as `publication` ends one."""
        if how == "success":
            self.kit.end(self.project, run, RunState.SUCCESS, now, f"{len(self.seen) % 3}")
            return
        with self.store.write() as tx:
            assert close(
                tx,
                run_id=run.id,
                asset_id=self.project.ids.assets["x"],
                attempt=0,
                old=RunState.SCHEDULED,
                new=RunState.CANCELED,
                outcome=AttemptOutcome.FAILED,
                error={"message": "no"},
                policies=self.declared.policies,
                fresh=how == "lost",
                now=now,
            )

    def resume(self, asset_id: int, now: datetime, *, drop: bool) -> None:
        """As `pausing` resumes."""
        with self.store.write() as tx:
            over = pauses.end(tx, asset_id, now=now)
            if over is not None and drop:
                giving_up.give_up_all(tx, asset_id, outcome=ConsumptionOutcome.DROPPED, now=now)
            elif over is not None and over.run_id is not None:
                events.give_back(tx, asset_id=asset_id, run_id=over.run_id, fresh=True)


def test_what_is_rebuilt_is_what_was(kit: Any) -> None:
    """Whatever happened: at each moment the planner is shown the same as at that moment; where that is not known, it is
    said. The newest of these moments is now."""

    @settings(max_examples=max(settings.default.max_examples // 8, 5))
    @given(start=st.integers(0, 9), steps=st.lists(STEPS, min_size=4, max_size=14))
    @example(
        start=0,
        steps=[("publish", "a.csv", "A"), ("publish", "b.csv", "A"), ("declare", 7), ("declare", 0), ("declare", 2)],
    )
    def told(start: int, steps: list[tuple[Any, ...]]) -> None:
        store = Store(kit.databases.fresh(), project="kb")
        world = World(kit=kit, store=store, declared=variants(kit)[start])
        try:
            world.look()
            for step in steps:
                world.step(*step)
                world.look()
            for at, state in (*world.seen[:-1][:: len(world.seen) // 5], world.seen[-1]):
                with as_it_was(store, world.project.settings, "x", at) as then:
                    again = world.state(then.project, at)
                    unknown = any(one.startswith(UNKNOWN) for one in then.unknown)
                    assert again == state or unknown, at
                    assert not any("noted" in one for one in then.unknown), "every tick has its time"
            assert again == state, "now is always known"
        finally:
            store.close()

    told()


def test_what_a_pattern_meant_before_it_was_declared_again(kit: Any) -> None:
    """What was pending by it has begun anew since: that is not known, and said. Of a dataset without an event then,
    nothing was."""
    store = Store(kit.databases.fresh(), project="kb")
    world = World(kit=kit, store=store, declared=kit.asset("x", "a.csv?", on=Dataset.match("*.csv")))
    try:
        world.look()
        world.step("publish", "b.csv", "A")
        world.look()
        world.declare(kit.asset("x", "a.csv?", on=A))
        world.declare(kit.asset("x", "a.csv?", on=Dataset.match("*.csv")))
        world.look()
        told: list[tuple[str, ...]] = []
        for at, state in world.seen:
            with as_it_was(store, world.project.settings, "x", at) as then:
                told.append(tuple(one for one in then.unknown if one.startswith(UNKNOWN)))
                assert world.state(then.project, at) == state or told[-1]
        assert told == [(), (LET_GO,), ()]
    finally:
        store.close()


LET_GO = "What was pending of b is not known: the condition has let go of it and named it again since."


def test_before_it_was_there(kit: Any) -> None:
    """An asset has no state before its registration, and none once it is left out; both are said with the time."""
    project = kit.open(kit.databases.fresh(), kit.asset("x", "a.csv", on=A))
    with (
        pytest.raises(UsageError, match="asset x was not there at 2020"),
        as_it_was(project.store, project.settings, "x", datetime(2020, 1, 1, tzinfo=UTC)),
    ):
        pass
    with (
        pytest.raises(UsageError, match="there is no asset 'z'") as error,
        as_it_was(project.store, project.settings, "z", datetime.now(UTC)),
    ):
        pass
    assert error.value.hint == "`penstock list` shows the assets."
    register(project.store, Catalogue(assets={}, datasets={}))
    with (
        pytest.raises(UsageError, match="declared no more"),
        as_it_was(project.store, project.settings, "x", datetime.now(UTC)),
    ):
        pass
    project.store.close()
