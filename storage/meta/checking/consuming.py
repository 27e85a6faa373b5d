"""Checks: each consumer takes an event once, gives it back with the run that took it, and loses none."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from ...types import EventKind
from ..catalogue import assets, datasets, subscriptions
from ..database.engine import Transaction
from ..events import PENDING, events
from .check import Check, Found, asked, asks

_TWICE = """
SELECT a.name, c.partition, c.event_id, count(*) AS many FROM consumptions c JOIN assets a ON a.id = c.asset_id
WHERE c.current = {yes} GROUP BY a.name, c.asset_id, c.partition, c.event_id HAVING count(*) > 1
"""
_OF_OTHERS = """
SELECT a.name, c.partition, c.event_id, c.run_id, o.name AS owner, r.partition AS key
FROM consumptions c JOIN runs r ON r.id = c.run_id
JOIN assets a ON a.id = c.asset_id JOIN assets o ON o.id = r.asset_id
WHERE r.asset_id <> c.asset_id OR r.partition <> c.partition
"""
_OUTCOMES = """
SELECT c.id, a.name, c.partition, c.event_id, c.outcome, c.run_id,
    CASE WHEN c.current = {yes} THEN 'current' ELSE 'history' END AS standing
FROM consumptions c JOIN assets a ON a.id = c.asset_id
WHERE (c.current = {yes} AND c.outcome IN ('returned', 'released'))
    OR (c.current = {yes} AND c.outcome = 'run' AND c.run_id IS NULL)
    OR c.outcome NOT IN
        ('run', 'confirmed', 'returned', 'released', 'superseded', 'dropped', 'closed', 'suppressed')
"""
_LOST = """
SELECT a.name, d.name AS dataset, e.number, e.kind, s.floor
FROM subscriptions s
JOIN events e ON e.dataset_id = s.dataset_id AND e.number > s.began AND e.number <= s.floor
JOIN assets a ON a.id = s.asset_id JOIN datasets d ON d.id = s.dataset_id
WHERE s.partition = '' AND s.began IS NOT NULL AND s.ended_at IS NULL AND e.kind <> 'removed'
    AND NOT EXISTS (
        SELECT 1 FROM consumptions c
        WHERE c.asset_id = s.asset_id AND c.partition = '' AND c.event_id = e.id AND c.current = {yes}
    )
"""
_FLOORS = """
SELECT a.name, d.name AS dataset, s.floor, s.completing, s.summed, d.last_number
FROM subscriptions s JOIN assets a ON a.id = s.asset_id JOIN datasets d ON d.id = s.dataset_id
WHERE s.floor > d.last_number OR s.completing > d.last_number OR s.summed > d.last_number
    OR s.floor < 0 OR s.summed < s.floor OR (s.tally IS NULL AND s.summed <> s.floor)
