"""How versions were made from versions, as a walk through lineage asks for it: a level at a time. Reads only.

The same bytes can be published several times. An edge is between versions, which are bytes; what a run read is a
publication of them, which its pins name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from ...types import EventKind, RunState
from ..database.engine import Transaction
from ..database.prepared import Listed, among
from ..edges import edges
from ..events import ARRIVED, events
from ..runs import runs
from ..versions import chunks, pins

_NUMBERS = Listed(select(events.c.id, events.c.number).where(among(events.c.id)))


class Edge(NamedTuple):
    """A run made the output version from the input version. Versions are named by their ids."""

    output: int
    input: int
    by: str


class Named(NamedTuple):
    """A version, by its id; with the number of the event that published it, if one of several is meant."""

    version: int
    number: int | None = None


class Published(NamedTuple):
    """An event that published a version.

    `run_id` is None for what others wrote. `makes`: whether bytes were written for it; a run that was skipped, and who
    tells that nothing has changed, publish again what was made before.
    """

    number: int
    partition: str
    run_id: str | None
    at: datetime
    makes: bool


@dataclass(frozen=True, slots=True)
class StoredMakings:
    """Those of a store; with `until` as it was then. The publications of a version are read once."""

    tx: Transaction
    until: datetime | None = None
    _published: dict[int, list[Published]] = field(default_factory=dict[int, "list[Published]"])

    def into(self, versions: Collection[int]) -> Iterator[Edge]:
        """What these versions were made from, every time: version by version, by their ids, the oldest runs of each
        first. Read as it is asked for: there may be very much of it."""
        return self._edges(edges.c.output_version_id, edges.c.input_version_id, versions)

    def out_of(self, versions: Collection[int]) -> Iterator[Edge]:
        """What was made from these versions, in the same order and way."""
        return self._edges(edges.c.input_version_id, edges.c.output_version_id, versions)

    def having_inputs(self, versions: Collection[int]) -> set[int]:
        """Those of these versions that were made from something."""
        return self._having(edges.c.output_version_id, versions)

    def having_outputs(self, versions: Collection[int]) -> set[int]:
        """Those of these versions from which something was made."""
        return self._having(edges.c.input_version_id, versions)

    def published(self, versions: Collection[int]) -> dict[int, list[Published]]:
        """The events that published each of these versions, oldest first."""
        fresh = sorted(one for one in versions if one not in self._published)
        self._published.update((one, []) for one in fresh)
        event = events.c.number, events.c.partition, events.c.run_id, events.c.at, events.c.kind
        query = select(events.c.version_id, *event, runs.c.state).outerjoin(runs, runs.c.id == events.c.run_id)
        query = query.where(among(events.c.version_id)).order_by(events.c.id)
        query = query if self.until is None else query.where(self.until >= ARRIVED)
        for version, number, partition, run_id, at, kind, state in Listed(query).rows(self.tx, fresh):
            makes = kind == EventKind.CHANGED if run_id is None else state == RunState.SUCCESS
            self._published[version].append(Published(number, partition, run_id, at, makes))
        return {one: told for one in versions if (told := self._published[one])}

    def read_by(self, run_ids: Collection[str]) -> dict[str, list[Named]]:
        """What was pinned for each of these runs, each publication once; by version and number."""
        read: list[tuple[str, int, int]] = []
        for chunk in chunks(sorted(run_ids)):
            query = select(pins.c.run_id, pins.c.version_id, pins.c.event_id).where(pins.c.run_id.in_(chunk))
            read += (tuple(row) for row in self.tx.execute(query).all())
        # Not by a join: for so many pins PostgreSQL would read through all events there are.
        numbers = dict(_NUMBERS.rows(self.tx, sorted({event for _, _, event in read})))
        found: dict[str, set[Named]] = defaultdict(set)
        for run_id, version, event in read:
            found[run_id].add(Named(version, numbers[event]))
        return {run_id: sorted(those) for run_id, those in found.items()}

    def _edges(self, end: Any, other: Any, versions: Collection[int]) -> Iterator[Edge]:
        query = self._counted(select(edges.c.output_version_id, edges.c.input_version_id, edges.c.run_id))
        query = query.where(among(end)).order_by(end, edges.c.run_id, other)  # as they lie in the index of that end
        return map(Edge._make, Listed(query).stream(self.tx, sorted(versions)))

    def _having(self, end: Any, versions: Collection[int]) -> set[int]:
        # Their edges are gone through, but not handed over. To look for one edge of each version is no quicker, and
        # thousands of times slower on PostgreSQL where its statistics say that nearly all edges are of the same one.
        query = self._counted(select(end).where(among(end)).distinct())
        return {version for (version,) in Listed(query).rows(self.tx, sorted(versions))}

    def _counted(self, query: Any) -> Any:
        """Only the edges that were there then."""
        if self.until is None:
            return query
        return query.join(runs, runs.c.id == edges.c.run_id).where(runs.c.ended_at <= self.until)
