"""How one asset stood at an earlier time: its rows of then, in a store of their own that is asked like that of now.

    with as_of(store, question) as then: …        then.store answers as the store of the project would have

Rebuilt from what is kept with its time: events, links, runs, pauses. Never a guess: what is not kept is told in
`unknown`. Writes nothing to the store of the project. Costs the history of the asset and of its datasets: a person asks
for it, never a planner.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, event, func, insert, or_, select, text

from ...types import ConsumptionOutcome, EventKind, RunState
from ...uri import matches
from ..catalogue import aliases, assets, datasets, projects, subscriptions, timetables
from ..database.engine import Store, Transaction, sqlite_url
from ..events import ARRIVED, consumptions, events
from ..holds import holds
from ..models import metadata
from ..omissions import omissions
from ..partitions.heads import partition_heads
from ..partitions.holds import partition_holds
from ..partitions.ranges import partition_ranges
from ..pauses import Paused, pauses
from ..pauses import history as pauses_of
from ..runs import EXECUTED, runs
from ..ticks import ticks
from ..versions import chunks, pins, versions
from ..watching import watches
from .rewound import Link, floor_of, seed_of

_Row = dict[str, Any]
_ASKED = [
    *(projects, assets, datasets, subscriptions, timetables, runs, pauses, versions, events, consumptions, ticks, pins),
    watches,
    holds,
    omissions,
    *(partition_heads, partition_ranges, partition_holds),  # how they stood then is not looked up: these stay empty
    aliases,  # since when a dataset has them is not kept: generations are compared without
]
_UNDONE = (ConsumptionOutcome.RETURNED.value, ConsumptionOutcome.RELEASED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which asset, when, and what its definition of then says.

    Attributes
    ----------
    name: what it was called.
    concerns: ids of the datasets that it read, wrote, waited for or asked the age of.
    waits: of these, the ones that its condition named; patterns: those that it waited for.
    removals: whether it asked for the removals of a dataset, by URI.
    timetables: its timetables, each with the time at which it came into the definition; misses: whether one of them
        has no tick that nobody watched.
    ancestry: whether it asked from what the versions were made.
    """

    asset_id: int
    at: datetime
    name: str
    concerns: frozenset[int]
    waits: frozenset[int]
    patterns: tuple[str, ...]
    misses: bool
    removals: Callable[[str], bool]
    timetables: Mapping[str, datetime]
    ancestry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """A store in which the asset stands as it did; `unknown`: what cannot be known of it, in sentences."""

    store: Store
    unknown: tuple[str, ...]


@contextmanager
def as_of(store: Store, question: Question) -> Generator[Then]:
    """How the asset stood then; gone at the end of the block."""
    with TemporaryDirectory(prefix="penstock-") as folder:
        then = Store(sqlite_url(Path(folder) / "then.db"), project=store.project)
        event.listen(then.engine, "connect", _unrelated)
        try:
            with store.read() as tx, then.write() as into:
                metadata().create_all(into, tables=_ASKED)
                past = _Past(tx=tx, question=question)
                past.collect(store.project)
                past.write(into)
            yield Then(store=then, unknown=tuple(dict.fromkeys(past.unknown)))
        finally:
            then.close()


def _unrelated(connection: sqlite3.Connection, _record: object) -> None:
    """What a row points at need not be there: only what is asked for is. And nothing has to outlast a loss of power."""
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA synchronous=OFF")


