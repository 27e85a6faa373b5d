"""Checks: states, attempts, pins, outputs and edges of runs agree; so do their assets."""

from __future__ import annotations

from ...types import FINAL_STATES, RunState
from .check import Check, asks


def _listed(states: frozenset[RunState] | type[RunState]) -> str:
    return ", ".join(f"'{state.value}'" for state in sorted(states))


_STATES = f"""
SELECT r.id, a.name, r.partition, r.state, r.ended_at, r.started_at, r.attempts
FROM runs r JOIN assets a ON a.id = r.asset_id
WHERE r.state NOT IN ({_listed(RunState)})
    OR (r.state IN ({_listed(FINAL_STATES)}) AND r.ended_at IS NULL)
    OR (r.state NOT IN ({_listed(FINAL_STATES)}) AND r.ended_at IS NOT NULL)
    OR (r.attempts = 0 AND r.started_at IS NOT NULL) OR (r.attempts > 0 AND r.started_at IS NULL)
    OR (r.state = 'running' AND (r.worker IS NULL OR r.attempts = 0))
"""  # noqa: S608  words of our own
_ATTEMPTS = """
SELECT r.id, a.name, r.partition, r.state, r.attempts, t.many, t.newest, t.unended, t.succeeded FROM (
    SELECT r.id, count(t.number) AS many, coalesce(max(t.number), 0) AS newest,
        sum(CASE WHEN t.number IS NOT NULL AND t.ended_at IS NULL THEN 1 ELSE 0 END) AS unended,
        sum(CASE WHEN t.outcome = 'success' THEN 1 ELSE 0 END) AS succeeded,
        sum(CASE WHEN t.ended_at IS NULL AND t.outcome IS NOT NULL THEN 1
                 WHEN t.ended_at IS NOT NULL AND t.outcome IS NULL THEN 1 ELSE 0 END) AS halves
    FROM runs r LEFT JOIN attempts t ON t.run_id = r.id GROUP BY r.id
) t JOIN runs r ON r.id = t.id JOIN assets a ON a.id = r.asset_id
WHERE t.many <> r.attempts OR t.newest <> r.attempts OR t.halves > 0
    OR t.unended <> CASE WHEN r.state = 'running' THEN 1 ELSE 0 END
    OR (r.state = 'success' AND t.succeeded <> 1)
    OR (r.state IN ('running', 'up_for_retry', 'failed', 'canceled') AND t.succeeded > 0)
"""
_OUTPUTS = """
SELECT r.id, a.name, r.partition FROM runs r JOIN assets a ON a.id = r.asset_id
WHERE r.state = 'success' AND NOT EXISTS (SELECT 1 FROM events e WHERE e.run_id = r.id)
"""
_EDGES = """
SELECT r.id, a.name, r.partition, e.version_id AS output, p.version_id AS input
FROM runs r JOIN assets a ON a.id = r.asset_id
JOIN pins p ON p.run_id = r.id JOIN events e ON e.run_id = r.id
LEFT JOIN edges g
    ON g.run_id = r.id AND g.output_version_id = e.version_id AND g.input_version_id = p.version_id
WHERE r.state = 'success' AND g.run_id IS NULL
"""
_STRAY_EDGES = """
SELECT g.run_id, g.output_version_id AS output, g.input_version_id AS input FROM edges g
WHERE NOT EXISTS (
    SELECT 1 FROM events e WHERE e.run_id = g.run_id AND e.version_id = g.output_version_id
) OR NOT EXISTS (
    SELECT 1 FROM pins p WHERE p.version_id = g.input_version_id AND p.run_id = g.run_id
)
"""
_PINS = """
SELECT p.run_id, p.parameter, p.partition, d.name, p.version_id, p.event_id, e.version_id AS told,
    o.name AS owner, v.partition AS key
FROM pins p JOIN versions v ON v.id = p.version_id JOIN events e ON e.id = p.event_id
JOIN datasets d ON d.id = p.dataset_id JOIN datasets o ON o.id = v.dataset_id
WHERE v.dataset_id <> p.dataset_id OR v.partition <> p.partition OR e.dataset_id <> p.dataset_id
    OR coalesce(e.version_id, -1) <> p.version_id
"""
_HEAD_RUNS = """
SELECT a.name, a.head_run_id, a.succeeded_at, r.state, r.ended_at, o.name AS owner
FROM assets a LEFT JOIN runs r ON r.id = a.head_run_id LEFT JOIN assets o ON o.id = r.asset_id
WHERE (a.head_run_id IS NOT NULL AND (
        r.asset_id <> a.id OR r.state <> 'success' OR a.succeeded_at IS NULL OR a.succeeded_at <> r.ended_at))
    OR (a.head_run_id IS NULL AND (a.succeeded_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM runs s WHERE s.asset_id = a.id AND s.state = 'success')))
"""
_FAILURES = """
SELECT a.name, a.failures, (SELECT count(*) FROM runs r WHERE r.asset_id = a.id AND r.state = 'failed') AS failed
FROM assets a WHERE a.failures < 0 OR (a.failures > 0 AND a.failures > (
    SELECT count(*) FROM runs r WHERE r.asset_id = a.id AND r.state = 'failed'
))
"""
_PAUSES = """
SELECT a.name, count(*) AS many FROM pauses p JOIN assets a ON a.id = p.asset_id
WHERE p.until IS NULL GROUP BY p.asset_id, a.name HAVING count(*) > 1
"""
_PAUSED_BY = """
SELECT p.id, a.name, p.run_id, o.name AS owner, r.state FROM pauses p JOIN runs r ON r.id = p.run_id
JOIN assets a ON a.id = p.asset_id JOIN assets o ON o.id = r.asset_id
WHERE r.asset_id <> p.asset_id OR r.state NOT IN ('failed', 'canceled')
"""
_MATERIALIZATIONS = """
SELECT id, state, ended_at FROM materializations
WHERE state NOT IN ('running', 'success', 'failed', 'canceled')
    OR (state = 'running' AND ended_at IS NOT NULL) OR (state <> 'running' AND ended_at IS NULL)
"""
_BACKFILLS = """
SELECT b.id, b.state, b.ended_at, b.total, b.looked, b.spared, b.held FROM backfills b
WHERE b.state NOT IN ('running', 'paused', 'success', 'failed', 'canceled')
    OR (b.state IN ('running', 'paused') AND b.ended_at IS NOT NULL)
    OR (b.state NOT IN ('running', 'paused') AND b.ended_at IS NULL)
    OR b.looked < 0 OR b.spared < 0 OR b.held < 0 OR b.looked > b.total OR b.spared > b.looked
    OR (b.state = 'success' AND b.held > 0)
"""
_BACKFILL_RUNS = """
SELECT r.id, a.name, r.partition, r.state, b.id AS backfill, b.state AS ended
FROM runs r JOIN backfills b ON b.id = r.backfill_id JOIN assets a ON a.id = r.asset_id
WHERE b.state IN ('success', 'failed') AND r.ended_at IS NULL
"""

