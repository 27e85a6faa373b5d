"""Registration: what is stored of the definitions is made equal to a catalogue, and nothing that was is lost.

A catalogue arrives as plain rows: this room does not know the vocabulary of `assets/declare`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from ..manifest import Manifest
from . import agenda, holds, pending
from .catalogue import Ids, aliases, assets, datasets, definitions, ids, projects, registered_digest
from .database.engine import Transaction
from .database.prepared import Prepared
from .events import ARRIVED, events, publish_event
from .partitions.agenda import wake_waiting
from .subscribing import Begins, Wanted, subscribe
from .versions import keep_version, versions


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDeclaration:
    """A dataset as it is to be registered.

    `producer` is the name of the asset that writes it; `aliases` are its other URIs.
    """

    uri: str
    name: str
    producer: str | None
    declaration: Mapping[str, Any]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDeclaration:
    """An asset as it is to be registered.

    Attributes
    ----------
    waits_for: the URIs in its condition; patterns: those that are patterns.
    removals: of these, for whose removals it asks too.
    timetables: the labels of the timetables in its condition, and of its deadline.
    each: the dataset, or the pattern, of which each event is to have a run of its own.
    builds: whether data that are there already start it when it is new.
    begins: with which event of a dataset it begins, where a leaf of its condition asks each event; given whether they
        are to start it.
    keyed: whether it has partitions.
    """

    name: str
    previously: str | None
    digest: str
    body: Mapping[str, Any]
    waits_for: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    removals: tuple[str, ...] = ()
    timetables: tuple[str, ...] = ()
    each: str | None = None
    builds: bool = False
    begins: Callable[[bool], Begins] | None = None
    keyed: bool = False


def register(
    tx: Transaction,
    project: str,
    *,
    digest: str,
    wanted_datasets: Sequence[DatasetDeclaration],
    wanted_assets: Sequence[AssetDeclaration],
    now: datetime,
) -> Ids:
    """Make what is registered equal to a catalogue; history is kept.

    New consumers are seeded: the newest event of each dataset they wait for is pending, but completing only, unless the
    asset asks for more. A changed condition keeps the progress of the datasets that stay; what is pending of the others
    is closed. An asset that was left out for a while and comes back goes on where it stood: a call with some of the
    assets loses no news of the others. A planner has to look at whatever is new or changed. Costs one query when
    nothing is.
    """
    before = registered_digest(tx, project)
    if before == digest:
        return ids(tx, project)
    if before is None:
        tx.execute(insert(projects), {"name": project, "catalogue_digest": digest, "registered_at": now})
    fresh, changed = _register_assets(tx, project, wanted_assets, now)
    joined = _register_datasets(tx, project, wanted_datasets, now)
    known = ids(tx, project)
    heirs = _heirs(tx, joined, [known.assets[asset.name] for asset in wanted_assets])
    subscribe(
        tx,
        project,
        [
            Wanted(
                asset_id=known.assets[asset.name],
                datasets=frozenset(known.datasets[uri] for uri in asset.waits_for),
                removals=frozenset(known.datasets[uri] for uri in asset.removals if uri in known.datasets),
                patterns=frozenset(asset.patterns),
                removed_patterns=frozenset(asset.removals).intersection(asset.patterns),
                each=known.datasets.get(asset.each or ""),
                each_pattern=asset.each if asset.each in asset.patterns else None,
                timetables=frozenset(asset.timetables),
                builds=(builds := asset.builds and asset.name in fresh),
                begins=None if asset.begins is None else asset.begins(builds),
                keyed=asset.keyed,
                inherits=frozenset(heirs.get(known.assets[asset.name], ())),
            )
            for asset in wanted_assets
        ],
        now=now,
    )
    agenda.enter(tx, [known.assets[name] for name in fresh])
    agenda.wake(tx, [known.assets[name] for name in changed])
    holds.note(
        tx, {}, [known.assets[name] for name in changed], now=now
    )  # what was told was told of another definition
    for asset in wanted_assets:
        if asset.keyed and asset.name in changed:  # what waited by its former definition
            wake_waiting(tx, known.assets[asset.name])
    tx.execute(update(projects).where(projects.c.name == project).values(catalogue_digest=digest, registered_at=now))
    return known


_NEW_ASSETS = Prepared(insert(assets))
_NEW_DATASETS = Prepared(insert(datasets))
_NO_EVENTS = {"last_number": 0, "planned_number": 0, "partitions_made": 0, "partitions_left": 0}
_DEFINITIONS = Prepared(insert(definitions))
_DEFINED = Prepared(
    update(assets)
    .where(assets.c.id == bindparam("b_id"))
    .values(definition_digest=bindparam("b_digest"), removed_at=None)
)


def _register_assets(
    tx: Transaction, project: str, wanted: Sequence[AssetDeclaration], now: datetime
) -> tuple[list[str], list[str]]:
    """The names of the assets that are new, and of those that were another or no part of the catalogue."""
    rows = tx.execute(
        select(assets.c.name, assets.c.id, assets.c.definition_digest, assets.c.removed_at).where(
            assets.c.project == project
        )
    )
    known = {row.name: row for row in rows}
    for asset in wanted:
        old = known.get(asset.previously or "")
        if old is not None and asset.name not in known:
            tx.execute(update(assets).where(assets.c.id == old.id).values(name=asset.name))
            known[asset.name] = old
            del known[old.name]
    fresh = [asset for asset in wanted if asset.name not in known]
    if fresh:
        _NEW_ASSETS.run_many(
            tx,
            [
                {
                    "project": project,
                    "name": asset.name,
                    "definition_digest": "",
                    "registered_at": now,
                    "failures": 0,
                }
                for asset in fresh
            ],
        )
    numbers = dict(tx.execute(select(assets.c.name, assets.c.id).where(assets.c.project == project)).all())
    changed = [
        asset
        for asset in wanted
        if asset.name not in known
        or known[asset.name].definition_digest != asset.digest
        or known[asset.name].removed_at is not None
    ]
    if changed:
        _DEFINITIONS.run_many(
            tx,
            [
                {
                    "asset_id": numbers[asset.name],
                    "digest": asset.digest,
                    "body": dict(asset.body),
                    "recorded_at": now,
                }
                for asset in changed
            ],
        )
        _DEFINED.run_many(tx, [{"b_id": numbers[asset.name], "b_digest": asset.digest} for asset in changed])
    names = {asset.name for asset in wanted}
    gone = [row.id for name, row in known.items() if name not in names and row.removed_at is None]
    if gone:
        tx.execute(
            update(assets).where(assets.c.id == bindparam("b_id")).values(removed_at=now),
            [{"b_id": number} for number in gone],
        )
    return [asset.name for asset in fresh], [asset.name for asset in changed if asset.name in known]


def _register_datasets(
    tx: Transaction, project: str, wanted: Sequence[DatasetDeclaration], now: datetime
) -> dict[int, int]:
    """Datasets are as declared; which turned out to be which other one, by their ids."""
    numbers = dict(tx.execute(select(assets.c.name, assets.c.id).where(assets.c.project == project)).all())
    known = dict(tx.execute(select(datasets.c.uri, datasets.c.id).where(datasets.c.project == project)).all())
    for dataset in wanted:
        former = next((uri for uri in dataset.aliases if uri in known), None)
        if former is not None and dataset.uri not in known:  # it has moved: what is known of it goes along
            known[dataset.uri] = known.pop(former)
            tx.execute(update(datasets).where(datasets.c.id == known[dataset.uri]).values(uri=dataset.uri))
    rows = [
        {
            "b_uri": dataset.uri,
            "b_name": dataset.name,
            "b_producer": numbers.get(dataset.producer) if dataset.producer else None,
            "b_declaration": dict(dataset.declaration),
        }
        for dataset in wanted
    ]
    fresh = [row for row in rows if row["b_uri"] not in known]
    kept = [{**row, "b_id": known[row["b_uri"]]} for row in rows if row["b_uri"] in known]
    if fresh:
        _NEW_DATASETS.run_many(
            tx,
            [{"project": project, **_NO_EVENTS, **_unbound(row)} for row in fresh],
        )
    if kept:
        tx.execute(
            update(datasets)
            .where(datasets.c.id == bindparam("b_id"))
            .values(
                name=bindparam("b_name"),
                producer_id=bindparam("b_producer"),
                declaration=bindparam("b_declaration"),
                removed_at=None,
            ),
            kept,
        )
    uris = {dataset.uri for dataset in wanted}
    gone = [{"b_id": number} for uri, number in known.items() if uri not in uris]
    if gone:
        tx.execute(
            update(datasets)
            .where(datasets.c.id == bindparam("b_id"), datasets.c.removed_at.is_(None))
            .values(removed_at=now),
            gone,
        )
    joined = _join(tx, project, wanted, now)
    _register_aliases(tx, project, wanted)
    return joined


def _join(tx: Transaction, project: str, wanted: Sequence[DatasetDeclaration], now: datetime) -> dict[int, int]:
    """Of datasets that turn out to be one, each with events of its own: what was told last of any is the newest. Gives
    which turned out to be which other one.

    The others' events stay where they are, as its history: an event has the number under which it was consumed.
    """
    found: dict[int, int] = {}
    there = {row.uri: row for row in tx.execute(_KNOWN.where(datasets.c.project == project))}
    joined = set(tx.execute(select(aliases.c.uri).where(aliases.c.project == project)).scalars())
    for dataset in wanted:
        others = [there[uri] for uri in dataset.aliases if uri in there and uri not in joined and uri != dataset.uri]
        if dataset.producer is not None or not others:
            continue
        own, arrived = there[dataset.uri].id, _arrived(tx, there[dataset.uri].id)
        found |= {other.id: own for other in others}
        for other in others:
            last = tx.execute(_LAST.where(events.c.dataset_id == other.id)).first()
            if last is None or other.producer_id is not None or (arrived is not None and last.arrived <= arrived):
                continue
            manifest, arrived = Manifest.from_plain(last.manifest), last.arrived
            version_id = keep_version(tx, dataset_id=own, manifest=manifest, held=last.held, now=now)
            publish_event(
                tx, dataset_id=own, version_id=version_id, run_id=None, metadata=last.said, now=now, at=last.at
            )
    return found


def _heirs(tx: Transaction, joined: Mapping[int, int], asset_ids: Sequence[int]) -> dict[int, set[int]]:
    """The assets with news that may start a run, of a dataset that turned out to be another one: by their ids, which.
    They begin with the newest of that as news, lest what was pending is lost as a cause."""
    found: dict[int, set[int]] = {}
    waiting = pending.sums(tx, asset_ids) if joined else dict[tuple[int, int], pending.Pending]()
    for (asset_id, dataset_id), one in waiting.items():
        if dataset_id in joined and one.causes:
            found.setdefault(asset_id, set()).add(joined[dataset_id])
    return found


def _arrived(tx: Transaction, dataset_id: int) -> datetime | None:
    return tx.execute(
        select(ARRIVED).where(events.c.dataset_id == dataset_id).order_by(events.c.number.desc()).limit(1)
    ).scalar()


_KNOWN = select(datasets.c.uri, datasets.c.id, datasets.c.producer_id)
_LAST = (
    select(events.c.at, ARRIVED.label("arrived"), events.c.metadata.label("said"), versions.c.manifest, versions.c.held)
    .join(versions, versions.c.id == events.c.version_id)
    .order_by(events.c.number.desc())
    .limit(1)
)


def _register_aliases(tx: Transaction, project: str, wanted: Sequence[DatasetDeclaration]) -> None:
    numbers = dict(tx.execute(select(datasets.c.uri, datasets.c.id).where(datasets.c.project == project)).all())
    tx.execute(delete(aliases).where(aliases.c.project == project))
    rows = [
        {"project": project, "uri": uri, "dataset_id": numbers[dataset.uri]}
        for dataset in wanted
        for uri in dataset.aliases
    ]
    if rows:
        tx.execute(insert(aliases), rows)


def _unbound(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uri": row["b_uri"],
        "name": row["b_name"],
        "producer_id": row["b_producer"],
        "declaration": row["b_declaration"],
    }
