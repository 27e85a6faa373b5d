"""Registration: what is stored of the definitions is made equal to a catalogue, and nothing that was is lost.

A catalogue arrives as plain rows: this room does not know the vocabulary of `assets/declare`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from . import agenda, holds
from .catalogue import Ids, aliases, assets, datasets, definitions, ids, projects, registered_digest
from .database.engine import Transaction
from .database.prepared import Prepared
from .joining import join, link
from .partitions.agenda import renew
from .partitions.asking import ask_again
from .partitions.joining import go_on, moving
from .subscribing import Begins, Wanted, subscribe


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
    asks_otherwise: given the body of its former definition, whether other events start its partitions by this one; of
        an asset with partitions.
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
    asks_otherwise: Callable[[Mapping[str, Any]], bool] | None = None


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
    is closed, and partitions are asked again what is pending for them. An asset that was left out for a while and comes
    back goes on where it stood: a call with some of the assets loses no news of the others. A planner has to look at
    whatever is new or changed. Costs one query when nothing is.
    """
    before = registered_digest(tx, project)
    if before == digest:
        return ids(tx, project)
    if before is None:
        tx.execute(insert(projects), {"name": project, "catalogue_digest": digest, "registered_at": now})
    fresh, changed = _register_assets(tx, project, wanted_assets, now)
    same = _register_datasets(tx, project, wanted_datasets, now)
    known = ids(tx, project)
    moved = moving(tx, same, {known.assets[asset.name] for asset in wanted_assets if asset.keyed})
    joined = join(
        tx,
        same,
        {known.assets[asset.name]: asset.patterns for asset in wanted_assets if not asset.keyed},
        now=now,
        fanned={one.own for one in moved if one.news},
    )
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
                goes_on=joined.begins(known.assets[asset.name]),
            )
            for asset in wanted_assets
        ],
        now=now,
    )
    link(tx, joined, now=now)
    go_on(tx, moved, joined.again)
    agenda.enter(tx, [known.assets[name] for name in fresh])
    agenda.wake(tx, [known.assets[name] for name in changed])
    holds.note(
        tx, {}, [known.assets[name] for name in changed], now=now
    )  # what was told was told of another definition
    for asset in wanted_assets:
        if asset.keyed and asset.name in changed:
            number = known.assets[asset.name]
            renew(tx, number)
            former = tx.execute(_FORMER, {"b_asset": number}).scalar()
            if former is not None and asset.asks_otherwise is not None and asset.asks_otherwise(former):
                ask_again(tx, number)
    tx.execute(update(projects).where(projects.c.name == project).values(catalogue_digest=digest, registered_at=now))
    return replace(known, registered_at=now)


_NEW_ASSETS = Prepared(insert(assets))
_NEW_DATASETS = Prepared(insert(datasets))
_NO_EVENTS = {"last_number": 0, "planned_number": 0, "partitions_made": 0, "partitions_left": 0}
_DEFINITIONS = Prepared(insert(definitions))
_FORMER = (
    select(definitions.c.body)
    .where(definitions.c.asset_id == bindparam("b_asset"))
    .order_by(definitions.c.id.desc())
    .limit(1)
    .offset(1)
)
"""What a changed asset was before: its newest definition is that of now."""
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
    """Datasets are as declared; which of them are which other one now, by their ids."""
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
    _register_aliases(tx, project, wanted)
    return _same(tx, project, wanted)


def _same(tx: Transaction, project: str, wanted: Sequence[DatasetDeclaration]) -> dict[int, int]:
    """Datasets that are another one now, because that has their URIs as aliases and both were known: by their ids."""
    known = dict(tx.execute(select(datasets.c.uri, datasets.c.id).where(datasets.c.project == project)).all())
    return {
        known[uri]: known[dataset.uri]
        for dataset in wanted
        for uri in dataset.aliases
        if uri in known and uri != dataset.uri
    }


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
