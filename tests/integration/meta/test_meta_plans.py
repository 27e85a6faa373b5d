"""What is asked at every materialization is answered by an index: its cost follows the news, not the history."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.storage.meta import agenda, ancestry, dispatching, events, outbox, pending, standing, tallies, versions
from penstock.storage.meta.database.prepared import Prepared, _Compiled, as_rows
from penstock.storage.meta.partitions import heads, ranges, states
from penstock.storage.meta.partitions import pending as partitions_pending
from penstock.storage.meta.runs import _ACTIVE_AMONG, runs
from tests.integration.meta.conftest import START

QUESTIONS = {
    "runs.active": (
        "SELECT asset_id, count(*) FROM runs WHERE asset_id IN (1, 2) AND ended_at IS NULL GROUP BY 1",
        "active_runs",
    ),
    "runs.unfinished": (
        "SELECT runs.id FROM runs JOIN assets ON assets.id = runs.asset_id WHERE runs.ended_at IS NULL",
        "active_runs",
    ),
    "materializations.unfinished": (
        "SELECT id FROM materializations WHERE project = 'kb' AND ended_at IS NULL",
        "unfinished_materializations",
    ),
    "outbox.due": (
        "SELECT event_id FROM outbox WHERE destination = 'f' AND state = 'pending' ORDER BY event_id",
        "outbox_pending",
    ),
    "events.pending": (
        "SELECT id FROM consumptions WHERE asset_id = 1 AND partition = '' AND event_id = 5 AND current = 1",
        "one_current_consumption",
    ),
    "ticks.last": (
        "SELECT max(tick) FROM ticks WHERE asset_id = 1 AND partition = '' AND timetable = 'x'",
        "PRIMARY KEY",
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_index_is_used(meta: Any, question: str) -> None:
    """SQLite says by which index it answers."""
    query, index = QUESTIONS[question]
    plan = " ".join(str(row[3]) for row in meta.rows(f"EXPLAIN QUERY PLAN {query}"))
    assert index in plan, plan
    assert "SCAN runs" not in plan.replace("SCAN runs USING", "")


LISTED = {
    "pending.sums": pending._SUMS,
    "standing.standing": standing._STANDING,
    "standing.courses": standing._COURSES,
    "ancestry.publications": ancestry._PUBLICATIONS,
    "ancestry.read": ancestry._READ,
    "pending.each": pending._EACH,
    "pending.newer": pending._NEWER,
    "tallies.known": tallies._KNOWN,
    "tallies.turns": tallies._TURNS,
    "pending.in_order": pending._IN_ORDER,
    "versions.heads": versions._HEADS_OF,
}


@pytest.mark.parametrize("name", LISTED)
def test_many_rows_are_sought_and_not_scanned(meta: Any, name: str) -> None:
    """The statements that load a snapshot look each number up, in every table they join."""
    with meta.store.read() as tx:
        compiled = _Compiled(LISTED[name]._query, tx.dialect, ("b_numbers",))
        lists = dict.fromkeys(("b_numbers", "b_pairs", "b_datasets"), "[1]")
        rows = tx.connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", compiled.arguments(lists))
        steps = [str(row[3]) for row in rows]
    assert any(step.startswith("SEARCH") for step in steps)
    assert [step for step in steps if step.startswith("SCAN") and "json_each" not in step] == []


KEYED = {
    "runs.active_among": (_ACTIVE_AMONG, "b_keys", "active_runs"),
    "pending.linked": (partitions_pending._LINKED, "b_links", "one_current_consumption"),
    "heads.of": (heads._HEADS_OF, "b_keys", "PRIMARY KEY"),
    "heads.digested": (heads._DIGESTED_OF, "b_keys", "PRIMARY KEY"),
    "ranges.on_places": (ranges._ON_PLACES, "b_places", "PRIMARY KEY"),
}


@pytest.mark.parametrize("name", KEYED)
def test_keys_are_sought_and_not_scanned(meta: Any, name: str) -> None:
    """What a pass asks of the keys of its portion costs these: not what is active, taken or made of others."""
    statement, keys, index = KEYED[name]
    given = {"b_asset": 1, "b_dataset": 1, keys: '[["a", 1]]'}
    with meta.store.read() as tx:
        compiled = _Compiled(statement._statement, tx.dialect, tuple(given))
        rows = tx.connection.execute(f"EXPLAIN QUERY PLAN {compiled.text}", compiled.arguments(given))
        steps = [str(row[3]) for row in rows]
    assert any(index in step for step in steps), steps
    assert [step for step in steps if step.startswith("SCAN") and "each_" not in step] == []


PARTITIONS = {
    "unshown": (heads._UNSHOWN, "unshown_partitions"),
    "failed": (states._FAILED.where(runs.c.asset_id == 1), "failed_partitions"),
    "superseded": (states._FAILED.where(runs.c.asset_id == 1), "runs_of_partitions"),
}


@pytest.mark.parametrize("name", PARTITIONS)
def test_partitions_are_sought_by_their_own_indexes(meta: Any, name: str) -> None:
    """What is not shown and what failed costs what that is, not the partitions and runs that there are."""
    query, index = PARTITIONS[name]
    with meta.store.read() as tx:
        text = str(query.compile(tx.engine, compile_kwargs={"literal_binds": True}))
        steps = [str(row[3]) for row in tx.connection.execute(f"EXPLAIN QUERY PLAN {text}")]
    assert any(index in step for step in steps), steps


def test_what_waits_for_a_worker_costs_what_has_not_ended(meta: Any) -> None:
    """The index of that is read from end to end; neither every asset nor the history is."""
    with meta.store.read() as tx:
        compiled = _Compiled(dispatching._UNENDED._statement, tx.dialect, ("b_project",))
        rows = tx.connection.execute(
            f"EXPLAIN QUERY PLAN {compiled.text}", tuple(compiled.arguments({"b_project": "x"}))
        )
        steps = [str(row[3]) for row in rows]
    assert "SCAN runs USING INDEX active_runs" in steps, steps
    assert [step for step in steps if step.startswith("SCAN")] == ["SCAN runs USING INDEX active_runs"]


NEWS = {
    "agenda.due": (Prepared(agenda._BY_TIME), {"b_project": "kb", "b_now": START}),
    "agenda.next_at": (agenda._NEXT_AT, {"b_project": "kb", "b_after": START}),
    "events.linked": (events._LINKED, {"b_claims": as_rows([(1, 1, 1, 1, "r", "run", None)]), "b_now": START}),
    "events.settled": (events._SETTLED, {"b_claims": as_rows([(1, 1, 1, 1, "r", "run", None)])}),
}


@pytest.mark.databases("postgresql")
def test_what_is_due_costs_what_is_due_though_nobody_has_analyzed_the_tables(meta: Any) -> None:
    """A server that knows nothing yet of a thousand assets does not look through them all for the one that has news."""
    found = meta.declare(**{f"a{number}": f"s{number}.csv" for number in range(1000)})
    with meta.store.write() as tx:
        due = agenda.due(tx, "kb", now=START)
        assert due.touched.keys() == set(found.assets.values())
        agenda.settle(tx, due, {})
    told: dict[str, str] = {}
    with meta.store.write() as tx:
        for name, (statement, given) in NEWS.items():
            compiled = _Compiled(statement._statement, tx.dialect, tuple(given))
            rows = tx.connection.execute(f"EXPLAIN {compiled.text}", compiled.arguments(given))
            told[name] = "\n".join(str(row[0]) for row in rows)
    for table in ("assets", "datasets", "subscriptions"):
        assert {name: plan for name, plan in told.items() if f"Seq Scan on {table}" in plan} == {}


def test_the_statements_are_those_of_the_code() -> None:
    """The condition that the partial index needs stands in the statement itself, not in its parameters."""
    assert "'pending'" in str(outbox._PENDING)
