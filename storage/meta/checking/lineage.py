"""Checks: lineage tells of each run in order, once, and goes wherever it is to go."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import orjson
from sqlalchemy import JSON, select, type_coerce

from ...types import RunState
from ..catalogue import assets
from ..database.engine import Transaction
from ..outbox import lineage_events
from ..runs import runs
from .check import Check, Found, asks

_ENDS = {RunState.SUCCESS: "COMPLETE", RunState.FAILED: "FAIL", RunState.CANCELED: "ABORT"}
_TOLD = (
    select(lineage_events.c.run_id, lineage_events.c.id, lineage_events.c.body)
    .order_by(lineage_events.c.run_id, lineage_events.c.id)
    .execution_options(yield_per=500)
)
_RUNS = (
    select(
        runs.c.id,
        runs.c.state,
        runs.c.attempts,
        assets.c.name,
        runs.c.partition,
        type_coerce(runs.c.error, JSON).label("error"),
    )
    .join(assets, assets.c.id == runs.c.asset_id)
    .order_by(runs.c.id)
    .execution_options(yield_per=500)
)


def _told(tx: Transaction) -> Iterator[tuple[str, list[str]]]:
    """Run id → the types of the events that are about the run itself, in order; those of its attempts are left out."""
    for run_id, rows in groupby(tx.execute(_TOLD), key=itemgetter(0)):
        events = (orjson.loads(body) for _, _, body in rows)
        yield run_id, [one["eventType"] for one in events if one["run"]["runId"] == run_id]


def _stories(tx: Transaction) -> Iterator[Found]:
    """Runs and what is told of them, side by side: both are read in the order of the ids."""
    told, nothing = _told(tx), ("", list[str]())
    next_run, events = next(told, nothing)
    for run_id, state, attempts, name, partition, error in tx.execute(_RUNS):
        while next_run and next_run < run_id:
            next_run, events = next(told, nothing)
        mine = events if next_run == run_id else []
        expected = _expected(RunState(state), attempts, error)
        if tuple(mine) not in expected:
            some = " or ".join(", ".join(one) or "nothing" for one in expected)
            yield Found(
                f"run {run_id} of {name} {partition}".rstrip(),
                f"{state} after {attempts} attempts, and lineage tells {', '.join(mine) or 'nothing'}",
                some,
            )


def _expected(state: RunState, attempts: int, error: Any) -> list[tuple[str, ...]]:
    """What may be told of a run. Of one whose asset was declared no more when it was given up nobody knew the end."""
    if not attempts:
        return [()]
    if state not in _ENDS:
        ends = [("START", "COMPLETE"), ("START", "ABORT")] if state is RunState.SKIPPED else []
        return [("START",), *ends]
    end = ("START", _ENDS[state])
    kind = cast("dict[str, Any]", error).get("kind") if isinstance(error, dict) else None
    return [end, ("START",)] if kind == "lost" else [end]


_OUTBOX = """
SELECT o.event_id, o.destination, o.run_id, o.state, o.delivered_at, l.run_id AS told
FROM outbox o JOIN lineage_events l ON l.id = o.event_id
WHERE o.run_id <> l.run_id OR o.state NOT IN ('pending', 'delivered', 'dead')
    OR (o.state = 'delivered' AND o.delivered_at IS NULL) OR (o.state = 'pending' AND o.delivered_at IS NOT NULL)
"""
_ADDRESSED = """
SELECT o.run_id, o.destination, l.id, o.event_id AS earlier
FROM outbox o JOIN lineage_events l ON l.run_id = o.run_id AND l.id > o.event_id
WHERE NOT EXISTS (SELECT 1 FROM outbox x WHERE x.event_id = l.id AND x.destination = o.destination)
"""
_ORDER = """
SELECT o.run_id, o.destination, o.event_id, e.event_id AS earlier
FROM outbox o JOIN outbox e
    ON e.destination = o.destination AND e.run_id = o.run_id AND e.state = 'pending' AND e.event_id < o.event_id
WHERE o.state = 'delivered' AND e.attempts = 0 AND e.error IS NULL
"""

CHECKS = (
    Check(
        name="lineage",
        rule="Of each run that started lineage tells START once, and once COMPLETE, FAIL or ABORT when it has ended, "
        "in this order; of others nothing.",
        find=_stories,
    ),
    Check(
        name="outbox",
        rule="What was delivered says when.",
        find=asks(
            _OUTBOX,
            rows="lineage event {event_id} to {destination}",
            found="of run {run_id}, {state}, delivered {delivered_at}; the event is of run {told}",
            expected="the run of the event, and a time where it is delivered",
        ),
    ),
    Check(
        name="addressed",
        rule="Where the first event of a run goes, the others go.",
        find=asks(
            _ADDRESSED,
            rows="lineage event {id} of run {run_id}",
            found="not addressed to {destination}, where event {earlier} of the run went",
            expected="a row of the outbox; the setting `lineage` may have been changed between them",
        ),
        advice="If the setting `lineage` was not changed while the run was at work, report this.",
    ),
    Check(
        name="delivery-order",
        rule="The events of a run are delivered in order.",
        find=asks(
            _ORDER,
            rows="lineage event {event_id} of run {run_id}",
            found="delivered to {destination} while event {earlier} of the run waits",
            expected="that event {earlier} is delivered first",
        ),
    ),
)
