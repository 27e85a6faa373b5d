"""What is declared: projects, datasets, assets and the history of their definitions; and which asset waits for which
dataset (`subscriptions`).

A catalogue arrives as plain rows: this room does not know the vocabulary of `assets/declare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint, bindparam, delete, insert, select, update
from sqlmodel import Field

from .engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .prepared import Prepared


class ProjectRow(Row, table=True):
    """A namespace of names, and the digest of the catalogue that was registered last."""

    __tablename__ = "projects"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True)
    catalogue_digest: str = ""
    registered_at: datetime = Field(sa_type=UtcTime)


class DatasetRow(Row, table=True):
    """A dataset: its identity, its declaration, and where its head stands.

    `last_number` is the number of its newest event; it is raised under this row's lock, so that the order of numbers
    is the order of commits. `head_version_id` is the version that this event published; None before the first, and
    once an observed dataset is gone. `shown_version_id` is the version that its own URI was last made equal to.
    """

    __tablename__ = "datasets"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("project", "uri"),)

    id: int | None = Field(default=None, primary_key=True)
    project: str = Field(foreign_key="projects.name")
    uri: str
    name: str = Field(index=True)
    producer_id: int | None = Field(default=None, foreign_key="assets.id")
    declaration: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    last_number: int = 0
    head_version_id: int | None = Field(default=None)
    shown_version_id: int | None = Field(default=None)
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class AssetRow(Row, table=True):
    """An asset: its stable id, its name, and the run that made its heads."""

    __tablename__ = "assets"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("project", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    project: str = Field(foreign_key="projects.name")
    name: str
    definition_digest: str
    registered_at: datetime = Field(sa_type=UtcTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    head_run_id: str | None = None
    succeeded_at: datetime | None = Field(default=None, sa_type=UtcTime)


class DefinitionRow(Row, table=True):
    """One form that an asset's definition had, from `recorded_at` on."""

    __tablename__ = "definitions"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    asset_id: int = Field(foreign_key="assets.id", index=True)
    digest: str
    body: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    recorded_at: datetime = Field(sa_type=UtcTime)


class SubscriptionRow(Row, table=True):
    """That an asset's condition names a dataset.

    Events with a number up to `floor` are settled for this consumer. Events up to `completing` can complete its
    condition but never start a run: they were there before it was registered, or a failed run returned them.
    """

    __tablename__ = "subscriptions"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    partition: str = Field(default="", primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True, index=True)
    floor: int = 0
    completing: int = 0


