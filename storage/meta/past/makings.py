"""How versions were made from versions, as a walk through lineage asks for it: a level at a time. Reads only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from ..database.engine import Transaction
from ..edges import edges
from ..runs import runs
from ..versions import chunks


class Making(NamedTuple):
    """The run made the output version from the input version. Versions are named by their ids.

    `read_at` is when the run was recorded, and pinned what it reads; `at` when it ended, and published what it made.
    """

    output: int
    input: int
    run_id: str
    read_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredMakings:
    """Those of a store; with `until` as it was then."""

    tx: Transaction
    until: datetime | None = None

    def of(self, versions: Collection[int]) -> list[Making]:
        """How these versions came to be, every time they were made; oldest first."""
        return self._found(edges.c.output_version_id, versions)

    def out_of(self, versions: Collection[int]) -> list[Making]:
        """What was made from these versions; oldest first."""
        return self._found(edges.c.input_version_id, versions)

    def _found(self, column: Any, versions: Collection[int]) -> list[Making]:
        rows: list[tuple[int, int, str]] = []
        for chunk in chunks(list(versions)):
            query = select(edges.c.output_version_id, edges.c.input_version_id, edges.c.run_id)
            rows += [tuple(row) for row in self.tx.execute(query.where(column.in_(chunk)))]
        times = self._times({run_id for _, _, run_id in rows})
        found = [Making(*row, *times[row[2]]) for row in rows if row[2] in times]
        return sorted(found, key=lambda one: (one.at, one.run_id, one.output, one.input))

    def _times(self, run_ids: Collection[str]) -> dict[str, tuple[datetime, datetime]]:
        """When each of these runs was recorded and ended, of those that count; asked once for each."""
        found: dict[str, tuple[datetime, datetime]] = {}
        for chunk in chunks(list(run_ids)):
            query = select(runs.c.id, runs.c.created_at, runs.c.ended_at).where(runs.c.id.in_(chunk))
            if self.until is not None:
                query = query.where(runs.c.ended_at <= self.until)
            found |= {row.id: (row.created_at, row.ended_at or row.created_at) for row in self.tx.execute(query)}
        return found
