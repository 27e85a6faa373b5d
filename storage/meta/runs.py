"""Runs, and the versions that were pinned for them.

Every change of a run's state is a compare-and-set: it names the state it leaves, and of two workers that race one is
told that it lost. Which changes are allowed is not decided here but in the lifecycle table of `assets/plan`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, Index, RowMapping, Select, bindparam, func, insert, select, text, update
from sqlmodel import Field

from ..types import FINAL_STATES, RunState
from .catalogue import assets, datasets
from .database.bell import Topic, ring
from .database.engine import TEXT, Row, Transaction, UtcTime, table_of
from .database.prepared import Prepared, as_rows, given_rows
from .events import events
from .versions import NAMING, pins, token_of, versions

EXECUTED = "state <> 'skipped' OR attempts > 0"
"""Which runs were to execute: all but those that were skipped when they were planned. Written as a text, so that the
index is recognised."""

OF_PARTITION = "partition <> ''"
FAILED_OF_PARTITION = "partition <> '' AND state = 'failed'"
OF_BACKFILL = "backfill_id IS NOT NULL"
BADLY = frozenset({RunState.FAILED, RunState.REFUSED, RunState.CANCELED})
ENDED_BADLY = "state IN ('canceled', 'failed', 'refused')"
"""`BADLY` as a text: people look for these, and they are few."""


class RunRow(Row, table=True):
    """One planned making of one asset. `key` is the digest of `made_from`, the parts of the run key; `backfill_id` the
    backfill that asked for it, where one did."""

    __tablename__ = "runs"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "active_runs",
            "asset_id",
            "ended_at",  # without it SQLite prefers the index over all runs of the asset
            "partition",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("runs_by_asset", "asset_id", "id"),
        Index("runs_by_time", "created_at", "id"),
        Index("runs_ended_badly", "id", sqlite_where=text(ENDED_BADLY), postgresql_where=text(ENDED_BADLY)),
        Index(
            "executed_runs",
            "asset_id",
            "created_at",
            "id",
            sqlite_where=text(EXECUTED),
            postgresql_where=text(EXECUTED),
        ),
        Index(
            "runs_of_partitions",
            "asset_id",
            "partition",
            "id",
            sqlite_where=text(OF_PARTITION),
            postgresql_where=text(OF_PARTITION),
        ),
        Index(
            "failed_partitions",
            "asset_id",
            "state",  # without it SQLite prefers the index over all runs of partitions
            "partition",
            "id",
            sqlite_where=text(FAILED_OF_PARTITION),
            postgresql_where=text(FAILED_OF_PARTITION),
        ),
        Index(
            "runs_of_backfills",
            "backfill_id",
            "asset_id",
            "partition",
            sqlite_where=text(OF_BACKFILL),
            postgresql_where=text(OF_BACKFILL),
        ),
    )

    id: str = Field(primary_key=True)
    asset_id: int = Field(foreign_key="assets.id")
    partition: str = ""
    materialization_id: str | None = Field(default=None, foreign_key="materializations.id", index=True)
    state: str
    key: str
    reason: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    made_from: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    nominal_start: datetime | None = Field(default=None, sa_type=UtcTime)
    nominal_end: datetime | None = Field(default=None, sa_type=UtcTime)
    attempts: int = 0
    worker: str | None = None
    created_at: datetime = Field(sa_type=UtcTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    error: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    backfill_id: str | None = None
    retry_at: datetime | None = Field(default=None, sa_type=UtcTime)


runs = table_of(RunRow)


class Pin(NamedTuple):
    """A parameter, and the version that is read for it; `partition` is the key of what is read, of a dataset that has
    partitions."""

    parameter: str
    dataset_id: int
    version_id: int
    event_id: int
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be recorded; `partition` is the key of what it makes, of an asset that has partitions."""

    id: str
    asset_id: int
    state: RunState
    key: str
    reason: Mapping[str, Any]
    made_from: Mapping[str, Any]
    pins: tuple[Pin, ...]
    nominal_start: datetime | None = None
    nominal_end: datetime | None = None
    partition: str = ""
    backfill_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A recorded run; times are UTC, `error` is None unless it failed. `worker` is who tries it, or tried it last;
    `retry_at` when it is tried again, where it waits for that and not at once."""

    id: str
    asset_id: int
    asset: str
    partition: str
    materialization_id: str | None
    state: RunState
    key: str
    reason: Mapping[str, Any]
    made_from: Mapping[str, Any]
    attempts: int
    worker: str | None
    nominal_start: datetime | None
    nominal_end: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: Mapping[str, Any] | None
    backfill_id: str | None = None
    retry_at: datetime | None = None


_PLANNED = Prepared(insert(runs))
_PINNED = Prepared(insert(pins))


def insert_runs(tx: Transaction, new: Sequence[NewRun], *, materialization_id: str | None, now: datetime) -> None:
    """Record runs with their pins. Those that no materialization has planned are for workers, which are woken."""
    if not new:
        return
    if materialization_id is None:
        ring(tx, Topic.WORKER)
    _PLANNED.run_many(
        tx,
        [
            {
                "id": run.id,
                "asset_id": run.asset_id,
                "partition": run.partition,
                "materialization_id": materialization_id,
                "state": run.state,
                "key": run.key,
                "reason": dict(run.reason),
                "made_from": dict(run.made_from),
                "nominal_start": run.nominal_start,
                "nominal_end": run.nominal_end,
                "attempts": 0,
                "created_at": now,
                "ended_at": now if run.state in FINAL_STATES else None,
                "backfill_id": run.backfill_id,
            }
            for run in new
        ],
    )
    rows = [
        {
            "run_id": run.id,
            "parameter": pin.parameter,
            "partition": pin.partition,
            "dataset_id": pin.dataset_id,
            "version_id": pin.version_id,
            "event_id": pin.event_id,
        }
        for run in new
        for pin in run.pins
    ]
    if rows:
        _PINNED.run_many(tx, rows)


class Fence(NamedTuple):
    """Whose attempt it is: what is done in its name is done only while it is the run's. Whoever was given up for lost
    and comes back finds another number, or another worker, in the run. Without a worker the number alone counts."""

    attempt: int
    worker: str | None


@lru_cache(maxsize=64)
def _advance(columns: tuple[str, ...], fence: tuple[str, ...]) -> Prepared:
    """The compare-and-set with these further columns."""
    held = (getattr(runs.c, column) == bindparam(f"f_{column}") for column in fence)
    return Prepared(
        update(runs)
        .where(runs.c.id == bindparam("b_id"), runs.c.state == bindparam("b_old"), *held)
        .values(state=bindparam("b_new"), **{column: bindparam(f"b_{column}") for column in columns})
    )


def advance(
    tx: Transaction, run_id: str, *, old: RunState, new: RunState, fence: Fence | None = None, **values: Any
) -> bool:
    """Move a run from one state to another, with further columns; False when it is not in the old one any more, or no
    longer at the attempt of this worker."""
    held: dict[str, Any] = {} if fence is None else {"attempts": fence.attempt}
    if fence is not None and fence.worker is not None:
        held["worker"] = fence.worker
    given = {"b_id": run_id, "b_old": old.value, "b_new": new.value}
    given |= {f"b_{column}": value for column, value in values.items()}
    given |= {f"f_{column}": value for column, value in held.items()}
    return _advance(tuple(values), tuple(held)).run(tx, given) == 1


_RUNS = select(runs, assets.c.name.label("asset")).join(assets, assets.c.id == runs.c.asset_id)


def runs_with_assets() -> Select[Any]:
    """What `run_of` takes: every run of every project."""
    return _RUNS


_ONE = Prepared(_RUNS.where(runs.c.id == bindparam("b_id")))
_COLUMNS = tuple(str(column.key) for column in _RUNS.selected_columns)


def run(tx: Transaction, run_id: str) -> Run | None:
    """One run; None when there is none with this id."""
    found = _ONE.rows(tx, {"b_id": run_id})
    return run_of(dict(zip(_COLUMNS, found[0], strict=True))) if found else None


def unfinished(tx: Transaction, project: str, *, limit: int | None = None) -> list[Run]:
    """Every run that has not ended, or at most so many, oldest first."""
    query = _RUNS.where(runs.c.ended_at.is_(None), assets.c.project == project).order_by(runs.c.created_at, runs.c.id)
    return [run_of(row) for row in tx.execute(query.limit(limit)).mappings()]


def recent(
    tx: Transaction,
    project: str,
    *,
    asset: str | None = None,
    partition: str | None = None,
    state: RunState | None = None,
    materialization_id: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[Run]:
    """Runs, newest first."""
    query = _RUNS.where(assets.c.project == project).order_by(runs.c.created_at.desc(), runs.c.id.desc())
    query = query.limit(limit).offset(offset)
    if asset is not None:
        query = query.where(assets.c.name == asset)
    if partition is not None:
        query = query.where(runs.c.partition == partition)
    if state is not None:
        query = query.where(runs.c.state == state.value)
    if materialization_id is not None:
        query = query.where(runs.c.materialization_id == materialization_id)
    return [run_of(row) for row in tx.execute(query).mappings()]


_asked = given_rows("keys", key=TEXT)
_ACTIVE_AMONG = Prepared(
    select(
        _asked.c.key,
        select(func.count())
        .where(
            runs.c.asset_id == bindparam("b_asset"),
            runs.c.ended_at.is_(None),
            runs.c.partition == _asked.c.key,
        )
        .correlate(_asked)
        .scalar_subquery(),
    )
)


def active_among(tx: Transaction, asset_id: int, keys: Iterable[str]) -> dict[str, int]:
    """How many runs of these partitions of an asset have not ended, by key, one without left out; costs these, whatever
    else is active."""
    asked = as_rows([(key,) for key in keys])
    rows = _ACTIVE_AMONG.rows(tx, {"b_asset": asset_id, "b_keys": asked})
    return {key: active for key, active in rows if active}


def active_partitions(tx: Transaction, asset_id: int) -> dict[str, int]:
    """How many runs of each partition of an asset have not ended; costs what is active."""
    query = select(runs.c.partition, func.count()).where(runs.c.asset_id == asset_id, runs.c.ended_at.is_(None))
    return dict(tx.execute(query.where(text(OF_PARTITION)).group_by(runs.c.partition)).all())


def made_from(tx: Transaction, run_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The parts of the run keys of these runs, by id."""
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(run_ids), 500):
        query = select(runs.c.id, runs.c.made_from).where(runs.c.id.in_(run_ids[start : start + 500]))
        found.update(tx.execute(query).all())
    return found


