"""How versions were made from versions, as a walk through lineage asks for it: a level at a time. Reads only.

The same bytes can be published several times. An edge is between versions, which are bytes; what a run read is a
publication of them, which its pins name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import select

from ...types import EventKind, RunState
from ..database.engine import TEXT, Transaction
from ..database.prepared import Listed, Prepared, among, as_rows, sought_rows
from ..edges import edges
from ..events import ARRIVED, events
from ..runs import runs
from ..versions import pins

_AT_ONCE = 500
_NUMBERS = Listed(select(events.c.id, events.c.number).where(among(events.c.id)))
_FROM = (
    select(edges.c.input_version_id, edges.c.run_id, edges.c.output_version_id)
    .where(among(edges.c.input_version_id))
    .order_by(edges.c.input_version_id, edges.c.run_id, edges.c.output_version_id)
)
_READ = (
    select(pins.c.version_id, pins.c.event_id)
    .join(runs, runs.c.id == pins.c.run_id)
    .where(among(pins.c.version_id), runs.c.state == RunState.SUCCESS.value)
    .distinct()
)
_EVENT = events.c.number, events.c.partition, events.c.run_id, events.c.at, events.c.kind, events.c.id
_PUBLISHED = (
    select(events.c.version_id, *_EVENT, runs.c.state)
    .outerjoin(runs, runs.c.id == events.c.run_id)
    .where(among(events.c.version_id))
    .order_by(events.c.id)
)
# As things stand now they are asked for most, many times for a walk: those are compiled once.
_FROM_NOW, _READ_NOW, _PUBLISHED_NOW = Listed(_FROM), Listed(_READ), Listed(_PUBLISHED)
_runs = sought_rows("runs", id=TEXT)
_PINNED = Prepared(select(pins.c.run_id, pins.c.version_id, pins.c.event_id).join(_runs, _runs.c.id == pins.c.run_id))


class Named(NamedTuple):
    """A version, by its id; with the number of the event that published it, if one of several is meant."""

    version: int
    number: int | None = None


class Reading(NamedTuple):
    """A run had pinned the input version, as an event published it, and made the output version from it. Versions and
    the event are named by their ids."""

    input: int
    event: int
    by: str
    output: int


class Published(NamedTuple):
    """An event that published a version.

    `run_id` is None for what others wrote; `event` is the id, which grows as `number` does. `makes`: whether bytes were
    written for it; a run that was skipped, and who tells that nothing has changed, publish again what was made before.
    """

    number: int
    partition: str
    run_id: str | None
    at: datetime
    makes: bool
    event: int


@dataclass(frozen=True, slots=True)
class StoredMakings:
    """Those of a store; with `until` as it was then. The publications of a version are read once."""

    tx: Transaction
    until: datetime | None = None
    _published: dict[int, list[Published]] = field(default_factory=dict[int, "list[Published]"])

    def readings(self, versions: Collection[int]) -> Iterator[Reading]:
        """What was made from these versions: version by version, by their ids, the oldest runs of each first. Read as
        it is asked for: there may be very much of it."""
        query = _FROM_NOW
        if self.until is not None:
            query = Listed(_FROM.join(runs, runs.c.id == edges.c.run_id).where(runs.c.ended_at <= self.until))
        read = query.stream(self.tx, sorted(versions))
        # What was pinned is looked up by the run. Joined, PostgreSQL would go through all pins there are, and where its
        # statistics mislead it through all pins of a version for each run that read it.
        while some := list(islice(read, _AT_ONCE)):
            told: dict[tuple[str, int], list[int]] = defaultdict(list)
            for run_id, version, event in self._pinned({run_id for _, run_id, _ in some}):
                told[run_id, version].append(event)
            for version, run_id, output in some:
                yield from (Reading(version, event, run_id, output) for event in told[run_id, version])

    def were_read(self, versions: Collection[int]) -> set[tuple[int, int]]:
        """The publications of these versions from which something was made: version, and event."""
        query = _READ_NOW if self.until is None else Listed(_READ.where(runs.c.ended_at <= self.until))
        return {(version, event) for version, event in query.rows(self.tx, sorted(versions))}

    def published(self, versions: Collection[int]) -> dict[int, list[Published]]:
        """The events that published each of these versions, oldest first."""
        fresh = sorted(one for one in versions if one not in self._published)
        self._published.update((one, []) for one in fresh)
        query = _PUBLISHED_NOW if self.until is None else Listed(_PUBLISHED.where(self.until >= ARRIVED))
        for version, number, partition, run_id, at, kind, event_id, state in query.rows(self.tx, fresh):
            makes = kind == EventKind.CHANGED if run_id is None else state == RunState.SUCCESS
            self._published[version].append(Published(number, partition, run_id, at, makes, event_id))
        return {one: told for one in versions if (told := self._published[one])}

    def read_by(self, run_ids: Collection[str]) -> dict[str, list[Named]]:
        """What was pinned for each of these runs, each publication once; by version and number."""
        read = list(self._pinned(run_ids))
        # Not by a join: for so many pins PostgreSQL would read through all events there are.
        numbers = dict(_NUMBERS.rows(self.tx, sorted({event for _, _, event in read})))
        found: dict[str, set[Named]] = defaultdict(set)
        for run_id, version, event in read:
            found[run_id].add(Named(version, numbers[event]))
        return {run_id: sorted(those) for run_id, those in found.items()}

    def _pinned(self, run_ids: Collection[str]) -> Iterator[tuple[str, int, int]]:
        """Run, version, event."""
        yield from _PINNED.rows(self.tx, {"b_runs": as_rows([(one,) for one in sorted(run_ids)])})
