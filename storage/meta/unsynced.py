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
    """What the object of a version has in it, until a sync has brought that to the disk: under which root, and which
    process sees to it."""

    __tablename__ = "unsynced"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    version_id: int = Field(foreign_key="versions.id")
    root: str
    content: bytes
    holder: str


unsynced = table_of(UnsyncedRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsynced:
    """A small object that may not be on the disk.

    Attributes
    ----------
    row: which one has its bytes.
    dataset_id, uri, partition: whose version it is.
    root: which root it was put under (`storage.files.root`).
    holder: the process that published it, and brings it to the disk unless it dies.
    """

    row: int
    version_id: int
    dataset_id: int
    uri: str
    partition: str
    manifest: Manifest
    root: str
    holder: str
    content: bytes = field(repr=False)


_ANY = Prepared(select(unsynced.c.id).limit(1))
_NOTED = Prepared(insert(unsynced).returning(unsynced.c.id))
_FORGOTTEN = Prepared(
    delete(unsynced).where(unsynced.c.id == bindparam("b_row"), unsynced.c.version_id == bindparam("b_version"))
)


def note(tx: Transaction, version_id: int, *, root: str, holder: str, content: bytes) -> int:
    """The database keeps these bytes of a version, whose object lies under this root; the row that does."""
    return _NOTED.returned(tx, {"version_id": version_id, "root": root, "holder": holder, "content": content})


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
        select(
            unsynced.c.id,
            unsynced.c.version_id,
            datasets.c.id.label("dataset_id"),
            datasets.c.uri,
            versions.c.partition,
            versions.c.manifest,
            unsynced.c.root,
            unsynced.c.holder,
            unsynced.c.content,
        )
        .join(versions, versions.c.id == unsynced.c.version_id)
        .join(datasets, datasets.c.id == versions.c.dataset_id)
        .where(datasets.c.project == project)
        .order_by(unsynced.c.id)
    )
    return [
        Unsynced(
            row=row,
            version_id=version_id,
            dataset_id=dataset_id,
            uri=uri,
            partition=partition,
            manifest=Manifest.from_plain(manifest),
            root=root,
            holder=holder,
            content=content,
        )
        for row, version_id, dataset_id, uri, partition, manifest, root, holder, content in tx.execute(query)
    ]
