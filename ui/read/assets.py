"""Where each asset stands: what it writes, the newest version of that, and its last run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...assets.declare.catalogue import Asset, Catalogue
from ...assets.declare.plain import asset_from_plain, dataset_from_plain
from ...assets.plan.graph import Graph
from ...assets.plan.reasons import Reason
from ...assets.plan.selection import select
from ...assets.run.explaining.earlier import unknown_asset
from ...assets.run.identity import gone
from ...assets.run.progress import told_of
from ...storage.meta import omissions, pauses, ticks
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.partitions.ranges import counts_made
from ...storage.meta.past import declared, history
from ...storage.meta.past.history import Declared, Known, LastRun, Publication
from ...storage.meta.pauses import Paused
from ...storage.meta.ticks import MissedTick
from ...storage.types import RunState
from .failures import error_text
from .page import Page, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLine:
    """A dataset that an asset writes; everything from `number` on is None before its first version. Of a dataset with
    partitions `partitions` says how many are made, and the rest is None."""

    dataset: str
    uri: str
    number: int | None
    digest: str | None
    rows: int | None
    size: int | None
    published_at: datetime | None
    partitions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMark:
    """The newest run of an asset. `left_behind`: it has not ended, and its process, on this host, is gone. `told`: what
    its producer said of what it did not make."""

    id: str
    state: RunState
    left_behind: bool
    reason: Reason
    created_at: datetime
    error: str | None
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseMark:
    """That an asset is paused; `failed` where it paused itself."""

    since: datetime
    why: str
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedMark:
    """A deadline that passed without a run, and why there was none; nothing has met one since."""

    deadline: str
    tick: datetime
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLine:
    """One asset.

    Attributes
    ----------
    outputs: in declared order.
    last_run: None before the first.
    succeeded_at: when it last published.
    paused: None unless it is.
    missed: the deadline that it missed; None unless it did.
    """

    name: str
    group: str | None
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    kind: str | None
    source: bool
    description: str
    outputs: tuple[OutputLine, ...]
    last_run: RunMark | None
    succeeded_at: datetime | None
    paused: PauseMark | None
    missed: MissedMark | None


def paused_assets(store: Store) -> dict[str, PauseMark]:
    """The assets that are paused, by name."""
    with store.read() as tx:
        names = {one.id: one.name for one in history.declared_assets(tx, store.project)}
        found = pauses.current(tx, list(names))
    return {names[number]: PauseMark(since=one.since, why=one.why, failed=one.failed) for number, one in found.items()}


def assets(
    store: Store,
    *,
    names: Collection[str] | None = None,
    selections: Sequence[str] = (),
    limit: int = 100,
    after: str | None = None,
) -> Page[AssetLine]:
    """The assets that are declared now, in the order of the graph; of `names` and `selections` only, if they are given.

    Parameters
    ----------
    after: the name of one of these: the page begins with the next one.

    Raises
    ------
    UsageError: a selection cannot be read, or selects nothing of what is on record; or none of these is called `after`.
    """
    with store.read() as tx:
        by_name = {one.name: one for one in history.declared_assets(tx, store.project)}
        graph = _graph(tx, store.project, by_name.values())
        order = select(graph, selections if by_name else ())
        wanted = [name for name in order if names is None or name in names]
        if after is not None and after not in wanted:
            raise unknown_asset(after, store.project, wanted)
        offset = 0 if after is None else wanted.index(after) + 1
        declared = [by_name[name] for name in wanted[offset : offset + limit + 1]]
        page = cut(declared, offset=offset, limit=limit)
        return Page(items=_lines(tx, store.project, page.items), offset=page.offset, more=page.more)


def _graph(tx: Transaction, project: str, declared: Iterable[Declared]) -> Graph:
    """The graph of what is declared now, as it is on record: no code of the project is loaded."""
    assets = {one.name: asset_from_plain(one.definition) for one in declared}
    datasets = [one for one in history.known_datasets(tx, project) if one.declaration and one.removed_at is None]
    return Graph.of(
        Catalogue(assets=assets, datasets={one.uri: dataset_from_plain(one.declaration) for one in datasets})
    )


def outputs(store: Store, names: Collection[str]) -> dict[str, tuple[OutputLine, ...]]:
    """What these assets write, as it stands now: asset → its datasets, by name. Cheaper than `assets`."""
    with store.read() as tx:
        datasets = [
            one for one in history.known_datasets(tx, store.project) if one.producer in names and one.removed_at is None
        ]
        numbers = [one.id for one in datasets]
        heads, made = history.head_publications(tx, numbers), counts_made(tx, numbers)
    found: dict[str, tuple[OutputLine, ...]] = {}
    for one in datasets:
        assert one.producer is not None, "only datasets of these assets were kept"
        found[one.producer] = (*found.get(one.producer, ()), _output(one, heads.get(one.id), made.get(one.id, 0)))
    return found


def _lines(tx: Transaction, project: str, declared: tuple[Declared, ...]) -> tuple[AssetLine, ...]:
    defined = [asset_from_plain(one.definition) for one in declared]
    written = {uri for asset in defined for uri in asset.outputs}
    datasets = {one.uri: one for one in history.datasets_at(tx, project, written)}
    written_ids = [one.id for one in datasets.values()]
    heads, made = history.head_publications(tx, written_ids), counts_made(tx, written_ids)
    numbers = [one.id for one in declared]
    last, paused = history.last_runs(tx, numbers), pauses.current(tx, numbers)
    left_out = omissions.omitted_by(tx, [one.id for one in last.values()])
    missed = {one.asset_id: one for one in ticks.missed(tx, project)}
    return tuple(
        _line(
            one,
            asset,
            tuple(
                _output(one, heads.get(one.id), made.get(one.id, 0))
                for one in (datasets[uri] for uri in asset.outputs if uri in datasets)
            ),
            last.get(one.id),
            left_out=left_out,
            paused=paused.get(one.id),
            missed=missed.get(one.id),
        )
        for one, asset in zip(declared, defined, strict=True)
    )


def _line(
    declared: Declared,
    asset: Asset,
    written: tuple[OutputLine, ...],
    last: LastRun | None,
    *,
    left_out: Mapping[str, Mapping[str, str]],
    paused: Paused | None,
    missed: MissedTick | None,
) -> AssetLine:
    return AssetLine(
        name=declared.name,
        group=asset.policies.group,
        tags=asset.policies.tags,
        owners=asset.policies.owners,
        kind=asset.kind,
        source=asset.source,
        description=asset.description,
        outputs=written,
        last_run=None
        if last is None
        else RunMark(
            id=last.id,
            state=last.state,
            left_behind=last.ended_at is None and last.worker is not None and gone(last.worker),
            reason=Reason.from_plain(last.reason),
            created_at=last.created_at,
            error=None if last.error is None else error_text(last.error),
            told=told_of(last.state, left_out.get(last.id, {})),
        ),
        succeeded_at=declared.succeeded_at,
        paused=None if paused is None else PauseMark(since=paused.since, why=paused.why, failed=paused.failed),
        missed=None
        if missed is None
        else MissedMark(deadline=missed.timetable, tick=missed.tick, reason=Reason.from_plain(missed.reason)),
    )


def _output(dataset: Known, head: Publication | None, made: int) -> OutputLine:
    return OutputLine(
        dataset=dataset.name,
        uri=dataset.uri,
        number=None if head is None else head.number,
        digest=None if head is None else head.digest,
        rows=None if head is None else head.rows,
        size=None if head is None else head.size,
        published_at=None if head is None else head.at,
        partitions=made if "partitions" in dataset.declaration else None,
    )


def asset_named(store: Store, name: str) -> tuple[AssetLine, Asset]:
    """Where an asset stands, and its definition as it is registered.

    Raises
    ------
    UsageError: there is no such asset, or it is declared no more; the hint names those of a like name.
    """
    with store.read() as tx:
        found = declared.declared_asset(tx, store.project, name)
        if found is None:
            known = declared.declared_names(tx, store.project).values()
            raise unknown_asset(name, store.project, [one for one, _ in known])
        return _lines(tx, store.project, (found,))[0], asset_from_plain(found.definition)
