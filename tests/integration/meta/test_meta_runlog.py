"""Looking for runs: each filter, page by page, counted, and when they were at work; on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from penstock.assets.plan.reasons import Reason
from penstock.storage.errors import UsageError
from penstock.storage.meta import runs as rows
from penstock.storage.meta.past.runlog import Wanted
from penstock.storage.types import ReasonKind, RunState
from penstock.ui.read.runs import run_states, runs, timeline

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def reason(kind: ReasonKind, *also: ReasonKind) -> dict[str, Any]:
    """As it is stored."""
    return Reason(kind=kind, also=also).to_plain()


@pytest.fixture
def told(meta: Any) -> Any:
    """Six runs of two assets: two failed, one of these with a per cent sign in what it says; one is at work."""
    ids = meta.declare(chunks="", report="").assets
    tick, manual = reason(ReasonKind.TICK), reason(ReasonKind.MANUAL, ReasonKind.CODE_CHANGED)
    for asset, state, why, key in (
        ("chunks", RunState.SUCCESS, tick, ""),
        ("chunks", RunState.FAILED, tick, ""),
        ("report", RunState.FAILED, manual, "2026-01-05"),
        ("report", RunState.SKIPPED, manual, "2026-01-06"),
        ("report", RunState.SUCCESS, tick, "2026-01-06"),
        ("chunks", RunState.RUNNING, manual, ""),
    ):
        meta.run(ids[asset], state, reason=why, partition=key)
    said = {"run2": "no <b>Such</b> day", "run3": "100% full"}
    with meta.store.write() as tx:
        for number in range(1, 7):
            values: dict[str, Any] = {"started_at": meta.now}
            if number < 6:
                values["ended_at"] = meta.now + timedelta(seconds=number)
            error = said.get(f"run{number}")
            if error is not None:
                values["error"] = {"kind": "producer", "type": "ValueError", "message": error, "trace": "t"}
            tx.execute(rows.runs.update().where(rows.runs.c.id == f"run{number}").values(**values))
    return meta


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), "654321"),
        (Wanted(states=frozenset({RunState.FAILED})), "32"),
        (Wanted(states=frozenset({RunState.FAILED, RunState.SUCCESS})), "5321"),
        (Wanted(states=frozenset({RunState.RUNNING, RunState.QUEUED})), "6"),
        (Wanted(asset="report"), "543"),
        (Wanted(asset="nobody"), ""),
        (Wanted(partition="2026-01-06"), "54"),
        (Wanted(reason=ReasonKind.TICK), "521"),
        (Wanted(reason=ReasonKind.CODE_CHANGED), "643"),
        (Wanted(error="such</B>"), "2"),
        (Wanted(error="0%"), "3"),
        (Wanted(error="_"), ""),
        (Wanted(error="valueerror"), "32"),
        (Wanted(group="kb"), ""),
    ],
)
def test_runs_are_found_by_what_they_are(told: Any, wanted: Wanted, found: str) -> None:
    """Newest first; signs that mean something to a database are signs."""
    assert "".join(one.id[-1] for one in runs(told.store, wanted).items) == found
    counted = run_states(told.store, wanted)
    if not wanted.states:
        assert sum(counted.values()) == len(found)


def test_runs_are_found_by_when_they_were_planned(told: Any) -> None:
    """Both bounds count; beyond all of them there is none."""
    times = {one.id: one.created_at for one in runs(told.store).items}
    found = runs(told.store, Wanted(since=times["run3"], until=times["run5"])).items
    assert [one.id for one in found] == ["run5", "run4", "run3"]
    assert runs(told.store, Wanted(since=times["run6"] + timedelta(seconds=1))).items == ()
    assert runs(told.store, Wanted(until=times["run1"] - timedelta(seconds=1))).items == ()


def test_a_page_begins_behind_a_run(told: Any) -> None:
    """Also when new ones have come meanwhile; the last page says that it is the last."""
    first = runs(told.store, limit=4)
    told.run(told.declare(chunks="", report="").assets["chunks"])
    second = runs(told.store, limit=4, before=first.following)
    assert "".join(one.id[-1] for one in (*first.items, *second.items)) == "654321"
    assert (first.following, second.following) == ("run3", None)


def test_what_is_not_there_is_told(told: Any) -> None:
    """An unknown backfill is a wrong question."""
    with pytest.raises(UsageError, match="there is no backfill 'zz'"):
        runs(told.store, Wanted(backfill="zz"))
    with pytest.raises(UsageError, match="there is no run 'zz'"):
        runs(told.store, before="zz")


def test_the_timeline_is_told_run_by_run_or_by_the_quarter_hour(told: Any) -> None:
    """Of more runs than bars those that began together are one, which ends when the last of them did."""
    last = timedelta(days=36500)
    single = timeline(told.store, last=last)
    assert [(one.run_id, one.count) for one in single.spans] == [(f"run{number}", 1) for number in range(6, 0, -1)]
    assert (single.together, single.left_out, single.spans[0].ended_at) == (None, False, None)
    many = timeline(told.store, last=last, limit=5)
    assert many.together == timedelta(minutes=15)
    assert {(one.asset, one.state.value, one.count) for one in many.spans} == {
        ("chunks", "running", 1),
        ("report", "success", 1),
        ("report", "skipped", 1),
        ("report", "failed", 1),
        ("chunks", "failed", 1),
    }
    assert many.left_out
    failed = timeline(told.store, Wanted(states=frozenset({RunState.FAILED})), last=last, limit=1)
    assert (failed.left_out, len(failed.spans)) == (True, 1)


def test_an_index_finds_what_is_looked_for(told: Any) -> None:
    """What failed, and since when, costs what is found, not what there is."""
    if told.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads a table of six rows whole; benchmarks/runs.py shows its plans of 100,000")
    badly = "state IN ('canceled', 'failed', 'refused')"
    plan = told.rows(f"EXPLAIN QUERY PLAN SELECT id FROM runs WHERE {badly} AND id < 'x' ORDER BY id DESC LIMIT 5")
    assert "runs_ended_badly" in str(plan)
    plan = told.rows("EXPLAIN QUERY PLAN SELECT min(id || '') FROM runs WHERE created_at >= '2026-01-01'")
    assert "COVERING INDEX runs_by_time" in str(plan)
