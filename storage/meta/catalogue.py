"""What is declared: projects, datasets, assets and the history of their definitions; and which asset waits for which
dataset (`subscriptions`).

How it is made equal to a catalogue stands in `registration.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Index,
    ScalarSelect,
    UniqueConstraint,
    bindparam,
    null,
    select,
    text,
    update,
)
from sqlmodel import Field

from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Listed, Prepared, among

NEWS = "last_number > planned_number"
"""Which datasets have events that no planner has looked at; written as a text, so that the index is recognised."""


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
    `planned_number` is the number of the newest event that a planner has looked at: what is beyond it is news. So a
    publication costs the same however many wait for it, and news is found without a look at what is none.
    `partitions_made` is how many of its partitions are made: the sum over its ranges, written with them;
    `partitions_left` how many others it has, under keys of an earlier definition.

    A dataset with `removed_at` is no part of the catalogue: it was, or nobody has declared it and somebody outside
    told of it all the same; then its declaration is empty.
    """

    __tablename__ = "datasets"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("project", "uri"),
        Index("news", "project", "id", sqlite_where=text(NEWS), postgresql_where=text(NEWS)),
    )

    id: int | None = Field(default=None, primary_key=True)
    project: str = Field(foreign_key="projects.name")
    uri: str
    name: str = Field(index=True)
    producer_id: int | None = Field(default=None, foreign_key="assets.id")
    declaration: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    last_number: int = 0
    planned_number: int = 0
    head_version_id: int | None = Field(default=None)
    shown_version_id: int | None = Field(default=None)
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    partitions_made: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    partitions_left: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


class AssetRow(Row, table=True):
    """An asset: its stable id, its name, the run that made its heads, and how many failed in a row since then."""

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
    failures: int = 0


class DefinitionRow(Row, table=True):
    """One form that an asset's definition had, from `recorded_at` on."""

    __tablename__ = "definitions"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    asset_id: int = Field(foreign_key="assets.id", index=True)
    digest: str
    body: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    recorded_at: datetime = Field(sa_type=UtcTime)


class SubscriptionRow(Row, table=True):
    """That an asset's condition names a dataset, or that the dataset matches a pattern in it.

    Events with a number up to `floor` are settled for this consumer. Events up to `completing` can complete its
    condition but never start a run: they were there before it was registered. Which events a failed run returned is
    known from their links.
    `began` is the floor that it began with; None where a database is older than that column.
    `removals`: the condition asks for the dataset's removals. From `ended_at` on the condition no longer names it:
    nothing is pending for it any more.

    What is pending with a number up to `summed` is in `tally`, as sums (see `tallies.py`); without one, `summed` is
    `floor`. `turns` counts what made other events pending, or pending in another way, than those that came.
    """

    __tablename__ = "subscriptions"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "tallied", "asset_id", sqlite_where=text("tally IS NOT NULL"), postgresql_where=text("tally IS NOT NULL")
        ),
        BY_KEY,
    )

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    partition: str = Field(default="", primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True, index=True)
    floor: int = 0
    completing: int = 0
    removals: bool = False
    since: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    began: int | None = None
    turns: int = 0
    summed: int = 0
    tally: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


class TimetableRow(Row, table=True):
    """That an asset's condition, or its deadline, has a timetable: ticks up to `registered_at` do not count."""

    __tablename__ = "timetables"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    label: str = Field(primary_key=True)
    registered_at: datetime = Field(sa_type=UtcTime)


class PatternRow(Row, table=True):
    """That an asset's condition waits for every dataset whose URI matches a pattern; `removals`: for these too."""

    __tablename__ = "patterns"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    pattern: str = Field(primary_key=True)
    removals: bool = False


