"""The places of the partitions that are made, kept as ranges: a million adjacent windows are one row.

What a place is and which keys there are is not known here: a line, and numbers on it. Ranges of a line neither meet nor
touch; `keys` counts the partitions that one holds, so that counts need no look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, tuple_
from sqlmodel import Field

from ..database.engine import BY_KEY, Row, Transaction, table_of
from ..database.prepared import Prepared


class PartitionRangeRow(Row, table=True):
    """A range in which partitions of a dataset are made, without a gap."""

    __tablename__ = "partition_ranges"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True)
    line: str = Field(primary_key=True)
    start: int = Field(primary_key=True)
    end: int
    keys: int


partition_ranges = table_of(PartitionRangeRow)


class Range(NamedTuple):
    """`start` included and `end` not; `keys`: how many partitions lie in it."""

    line: str
    start: int
    end: int
    keys: int


_ON_LINE = (
    partition_ranges.c.dataset_id == bindparam("b_dataset"),
    partition_ranges.c.line == bindparam("b_line"),
)
_COLUMNS = (partition_ranges.c.start, partition_ranges.c.end, partition_ranges.c["keys"])
_BEFORE = Prepared(
    select(*_COLUMNS)
    .where(*_ON_LINE, partition_ranges.c.start <= bindparam("b_at"))
    .order_by(partition_ranges.c.start.desc())
    .limit(1)
)
_AFTER = Prepared(
    select(*_COLUMNS)
    .where(*_ON_LINE, partition_ranges.c.start > bindparam("b_at"))
    .order_by(partition_ranges.c.start)
    .limit(1)
)
_TAKEN_OUT = Prepared(delete(partition_ranges).where(*_ON_LINE, partition_ranges.c.start == bindparam("b_at")))
_PUT_IN = Prepared(insert(partition_ranges))


def mark_made(tx: Transaction, *, dataset_id: int, line: str, start: int, end: int) -> None:
    """A partition at this place is made, which was not before: the ranges that it meets or touches become one with it.

    Two look-ups, whatever there is. Whoever calls this holds the lock of the dataset's row.
    """
    on_line = {"b_dataset": dataset_id, "b_line": line}
    keys, at = 1, start
    before = _BEFORE.first(tx, {**on_line, "b_at": start})
    if before is not None and before[1] >= start:
        start, end, keys = before[0], max(end, before[1]), keys + before[2]
        _TAKEN_OUT.run(tx, {**on_line, "b_at": before[0]})
    # Once, but where the windows of a definition that was changed lie across those of the one before.
    while (after := _AFTER.first(tx, {**on_line, "b_at": at})) is not None and after[0] <= end:
        end, keys = max(end, after[1]), keys + after[2]
        _TAKEN_OUT.run(tx, {**on_line, "b_at": after[0]})
    _PUT_IN.run(tx, {"dataset_id": dataset_id, "line": line, "start": start, "end": end, "keys": keys})


def mark_gone(
    tx: Transaction, *, dataset_id: int, line: str, start: int, end: int, counted: Callable[[int, int], int]
) -> None:
    """A partition at this place is made no more: what is left of the range that holds it are up to two.

    Parameters
    ----------
    counted: how many partitions lie between two bounds of the line.
    """
    found = _BEFORE.first(tx, {"b_dataset": dataset_id, "b_line": line, "b_at": start})
    if found is None or found[1] < end:
        return
    first, last, keys = found
    before = counted(first, start) if first < start else 0
    _TAKEN_OUT.run(tx, {"b_dataset": dataset_id, "b_line": line, "b_at": first})
    for low, high, held in ((first, start, before), (end, last, keys - 1 - before)):
        if low < high and held > 0:
            _PUT_IN.run(tx, {"dataset_id": dataset_id, "line": line, "start": low, "end": high, "keys": held})


def count_made(tx: Transaction, dataset_id: int) -> int:
    """How many partitions of a dataset are made; costs the ranges."""
    query = select(func.coalesce(func.sum(partition_ranges.c["keys"]), 0))
    return int(tx.execute(query.where(partition_ranges.c.dataset_id == dataset_id)).scalar_one())


def counts_made(tx: Transaction, dataset_ids: Sequence[int]) -> dict[int, int]:
    """How many partitions are made of each of these datasets of which any is, by dataset id."""
    table, found = partition_ranges, dict[int, int]()
    for start in range(0, len(dataset_ids), 500):
        query = select(table.c.dataset_id, func.sum(table.c["keys"])).group_by(table.c.dataset_id)
        rows = tx.execute(query.where(table.c.dataset_id.in_(dataset_ids[start : start + 500])))
        found.update({number: int(keys) for number, keys in rows})
    return found


def covers(tx: Transaction, dataset_id: int, line: str, start: int, end: int) -> bool:
    """Whether every partition between two bounds of a line is made: one look-up."""
    found = _BEFORE.first(tx, {"b_dataset": dataset_id, "b_line": line, "b_at": start})
    return start >= end or (found is not None and found[1] >= end)


def ranges_of(tx: Transaction, dataset_id: int, *, after: tuple[str, int] | None = None, limit: int) -> list[Range]:
    """So many ranges of a dataset, by line and start, those after (line, start)."""
    query = select(partition_ranges.c.line, *_COLUMNS).where(partition_ranges.c.dataset_id == dataset_id)
    if after is not None:
        query = query.where(tuple_(partition_ranges.c.line, partition_ranges.c.start) > after)
    query = query.order_by(partition_ranges.c.line, partition_ranges.c.start).limit(limit)
    return [Range(*row) for row in tx.execute(query)]


def on_line(tx: Transaction, dataset_id: int, line: str, start: int, end: int) -> Iterator[Range]:
    """The ranges of a line that share something with these bounds, in order; read as they are asked for."""
    asked = {"b_dataset": dataset_id, "b_line": line}
    found = _BEFORE.first(tx, {**asked, "b_at": start})
    if found is None or found[1] <= start:
        found = _AFTER.first(tx, {**asked, "b_at": start})
    while found is not None and found[0] < end:
        yield Range(line, *found)
        found = _AFTER.first(tx, {**asked, "b_at": found[0]})


def lines_of(tx: Transaction, dataset_id: int) -> list[str]:
    """The lines on which something is made, in order."""
    query = select(partition_ranges.c.line).where(partition_ranges.c.dataset_id == dataset_id).distinct()
    return list(tx.execute(query.order_by(partition_ranges.c.line)).scalars())
