"""Everything that can happen to a real store, in any order, beside a model of lists and dictionaries: news, passes of
planners, planners that are late or die within a pass, workers that fail and die, pauses, time, other definitions.

After each step the store holds what the model says. A pass records what the model decides for every asset there is,
whether or not the agenda names it.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from penstock.assets.plan.planner import Plan, plan
from penstock.assets.run.attempt.assignment import Assignment, begun
from penstock.assets.run.attempt.publication import Produced, end, publish
from penstock.assets.run.attempt.worker import claim
from penstock.assets.run.checking.check import violations
from penstock.assets.run.planning.record import Record, record
from penstock.assets.run.planning.snapshot import Snapshot, load
from penstock.assets.run.project.project import Project
from penstock.assets.run.project.reading import Reading
from penstock.assets.run.project.registering import register
from penstock.assets.run.recovery import recover
from penstock.assets.run.telling.pausing import pause_in, resume_in
from penstock.assets.run.tick import _due, _mine, _names, _Settlement, _wakeups, tick
from penstock.storage.manifest import Manifest
from penstock.storage.meta import events, outside, runs
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.pending import sums
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState
from tests.integration.meta.planning.forms import SOURCES, catalogue_of, specs
from tests.integration.meta.planning.model import CHANGED, CONFIRMED, Decision, Model

START = datetime.fromisoformat("2026-03-02T00:50Z")
ERROR = {"kind": "producer", "type": "ValueError", "message": "broken", "hint": "", "trace": "", "uri": None}
EXAMPLES = {"sqlite": 20, "postgresql": 6}


class _Crash(Exception):
    """A planner dies."""


class _Dies:
    """Raises when the driver is told something for the time with a number, within the transaction that records."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            name = getattr(argument, "__name__", "")
            told = type(getattr(argument, "__self__", None)).__module__ == "sqlite3"
        else:
            name = frame.f_code.co_name
            told = event == "call" and "/psycopg/" in frame.f_code.co_filename
        if told and name in ("execute", "executemany", "commit") and self._records(frame):
            self._left -= 1
            if self._left == 0:
                sys.setprofile(None)
                raise _Crash

    @staticmethod
    def _records(frame: FrameType | None) -> bool:
        while frame is not None and not frame.f_code.co_filename.endswith("/planning/record.py"):
            frame = frame.f_back
        return frame is not None


@dataclass(kw_only=True)
class Slow:
    """What a planner has decided and not recorded."""

    project: Project
    plan: Plan
    snapshot: Snapshot
    settle: Any