@dataclass(kw_only=True)
class _Past:
    """The rows of then, as they are found: table → key → row."""

    tx: Transaction
    question: Question
    unknown: list[str] = field(default_factory=list[str])
    _rows: dict[Table, dict[tuple[Any, ...], _Row]] = field(default_factory=dict[Table, "dict[tuple[Any, ...], _Row]"])
    _last: dict[int, int] = field(default_factory=dict[int, int])

    def collect(self, project: str) -> None:
        """Everything that a planner, and whoever asks for its reasons, would have found."""
        number, at = self.question.asset_id, self.question.at
        self._keep(projects, self._found(select(projects).where(projects.c.name == project)))
        for dataset_id in sorted(self.question.concerns):
            self._keep_event(dataset_id, self._last_number(dataset_id))
        paused = pauses_of(self.tx, number)
        for row in self._found(select(pauses).where(pauses.c.asset_id == number, pauses.c.since <= at)):
            self._keep(pauses, [{**row, "until": _ended(row["until"], at)}])
        self._keep_asset(self._runs())
        stopped = {one.run_id: one for one in paused if one.run_id is not None}
        self._subscriptions(stopped)
        self._newest_run(stopped)
        self._timetables(any(one.until is not None and one.until <= at for one in paused))
        self._watch(project)
        self._keep(holds, self._found(select(holds).where(holds.c.asset_id == number, holds.c.since <= at)))
        if self.question.ancestry:
            self._ancestry()
        self._behind()

    def write(self, into: Transaction) -> None:
        """All of it, into a store that is empty."""
        for table, found in self._rows.items():
            if found:
                into.execute(insert(table), list(found.values()))

    def _found(self, query: Select[Any]) -> list[_Row]:
        return [dict(row) for row in self.tx.execute(query).mappings()]

    def _keep(self, table: Table, rows: Iterable[_Row]) -> None:
        names = [column.name for column in table.primary_key.columns]
        kept = self._rows.setdefault(table, {})
        for row in rows:
            kept.setdefault(tuple(row[name] for name in names), row)

    def _kept(self, table: Table) -> list[_Row]:
        return list(self._rows.get(table, {}).values())

    def _last_number(self, dataset_id: int) -> int:
        """The number of the newest event of then. Numbers are in the order of commits: before the first event that is
        of a later time everything had been recorded, and nothing behind it."""
        if dataset_id not in self._last:
            later = select(func.min(events.c.number)).where(
                events.c.dataset_id == dataset_id, self.question.at < ARRIVED
            )
            first = self.tx.execute(later).scalar()
            if first is None:
                newest = select(datasets.c.last_number).where(datasets.c.id == dataset_id)
                first = (self.tx.execute(newest).scalar() or 0) + 1
            self._last[dataset_id] = first - 1
        return self._last[dataset_id]

    def _keep_event(self, dataset_id: int, number: int) -> None:
        self._keep(
            events, self._found(select(events).where(events.c.dataset_id == dataset_id, events.c.number == number))
        )

    def _runs(self) -> _Row | None:
        """The runs that were active, the newest and the one that had made the heads, which is given."""
        number, at = self.question.asset_id, self.question.at
        ours = select(runs).where(runs.c.asset_id == number, runs.c.created_at <= at)
        made = ours.where(runs.c.state == RunState.SUCCESS.value, runs.c.ended_at <= at)
        newest = self._found(ours.order_by(runs.c.id.desc()).limit(1))
        head = self._found(made.order_by(runs.c.ended_at.desc(), runs.c.id.desc()).limit(1))
        tried = ours.where(text(f"({EXECUTED})")).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(1)
        begun = tried.where(or_(runs.c.state != RunState.CANCELED.value, runs.c.ended_at > at))
        active = ours.where(or_(runs.c.ended_at.is_(None), runs.c.ended_at > at))
        for row in (*newest, *head, *self._found(tried), *self._found(begun), *self._found(active)):
            over = row["ended_at"] is not None and row["ended_at"] <= at
            started = row["started_at"] is not None and row["started_at"] <= at
            then = RunState.RUNNING if started else RunState.SCHEDULED
            self._keep(runs, [row if over else {**row, "ended_at": None, "error": None, "state": then.value}])
            if over:
                self._keep(omissions, self._found(select(omissions).where(omissions.c.run_id == row["id"])))
        return next(iter(head), None)

    def _newest_run(self, stopped: Mapping[str, Paused]) -> None:
        """What the newest run of then read and took."""
        row = max(self._kept(runs), key=lambda row: row["id"], default=None)
        if row is None:
            return
        if row["ended_at"] is None:
            self.unknown.append(f"How far run {row['id']} had come is not recorded, only that it had not ended.")
        self._keep(pins, self._found(select(pins).where(pins.c.run_id == row["id"])))
        self._keep(ticks, self._found(select(ticks).where(ticks.c.run_id == row["id"])))
        links = {link.id: link.undone for link in self._links(stopped, consumptions.c.run_id == row["id"])}
        taken = self._found(select(consumptions).where(consumptions.c.run_id == row["id"]))
        self._keep(consumptions, [self._link(one, links[one["id"]], row["created_at"]) for one in taken])

    def _keep_asset(self, head: _Row | None) -> None:
        (row,) = self._found(select(assets).where(assets.c.id == self.question.asset_id))
        ended = None if head is None else head["ended_at"]
        made = {"head_run_id": None if head is None else head["id"], "succeeded_at": ended}
        self._keep(assets, [{**row, **made, "name": self.question.name, "removed_at": None, "failures": 0}])

    def _subscriptions(self, stopped: Mapping[str, Paused]) -> None:
        """What it waited for, with what was pending of it."""
        number, at = self.question.asset_id, self.question.at
        rows = self._found(select(subscriptions).where(subscriptions.c.asset_id == number))
        for row in rows:
            if row["since"] <= at:
                self._subscription(row, stopped)
        known = {row["dataset_id"]: row for row in self._kept(subscriptions)}
        later = [row["dataset_id"] for row in rows if row["since"] > at and self._last_number(row["dataset_id"])]
        found = {number for number in later if any(matches(one, self._uri(number)) for one in self.question.patterns)}
        for dataset_id in sorted((self.question.waits | found) - known.keys()):
            name = self.tx.execute(select(datasets.c.name).where(datasets.c.id == dataset_id)).scalar()
            self.unknown.append(
                f"What was pending of {name} is not known: the condition has let go of it and named it again since."
            )

    def _subscription(self, row: _Row, stopped: Mapping[str, Paused]) -> None:
        number, dataset_id, at = self.question.asset_id, row["dataset_id"], self.question.at
        last = self._last_number(dataset_id)
        links = self._links(stopped, events.c.dataset_id == dataset_id)
        seed = row["began"]
        if seed is None:
            seed = seed_of(row["floor"], row["completing"], row["since"], links)
        floor = floor_of(seed, row["since"], links, at)
        asks = self.question.removals(self._uri(dataset_id))
        ended = _ended(row["ended_at"], at)
        untold = {"turns": 0, "summed": floor, "tally": None}  # what is remembered now is not of then
        self._keep(subscriptions, [{**row, **untold, "floor": floor, "removals": asks, "ended_at": ended}])
        there = (events.c.dataset_id == dataset_id, events.c.number >= floor, events.c.number <= last)
        self._keep(events, self._found(select(events).where(*there)))
        undone = {link.id: link.undone for link in links}
        ours = select(consumptions).join(events, events.c.id == consumptions.c.event_id)
        taken = self._found(ours.where(consumptions.c.asset_id == number, consumptions.c.at <= at, *there))
        self._keep(consumptions, [self._link(one, undone.get(one["id"]), row["since"]) for one in taken])

    def _uri(self, dataset_id: int) -> str:
        return self.tx.execute(select(datasets.c.uri).where(datasets.c.id == dataset_id)).scalar_one()

    def _links(self, stopped: Mapping[str, Paused], which: ColumnElement[bool]) -> list[Link]:
        """Links of the asset to events, with the times at which they were undone."""
        query = (
            select(
                consumptions.c.id,
                events.c.number,
                consumptions.c.at,
                consumptions.c.outcome,
                consumptions.c.run_id,
                runs.c.ended_at,
            )
            .join(events, events.c.id == consumptions.c.event_id)
            .outerjoin(runs, runs.c.id == consumptions.c.run_id)
            .where(consumptions.c.asset_id == self.question.asset_id, which)
        )
        found: list[Link] = []
        for link_id, number, at, outcome, run_id, ended_at in self.tx.execute(query):
            undone = ended_at if outcome in _UNDONE else None
            if outcome == ConsumptionOutcome.RELEASED and run_id in stopped:
                undone = stopped[run_id].until or ended_at  # it stopped at an error, and was resumed
            found.append(Link(id=link_id, number=number, at=at, undone=undone))
        return found

    def _link(self, row: _Row, undone: datetime | None, since: datetime) -> _Row:
        """A link as it was: one that was undone later was still current, and so was one that a later beginning of its
        subscription has undone."""
        if row["current"]:
            return row
        if undone is not None and undone > self.question.at:
            return {**row, "current": True, "outcome": ConsumptionOutcome.RUN.value}
        return {**row, "current": undone is None and since > self.question.at}

    def _timetables(self, resumed: bool) -> None:
        """Since when its ticks counted, and which had been taken."""
        number, at = self.question.asset_id, self.question.at
        rows = self._found(select(timetables).where(timetables.c.asset_id == number, timetables.c.registered_at <= at))
        self._keep(timetables, (row for row in rows if row["label"] in self.question.timetables))
        known = {row["label"] for row in rows}
        for label, since in self.question.timetables.items():
            if label not in known:
                self._keep(timetables, [{"asset_id": number, "label": label, "registered_at": since}])
                if resumed:
                    self.unknown.append(f"Whether earlier ticks of {label} were dropped on resuming is not recorded.")
        noted = func.coalesce(ticks.c.noted_at, runs.c.created_at)
        by_then = or_(noted <= at, noted.is_(None) & (ticks.c.tick <= at))
        last = (
            select(ticks.c.timetable, func.max(ticks.c.tick))
            .outerjoin(runs, runs.c.id == ticks.c.run_id)
            .where(ticks.c.asset_id == number, by_then)
            .group_by(ticks.c.timetable)
        )
        for label, tick in self.tx.execute(last).all():
            one = select(ticks).where(ticks.c.asset_id == number, ticks.c.timetable == label, ticks.c.tick == tick)
            self._keep(ticks, found := self._found(one))
            if found[0]["run_id"] is None and found[0]["noted_at"] is None and label in self.question.timetables:
                self.unknown.append(f"Whether {label} of {tick:%Y-%m-%d %H:%M:%S} UTC had been noted is not recorded.")

    def _watch(self, project: str) -> None:
        """Since when planners had watched."""
        found = self._found(select(watches).where(watches.c.project == project))
        self._keep(watches, (row for row in found if row["since"] <= self.question.at))
        if self.question.misses and not self._kept(watches):
            self.unknown.append("Whether planners watched the ticks of then is not recorded.")

    def _ancestry(self) -> None:
        """The publications from which those that are known were made, however far up."""
        seen: set[int] = set()
        while new := [row for row in self._kept(events) if row["id"] not in seen]:
            seen |= {row["id"] for row in new}
            made_by = list({row["run_id"] for row in new if row["run_id"] is not None})
            for chunk in chunks(made_by):
                self._keep(pins, self._found(select(pins).where(pins.c.run_id.in_(chunk))))
            self._by_id(events, [row["event_id"] for row in self._kept(pins)])
            same = {row["version_id"] for row in new if row["kind"] == EventKind.CONFIRMED}
            for chunk in chunks(sorted(same)):  # what it was made from stands with whatever made the version before
                for row in self._found(select(events).where(events.c.version_id.in_(chunk))):
                    if row["number"] <= self._last_number(row["dataset_id"]):
                        self._keep(events, [row])

    def _behind(self) -> None:
        """The versions and the datasets of what is kept, with the heads of then."""
        kept = {row["event_id"] for row in self._kept(consumptions)} | {row["event_id"] for row in self._kept(pins)}
        self._by_id(events, kept)
        self._by_id(versions, {row["version_id"] for row in self._kept(events)} - {None})
        about = {row["dataset_id"] for row in (*self._kept(events), *self._kept(subscriptions))}
        for chunk in chunks(sorted(about | self.question.concerns)):
            for row in self._found(select(datasets).where(datasets.c.id.in_(chunk))):
                last = self._last_number(row["id"])
                self._keep_event(row["id"], last)
                head = [one for one in self._kept(events) if (one["dataset_id"], one["number"]) == (row["id"], last)]
                version = head[0]["version_id"] if head else None
                self._by_id(versions, [version] if version is not None else [])
                then = {"last_number": last, "planned_number": last, "head_version_id": version}
                self._keep(datasets, [{**row, **then}])
                told = {one["version_id"] for one in self._kept(events) if one["told_at"] is None}
                of_old = (one["manifest"].get("token") and one["id"] in told for one in self._of(row["id"]))
                if row["producer_id"] is None and any(of_old):
                    self.unknown.append(_TOLD)

    def _of(self, dataset_id: int) -> list[_Row]:
        return [row for row in self._kept(versions) if row["dataset_id"] == dataset_id]

    def _by_id(self, table: Table, numbers: Iterable[int]) -> None:
        kept = self._rows.get(table, {})
        for chunk in chunks(sorted({number for number in numbers if (number,) not in kept})):
            self._keep(table, self._found(select(table).where(table.c.id.in_(chunk))))


_TOLD = "Events from outside count from the time that they say: when they were told of was not recorded yet."


def _ended(until: datetime | None, at: datetime) -> datetime | None:
    """An end, as it was known then."""
    return None if until is None or until > at else until
