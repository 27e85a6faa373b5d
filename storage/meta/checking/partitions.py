"""Checks: heads, ranges and counts of partitions agree with what was published, and what is to be looked at is on the
agenda. What a place is, is not known here."""

from __future__ import annotations

from .check import Check, asks

_HEADS = """
SELECT d.name, e.partition, e.number, e.kind, e.version_id, h.number AS head, h.version_id AS held FROM (
    SELECT dataset_id, partition, max(number) AS number FROM events WHERE partition <> ''
    GROUP BY dataset_id, partition
) newest
JOIN events e ON e.dataset_id = newest.dataset_id AND e.number = newest.number
JOIN datasets d ON d.id = e.dataset_id
LEFT JOIN partition_heads h ON h.dataset_id = e.dataset_id AND h.partition = e.partition
WHERE (e.kind = 'removed' AND h.number IS NOT NULL) OR (e.kind <> 'removed' AND (
    h.number IS NULL OR h.number <> e.number OR h.event_id <> e.id OR h.version_id <> coalesce(e.version_id, -1)))
"""
_STRAY_HEADS = """
SELECT d.name, h.partition, h.event_id, e.partition AS key, o.name AS owner
FROM partition_heads h JOIN events e ON e.id = h.event_id
JOIN datasets d ON d.id = h.dataset_id JOIN datasets o ON o.id = e.dataset_id
WHERE e.dataset_id <> h.dataset_id OR e.partition <> h.partition
"""
_HEAD_RUNS = """
SELECT d.name, h.partition, h.run_id, r.state, r.partition AS key, h.shown_version_id, h.version_id
FROM partition_heads h JOIN datasets d ON d.id = h.dataset_id LEFT JOIN runs r ON r.id = h.run_id
WHERE (r.id IS NOT NULL AND (r.state <> 'success' OR r.partition <> h.partition))
    OR (h.shown_version_id IS NOT NULL AND h.shown_version_id <> h.version_id)
"""
_COUNTS = """
SELECT d.name, d.partitions_made, d.partitions_left, coalesce(r.kept, 0) AS ranged,
    coalesce(h.made, 0) AS made, coalesce(h.astray, 0) AS astray
FROM datasets d
LEFT JOIN (SELECT dataset_id, sum(keys) AS kept FROM partition_ranges GROUP BY dataset_id) r
    ON r.dataset_id = d.id
LEFT JOIN (
    SELECT dataset_id, sum(CASE WHEN made_start IS NULL THEN 1 ELSE 0 END) AS made,
        sum(CASE WHEN made_start IS NULL THEN 0 ELSE 1 END) AS astray
    FROM partition_heads GROUP BY dataset_id
) h ON h.dataset_id = d.id
WHERE d.partitions_made <> coalesce(r.kept, 0) OR d.partitions_made <> coalesce(h.made, 0)
    OR d.partitions_left <> coalesce(h.astray, 0)
"""
_RANGES = """
SELECT d.name, r.line, r.start, r.finish, r.keys, r.before FROM (
    SELECT dataset_id, line, start, "end" AS finish, keys,
        lag("end") OVER (PARTITION BY dataset_id, line ORDER BY start) AS before
    FROM partition_ranges
) r JOIN datasets d ON d.id = r.dataset_id
WHERE r.start >= r.finish OR r.keys < 1 OR r.before >= r.start
"""
_AGENDA = """
SELECT a.name, p.line, p.start, p."end" AS finish, p.at, g.at AS looked
FROM partition_agenda p JOIN assets a ON a.id = p.asset_id LEFT JOIN agenda g ON g.asset_id = p.asset_id
WHERE p.at IS NOT NULL AND a.removed_at IS NULL AND (g.at IS NULL OR g.at > p.at)
    AND NOT EXISTS (SELECT 1 FROM pauses w WHERE w.asset_id = p.asset_id AND w.until IS NULL)
    AND NOT EXISTS (
        SELECT 1 FROM subscriptions s JOIN datasets d ON d.id = s.dataset_id
        WHERE s.asset_id = p.asset_id AND s.ended_at IS NULL AND d.last_number > d.planned_number
    )
"""
_NEWS = """
SELECT a.name, d.name AS dataset, n.number, d.last_number
FROM partition_news n JOIN assets a ON a.id = n.asset_id JOIN datasets d ON d.id = n.dataset_id
JOIN subscriptions s ON s.asset_id = n.asset_id AND s.dataset_id = n.dataset_id AND s.partition = ''
LEFT JOIN agenda g ON g.asset_id = n.asset_id
WHERE a.removed_at IS NULL AND s.ended_at IS NULL AND (n.number > d.last_number OR (
    n.number < d.last_number AND d.last_number <= d.planned_number AND g.at IS NULL))
"""
_HELD = """
SELECT a.name, h.line, h.start, h.finish, h.before FROM (
    SELECT asset_id, line, start, "end" AS finish,
        lag("end") OVER (PARTITION BY asset_id, line ORDER BY start) AS before
    FROM partition_holds
) h JOIN assets a ON a.id = h.asset_id
WHERE h.start >= h.finish OR h.before > h.start
"""
LOOK_AGAIN = (
    "`penstock materialize` of the asset makes what is missing. Keep a copy of the database and report this: news was "
    "lost."
)

