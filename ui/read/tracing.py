"""Which data went into a version, what was made of it, and the ways from one to another, at any time in the past: with
everything that is known of each version on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import permutations
from typing import Any, NamedTuple

from ...lineage.graph.graph import Direction, Graph, Node, ends, joined, turned
from ...lineage.graph.publications import Publications
from ...lineage.graph.walk import DEPTH, MOST
from ...lineage.graph.walk import impact as traced_down
from ...lineage.graph.walk import trace as traced_up
from ...lineage.graph.ways import ways as led
from ...storage.errors import UsageError
from ...storage.meta.database.engine import Store
from ...storage.meta.past import history, tracing
from ...storage.meta.past.history import VersionFacts
from ...storage.meta.past.makings import Named, Published, StoredMakings
from ...storage.meta.past.naming import run_named
from ...storage.meta.past.tracing import CodeFacts, RunFacts
from ...storage.types import Json
from .references import run_meant, version_meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A version on the way, with what is known of it.

    Attributes
    ----------
    node: its place in the graph.
    name: of its dataset; its URI where several datasets have that name.
    number, partition, published_at: of the event that published it: the one that was asked about, or by which what was
        read, or came of it, was made.
    made: every time that these bytes were made, oldest first; more than one where they were made again.
    licence: as its dataset declares it now.
    run: the run that made it as it was published then; None for what others write.
    asset: whose run that was; None where there is none.
    commit, code: the revision of the run's code, and its address, where the run's lineage says it.
    is_head: whether it is the newest of its dataset, or of its partition.
    """

    node: Node
    version: VersionFacts
    name: str
    number: int | None
    made: tuple[Published, ...]
    partition: str
    published_at: datetime | None
    licence: str | None
    run: str | None
    asset: str | None
    parameters: Mapping[str, Json]
    commit: str | None
    code: str | None
    is_head: bool

    @property
    def is_newest(self) -> bool:
        """Whether what is in use was made so: equal bytes may have been made later, from something else."""
        return self.is_head and self.number is not None and self.number >= self.made[-1].number


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Versions with the links between them; the roots first, then by depth and name.

    Attributes
    ----------
    graph: the nodes and links alone.
    lines: a line for each node.
    as_of: the time as of which it was asked; None for now.
    reader: the run that was asked about, where it made nothing: the roots are what it had read. Nothing came of it.
    """

    graph: Graph
    lines: tuple[Traced, ...]
    as_of: datetime | None
    reader: str | None = None

    @property
    def roots(self) -> tuple[Traced, ...]:
        """What was asked for."""
        return tuple(one for one in self.lines if one.node.id in self.graph.roots)

    @property
    def others(self) -> tuple[Traced, ...]:
        """What it led to."""
        return tuple(one for one in self.lines if one.node.id not in self.graph.roots)


def trace(
    store: Store,
    text: str = "",
    *,
    run: str | None = None,
    depth: int = 1000,
    most: int = MOST,
    as_of: datetime | None = None,
) -> Trace:
    """Every version that went into the one that `text` means, or into those that a run made, however far up; `text` may
    mean a run too (see `version_meant`, `run_meant`).

    Each is told as it was published when it was read; what was asked about as it was published under the number that
    `text` names, in the run that it means, or else the last time that it was made.

    Raises
    ------
    UsageError: there is no such version or run, or was none at that time.
    """
    with store.read() as tx:
        known = StoredMakings(tx, as_of)
        meant = _Meant.of(known, store.project, text, run)
        found = traced_up(known, meant.made or meant.read, depth=depth, most=most)
        return _traced(store.project, known, found, meant.reader)


def impact(
    store: Store,
    text: str = "",
    *,
    run: str | None = None,
    depth: int = 1000,
    most: int = MOST,
    as_of: datetime | None = None,
) -> Trace:
    """Every version that was ever made from the one that `text` means, or from those that a run made, however far down:
    those that have it in their trace. Of a version without a number that is what came of every making of it.

    Raises
    ------
    UsageError: there is no such version or run, or was none at that time.
    """
    with store.read() as tx:
        known = StoredMakings(tx, as_of)
        meant = _Meant.of(known, store.project, text, run)
        found = traced_down(known, meant.made, depth=depth, most=most)
        return _traced(store.project, known, found, meant.reader)


def path(
    store: Store,
    begin: str,
    end: str,
    *,
    depth: int = DEPTH,
    most: int = 10 * MOST,
    as_of: datetime | None = None,
    direction: Direction = Direction.UP,
) -> Trace:
    """All ways from one version or run to another that came of it, a part of the trace of that and of the impact of
    this; without nodes where there is none.

    Parameters
    ----------
    depth, most: how far is looked up from the end, and through how many versions.
    direction: whether the end is the root of the answer, or, downwards, the beginning.

    Raises
    ------
    UsageError: there is no such version or run, or was none at that time; or there is more than that to be looked
        through.
    """
    with store.read() as tx:
        known = StoredMakings(tx, as_of)
        first, last = (_Meant.of(known, store.project, text) for text in (begin, end))
        found = led(known, first.made, last.made or last.read, depth=depth, most=most)
        if not found.graph.nodes and found.looked_through.is_cut:
            raise _none_among(found.looked_through, begin, end)
        graph = turned(found.graph, found.begins) if direction is Direction.DOWN else found.graph
        return _traced(store.project, known, graph)


def ways(store: Store, one: str, other: str, *, as_of: datetime | None = None) -> Trace:
    """All ways between two versions or runs, whichever came of the other, which is the root of the answer; without
    nodes where neither did. As of `path`.

    Raises
    ------
    UsageError: as of `path`.
    """
    with store.read() as tx:
        known = StoredMakings(tx, as_of)
        both = [(text, _Meant.of(known, store.project, text)) for text in (one, other)]
        # What came of another was nearly always written after it: the first look is the only one.
        both.sort(key=lambda named: max((root.version for root in named[1].made), default=0))
        for (begin, first), (end, last) in permutations(both):
            found = led(known, first.made, last.made or last.read, most=10 * MOST)
            if found.graph.nodes:
                return _traced(store.project, known, found.graph)
            if found.looked_through.is_cut:
                raise _none_among(found.looked_through, begin, end)
        return _traced(store.project, known, Graph(roots=(), direction=Direction.UP, nodes=(), links=()))


def around(
    store: Store,
    text: str = "",
    *,
    run: str | None = None,
    above: int = 3,
    below: int = 3,
    most: int = 200,
    as_of: datetime | None = None,
) -> Trace:
    """What lies above a version, or the versions that a run made, and below it; of a run that made nothing, what it
    reads. At most `most` nodes each way.

    Raises
    ------
    UsageError: there is no such version or run, or was none at that time.
    """
    with store.read() as tx:
        known = StoredMakings(tx, as_of)
        meant = _Meant.of(known, store.project, text, run)
        higher = traced_up(known, meant.made or meant.read, depth=above, most=most)
        chosen = [Named(node.of, node.number) for node in higher.nodes if meant.made and node.id in higher.roots]
        lower = traced_down(known, chosen, depth=below, most=most)
        return _traced(store.project, known, joined(higher, lower), meant.reader)


class _Meant(NamedTuple):
    """What was asked about: versions, or those that a run made; of one that made nothing, what it had read."""

    made: Sequence[Named]
    read: Sequence[Named] = ()
    reader: str | None = None

    @classmethod
    def of(cls, known: StoredMakings, project: str, text: str, run: str | None = None) -> _Meant:
        """What a text means, or a run."""
        tx, as_of = known.tx, known.until
        found = run_meant(tx, project, text) if run is None else run_named(tx, project, run)
        if found is None:
            return cls([version_meant(tx, project, text, as_of)])
        if as_of is not None and (found.ended_at is None or found.ended_at > as_of):
            raise UsageError(
                f"run {found.id} had not ended at {as_of:%Y-%m-%dT%H:%M:%SZ}",
                hint="Name a later time, or leave it out.",
            )
        if made := tracing.made_by(tx, found.id):
            return cls(made)
        return cls((), known.read_by([found.id]).get(found.id, []), found.id)


def _none_among(graph: Graph, begin: str, end: str) -> UsageError:
    return UsageError(
        f"no way from {begin} to {end} was found among the {len(graph.nodes):,} versions nearest to the latter",
        hint="There are more: name a version that is nearer to it, or look further.",
    )


def _traced(project: str, makings: StoredMakings, graph: Graph, reader: str | None = None) -> Trace:
    known = _Known.of(project, makings, graph)
    lines = [known.line(node) for node in graph.nodes]
    lines.sort(key=lambda one: (one.node.depth, one.name, one.partition, one.number or 0))
    lines.sort(key=lambda one: one.node.id not in graph.roots)
    place = {one.node.id: index for index, one in enumerate(lines)}
    links = sorted(graph.links, key=lambda link: [place[one] for one in ends(link, graph.direction)])
    return Trace(
        graph=replace(graph, links=tuple(links)),
        lines=tuple(lines),
        as_of=makings.until,
        reader=reader,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of the versions of a graph and of the runs that made them, each asked for once."""

    versions: Mapping[int, VersionFacts]
    published: Mapping[int, Publications]
    declared: Mapping[int, Mapping[str, Any]]
    shared: Collection[str]
    heads: Collection[int]
    said: Mapping[Named, Mapping[str, Any]]
    runs: Mapping[str, RunFacts]
    code: Mapping[str, CodeFacts]

    @classmethod
    def of(cls, project: str, makings: StoredMakings, graph: Graph) -> _Known:
        tx, numbers = makings.tx, {node.of for node in graph.nodes}
        told = makings.published(numbers)
        published = {number: Publications.of(told.get(number, ())) for number in numbers}
        of_nodes = [published[node.of].making(node.number) for node in graph.nodes]
        made = {one.run_id for one in of_nodes if one is not None and one.run_id is not None}
        versions = history.version_facts(tx, sorted(numbers))
        return cls(
            versions=versions,
            published=published,
            declared=tracing.declarations(tx, numbers),
            shared=tracing.shared_names(tx, project, {one.dataset for one in versions.values()}),
            heads=tracing.heads_among(tx, numbers, until=makings.until),
            said=tracing.metadata_of(
                tx, {Named(node.of, node.number) for node in graph.nodes if versions[node.of].token}
            ),
            runs=tracing.run_facts(tx, made),
            code=tracing.code_facts(tx, made),
        )

    def line(self, node: Node) -> Traced:
        """A line for a node."""
        version, published = self.versions[node.of], self.published[node.of]
        made = published.making(node.number)
        event = made if node.number is None else published.numbered(node.number) or made
        run = None if made is None else made.run_id
        by = None if run is None else self.runs.get(run)
        code = None if run is None else self.code.get(run)
        return Traced(
            node=node,
            version=replace(
                version, rows=history.rows_of(version.rows, self.said.get(Named(node.of, node.number), {}))
            ),
            name=version.uri if version.dataset in self.shared else version.dataset,
            number=None if event is None else event.number,
            made=published.makings,
            partition="" if event is None else event.partition,
            published_at=None if event is None else event.at,
            licence=self.declared[node.of].get("licence"),
            run=run,
            asset=None if by is None else by.asset,
            parameters={} if by is None else by.parameters,
            commit=None if code is None else code.commit,
            code=None if code is None else code.url,
            is_head=node.of in self.heads,
        )