def count_by_state(tx: Transaction, project: str) -> dict[RunState, int]:
    """How many runs there are in each state."""
    rows = tx.execute(
        select(runs.c.state, func.count())
        .join(assets, assets.c.id == runs.c.asset_id)
        .where(assets.c.project == project)
        .group_by(runs.c.state)
    )
    return {RunState(state): count for state, count in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedInput:
    """A pin with what it points at; `number` is that of the event that published the version so, `token` what those
    call it who write data without files."""

    parameter: str
    partition: str
    uri: str
    name: str
    version_id: int
    digest: str
    number: int
    token: str | None = None


def pinned(tx: Transaction, run_id: str) -> list[PinnedInput]:
    """What a run read, by parameter."""
    pin, dataset = (pins.c.parameter, pins.c.partition, pins.c.version_id), (datasets.c.uri, datasets.c.name)
    rows = tx.execute(
        select(*pin, *dataset, versions.c.digest, events.c.number, NAMING)
        .join(datasets, datasets.c.id == pins.c.dataset_id)
        .join(versions, versions.c.id == pins.c.version_id)
        .join(events, events.c.id == pins.c.event_id)
        .where(pins.c.run_id == run_id)
        .order_by(pins.c.parameter, pins.c.partition)
    ).mappings()
    return [
        PinnedInput(**{key: row[key] for key in row if key != "naming"}, token=token_of(row["naming"])) for row in rows
    ]


def run_of(row: Mapping[str, Any] | RowMapping) -> Run:
    """A row of `runs_with_assets` as a run."""
    return Run(
        id=row["id"],
        asset_id=row["asset_id"],
        asset=row["asset"],
        partition=row["partition"],
        materialization_id=row["materialization_id"],
        state=RunState(row["state"]),
        key=row["key"],
        reason=row["reason"],
        made_from=row["made_from"],
        attempts=row["attempts"],
        worker=row["worker"],
        nominal_start=row["nominal_start"],
        nominal_end=row["nominal_end"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        error=row["error"],
        backfill_id=row["backfill_id"],
        retry_at=row["retry_at"],
    )
