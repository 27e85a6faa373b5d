"""Checks: the events of a dataset are numbered without a gap, say what became of it, and end at its head."""

from __future__ import annotations

from .check import Check, asks

_NUMBERS = """
SELECT d.name, d.last_number, count(e.number) AS many, coalesce(max(e.number), 0) AS newest
FROM datasets d LEFT JOIN events e ON e.dataset_id = d.id
GROUP BY d.id, d.name, d.last_number
HAVING count(e.number) <> d.last_number OR coalesce(max(e.number), 0) <> d.last_number
    OR count(DISTINCT e.number) <> count(e.number) OR coalesce(min(e.number), 1) < 1
"""
_KINDS = """
SELECT d.name, told.number, told.partition, told.kind, told.version_id, told.before FROM (
    SELECT dataset_id, number, partition, kind, version_id, again_of,
        lag(version_id) OVER (PARTITION BY dataset_id, partition ORDER BY number) AS before
    FROM events
) told JOIN datasets d ON d.id = told.dataset_id
WHERE told.kind NOT IN ('changed', 'confirmed', 'removed')
    OR (told.kind = 'removed' AND (told.version_id IS NOT NULL OR told.before IS NULL))
    OR (told.kind <> 'removed' AND told.version_id IS NULL)
    OR (told.kind = 'confirmed' AND coalesce(told.before, -1) <> told.version_id)
    OR (told.kind = 'changed' AND told.before = told.version_id AND told.again_of IS NULL)
"""
_VERSIONS = """
SELECT d.name, e.number, e.partition, e.version_id, o.name AS owner, v.partition AS key
FROM events e JOIN versions v ON v.id = e.version_id
JOIN datasets d ON d.id = e.dataset_id JOIN datasets o ON o.id = v.dataset_id
WHERE v.dataset_id <> e.dataset_id OR v.partition <> e.partition
"""
_HEADS = """
SELECT d.name, d.head_version_id, e.version_id, e.number
FROM datasets d LEFT JOIN events e ON e.id = (
    SELECT x.id FROM events x WHERE x.dataset_id = d.id AND x.partition = '' ORDER BY x.number DESC LIMIT 1
)
WHERE coalesce(d.head_version_id, -1) <> coalesce(e.version_id, -1)
"""
_SHOWN = """
SELECT d.name, d.shown_version_id, o.name AS owner FROM datasets d
JOIN versions v ON v.id = d.shown_version_id JOIN datasets o ON o.id = v.dataset_id
WHERE v.dataset_id <> d.id
"""
_OBSERVED = """
SELECT d.name, b.partition, b.version_id, o.name AS owner, v.partition AS key
FROM observations b JOIN versions v ON v.id = b.version_id
JOIN datasets d ON d.id = b.dataset_id JOIN datasets o ON o.id = v.dataset_id
WHERE v.dataset_id <> b.dataset_id OR v.partition <> b.partition
"""
_ONE_OF_A_RUN = """
SELECT e.run_id, d.name, e.partition, count(*) AS many FROM events e JOIN datasets d ON d.id = e.dataset_id
WHERE e.run_id IS NOT NULL GROUP BY e.run_id, d.name, e.dataset_id, e.partition HAVING count(*) > 1
"""
_RUNS = """
SELECT e.run_id, d.name, e.number, e.kind, e.partition, r.state, r.partition AS key
FROM events e JOIN runs r ON r.id = e.run_id JOIN datasets d ON d.id = e.dataset_id
WHERE r.state NOT IN ('success', 'skipped') OR (r.state = 'skipped' AND e.kind <> 'confirmed')
    OR r.partition <> e.partition
"""
_PLANNED = "SELECT name, planned_number, last_number FROM datasets WHERE planned_number > last_number"

CHECKS = (
    Check(
        name="event-numbers",
        rule="The events of a dataset are numbered from 1 on without a gap, up to its newest.",
        find=asks(
            _NUMBERS,
            rows="dataset {name}",
            found="{many} events, the newest has number {newest}, the dataset says {last_number}",
            expected="as many events as the number of the newest",
        ),
    ),
    Check(
        name="event-kinds",
        rule="An event is `confirmed` where the version is that of the event before, and else `changed`; one without a "
        "version is `removed`.",
        find=asks(
            _KINDS,
            rows="event {number} of dataset {name} {partition}",
            found="{kind}, of version {version_id}, after version {before}",
            expected="confirmed for the same version, changed for another one, removed for none after one",
        ),
    ),
    Check(
        name="event-versions",
        rule="An event is of a version of its own dataset and partition.",
        find=asks(
            _VERSIONS,
            rows="event {number} of dataset {name} {partition}",
            found="version {version_id} of {owner} {key}",
            expected="a version of {name} {partition}",
        ),
    ),
    Check(
        name="event-runs",
        rule="What a run publishes is of its own partition, and it succeeded or was found unchanged.",
        find=asks(
            _RUNS,
            rows="event {number} of dataset {name} {partition}",
            found="{kind} by run {run_id}, which is {state} and of partition {key!r}",
            expected="a run of this partition that is success, or skipped where the event is confirmed",
        ),
    ),
    Check(
        name="published-once",
        rule="A run publishes each of its outputs once.",
        find=asks(
            _ONE_OF_A_RUN,
            rows="run {run_id}",
            found="{many} events of dataset {name} {partition}",
            expected="one",
        ),
    ),
    Check(
        name="heads",
        rule="The head of a dataset is the version of its newest event.",
        find=asks(
            _HEADS,
            rows="dataset {name}",
            found="its head is version {head_version_id}",
            expected="version {version_id}, of its event {number}",
        ),
    ),
    Check(
        name="shown",
        rule="What a URI was made equal to is a version of its dataset.",
        find=asks(
            _SHOWN,
            rows="dataset {name}",
            found="it shows version {shown_version_id}, of {owner}",
            expected="a version of its own",
        ),
    ),
    Check(
        name="observations",
        rule="What was observed of a dataset stands for a version of it.",
        find=asks(
            _OBSERVED,
            rows="the last look at {name} {partition}",
            found="version {version_id} of {owner} {key}",
            expected="a version of {name} {partition}",
        ),
    ),
    Check(
        name="planned-numbers",
        rule="Planners have looked at no event that is not there.",
        find=asks(
            _PLANNED,
            rows="dataset {name}",
            found="looked at up to event {planned_number} of {last_number}",
            expected="{last_number} at most: what comes next would be news to nobody",
        ),
    ),
)
