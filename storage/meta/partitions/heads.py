"""The heads of partitions: what was published last of each, which run made it, and whether its own URI shows it.

The events of a partitioned dataset are numbered together, under the lock of its row, whichever partition they are of.
The dataset itself has no head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, bindparam, case, delete, func, insert, select, text, update
from sqlmodel import Field

from ...errors import Bug
from ...types import EventKind
from ..catalogue import datasets
from ..database.bell import Topic, ring
from ..database.engine import BY_KEY, TEXT, WHOLE, Row, Transaction, table_of
from ..database.prepared import Prepared, as_rows, given_rows
from ..events import Published, events
from ..versions import HEAD_COLUMNS, Head, head_of, pins, versions
from .ranges import mark_gone, mark_made

UNSHOWN = "shown_version_id IS NULL"
"""Which heads their own URI does not show; written as a text, so that the index is recognised."""


class PartitionHeadRow(Row, table=True):
    """The newest version of one partition of a dataset, the event that published it, and the run whose success made
    it. `shown_version_id` is that version once the partition's own URI was made equal to it, and until then None.

    `made_start`, `made_end`: the bounds for which it was made, where an earlier definition gave the key other ones than
    that of now, or that of now does not have it; None where it was made for what its key means. One with bounds of its
    own is readable, and counts as made no more."""

    __tablename__ = "partition_heads"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "unshown_partitions",
            "dataset_id",
            sqlite_where=text(UNSHOWN),
            postgresql_where=text(UNSHOWN),
        ),
        BY_KEY,
    )

    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True)
    partition: str = Field(primary_key=True)
    version_id: int = Field(foreign_key="versions.id")
    event_id: int = Field(foreign_key="events.id")
    number: int
    run_id: str | None = Field(default=None, foreign_key="runs.id")
    shown_version_id: int | None = None
    made_start: int | None = None
    made_end: int | None = None


partition_heads = table_of(PartitionHeadRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionAt:
    """A partition by its key, and its place: `storage` knows neither what the one nor what the other means."""

    key: str
    line: str
    start: int
    end: int


_LOCKED = Prepared(select(datasets.c.last_number).where(datasets.c.id == bindparam("b_id")).with_for_update())
_RAISED = Prepared(update(datasets).where(datasets.c.id == bindparam("b_id")).values(last_number=bindparam("b_number")))
_APPENDED = Prepared(insert(events).returning(events.c.id))
_IT = (partition_heads.c.dataset_id == bindparam("b_dataset"), partition_heads.c.partition == bindparam("b_key"))
_BEFORE = Prepared(select(partition_heads.c.version_id, partition_heads.c.made_start).where(*_IT))
_FIRST = Prepared(insert(partition_heads))
_GONE = Prepared(delete(partition_heads).where(*_IT))
_MOVED = Prepared(
    update(partition_heads)
    .where(*_IT)
    .values(
        version_id=bindparam("b_version"),
        event_id=bindparam("b_event"),
        number=bindparam("b_number"),
        run_id=func.coalesce(bindparam("b_run", type_=TEXT), partition_heads.c.run_id),
        shown_version_id=case(
            (partition_heads.c.version_id == bindparam("b_version"), partition_heads.c.shown_version_id), else_=None
        ),
        made_start=None,
        made_end=None,
    )
)


def publish_partition(
    tx: Transaction,
    *,
    dataset_id: int,
    partition: PartitionAt,
    version_id: int,
    run_id: str | None,
    metadata: Mapping[str, Any],
    now: datetime,
    at: datetime | None = None,
    made: bool = True,
) -> Published:
    """Append the event that this version of a partition was published, make it the partition's head, and count the
    partition among those that are made; `at`: when, if that was before now. Where the run
    has not `made` it, but found it unchanged, the one that did stays known as such.

    The kind follows from the partition's head before: the same version is `confirmed`, another one `changed`.
    """
    last = _LOCKED.first(tx, {"b_id": dataset_id})
    if last is None:
        raise Bug(f"dataset {dataset_id} is not registered")
    it = {"b_dataset": dataset_id, "b_key": partition.key}
    before = _BEFORE.first(tx, it)
    number = last[0] + 1
    kind = EventKind.CONFIRMED if before is not None and before[0] == version_id else EventKind.CHANGED
    _RAISED.run(tx, {"b_id": dataset_id, "b_number": number})
    event_id = _appended(
        tx,
        dataset_id,
        partition.key,
        number,
        kind,
        version_id=version_id,
        run_id=run_id,
        metadata=metadata,
        at=at or now,
        now=now,
    )
    left = before is not None and before[1] is not None
    if before is None:
        row = {"dataset_id": dataset_id, "partition": partition.key, "version_id": version_id, "event_id": event_id}
        _FIRST.run(tx, {**row, "number": number, "run_id": run_id})
    else:
        _MOVED.run(
            tx,
            {**it, "b_version": version_id, "b_event": event_id, "b_number": number, "b_run": run_id if made else None},
        )
    if before is None or left:
        mark_made(tx, dataset_id=dataset_id, line=partition.line, start=partition.start, end=partition.end, left=left)
    return Published(event_id=event_id, number=number, kind=kind, first=before is None)


def publish_partition_removal(
    tx: Transaction,
    *,
    dataset_id: int,
    partition: PartitionAt,
    counted: Callable[[int, int], int],
    now: datetime,
) -> Published | None:
    """Append the event that a partition of an observed dataset is gone; None when it had no head. It has no version and
    counts as made no more, until it is published again. `counted`: as `ranges.mark_gone` takes it."""
    last = _LOCKED.first(tx, {"b_id": dataset_id})
    it = {"b_dataset": dataset_id, "b_key": partition.key}
    if last is None or _BEFORE.first(tx, it) is None:
        return None
    number = last[0] + 1
    _RAISED.run(tx, {"b_id": dataset_id, "b_number": number})
    event_id = _appended(tx, dataset_id, partition.key, number, EventKind.REMOVED, at=now, now=now)
    _GONE.run(tx, it)
    mark_gone(
        tx,
        dataset_id=dataset_id,
        line=partition.line,
        start=partition.start,
        end=partition.end,
        counted=counted,
    )
    return Published(event_id=event_id, number=number, kind=EventKind.REMOVED, first=False)


def _appended(
    tx: Transaction,
    dataset_id: int,
    key: str,
    number: int,
    kind: EventKind,
    *,
    at: datetime,
    now: datetime,
    version_id: int | None = None,
    run_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> int:
    ring(tx, Topic.PLANNER)
    return _APPENDED.returned(
        tx,
        {
            "dataset_id": dataset_id,
            "partition": key,
            "number": number,
            "kind": kind,
            "version_id": version_id,
            "run_id": run_id,
            "at": at,
            "metadata": metadata or {},
            "told_at": now,
        },
    )


_HEADS = (
    select(*HEAD_COLUMNS, partition_heads.c.run_id, partition_heads.c.made_start, partition_heads.c.made_end)
    .select_from(partition_heads)
    .join(datasets, datasets.c.id == partition_heads.c.dataset_id)
    .join(versions, versions.c.id == partition_heads.c.version_id)
    .join(events, events.c.id == partition_heads.c.event_id)
)


_keys = given_rows("keys", key=TEXT)
_AMONG = (
    partition_heads.c.dataset_id == bindparam("b_dataset"),
    partition_heads.c.partition.in_(select(_keys.c.key)),
)
_HEADS_OF = Prepared(_HEADS.where(*_AMONG))


def _asked(dataset_id: int, keys: Sequence[str]) -> dict[str, Any]:
    return {"b_dataset": dataset_id, "b_keys": as_rows([(key,) for key in keys])}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionHead:
    """A head with its manifest, and the run that made it; `made_for`: the bounds for which, where these are none that
    its key means by the definition of now."""

    head: Head
    run_id: str | None
    made_for: tuple[int, int] | None = None


def partition_heads_of(tx: Transaction, dataset_id: int, keys: Sequence[str]) -> dict[str, PartitionHead]:
    """The heads of these partitions, by key; one that is not made is left out."""
    rows = _HEADS_OF.rows(tx, _asked(dataset_id, keys)) if keys else []
    heads = (PartitionHead(head=head_of(row[:-3]), run_id=row[-3], made_for=_bounds(*row[-2:])) for row in rows)
    return {one.head.partition: one for one in heads}


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """A head without its manifest: what planning asks of an input."""

    key: str
    version_id: int
    event_id: int
    number: int
    digest: str
    at: datetime


_DIGESTED = (
    select(
        partition_heads.c.partition,
        partition_heads.c.version_id,
        partition_heads.c.event_id,
        partition_heads.c.number,
        versions.c.digest,
        events.c.at,
    )
    .select_from(partition_heads)
    .join(versions, versions.c.id == partition_heads.c.version_id)
    .join(events, events.c.id == partition_heads.c.event_id)
)


_DIGESTED_OF = Prepared(_DIGESTED.where(*_AMONG))


def digests_of(tx: Transaction, dataset_id: int, keys: Sequence[str] | None = None) -> dict[str, Digested]:
    """What planning asks of the heads of these partitions, or of all of them, by key."""
    if keys is None:
        rows = [tuple(row) for row in tx.execute(_DIGESTED.where(partition_heads.c.dataset_id == dataset_id))]
    else:
        rows = _DIGESTED_OF.rows(tx, _asked(dataset_id, keys)) if keys else []
    return {
        key: Digested(key=key, version_id=version, event_id=event, number=number, digest=digest, at=at)
        for key, version, event, number, digest, at in rows
    }


def heads_made(tx: Transaction, dataset_id: int) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """The keys of a dataset of which there is a head, in the order of their texts, each with the bounds for which it
    was made, where these are none that it means by the definition of now."""
    query = select(partition_heads.c.partition, partition_heads.c.made_start, partition_heads.c.made_end)
    rows = tx.execute(query.where(partition_heads.c.dataset_id == dataset_id).order_by(partition_heads.c.partition))
    yield from ((key, _bounds(start, end)) for key, start, end in rows)


def _bounds(start: int | None, end: int | None) -> tuple[int, int] | None:
    return None if start is None or end is None else (start, end)


_MADE_FOR = Prepared(
    update(partition_heads)
    .where(*_IT)
    .values(made_start=bindparam("b_start", type_=WHOLE), made_end=bindparam("b_end", type_=WHOLE))
)


def mark_made_for(tx: Transaction, dataset_id: int, bounds: Mapping[str, tuple[int, int] | None]) -> None:
    """The heads of these keys were made for these bounds; None: for what their keys mean by the definition of now."""
    rows = [
        {"b_dataset": dataset_id, "b_key": key, "b_start": one and one[0], "b_end": one and one[1]}
        for key, one in bounds.items()
    ]
    if rows:
        _MADE_FOR.run_many(tx, rows)


_PINNED = Prepared(
    select(*HEAD_COLUMNS, pins.c.parameter)
    .select_from(pins)
    .join(datasets, datasets.c.id == pins.c.dataset_id)
    .join(versions, versions.c.id == pins.c.version_id)
    .join(events, events.c.id == pins.c.event_id)
    .where(pins.c.run_id == bindparam("b_run"), pins.c.partition != "")
)


def pinned_partitions(tx: Transaction, run_id: str) -> dict[str, dict[str, Head]]:
    """What was pinned for a run of datasets with partitions, as it stood then: parameter → key → version."""
    found: dict[str, dict[str, Head]] = {}
    for row in _PINNED.rows(tx, {"b_run": run_id}):
        head = head_of(row[:-1])
        found.setdefault(row[-1], {})[head.partition] = head
    return found


_UNSHOWN = select(partition_heads.c.dataset_id, partition_heads.c.partition).where(text(UNSHOWN))
"""Asked by itself: joined with datasets SQLite would go by the key, and look at every partition."""


def unshown_partitions(tx: Transaction, project: str) -> list[Head]:
    """Heads of partitions that their own URI was not made equal to yet: what a crash interrupted, oldest first."""
    behind: dict[int, list[str]] = {}
    for dataset_id, key in tx.execute(_UNSHOWN):
        behind.setdefault(dataset_id, []).append(key)
    ours = select(datasets.c.id).where(
        datasets.c.id.in_(list(behind)),
        datasets.c.project == project,
        datasets.c.producer_id.is_not(None),
        datasets.c.removed_at.is_(None),
    )
    numbers = list(tx.execute(ours).scalars()) if behind else []
    found = [one.head for number in numbers for one in partition_heads_of(tx, number, behind[number]).values()]
    return sorted(found, key=lambda head: head.event_id)


def unshown_partition(tx: Transaction, dataset_id: int, key: str) -> Head | None:
    """The head of a partition, unless its own URI already shows it."""
    query = _HEADS.where(partition_heads.c.dataset_id == dataset_id, partition_heads.c.partition == key)
    row = tx.execute(query.where(partition_heads.c.shown_version_id.is_(None))).first()
    return None if row is None else head_of(row[:-3])


_IS_VERSION = partition_heads.c.version_id == bindparam("b_version")
_IS_HEAD = Prepared(select(partition_heads.c.version_id).where(*_IT, _IS_VERSION).with_for_update())
_SHOWN = Prepared(update(partition_heads).where(*_IT, _IS_VERSION).values(shown_version_id=bindparam("b_version")))


def is_partition_head(tx: Transaction, dataset_id: int, key: str, version_id: int) -> bool:
    """Whether this version is the head of the partition; it stays so until the transaction ends: the row is locked."""
    return _IS_HEAD.first(tx, {"b_dataset": dataset_id, "b_key": key, "b_version": version_id}) is not None


def mark_partition_shown(tx: Transaction, dataset_id: int, key: str, version_id: int) -> bool:
    """Record that the partition's URI shows this version; False when the head has moved on meanwhile."""
    return _SHOWN.run(tx, {"b_dataset": dataset_id, "b_key": key, "b_version": version_id}) == 1


_BEHIND = Prepared(update(partition_heads).where(*_IT, _IS_VERSION).values(shown_version_id=None))


def mark_partition_behind(tx: Transaction, dataset_id: int, key: str, version_id: int) -> None:
    """Record that nobody knows what the partition's URI shows of this version, if it is the head: it is shown again."""
    _BEHIND.run(tx, {"b_dataset": dataset_id, "b_key": key, "b_version": version_id})