class Everything(RuleBasedStateMachine):
    """The store and the model, side by side."""

    kit: Any

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(self.kit.databases.fresh(), project="kb")
        folder = self.kit.folder
        self.settings = read_settings(folder, project="kb", home=folder, data_root=str(folder / "data"))
        self.model, self.now, self.slow = Model(), START, None
        self.form: dict[str, Any] = {}
        self.keys: dict[int, str] = {}
        self.minted = 0
        self.define()

    def teardown(self) -> None:
        """Nothing is left open, and every rule of the rows is kept."""
        found = violations(self.store, self.settings, at=self.now)
        self.store.close()
        assert found == []

    # --- what happens ------------------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 20, 70, 200]))
    def time_passes(self, minutes: int) -> None:
        """Ticks may become due."""
        self.now += timedelta(minutes=minutes)

    @rule(uri=st.sampled_from(SOURCES), content=st.sampled_from(["A", "A", "B", "C", None]))
    def others_write(self, uri: str, content: str | None) -> None:
        """A dataset changed, was written again, or is gone."""
        with self.store.write() as tx:
            if content is None:
                found = events.publish_removal(tx, dataset_id=self.project.ids.datasets[uri], now=self.now)
            else:
                found = outside.record_event(tx, "kb", uri, version=content, now=self.now)
        assert (found and str(found.kind)) == self.model.publish(uri, content)

    @rule()
    def a_planner_passes(self) -> None:
        """Until it comes to rest; each pass does what the model decides. Planning again right away does nothing."""
        for _ in range(50):
            expected = self.expected()
            done = tick(self.project, at=self.now)
            self.recorded(self.project, done.record, expected)
            if done.next_at is None or done.next_at > self.now:
                break
        assert not self.expected()
        again = tick(self.project, at=self.now)
        assert (again.planned, again.record.runs, again.record.confirmed) == (0, (), ())

    @rule(number=st.integers(1, 14))
    def a_planner_dies(self, number: int) -> None:
        """Between two statements of what it records: nothing of it is there."""
        expected = self.expected()
        before = sys.getprofile()
        sys.setprofile(_Dies(number))
        try:
            done = tick(self.project, at=self.now)
        except _Crash:
            return
        finally:
            sys.setprofile(before)
        self.recorded(self.project, done.record, expected)

    @rule()
    def another_looks(self) -> None:
        """A second planner has made its plan, and is slow."""
        with self.store.read() as tx:
            found = _due(self.project, tx, self.now)
            mine = _mine(self.project, found)
            snapshot = load(self.project, tx, _names(self.project, mine)[0], now=self.now)
        decided = plan(self.project.graph, snapshot.state, self.now)
        wakeups = _wakeups(self.project, decided, snapshot, self.now)
        settle = _Settlement(
            project=self.project, found=found, mine=mine, at=self.now, decided=decided, wakeups=wakeups
        )
        self.slow = Slow(project=self.project, plan=decided, snapshot=snapshot, settle=settle)

    @precondition(lambda self: self.slow is not None)
    @rule()
    def another_records(self) -> None:
        """By then its catalogue may be an old one: nothing is recorded, or what can still be taken as it was seen."""
        assert self.slow is not None
        slow, self.slow = self.slow, None
        done = record(slow.project, slow.plan, slow.snapshot, materialization_id=None, now=self.now, beside=slow.settle)
        if done is None:
            return
        decided: dict[str, Decision] = {}
        for one in (*slow.plan.runs, *slow.plan.confirmations):
            key = self.keys[slow.project.ids.assets[one.asset]]
            mine = self.model.consumers[key]
            takes = {
                taken.uri: sorted(number for number in mine.pending[taken.uri] if number <= taken.newest)
                for taken in one.takes
            }
            assert {uri: len(numbers) for uri, numbers in takes.items()} == {t.uri: t.count for t in one.takes}
            state = getattr(one, "state", None)
            kind = "confirm" if state is None else "skip" if state is RunState.SKIPPED else "run"
            assert kind == "confirm" or len(self.model.active(key)) < mine.spec.limit
            asset = slow.project.catalogue.assets[one.asset]
            tokens = {} if state is None else {pin: head.digest for pin, head in one.pins.items()}
            reads = {
                used.uri: self.content(tokens[used.parameter]) for used in asset.inputs if used.parameter in tokens
            }
            decided[key] = Decision(kind, takes, reads, next(iter(getattr(one, "ticks", {}).values()), None))
        self.recorded(slow.project, done, decided)

    @precondition(lambda self: any(run.state == "scheduled" for run in self.here()))
    @rule(data=st.data())
    def a_run_starts(self, data: st.DataObject) -> None:
        """A worker claims it."""
        run = data.draw(st.sampled_from([one for one in self.here() if one.state == "scheduled"]))
        assert claim(self.project, self.work(run.id), at=self.now)
        run.state, run.attempts = "running", run.attempts + 1

    @precondition(lambda self: any(run.state == "running" for run in self.here()))
    @rule(data=st.data(), outcome=st.sampled_from(["new", "new", "same", "failed", "failed", "canceled", "lost"]))
    def a_run_ends(self, data: st.DataObject, outcome: str) -> None:
        """It publishes something new or what was there, fails, is canceled, or its worker is gone."""
        run = data.draw(st.sampled_from([one for one in self.here() if one.state == "running"]))
        spec = self.model.consumers[run.key].spec
        if outcome == "lost":
            self.a_worker_dies(run)
            return
        work = self.work(run.id, attempt=run.attempts)
        if outcome in ("new", "same"):
            head = self.model.head(spec.output)
            self.minted += 1
            content = head if outcome == "same" and head is not None else f"{spec.key}{self.minted}"
            given = Produced(uri=spec.output, manifest=Manifest(suffix="", token=content), staged=None, metadata={})
            (made,) = publish(self.project, work, [given], at=self.now)
            assert str(made.kind) == self.model.succeed(run.id, content)
        else:
            assert end(self.project, work, RunState(outcome), ERROR, at=self.now)
            self.model.end_badly(run.id, outcome)

    def a_worker_dies(self, run: Any) -> None:
        """Whoever comes next tries the run again with the same pins, unless it has killed too many."""
        worker = f"{socket.gethostname()}/4194305/1"  # no process has a number as high as this
        with self.store.write() as tx:
            tx.execute(text("UPDATE runs SET worker = :w WHERE id = :r"), {"w": worker, "r": run.id})
        found = recover(self.project)
        if run.attempts >= 3:
            assert not found
            self.model.end_badly(run.id, "failed")
            return
        (work,) = found
        assert work.run_id == run.id
        assert claim(self.project, work, at=self.now)
        run.attempts += 1

    @rule(key=st.sampled_from("xyzestpl"))
    def somebody_pauses(self, key: str) -> None:
        """Unless it is paused already."""
        one = self.model.consumers[key]
        if not one.gone:
            assert pause_in(self.store, one.spec.name, why="", at=self.now) != one.paused
            self.model.pause(key)

    @precondition(lambda self: any(one.paused and not one.gone for one in self.model.consumers.values()))
    @rule(data=st.data(), drop=st.sampled_from([False, False, True]))
    def somebody_resumes(self, data: st.DataObject, drop: bool) -> None:
        """What came meanwhile counts as if it came now, or is given up."""
        paused = [key for key, one in self.model.consumers.items() if one.paused and not one.gone]
        key = data.draw(st.sampled_from(sorted(paused)))
        over = resume_in(self.store, self.model.consumers[key].spec.name, drop=drop, at=self.now)
        assert over is not None
        self.model.resume(key, self.now, drop=drop)

    @rule(change=st.sampled_from([("y", "ac"), ("y", "ab"), ("y", "a"), ("x", "x2"), ("x", "x"), ("extra", True),
                                  ("last", False), ("last", True), ("timed", False), ("timed", True)]))  # fmt: skip
    def somebody_edits(self, change: tuple[str, Any]) -> None:
        """A leaf comes or goes, an asset is renamed, one is new, one is left out for a while."""
        self.form |= dict([change])
        self.define()

    # --- what holds after each step ----------------------------------------------------------------------------------

    @invariant()
    def pending_is_what_the_model_says(self) -> None:
        """For every consumer and dataset; nothing is lost."""
        self.model.require_whole()
        uris = {number: uri for uri, number in self.project.ids.datasets.items()}
        with self.store.read() as tx:
            found = sums(tx, list(self.keys))
        counted = {
            (self.keys[asset_id], uris[dataset_id]): (one.count, one.causes, one.confirmed)
            for (asset_id, dataset_id), one in found.items()
        }
        expected = {
            (key, uri): (len(several), *(self.fresh(one, uri, kind) for kind in (CHANGED, CONFIRMED)))
            for key, one in self.model.consumers.items()
            for uri, several in one.pending.items()
            if several
        }
        assert counted == expected

    @invariant()
    def links_are_what_the_model_says(self) -> None:
        """At most one current link for a consumer and an event; each tick once; as many active runs as are allowed."""
        query = """SELECT c.asset_id, d.uri, e.number, coalesce(c.run_id, c.outcome) FROM consumptions c
            JOIN events e ON e.id = c.event_id JOIN datasets d ON d.id = e.dataset_id WHERE c.current"""
        with self.store.read() as tx:
            found = [(self.keys[row[0]], *row[1:]) for row in tx.execute(text(query))]
            ticks = [self.keys[number] for (number,) in tx.execute(text("SELECT asset_id FROM ticks"))]
            active = [row[0] for row in tx.execute(text("SELECT id FROM runs WHERE ended_at IS NULL"))]
        assert len({row[:3] for row in found}) == len(found)
        mine = {(key, *event, by) for key, one in self.model.consumers.items() for event, by in one.links.items()}
        assert set(found) == mine
        assert sorted(ticks) == sorted(key for key, one in self.model.consumers.items() for _ in one.ticks)
        assert sorted(active) == sorted(run.id for run in self.model.active())

    # --- how ---------------------------------------------------------------------------------------------------------

    def define(self) -> None:
        """The definitions in their form of now are registered."""
        wanted = specs(**self.form)
        self.project = Project(
            settings=self.settings,
            reading=Reading(catalogue_of(wanted)),
            functions={},
            store=self.store,
            ids=register(self.store, catalogue_of(wanted), at=self.now),
            environment={},
            parameters={},
        )
        self.keys |= {self.project.ids.assets[spec.name]: spec.key for spec in wanted}
        self.model.register(wanted, self.now)

    def expected(self) -> dict[str, Decision]:
        """What the model decides now, by asset."""
        found = {key: self.model.decide(key, self.now) for key in self.model.consumers}
        return {key: one for key, one in found.items() if one is not None}

    def recorded(self, project: Project, done: Record, decided: dict[str, Decision]) -> None:
        """The model takes over what was recorded, which is what was decided."""
        ids = {self.keys[project.ids.assets[one.planned.asset]]: one for one in done.runs}
        kinds = {key: "run" if one.planned.state is RunState.SCHEDULED else "skip" for key, one in ids.items()}
        assert kinds == {key: one.kind for key, one in decided.items() if one.kind != "confirm"}
        told: list[str] = []
        for key, decision in decided.items():
            if decision.kind != "confirm":
                planned = ids[key].planned
                took = {uri: (max(numbers), len(numbers)) for uri, numbers in decision.takes.items()}
                assert {taken.uri: (taken.newest, taken.count) for taken in planned.takes} == took
                assert list(planned.ticks.values()) == ([] if decision.tick is None else [decision.tick])
            self.model.apply(key, decision, ids[key].id if key in ids else None)
            if decision.kind == "confirm" or (decision.kind == "skip" and decision.takes):
                told.append(self.model.consumers[key].spec.output)
        assert sorted(done.confirmed) == sorted(told)
        for uri in told:
            assert self.model.publish(uri, self.model.head(uri)) == CONFIRMED

    def fresh(self, one: Any, uri: str, kind: str) -> int:
        """How many events of a kind may start a run of a consumer."""
        return sum(
            fresh and self.model.events[uri][number - 1].kind == kind for number, fresh in one.pending[uri].items()
        )

    def content(self, digest: str) -> str:
        """What has this digest."""
        several = {one.content for events in self.model.events.values() for one in events}
        return next(one for one in several if one is not None and Manifest(suffix="", token=one).digest == digest)

    def here(self) -> Sequence[Any]:
        """The active runs of assets that are declared now."""
        return [run for run in self.model.active() if not self.model.consumers[run.key].gone]

    def work(self, run_id: str, *, attempt: int | None = None) -> Assignment:
        """A run with everything that its attempt needs."""
        with self.store.read() as tx:
            row = runs.run(tx, run_id)
            assert row is not None
            work = begun(self.project, tx, row)
        assert work is not None
        return work if attempt is None else replace(work, attempt=attempt)


@pytest.mark.databases("sqlite", "postgresql")
def test_whatever_happens_nothing_is_lost_and_nothing_doubled(kit: Any) -> None:
    """In whatever order, with planners and workers that die, and with one that is always late."""
    Everything.kit = kit
    run_state_machine_as_test(
        Everything, settings=settings(max_examples=EXAMPLES[kit.databases.kind], stateful_step_count=40, deadline=None)
    )
