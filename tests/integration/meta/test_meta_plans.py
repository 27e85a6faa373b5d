"""What is asked at every materialization is answered by an index: its cost follows the news, not the history."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.storage.meta import events, outbox, runs

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


def test_the_statements_are_those_of_the_code() -> None:
    """The conditions that the partial indexes need stand in the statements themselves, not in their parameters."""
    assert "ended_at IS NULL" in str(runs._ACTIVE)
    assert "'pending'" in str(outbox._PENDING)
    assert "current" in str(events._PENDING)
