"""A chunk of a backfill: some hundred partitions in the order in which they are made. Each comes behind those that it
reads and that are asked for, and as soon as these are there: the first day of everything comes before the second."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....storage.meta.backfills.backfills import Backfill
from ...declare.partitions.partition import Known
from ...plan.backfills.frontier import Item
from ...plan.backfills.order import together
from ..project.keys import keys_read
from ..project.project import Project
from .terms import Terms

AT_ONCE = 100
"""So many partitions are a chunk; and so many are planned together."""
_PER_RUN = 8
"""Of a backfill that may have few active runs a chunk is small, so many for each: whoever comes looks at all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Partitions to be looked at together.

    Attributes
    ----------
    reads: asset and key of each, in the order in which they are made → those of the chunk that it reads.
    before: asset → keys of the backfill that partitions of the chunk read, and that were seen to before it.
    cursor: where the backfill stands when all of them are seen to, as its row keeps it: the last key that was gone
        through of each asset, by its id.
    """

    reads: Mapping[Item, Sequence[Item]]
    before: Mapping[str, Collection[str]]
    cursor: Mapping[str, Any]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.reads)

    @property
    def keys(self) -> dict[str, list[str]]:
        """Asset → its keys, in order."""
        found: dict[str, list[str]] = {}
        for name, key in self.reads:
            found.setdefault(name, []).append(key)
        return found


def chunk_after(project: Project, row: Backfill, terms: Terms, known: Known) -> Chunk | None:
    """What comes after the cursor of a backfill; None at its end."""
    limit = AT_ONCE if row.max_active_runs is None else min(AT_ONCE, row.max_active_runs * _PER_RUN)
    return chunk_from(project, terms, known, row.cursor, limit=limit)


def chunk_from(
    project: Project, terms: Terms, known: Known, cursor: Mapping[str, Any] | None, *, limit: int
) -> Chunk | None:
    """So many partitions after a cursor, and what these read that lies behind them; None after the end."""
    # One that an earlier penstock wrote begins anew: what is done is known from the runs.
    last = {project.names.get(int(number), ""): key for number, key in (cursor or {}).get("after", {}).items()}
    gathering = _Gathering(project=project, terms=terms, known=known, begin=dict(last))
    for name, key in together(terms.walks, last):
        gathering.add(name, key)
        last[name] = key
        if len(gathering.reads) >= limit:
            break
    if not gathering.reads:
        return None
    after = {str(project.ids.assets[name]): key for name, key in last.items() if name}
    return Chunk(reads=gathering.reads, before=gathering.before, cursor={"after": after})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathering:
    """The partitions of a chunk, as they are found: `reads` and `before` as the chunk has them; `begin`: asset → the
    key before the chunk."""

    project: Project
    terms: Terms
    known: Known
    begin: Mapping[str, str]
    reads: dict[Item, Sequence[Item]] = field(default_factory=dict[Item, "Sequence[Item]"])
    before: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def add(self, name: str, key: str) -> None:
        """A partition, behind those of the backfill that it reads, each behind those that it reads."""
        if (name, key) in self.reads:
            return
        above = self._above(name, key)
        for one in above:
            self.add(*one)
        self.reads[name, key] = above

    def _above(self, name: str, key: str) -> list[Item]:
        """What a partition reads of the backfill and nobody has seen to, in the order in which it is made."""
        found, walks = list[Item](), self.terms.walks
        for one, read in self._read(name, key):
            if one in self.begin and walks[one].reaches(read, self.begin[one]):
                self.before.setdefault(one, set()).add(read)
            else:
                found.append((one, read))
        return sorted(found, key=lambda one: walks[one[0]].turn(one[1]))

    def _read(self, name: str, key: str) -> Iterator[Item]:
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
                    yield producer, read
