"""A chunk of a backfill: some hundred partitions in its order, each with those that it reads and that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....storage.meta.backfills.backfills import Backfill
from ...declare.partitions.partition import Known
from ..project.keys import keys_read
from ..project.project import Project
from .terms import Terms

AT_ONCE = 100
"""So many partitions are a chunk, with what the last of them reads."""
_PER_RUN = 8
"""Of a backfill that may have few active runs a chunk is small, so many for each: its rest is looked at anew after
every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Partitions to be looked at together.

    Attributes
    ----------
    keys: asset → its keys, upstream first.
    cursor: where the backfill stands when all of them are seen to, as its row keeps it.
    """

    keys: Mapping[str, tuple[str, ...]]
    cursor: Mapping[str, Any]

    @property
    def count(self) -> int:
        """How many they are."""
        return sum(map(len, self.keys.values()))


def chunk_after(project: Project, row: Backfill, terms: Terms, known: Known) -> Chunk | None:
    """What comes after the cursor of a backfill; None at its end."""
    limit = AT_ONCE if row.max_active_runs is None else min(AT_ONCE, row.max_active_runs * _PER_RUN)
    return chunk_from(project, terms, known, row.cursor, limit=limit)


def chunk_from(
    project: Project, terms: Terms, known: Known, cursor: Mapping[str, Any] | None, *, limit: int
) -> Chunk | None:
    """So many partitions after a cursor, with what the last of them reads; None after the end."""
    gathering = _Gathering(project=project, terms=terms, known=known)
    last: tuple[str, str] | None = None
    for name, key in _walked(project, terms, cursor):
        gathering.add(name, key)
        last = name, key
        if gathering.count >= limit:
            break
    if last is None:
        return None
    return Chunk(
        keys={name: tuple(gathering.found[name]) for name in terms.scope if name in gathering.found},
        cursor={"asset": project.ids.assets[last[0]], "key": last[1]},
    )


def _walked(project: Project, terms: Terms, cursor: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Asset and key of everything that is gone through after the cursor: the deepest assets first, because these bring
    what they read."""
    names = [name for name in reversed([*terms.scope]) if name in terms.walks]
    at = None if cursor is None else project.names.get(cursor["asset"])
    if at in names:
        names = names[names.index(at) :]
    for name in names:
        after = cursor["key"] if cursor is not None and name == at else None
        for key in terms.walks[name].after(after):
            yield name, key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathering:
    """The partitions of a chunk, as they are found: asset → its keys."""

    project: Project
    terms: Terms
    known: Known
    found: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])

    @property
    def count(self) -> int:
        return sum(map(len, self.found.values()))

    def add(self, name: str, key: str) -> None:
        """A partition, and those of the backfill that it reads, and that these read."""
        keys = self.found.setdefault(name, {})
        if key in keys:
            return
        keys[key] = None
        catalogue, graph = self.project.catalogue, self.project.graph
        asset = catalogue.assets[name]
        for one in asset.inputs:
            producer = graph.producer.get(one.uri, "")
            part = self.terms.scope.get(producer)
            above = None if part is None else catalogue.assets[producer].partitions
            if part is None or above is None:
                continue
            for read in keys_read(self.project.reading.relation(asset, one), key, self.known)[0]:
                if part.asked.contains(above.place(read)):
                    self.add(producer, read)