class AliasRow(Row, table=True):
    """Another URI of a dataset."""

    __tablename__ = "aliases"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    project: str = Field(foreign_key="projects.name", primary_key=True)
    uri: str = Field(primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id", index=True)


projects = table_of(ProjectRow)
datasets = table_of(DatasetRow)
assets = table_of(AssetRow)
definitions = table_of(DefinitionRow)
subscriptions = table_of(SubscriptionRow)
timetables = table_of(TimetableRow)
patterns = table_of(PatternRow)
aliases = table_of(AliasRow)

FORGOTTEN = {"turns": subscriptions.c.turns + 1, "tally": null()}
"""What every statement writes beside `floor` and `summed` that changes what is pending otherwise than by an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The ids under which a catalogue is registered: by asset name and by dataset URI; and when that was, if it is."""

    assets: Mapping[str, int]
    datasets: Mapping[str, int]
    registered_at: datetime | None = field(default=None, compare=False)  # the ids alone make them equal


def ids(tx: Transaction, project: str) -> Ids:
    """The ids of everything that is registered now."""
    live_assets = select(assets.c.name, assets.c.id).where(assets.c.project == project, assets.c.removed_at.is_(None))
    live_datasets = select(datasets.c.uri, datasets.c.id, registered_at(project)).where(
        datasets.c.project == project, datasets.c.removed_at.is_(None)
    )
    found = tx.execute(live_datasets).all()
    return Ids(
        assets=dict(tx.execute(live_assets).all()),
        datasets={uri: number for uri, number, _ in found},
        registered_at=found[0][2] if found else None,
    )


def registered_at(project: str | ColumnElement[str]) -> ScalarSelect[datetime]:
    """When definitions of a project were registered last, as a column: ids that were drawn before may be others now."""
    return select(projects.c.registered_at).where(projects.c.name == project).scalar_subquery()


def every_dataset(tx: Transaction, project: str) -> dict[str, int]:
    """URI → id of every dataset that is known, whether or not it is part of the catalogue."""
    return dict(tx.execute(select(datasets.c.uri, datasets.c.id).where(datasets.c.project == project)).all())


def registered_digest(tx: Transaction, project: str) -> str | None:
    """The digest of the catalogue that was registered last; None before the first."""
    return tx.execute(select(projects.c.catalogue_digest).where(projects.c.name == project)).scalar()


def registered_definitions(tx: Transaction, project: str) -> dict[int, str]:
    """The digest of the definition of every asset that is registered now, by id."""
    return dict(
        tx.execute(
            select(assets.c.id, assets.c.definition_digest).where(
                assets.c.project == project, assets.c.removed_at.is_(None)
            )
        ).all()
    )


_DEFINITIONS = Listed(select(assets.c.id, assets.c.definition_digest).where(among(assets.c.id)))


def definitions_of(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, str]:
    """The digest of the definition that each of these assets was registered with last, by id."""
    return dict(_DEFINITIONS.rows(tx, asset_ids))


_SUCCEEDED = Prepared(
    update(assets)
    .where(assets.c.id == bindparam("b_id"))
    .values(head_run_id=bindparam("b_run"), succeeded_at=bindparam("b_now"), failures=0)
)


def record_success(tx: Transaction, *, asset_id: int, run_id: str, now: datetime) -> None:
    """This run made the current heads of the asset: its row of failures is over."""
    _SUCCEEDED.run(tx, {"b_id": asset_id, "b_run": run_id, "b_now": now})


def uris_of(tx: Transaction, dataset_ids: Sequence[int]) -> dict[int, str]:
    """The URIs of these datasets by id, whether or not they are part of the catalogue."""
    return dict(_URIS.rows(tx, dataset_ids))


_URIS = Listed(select(datasets.c.id, datasets.c.uri).where(among(datasets.c.id)))


def timetables_since(tx: Transaction, asset_ids: Sequence[int]) -> dict[tuple[int, str], datetime]:
    """When each timetable came into the condition of these assets, by (asset id, label)."""
    return {(asset_id, label): at for asset_id, label, at in _TIMETABLES.rows(tx, asset_ids)}


_TIMETABLES = Listed(
    select(timetables.c.asset_id, timetables.c.label, timetables.c.registered_at).where(among(timetables.c.asset_id))
)


def definition_at(tx: Transaction, asset_id: int, at: datetime) -> Mapping[str, Any] | None:
    """The definition that an asset had at a time, as plain data; None before its first."""
    return tx.execute(
        select(definitions.c.body)
        .where(definitions.c.asset_id == asset_id, definitions.c.recorded_at <= at)
        .order_by(definitions.c.recorded_at.desc(), definitions.c.id.desc())
        .limit(1)
    ).scalar()


def asset_id_of(tx: Transaction, project: str, name: str) -> int | None:
    """The id of an asset that is registered now; None when there is none of this name."""
    return tx.execute(
        select(assets.c.id).where(assets.c.project == project, assets.c.name == name, assets.c.removed_at.is_(None))
    ).scalar()
