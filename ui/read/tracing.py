"""Which data went into a version, what was made of it, and the ways from one to another, at any time in the past: with
everything that is known of each version on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...lineage.graph.graph import Direction, Graph, Node, between, ends, joined, turned
from ...lineage.graph.walk import MOST, down, up
from ...storage.errors import UsageError
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.past import history, tracing
from ...storage.meta.past.history import VersionFacts
from ...storage.meta.past.makings import StoredMakings
from ...storage.meta.past.naming import run_named
from ...storage.meta.past.tracing import CodeFacts, Published, RunFacts
from ...storage.types import Json
from .references import run_meant, version_of, version_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A version on the way, with what is known of it.

    Attributes
    ----------
    node: its place in the graph.
    number, partition: of the event that published it in the run that made it.
    licence: as its dataset declares it now.
    run: the run that made it; None for what others write.
    asset: whose run that was; None where there is none.
    commit, code: the revision of the run's code, and its address, where the run's lineage says it.
    is_head: whether it is the newest of its dataset, or of its partition.
    """

    node: Node
    version: VersionFacts
    number: int | None
    partition: str
    published_at: datetime | None
    licence: str | None
    run: str | None
    asset: str | None
    parameters: Mapping[str, Json]
    commit: str | None
    code: str | None
    is_head: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Versions with the links between them; the roots first, then by depth and name.

    Attributes
    ----------
    graph: the nodes and links alone.
    lines: a line for each node.
    as_of: the time as of which it was asked; None for now.
    """

    graph: Graph
    lines: tuple[Traced, ...]
    as_of: datetime | None

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
    mean a run too (see `version_of`, `run_meant`).

    Raises
    ------
    UsageError: there is no such version or run, or was none at that time.
    """
    with store.read() as tx:
        roots, made_by = _roots(tx, store.project, text, run, as_of)
        found = up(StoredMakings(tx, as_of), roots, depth=depth, most=most, made_by=made_by)
        return _traced(tx, found, as_of)


def impact(
    store: Store,
    text: str = "",
    *,
    run: str | None = None,
    depth: int = 1000,
    most: int = MOST,
    as_of: datetime | None = None,
) -> Trace:
    """Every version that was made from the one that `text` means, or from those that a run made, however far down.

    Raises
    ------
    UsageError: there is no such version or run, or was none at that time.
    """
    with store.read() as tx:
        roots, _ = _roots(tx, store.project, text, run, as_of)
        return _traced(tx, down(StoredMakings(tx, as_of), roots, depth=depth, most=most), as_of)


def path(
    store: Store,
    begin: str,
    end: str,
    *,
    depth: int = 1000,
    most: int = 10 * MOST,
    as_of: datetime | None = None,
    direction: Direction = Direction.UP,
) -> Trace:
    """All ways from one version or run to another that came of it; without nodes where there is none.

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
        first, _ = _roots(tx, store.project, begin, None, as_of)
        last, made_by = _roots(tx, store.project, end, None, as_of)
        whole = up(StoredMakings(tx, as_of), last, depth=depth, most=most, made_by=made_by)
        found = between(whole, first)
        if not found.nodes and whole.is_cut:
            raise UsageError(
                f"no way from {begin} to {end} was found among the {len(whole.nodes):,} versions nearest to the latter",
                hint="There are more: name a version that is nearer to it, or look further.",
            )
        return _traced(tx, turned(found, first) if direction is Direction.DOWN else found, as_of)


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
        roots, made_by = _roots(tx, store.project, text, run, as_of)
        makings = StoredMakings(tx, as_of)
        higher = up(makings, roots, depth=above, most=most, made_by=made_by)
        lower = down(makings, roots, depth=below, most=most)
        return _traced(tx, joined(higher, lower), as_of)


def _roots(
    tx: Transaction, project: str, text: str, run: str | None, as_of: datetime | None
) -> tuple[list[int], str | None]:
    """What was asked about, and the run that made it, where a run was."""
    found = run_meant(tx, project, text) if run is None else run_named(tx, project, run)
    if found is None:
        return [_root(tx, project, text, as_of).id], None
    if as_of is not None and (found.ended_at is None or found.ended_at > as_of):
        raise UsageError(
            f"run {found.id} had not ended at {as_of:%Y-%m-%dT%H:%M:%SZ}", hint="Name a later time, or leave it out."
        )
    made = tracing.made_by(tx, found.id)
    return (made, found.id) if made else (tracing.pinned_by(tx, found.id), None)


def _root(tx: Transaction, project: str, text: str, as_of: datetime | None) -> VersionFacts:
    return version_of(tx, project, text) if as_of is None else version_until(tx, project, text, as_of)


def _traced(tx: Transaction, graph: Graph, as_of: datetime | None) -> Trace:
    known = _Known.of(tx, graph.nodes, as_of)
    lines = [known.line(node) for node in graph.nodes]
    lines.sort(key=lambda one: (one.node.id not in graph.roots, one.node.depth, one.version.dataset, one.partition))
    place = {one.node.id: index for index, one in enumerate(lines)}
    links = sorted(graph.links, key=lambda link: [place[one] for one in ends(link, graph.direction)])
    return Trace(graph=replace(graph, links=tuple(links)), lines=tuple(lines), as_of=as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of the versions of a graph and of the runs that made them, each asked for once."""

    versions: Mapping[int, VersionFacts]
    published: Mapping[int, list[Published]]
    declared: Mapping[int, Mapping[str, Any]]
    heads: Collection[int]
    runs: Mapping[str, RunFacts]
    code: Mapping[str, CodeFacts]

    @classmethod
    def of(cls, tx: Transaction, nodes: Iterable[Node], as_of: datetime | None) -> _Known:
        nodes = list(nodes)
        numbers = {node.of for node in nodes}
        published = tracing.published(tx, numbers, until=as_of)
        made = {run for node in nodes if (run := _run(node, published.get(node.of, []))) is not None}
        return cls(
            versions=history.version_facts(tx, sorted(numbers)),
            published=published,
            declared=tracing.declarations(tx, numbers),
            heads=tracing.heads_among(tx, numbers, until=as_of),
            runs=tracing.run_facts(tx, made),
            code=tracing.code_facts(tx, made),
        )

    def line(self, node: Node) -> Traced:
        """A line for a node."""
        told = self.published.get(node.of, [])
        run = _run(node, told)
        event = next((one for one in told if one.run_id == run), told[0] if told else None)
        by = None if run is None else self.runs.get(run)
        code = None if run is None else self.code.get(run)
        return Traced(
            node=node,
            version=self.versions[node.of],
            number=None if event is None else event.number,
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


def _run(node: Node, told: list[Published]) -> str | None:
    """The run that made a version: of one that was made without inputs there is no edge, but an event."""
    return node.by or next((one.run_id for one in told if one.run_id is not None), None)