projects = table_of(ProjectRow)
datasets = table_of(DatasetRow)
assets = table_of(AssetRow)
definitions = table_of(DefinitionRow)
subscriptions = table_of(SubscriptionRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDeclaration:
    """A dataset as it is to be registered; `producer` is the name of the asset that writes it."""

    uri: str
    name: str
    producer: str | None
    declaration: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDeclaration:
    """An asset as it is to be registered; `waits_for` are the URIs in its condition."""

    name: str
    previously: str | None
    digest: str
    body: Mapping[str, Any]
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The ids under which a catalogue is registered: by asset name and by dataset URI."""

    assets: Mapping[str, int]
    datasets: Mapping[str, int]


def ids(tx: Transaction, project: str) -> Ids:
    """The ids of everything that is registered now."""
    live_assets = select(assets.c.name, assets.c.id).where(assets.c.project == project, assets.c.removed_at.is_(None))
    live_datasets = select(datasets.c.uri, datasets.c.id).where(
        datasets.c.project == project, datasets.c.removed_at.is_(None)
    )
    return Ids(
        assets=dict(tx.execute(live_assets).all()),
        datasets=dict(tx.execute(live_datasets).all()),
    )


def registered_digest(tx: Transaction, project: str) -> str | None:
    """The digest of the catalogue that was registered last; None before the first."""
    return tx.execute(select(projects.c.catalogue_digest).where(projects.c.name == project)).scalar()


_SUCCEEDED = Prepared(
    update(assets)
    .where(assets.c.id == bindparam("b_id"))
    .values(head_run_id=bindparam("b_run"), succeeded_at=bindparam("b_now"))
)


def record_success(tx: Transaction, *, asset_id: int, run_id: str, now: datetime) -> None:
    """This run made the current heads of the asset."""
    _SUCCEEDED.run(tx, {"b_id": asset_id, "b_run": run_id, "b_now": now})


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

    New consumers are seeded: the newest event of each dataset they wait for is pending, but completing only.
    A changed condition keeps the progress of the datasets that stay; an asset that was left out for a while and comes
    back goes on where it stood: a call with some of the assets loses no news of the others. Costs one query when
    nothing changed.
    """
    before = registered_digest(tx, project)
    if before == digest:
        return ids(tx, project)
    if before is None:
        tx.execute(insert(projects), {"name": project, "catalogue_digest": digest, "registered_at": now})
    _register_assets(tx, project, wanted_assets, now)
    _register_datasets(tx, project, wanted_datasets, now)
    known = ids(tx, project)
    _subscribe(tx, project, known, wanted_assets)
    tx.execute(update(projects).where(projects.c.name == project).values(catalogue_digest=digest, registered_at=now))
    return known


def _register_assets(tx: Transaction, project: str, wanted: Sequence[AssetDeclaration], now: datetime) -> None:
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
        tx.execute(
            insert(assets),
            [
                {"project": project, "name": asset.name, "definition_digest": "", "registered_at": now}
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
        tx.execute(
            insert(definitions),
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
        tx.execute(
            update(assets)
            .where(assets.c.id == bindparam("b_id"))
            .values(definition_digest=bindparam("b_digest"), removed_at=None),
            [{"b_id": numbers[asset.name], "b_digest": asset.digest} for asset in changed],
        )
    names = {asset.name for asset in wanted}
    gone = [row.id for name, row in known.items() if name not in names and row.removed_at is None]
    if gone:
        tx.execute(
            update(assets).where(assets.c.id == bindparam("b_id")).values(removed_at=now),
            [{"b_id": number} for number in gone],
        )


def _register_datasets(tx: Transaction, project: str, wanted: Sequence[DatasetDeclaration], now: datetime) -> None:
    numbers = dict(tx.execute(select(assets.c.name, assets.c.id).where(assets.c.project == project)).all())
    known = dict(tx.execute(select(datasets.c.uri, datasets.c.id).where(datasets.c.project == project)).all())
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
        tx.execute(insert(datasets), [{"project": project, "last_number": 0, **_unbound(row)} for row in fresh])
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


def _unbound(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uri": row["b_uri"],
        "name": row["b_name"],
        "producer_id": row["b_producer"],
        "declaration": row["b_declaration"],
    }


def _subscribe(tx: Transaction, project: str, known: Ids, wanted: Sequence[AssetDeclaration]) -> None:
    numbers = dict(
        tx.execute(
            select(datasets.c.id, datasets.c.last_number).where(
                datasets.c.project == project, datasets.c.removed_at.is_(None)
            )
        ).all()
    )
    have = {
        (asset_id, dataset_id)
        for asset_id, dataset_id in tx.execute(
            select(subscriptions.c.asset_id, subscriptions.c.dataset_id)
            .join(assets, assets.c.id == subscriptions.c.asset_id)
            .where(assets.c.project == project)
        )
    }
    want = {(known.assets[asset.name], known.datasets[uri]) for asset in wanted for uri in asset.waits_for}
    ours = set(known.assets.values())
    gone = [{"b_asset": a, "b_dataset": d} for a, d in have - want if a in ours]
    if gone:
        tx.execute(
            delete(subscriptions).where(
                subscriptions.c.asset_id == bindparam("b_asset"), subscriptions.c.dataset_id == bindparam("b_dataset")
            ),
            gone,
        )
    new = sorted(want - have)
    if new:
        tx.execute(
            insert(subscriptions),
            [
                {
                    "asset_id": a,
                    "partition": "",
                    "dataset_id": d,
                    "floor": max(numbers[d] - 1, 0),
                    "completing": numbers[d],
                }
                for a, d in new
            ],
        )
