"""Bytes of versions whose small object may not be on the disk yet: recorded with the version, deleted once it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, insert, select
from sqlmodel import Field

from ..manifest import Manifest
from .catalogue import datasets
from .database.engine import Row, Transaction, table_of
from .database.prepared import Prepared
from .versions import versions


class UnsyncedRow(Row, table=True):
    """What the object of a version has in it, until a sync has brought that to the disk."""

    __tablename__ = "unsynced"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    version_id: int = Field(foreign_key="versions.id")
    content: bytes


unsynced = table_of(UnsyncedRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsynced:
    """A small object that may not be on the disk: its row, its version, the URI of its dataset, and its bytes."""

    row: int
    version_id: int
    uri: str
    manifest: Manifest
    content: bytes = field(repr=False)


_ANY = Prepared(select(unsynced.c.id).limit(1))
_NOTED = Prepared(insert(unsynced).returning(unsynced.c.id))
_FORGOTTEN = Prepared(
    delete(unsynced).where(unsynced.c.id == bindparam("b_row"), unsynced.c.version_id == bindparam("b_version"))
)


def note(tx: Transaction, version_id: int, content: bytes) -> int:
    """The database keeps these bytes of a version; the row that does."""
    return _NOTED.returned(tx, {"version_id": version_id, "content": content})


def forget(tx: Transaction, rows: Sequence[tuple[int, int]]) -> None:
    """Let go of the bytes in these rows, each with its version: the number of a row that is gone is given out again.

    What another process has let go of already is passed over.
    """
    if rows:
        _FORGOTTEN.run_many(tx, [{"b_row": row, "b_version": version_id} for row, version_id in rows])


def left(tx: Transaction, project: str) -> list[Unsynced]:
    """What the database keeps for a project: of runs that are at work, and of those that were cut off."""
    if _ANY.first(tx, {}) is None:  # nearly always, and at every opening
        return []
    query = (
        select(unsynced.c.id, unsynced.c.version_id, datasets.c.uri, versions.c.manifest, unsynced.c.content)
        .join(versions, versions.c.id == unsynced.c.version_id)
        .join(datasets, datasets.c.id == versions.c.dataset_id)
        .where(datasets.c.project == project)
        .order_by(unsynced.c.id)
    )
    return [
        Unsynced(row=row, version_id=version_id, uri=uri, manifest=Manifest.from_plain(manifest), content=content)
        for row, version_id, uri, manifest, content in tx.execute(query)
    ]
