"""What resources leave over when their worker is killed: a record an attempt and resource, stored before a producer
gets the value, and deleted once it is torn down or cleaned up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, delete, insert, select, update
from sqlmodel import Field

from .catalogue import assets
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .runs import runs


class LeftoverRow(Row, table=True):
    """The record of a resource that is set up. `worker` is who has it, "" nobody; `error` why the last try to clean it
    up did not work, "" before the first."""

    __tablename__ = "leftovers"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    attempt: int = Field(primary_key=True)
    resource: str = Field(primary_key=True)
    record: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    worker: str
    error: str
    at: datetime = Field(sa_type=UtcTime)


leftovers = table_of(LeftoverRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A record, and whose it is; as `LeftoverRow`, with the name of the asset."""

    run_id: str
    attempt: int
    resource: str
    record: Mapping[str, Any]
    worker: str
    error: str
    at: datetime
    asset: str

    @property
    def key(self) -> tuple[str, int, str]:
        """Which of them it is."""
        return self.run_id, self.attempt, self.resource


def keep(tx: Transaction, key: tuple[str, int, str], record: Mapping[str, Any], *, worker: str, now: datetime) -> None:
    """From now on this resource of an attempt is to be cleaned up, should the worker be gone."""
    run_id, attempt, resource = key
    tx.execute(
        insert(leftovers).values(
            run_id=run_id, attempt=attempt, resource=resource, record=dict(record), worker=worker, error="", at=now
        )
    )


def forget(tx: Transaction, key: tuple[str, int, str]) -> None:
    """It is torn down, or cleaned up."""
    tx.execute(delete(leftovers).where(*_is(key)))


def take(tx: Transaction, key: tuple[str, int, str], *, old: str, new: str, error: str | None = None) -> bool:
    """Another worker, or nobody (""), has it from now on; False when it is no longer the old one's."""
    query = update(leftovers).where(*_is(key), leftovers.c.worker == old)
    query = query.values(worker=new) if error is None else query.values(worker=new, error=error)
    return tx.execute(query).rowcount == 1


def abandon(tx: Transaction, worker: str, *, at_work: Collection[str]) -> bool:
    """Nobody has any more what this worker has, but for the runs that it is at; whether there was anything."""
    query = update(leftovers).where(leftovers.c.worker == worker, leftovers.c.run_id.not_in(list(at_work)))
    return tx.execute(query.values(worker="")).rowcount > 0


def left(tx: Transaction, project: str) -> list[Left]:
    """Every record of a project, oldest first: of those at work, and of those who are gone."""
    rows = tx.execute(
        select(leftovers, assets.c.name.label("asset"))
        .join(runs, runs.c.id == leftovers.c.run_id)
        .join(assets, assets.c.id == runs.c.asset_id)
        .where(assets.c.project == project)
        .order_by(leftovers.c.at, leftovers.c.run_id, leftovers.c.resource)
    ).mappings()
    return [Left(**row) for row in rows]


def _is(key: tuple[str, int, str]) -> tuple[Any, ...]:
    run_id, attempt, resource = key
    return leftovers.c.run_id == run_id, leftovers.c.attempt == attempt, leftovers.c.resource == resource
