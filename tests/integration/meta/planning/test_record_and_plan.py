"""Planning and recording on a real store, beside a model of plain dictionaries that knows the rules of consumption.

Events are published, plans made and recorded, runs ended in every way, and a second planner with a store of its own
records what it planned too long ago. After each step the store says what the model says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from penstock.assets.plan.planner import Plan, PlannedRun, plan
from penstock.assets.plan.state import Request
from penstock.assets.run.planning.record import Record, record
from penstock.assets.run.planning.snapshot import Snapshot, load
from penstock.assets.run.project.project import Project
from penstock.storage.manifest import Manifest
from penstock.storage.meta import catalogue as rows
from penstock.storage.meta import events, runs, versions
from penstock.storage.meta.pending import sums
from penstock.storage.types import RunState

START = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = list("xyzwutp")  # see the conftest
OBSERVED = ("a.csv", "b.csv")
EXAMPLES = {"sqlite": 12, "postgresql": 4}


@dataclass(kw_only=True)
class Planned:
    """A plan that is not recorded yet."""

    plan: Plan
    snapshot: Snapshot
    inputs: Mapping[str, dict[str, str]]
    outputs: Mapping[str, int]
    courses: Mapping[str, tuple[int, int, datetime | None]]


class Planning(RuleBasedStateMachine):
    """The store and the model, side by side."""

    kit: Any

    def __init__(self) -> None:
        super().__init__()
        self.graph = self.kit.graph
        url = self.kit.databases.fresh()
        self.first, self.second = self.kit.open(url), self.kit.open(url)
        self.model = self.kit.model()
        self.now = START + timedelta(minutes=50)
        self.stale: Planned | None = None
        self.minted = 0

    def teardown(self) -> None:
        """Nothing is left open."""
        self.first.store.close()
        self.second.store.close()

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

    @rule(requested=st.sets(st.sampled_from(NAMES), max_size=2))
    def another_plans(self, requested: set[str]) -> None:
        """A second planner looks at the store, and is slow."""
        planned = self.planned(self.second, requested)
        self.compare(planned.plan, requested)
        self.stale = planned

    @precondition(lambda self: self.stale is not None)
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

    @rule(
        data=st.data(),
        uri=st.sampled_from(OBSERVED),
        content=st.sampled_from("AB"),
        requested=st.sets(st.sampled_from(NAMES), max_size=2),
        ends=st.lists(st.sampled_from(["success", "failed", "lost"]), max_size=3),
    )
    def two_planners_race(
        self, data: st.DataObject, uri: str, content: str, requested: set[str], ends: list[str]
    ) -> None:
        """Both are asked for the same and see the same news; the faster one may record, some runs may end, and then the
        slower one tries."""
        self.others_write(uri=uri, content=content)
        self.another_plans(requested=requested)
        if data.draw(st.booleans()):
            self.plan_and_record(requested=requested)
        for outcome in ends:
            if self.model.active:
                self.a_run_ends(data=data, outcome=outcome, content="C")
        self.another_records()

    @precondition(lambda self: self.model.active)
    @rule(
        data=st.data(), outcome=st.sampled_from(["success", "success", "failed", "lost"]), content=st.sampled_from("CD")
    )
    def a_run_ends(self, data: st.DataObject, outcome: str, content: str) -> None:
        """It publishes; or fails for good; or was lost before it began, and is as if it had never been."""
        run = data.draw(st.sampled_from(list(self.model.active)))  # ids are random, their order is not
        name = self.model.end(run, outcome)
        asset_id, uri = self.first.ids.assets[name], f"{name}.json"
        new = {"success": RunState.SUCCESS, "failed": RunState.FAILED, "lost": RunState.CANCELED}[outcome]
        with self.first.store.write() as tx:
            assert runs.advance(tx, run, old=RunState.SCHEDULED, new=new, ended_at=self.now)
            if outcome == "success":
                found = self.published(tx, uri, content, run)
                rows.record_success(tx, asset_id=asset_id, run_id=run, now=self.now)
                assert str(found.kind) == self.model.publish(uri, content)
                self.model.made_from[name] = self.model.pinned[run]
            else:
                events.give_back(tx, asset_id=asset_id, run_id=run, fresh=outcome == "lost")

    # --- what holds after each step ----------------------------------------------------------------------------------

    @invariant()
    def pending_is_what_the_model_says(self) -> None:
        """For every consumer and dataset."""
        ids = self.first.ids
        with self.first.store.read() as tx:
            found = sums(tx, list(ids.assets.values()))
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
            JOIN assets a ON a.id = c.asset_id
            JOIN events e ON e.id = c.event_id JOIN datasets d ON d.id = e.dataset_id"""
        with self.first.store.read() as tx:
            found = [tuple(row) for row in tx.execute(text(query))]
        current = [row[:4] for row in found if row[4]]
        assert len({row[:3] for row in current}) == len(current)
        assert set(current) == self.model.links
        assert len(found) - len(current) == self.model.given_back

    # --- how ---------------------------------------------------------------------------------------------------------

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
            plan=plan(self.graph, snapshot.state, self.now),
            snapshot=snapshot,
            inputs={name: self.model.inputs(name) for name in NAMES},
            outputs={name: self.model.numbers.get(f"{name}.json", 0) for name in NAMES},
            courses={name: self.model.course(name) for name in NAMES},
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
                assert one.ticks == ({} if due is None else {"every 1h": due})

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
                self.model.planned[one.planned.asset] = self.model.planned.get(one.planned.asset, 0) + 1
                self.model.pinned[one.id] = planned.inputs[one.planned.asset]
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
            if isinstance(one, PlannedRun):
                planned_then, succeeded_then, tick_then = planned.courses[one.asset]
                planned_now, succeeded_now, tick_now = self.model.course(one.asset)
                if (planned_then, succeeded_then) != (planned_now, succeeded_now) or (
                    one.ticks and tick_then != tick_now
                ):
                    return False
                if not self.model.below_limit(one.asset):
                    return False
            moved = self.model.numbers.get(f"{one.asset}.json", 0) != planned.outputs[one.asset]
            if moved and (skipped or not isinstance(one, PlannedRun)):
                return False
        return True

    def numbers_of(self, decided: Plan, name: str, uri: str) -> set[int]:
        """The numbers of the events that a plan took for a consumer of a dataset."""
        return {
            number
            for linked, dataset, number, _ in self.model.links
            for one in decided.runs
            for taken in one.takes
            if (linked, dataset) == (name, uri) == (one.asset, taken.uri) and number <= taken.newest
        }


@pytest.mark.databases("sqlite", "postgresql")
def test_planning_and_recording_consume_exactly_once(kit: Any) -> None:
    """Whatever happens in whatever order, with a second planner that is always late."""
    Planning.kit = kit
    run_state_machine_as_test(
        Planning, settings=settings(max_examples=EXAMPLES[kit.databases.kind], stateful_step_count=30, deadline=None)
    )