CHECKS = (
    Check(
        name="partition-heads",
        rule="The head of a partition is the version of its newest event; one that is removed has none.",
        find=asks(
            _HEADS,
            rows="dataset {name} {partition}",
            found="its head is version {held}, of event {head}",
            expected="that of its newest event {number}: {kind}, version {version_id}",
        ),
    ),
    Check(
        name="partition-head-events",
        rule="The head of a partition was published by an event of that partition.",
        find=asks(
            _STRAY_HEADS,
            rows="the head of dataset {name} {partition}",
            found="event {event_id}, of {owner} {key}",
            expected="an event of {name} {partition}",
        ),
    ),
    Check(
        name="partition-head-runs",
        rule="The run that made a partition is one of it that succeeded; what its URI shows is its head, or unknown.",
        find=asks(
            _HEAD_RUNS,
            rows="dataset {name} {partition}",
            found="made by run {run_id}, which is {state} and of partition {key!r}; version {version_id}, it shows "
            "{shown_version_id}",
            expected="a run of {partition!r} that is success, and that it shows {version_id} or none",
        ),
    ),
    Check(
        name="partition-counts",
        rule="As many partitions count as made as there are heads, and as many as the ranges hold.",
        find=asks(
            _COUNTS,
            rows="dataset {name}",
            found="it counts {partitions_made} made and {partitions_left} left; its ranges hold {ranged}, its heads "
            "are {made} and {astray}",
            expected="one number for what is made, and one for what an earlier definition left",
        ),
    ),
    Check(
        name="partition-ranges",
        rule="The ranges of a line neither meet nor touch, and none is empty.",
        find=asks(
            _RANGES,
            rows="the range of dataset {name} on line {line!r} from {start} to {finish}",
            found="{keys} partitions; the one before it ends at {before}",
            expected="an end behind its beginning, a partition at least, and that the one before ends earlier",
        ),
    ),
    Check(
        name="partition-agenda",
        rule="When a partition is to be looked at, so is its asset.",
        find=asks(
            _AGENDA,
            rows="asset {name}, partitions of {line!r} from {start} to {finish}",
            found="to be looked at at {at}, and the asset at {looked}",
            expected="that the asset is looked at by then",
        ),
        advice=LOOK_AGAIN,
    ),
    Check(
        name="partition-news",
        rule="An asset with partitions has heard of each event, or is on the agenda.",
        find=asks(
            _NEWS,
            rows="asset {name} and dataset {dataset}",
            found="heard up to event {number} of {last_number}, and not on the agenda",
            expected="that it has heard of all of them, and of none that is not there",
        ),
        advice=LOOK_AGAIN,
    ),
    Check(
        name="partition-holds",
        rule="The ranges of partitions that are held do not meet.",
        find=asks(
            _HELD,
            rows="asset {name}, partitions held on line {line!r} from {start} to {finish}",
            found="the range before it ends at {before}",
            expected="an end behind its beginning, and that the one before ends where it begins or earlier",
        ),
    ),
)