CHECKS = (
    Check(
        name="run-states",
        rule="A run that is final has ended, one that was tried has started, and one that runs has a worker.",
        find=asks(
            _STATES,
            rows="run {id} of {name} {partition}",
            found="{state} after {attempts} attempts, started {started_at}, ended {ended_at}",
            expected="an end for a final state and for no other, a start for what was tried and for nothing else",
        ),
    ),
    Check(
        name="attempts",
        rule="A run has as many attempts as it says; one is open while it runs, and one succeeded where it did.",
        find=asks(
            _ATTEMPTS,
            rows="run {id} of {name} {partition}",
            found="{state}, it says {attempts} attempts; there are {many} up to number {newest}, {unended} open, "
            "{succeeded} with success",
            expected="attempts 1 to {attempts}, one open if it is running and else none, one with success if it is "
            "success and else none",
        ),
    ),
    Check(
        name="outputs",
        rule="A run that succeeded has published something.",
        find=asks(
            _OUTPUTS, rows="run {id} of {name} {partition}", found="success, and no event of it", expected="an event"
        ),
    ),
    Check(
        name="edges",
        rule="Each version that a run published came from each version that it had pinned.",
        find=asks(
            _EDGES,
            rows="run {id} of {name} {partition}",
            found="no edge from version {input} to version {output}",
            expected="an edge from each of its pins to each of its outputs",
        ),
    ),
    Check(
        name="stray-edges",
        rule="An edge leads from a pin of its run to an output of it.",
        find=asks(
            _STRAY_EDGES,
            rows="the edge of run {run_id} from version {input} to version {output}",
            found="the run has not both pinned the one and published the other",
            expected="a pin and an event of the run",
        ),
    ),
    Check(
        name="pins",
        rule="A pin is a version of its dataset and partition, with an event that published it.",
        find=asks(
            _PINS,
            rows="pin {parameter} of run {run_id}",
            found="version {version_id} of {owner} {key}, by event {event_id}, which is of version {told}",
            expected="a version of {name} {partition}, and an event of it",
        ),
    ),
    Check(
        name="head-runs",
        rule="An asset that succeeded says by which run, and when that ended.",
        find=asks(
            _HEAD_RUNS,
            rows="asset {name}",
            found="run {head_run_id} of {owner}, {state}, ended {ended_at}; it says it succeeded at {succeeded_at}",
            expected="a run of it that is success, and the time of its end; none where none ever was",
        ),
    ),
    Check(
        name="failures",
        rule="No more runs failed in a row than failed.",
        find=asks(
            _FAILURES, rows="asset {name}", found="{failures} in a row, of {failed} that failed", expected="not more"
        ),
    ),
    Check(
        name="one-pause",
        rule="At most one pause of an asset lasts.",
        find=asks(_PAUSES, rows="asset {name}", found="{many} pauses that last", expected="one at most"),
    ),
    Check(
        name="pauses",
        rule="The run that stopped an asset is one of it that did not succeed.",
        find=asks(
            _PAUSED_BY,
            rows="pause {id} of {name}",
            found="run {run_id} of {owner}, {state}",
            expected="a run of {name} that is failed or canceled",
        ),
    ),
    Check(
        name="materializations",
        rule="A materialization that does not run has ended.",
        find=asks(
            _MATERIALIZATIONS,
            rows="materialization {id}",
            found="{state}, ended {ended_at}",
            expected="an end, unless it is running",
        ),
    ),
    Check(
        name="backfills",
        rule="A backfill has an end where it is final, and has looked at no more partitions than it is of.",
        find=asks(
            _BACKFILLS,
            rows="backfill {id}",
            found="{state}, ended {ended_at}; of {total} partitions {looked} looked at, {spared} spared, {held} held",
            expected="an end for a final state and for no other, spared <= looked <= total, and none held for success",
        ),
    ),
    Check(
        name="backfill-runs",
        rule="A backfill whose partitions were all seen to has no run left.",
        find=asks(
            _BACKFILL_RUNS,
            rows="run {id} of {name} {partition}",
            found="{state}, and its backfill {backfill} is {ended}",
            expected="that the run has ended too",
        ),
    ),
)
