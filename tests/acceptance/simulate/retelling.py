"""What a store holds after a script, read from its tables alone, in the form in which `simulate` tells it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from penstock.assets.plan.planner import plan
from penstock.assets.plan.reasons import Reason
from penstock.assets.plan.simulate.story import Confirmed, MissedDeadline, SimulatedEvent, SimulatedRun, Story
from penstock.storage.meta.past.eventlog import recent_events
from penstock.storage.types import EventKind, ReasonKind, RunState
from tests.acceptance.simulate.stage import Stage

_RUNS = """SELECT r.id, a.name, r.created_at, r.reason, r.state, r.ended_at FROM runs r
    JOIN assets a ON a.id = r.asset_id WHERE a.project = :p ORDER BY r.created_at, r.id"""
_LINKS = """SELECT c.id, c.run_id, a.name, c.outcome, c.at, d.uri, e.number FROM consumptions c
    JOIN assets a ON a.id = c.asset_id JOIN events e ON e.id = c.event_id JOIN datasets d ON d.id = e.dataset_id
    WHERE a.project = :p ORDER BY c.id"""
_TICKS = """SELECT t.run_id, t.timetable, t.tick FROM ticks t JOIN assets a ON a.id = t.asset_id
    WHERE a.project = :p AND t.run_id IS NOT NULL ORDER BY t.timetable"""
_NOTED = """SELECT t.asset_id, t.timetable, t.tick, t.reason FROM ticks t JOIN assets a ON a.id = t.asset_id
    WHERE a.project = :p AND t.reason IS NOT NULL"""
_PINS = """SELECT p.run_id, p.parameter, d.uri, e.number FROM pins p JOIN events e ON e.id = p.event_id
    JOIN datasets d ON d.id = e.dataset_id WHERE d.project = :p ORDER BY p.parameter"""
_EVENTS = """SELECT e.id, d.uri, e.number, e.kind, e.at, coalesce(a.name, w.name, '') FROM events e
    JOIN datasets d ON d.id = e.dataset_id LEFT JOIN runs r ON r.id = e.run_id LEFT JOIN assets a ON a.id = r.asset_id
    LEFT JOIN assets w ON w.id = d.producer_id WHERE d.project = :p ORDER BY e.id"""
_BAD = (RunState.FAILED, RunState.CANCELED)


class Retelling:
    """Tells one chapter after the other: each begins where the one before ended."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seen: dict[str, set[Any]] = {"runs": set(), "links": set(), "events": set()}

    def story(self, like: Story) -> Story:
        """What has happened since the chapter before; the world, which is no part of equality, is that of `like`."""
        stage = self.stage
        links = list(self._new("links", self._rows(_LINKS)))
        return Story(
            runs=tuple(self._runs()),
            confirmations=tuple(_once(self._confirmed(links))),
            missed=tuple(self._missed()),
            events=tuple(
                SimulatedEvent(event=self._id(uri, number), kind=EventKind(kind), at=_time(at), by=by)
                for _, uri, number, kind, at, by in self._new("events", self._rows(_EVENTS))
            ),
            held=self._held(),
            unmatched=self._unmatched(),
            ended_at=stage.now,
            world=like.world,
        )

    def skip(self) -> None:
        """What has happened so far was told before."""
        for kind, query in (("runs", _RUNS), ("links", _LINKS), ("events", _EVENTS)):
            self._new(kind, self._rows(query))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.stage.rows(query, p=self.stage.store.project)

    def _new(self, kind: str, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The rows that came since the chapter before; their first column is their id."""
        found = [row for row in rows if row[0] not in self.seen[kind]]
        self.seen[kind].update(row[0] for row in found)
        return found

    def _runs(self) -> Iterator[SimulatedRun]:
        linked, ticks, pins = self._rows(_LINKS), self._rows(_TICKS), self._rows(_PINS)
        for run_id, name, at, reason, state, ended_at in self._new("runs", self._rows(_RUNS)):
            took = [(uri, number, outcome) for _, run, _, outcome, _, uri, number in linked if run == run_id]
            yield SimulatedRun(
                asset=name,
                at=_time(at),
                reason=Reason.from_plain(_plain(reason)),
                state=RunState(state if state != "running" else RunState.RUNNING),
                consumed=self._ids((uri, number) for uri, number, _ in took),
                superseded=self._ids((uri, number) for uri, number, outcome in took if outcome == "superseded"),
                ticks={label: _time(tick) for run, label, tick in ticks if run == run_id},
                pins={parameter: self._id(uri, number) for run, parameter, uri, number in pins if run == run_id},
                ended_at=None if ended_at is None else _time(ended_at),
            )

    def _confirmed(self, links: list[tuple[Any, ...]]) -> Iterator[Confirmed]:
        for _, run, name, outcome, at, uri, number in links:  # under `each`, all but one are superseded by it
            if outcome == "confirmed" or (outcome == "superseded" and run is None):
                yield Confirmed(asset=name, at=_time(at), consumed=(self._id(uri, number),))

    def _missed(self) -> Iterator[MissedDeadline]:
        by_id = {row[0]: row for row in self._rows(_LINKS)}
        noted = {(asset, label, _time(tick)): _plain(reason) for asset, label, tick, reason in self._rows(_NOTED)}
        for one in self.stage.missed:
            dropped = self._ids((by_id[number][5], by_id[number][6]) for number in one.dropped)
            name, reason = self.stage.project.names[one.asset_id], noted[one.asset_id, one.label, one.tick]
            yield MissedDeadline(asset=name, tick=one.tick, reason=Reason.from_plain(reason), dropped=dropped)

    def _held(self) -> dict[str, Reason]:
        stage = self.stage
        at_work = {one.asset_id for one in stage.active.values()}
        names = [name for number, name in stage.project.names.items() if number not in at_work]
        state = stage.snapshot(names).state
        return {one.asset: one.reason for one in plan(stage.project.graph, state, stage.now).held}

    def _unmatched(self) -> tuple[str, ...]:
        with self.stage.store.read() as tx:
            found = recent_events(tx, self.stage.store.project, unmatched=True)
        return tuple(self._id(one.uri, one.number) for one in reversed(found))

    def _id(self, uri: str, number: int) -> str:
        return f"{self.stage.title(uri)}@{number}"

    def _ids(self, found: Iterable[tuple[str, int]]) -> tuple[str, ...]:
        ordered = sorted(found, key=lambda one: (self.stage.title(one[0]), one[1]))
        return tuple(self._id(*one) for one in ordered)


def parts(story: Story) -> list[Any]:
    """A story in parts that can be compared, without what a store keeps in other words, or not at all: pins of runs
    that were skipped when they were planned, which are those of the head; which of the events that a failed run gave
    back had been superseded; the words of a pause, which name the run. Confirmations of one asset at one moment are
    one. Of what was planned at one moment, what a person asked for and what news started are planned apart in a store:
    which came first says nothing."""
    runs = [
        replace(
            run,
            pins={} if run.reason.kind is ReasonKind.UNCHANGED else run.pins,
            superseded=() if run.state in _BAD else run.superseded,
        )
        for run in sorted(story.runs, key=lambda run: (run.at, run.asset))
    ]
    held = {name: replace(one, detail="") if one.kind is ReasonKind.PAUSED else one for name, one in story.held.items()}
    rest = list(story.missed), list(story.events), held, story.unmatched, story.ended_at
    return [runs, _once(story.confirmations), *rest]


def _once(confirmations: Iterable[Confirmed]) -> list[Confirmed]:
    """One for each asset and moment."""
    found: dict[tuple[str, datetime], tuple[str, ...]] = {}
    for one in confirmations:
        key = one.asset, one.at
        found[key] = (*found.get(key, ()), *one.consumed)
    return [Confirmed(asset=name, at=at, consumed=tuple(sorted(took))) for (name, at), took in found.items()]


def _time(value: datetime | str) -> datetime:
    """Aware; SQLite gives text in UTC."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _plain(value: Any) -> Any:
    """JSON as values; SQLite gives text."""
    return json.loads(value) if isinstance(value, str) else value