"""
_TICKS = """
SELECT a.name, t.partition, t.timetable, t.tick, t.run_id, t.noted_at, o.name AS owner, r.partition AS key
FROM ticks t JOIN assets a ON a.id = t.asset_id
LEFT JOIN runs r ON r.id = t.run_id LEFT JOIN assets o ON o.id = r.asset_id
WHERE r.asset_id <> t.asset_id OR r.partition <> t.partition OR t.noted_at < t.tick
"""
_INTERVALS = """
SELECT r.id, a.name, r.nominal_start, r.nominal_end FROM runs r JOIN assets a ON a.id = r.asset_id
WHERE r.partition = '' AND r.nominal_end < r.nominal_start AND (
    SELECT count(DISTINCT t.timetable) FROM ticks t WHERE t.asset_id = r.asset_id AND t.partition = ''
) = 1
"""


_TALLIED = select(
    subscriptions.c.asset_id,
    subscriptions.c.dataset_id,
    assets.c.name,
    datasets.c.name.label("dataset"),
    subscriptions.c.summed,
    subscriptions.c.tally,
).where(
    subscriptions.c.tally.is_not(None),
    assets.c.id == subscriptions.c.asset_id,
    datasets.c.id == subscriptions.c.dataset_id,
)


def _tallies(tx: Transaction) -> Iterator[Found]:
    """Counted anew, event by event: costs what is in tallies."""
    for asset_id, dataset_id, name, dataset, summed, tally in tx.execute(_TALLIED).all():
        counted = tx.execute(
            select(events.c.kind, func.count(), func.max(events.c.number))
            .select_from(subscriptions)
            .join(events, PENDING)
            .where(
                subscriptions.c.asset_id == asset_id,
                subscriptions.c.dataset_id == dataset_id,
                events.c.number <= summed,
            )
            .group_by(events.c.kind)
        ).all()
        there = {kind: count for kind, count, _ in counted}
        now = {
            "count": sum(count for kind, count in there.items() if kind != EventKind.REMOVED),
            "changed": there.get(EventKind.CHANGED, 0),
            "removed": there.get(EventKind.REMOVED, 0),
            "newest": max((newest for *_, newest in counted), default=0),
        }
        said = {key: tally["whole"].get(key) for key in now}
        if said != now:
            yield Found(f"the tally of {name} and dataset {dataset} up to event {summed}", f"{said}", f"{now}")


def _ticks(tx: Transaction) -> Iterator[Found]:
    for row in asked(tx, _TICKS):
        yield Found(
            f"tick {row['tick']} of {row['timetable']} of {row['name']} {row['partition']}".rstrip(),
            f"taken by run {row['run_id']} of {row['owner']} {row['key']}".rstrip() + f", noted at {row['noted_at']}",
            "a run of this asset and partition, or none, noted when the tick was due or later",
        )


CHECKS = (
    Check(
        name="one-link",
        rule="A consumer has at most one current link to an event.",
        find=asks(
            _TWICE,
            rows="consumer {name} {partition}",
            found="{many} current links to event {event_id}",
            expected="one at most",
        ),
    ),
    Check(
        name="links-runs",
        rule="The run that took an event is one of the consumer.",
        find=asks(
            _OF_OTHERS,
            rows="the link of consumer {name} {partition} to event {event_id}",
            found="run {run_id}, of {owner} {key}",
            expected="a run of {name} {partition}",
        ),
    ),
    Check(
        name="link-outcomes",
        rule="What was given back is history, and what a run took says which run.",
        find=asks(
            _OUTCOMES,
            rows="link {id} of consumer {name} {partition} to event {event_id}",
            found="{standing}, {outcome}, by run {run_id}",
            expected="no current link that was returned or released, or that a run made and none is named",
        ),
    ),
    Check(
        name="settled-events",
        rule="What is settled for a consumer it has taken.",
        find=asks(
            _LOST,
            rows="event {number} of dataset {dataset} for consumer {name}",
            found="{kind}, settled (up to {floor}), and linked to nothing: it is lost",
            expected="a current link, or that it is pending",
        ),
        advice="`penstock materialize` of the asset makes it from what is newest. Keep a copy of the database and "
        "report this.",
    ),
    Check(
        name="floors",
        rule="What is settled, completing and summed up of a subscription lies among the events that there are.",
        find=asks(
            _FLOORS,
            rows="the subscription of {name} to dataset {dataset}",
            found="settled up to {floor}, summed to {summed}, completing up to {completing}; there are {last_number}",
            expected="0 <= settled <= summed <= {last_number}, completing <= {last_number}, and summed = settled "
            "without a tally",
        ),
    ),
    Check(name="tallies", rule="A tally says what is pending up to its number.", find=_tallies),
    Check(name="ticks", rule="A tick is taken by a run of its consumer, when it is due.", find=_ticks),
    Check(
        name="intervals",
        rule="Ticks are taken in their order.",
        find=asks(
            _INTERVALS,
            rows="run {id} of {name}",
            found="it covers {nominal_start} to {nominal_end}",
            expected="an end behind its beginning: a tick was taken after a later one",
        ),
    ),
)
