"""The places of the partitions that are made, kept as ranges: a million adjacent windows are one row.

What a place is and which keys there are is not known here: a line, and numbers on it. Ranges of a line neither meet nor
touch; `keys` counts the partitions that one holds, and `partitions_made` of the dataset's row is their sum, written
with each of them: a count looks at no range. Who reads many ranges reads them by the thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, select, tuple_, update
from sqlmodel import Field

from ..catalogue import datasets
from ..database.engine import BY_KEY, TEXT, WHOLE, Row, Transaction, table_of
from ..database.prepared import Listed, Prepared, among, as_rows, given_rows


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
_COUNTED = Prepared(
    update(datasets)
    .where(datasets.c.id == bindparam("b_dataset"))
    .values(partitions_made=datasets.c.partitions_made + bindparam("b_more", type_=WHOLE))
)
_LEFT_ONE_LESS = Prepared(
    update(datasets)
    .where(datasets.c.id == bindparam("b_dataset"))
    .values(partitions_left=datasets.c.partitions_left - 1)
)


def mark_made(tx: Transaction, *, dataset_id: int, line: str, start: int, end: int, left: bool = False) -> None:
    """A partition at this place is made, which was not before: the ranges that it meets or touches become one with it.

    Two look-ups, whatever there is. Whoever calls this holds the lock of the dataset's row, which counts one more; one
    that was `left` by an earlier definition is among those no more.
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
    _COUNTED.run(tx, {"b_dataset": dataset_id, "b_more": 1})
    if left:
        _LEFT_ONE_LESS.run(tx, {"b_dataset": dataset_id})


def mark_gone(
    tx: Transaction, *, dataset_id: int, line: str, start: int, end: int, counted: Callable[[int, int], int]
) -> None:
    """A partition at this place is made no more: what is left of the range that holds it are up to two. The dataset's
    row counts what is left.

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
    more = -keys
    for low, high, held in ((first, start, before), (end, last, keys - 1 - before)):
        if low < high and held > 0:
            _PUT_IN.run(tx, {"dataset_id": dataset_id, "line": line, "start": low, "end": high, "keys": held})
            more += held
    _COUNTED.run(tx, {"b_dataset": dataset_id, "b_more": more})


def remake(tx: Transaction, dataset_id: int, places: Iterable[tuple[str, int, int]], *, left: int) -> None:
    """The partitions that are made are those at these places, each once, and no others: a definition has changed. The
    dataset's row counts them, and how many are `left` that were made for what is no partition any more."""
    rows: list[dict[str, Any]] = []
    for line, start, end in sorted(places):
        if rows and rows[-1]["line"] == line and start <= rows[-1]["end"]:
            rows[-1] |= {"end": max(end, rows[-1]["end"]), "keys": rows[-1]["keys"] + 1}
        else:
            rows.append({"dataset_id": dataset_id, "line": line, "start": start, "end": end, "keys": 1})
    tx.execute(delete(partition_ranges).where(partition_ranges.c.dataset_id == dataset_id))
    if rows:
        _PUT_IN.run_many(tx, rows)
    made = sum(row["keys"] for row in rows)
    there = update(datasets).where(datasets.c.id == dataset_id)
    tx.execute(there.values(partitions_made=made, partitions_left=left))


def count_left(tx: Transaction, dataset_id: int) -> int:
    """How many partitions of a dataset are made that are none any more, for their keys are none or mean other windows:
    a look at its row."""
    return int(tx.execute(select(datasets.c.partitions_left).where(datasets.c.id == dataset_id)).scalar_one())


_MADE = Listed(select(datasets.c.id, datasets.c.partitions_made).where(among(datasets.c.id)))


def counts_made(tx: Transaction, dataset_ids: Sequence[int]) -> dict[int, int]:
    """How many partitions are made of each of these datasets of which any is, by dataset id: a look at their rows."""
    return {number: made for number, made in _MADE.rows(tx, dataset_ids) if made}


def count_made(tx: Transaction, dataset_id: int) -> int:
    """How many partitions of a dataset are made: a look at its row."""
    return counts_made(tx, [dataset_id]).get(dataset_id, 0)


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


_FOLLOWING = Prepared(
    select(*_COLUMNS)
    .where(*_ON_LINE, partition_ranges.c.start > bindparam("b_at"), partition_ranges.c.start < bindparam("b_end"))
    .order_by(partition_ranges.c.start)
    .limit(bindparam("b_limit"))
)
_FEW, _MANY = 64, 4096  # at a time: a first page is short, and who reads on will read far


def on_line(tx: Transaction, dataset_id: int, line: str, start: int, end: int) -> Iterator[Range]:
    """The ranges of a line that share something with these bounds, in order; read as they are asked for, many at a
    time."""
    asked = {"b_dataset": dataset_id, "b_line": line}
    found = _BEFORE.first(tx, {**asked, "b_at": start})
    if found is not None and found[1] > start and found[0] < end:
        yield Range(line, *found)
    at, limit = start, _FEW
    while rows := _FOLLOWING.rows(tx, {**asked, "b_at": at, "b_end": end, "b_limit": limit}):
        for row in rows:
            yield Range(line, *row)
        if len(rows) < limit:
            return
        at, limit = rows[-1][0], _MANY


_places = given_rows("places", place=WHOLE, line=TEXT, start=WHOLE, end=WHOLE)
_ON_PLACES = Prepared(
    select(_places.c.place, partition_ranges.c.line, *_COLUMNS)
    .select_from(_places)
    .join(partition_ranges, partition_ranges.c.line == _places.c.line)
    .where(
        partition_ranges.c.dataset_id == bindparam("b_dataset"),
        partition_ranges.c.start < _places.c.end,
        partition_ranges.c.end > _places.c.start,
    )
    .order_by(_places.c.place, partition_ranges.c.start)
)
_PLACES = 512


def on_places(
    tx: Transaction, dataset_id: int, places: Iterable[tuple[str, int, int]]
) -> Iterator[tuple[tuple[str, int, int], Iterable[Range]]]:
    """Each of these (line, start, end), in their order, with the ranges that share something with it; read as they are
    asked for, a statement for hundreds of places that hold little, and `on_line` for one that may hold much."""
    left, many = iter(places), 1
    while some := list(islice(left, many)):
        if len(some) == 1:
            counted = _Counted(on_line(tx, dataset_id, *some[0]))
            yield some[0], counted
            held = counted.number
        else:
            given = as_rows([(number, *place) for number, place in enumerate(some)])
            rows = _ON_PLACES.rows(tx, {"b_dataset": dataset_id, "b_places": given})
            held = len(rows)
            there = {number: [Range(*row[1:]) for row in its] for number, its in groupby(rows, key=itemgetter(0))}
            for number, place in enumerate(some):
                yield place, there.get(number, ())
        # Several places are read whole, although a page may end in the first: only while they hold little.
        many = min(_PLACES, many * 4) if held < _FEW * many else 1


class _Counted:
    """Ranges that are read once, and how many they were."""

    def __init__(self, ranges: Iterator[Range]) -> None:
        self._ranges, self.number = ranges, 0

    def __iter__(self) -> Iterator[Range]:
        for one in self._ranges:
            self.number += 1
            yield one


def lines_of(tx: Transaction, dataset_id: int) -> list[str]:
    """The lines on which something is made, in order."""
    query = select(partition_ranges.c.line).where(partition_ranges.c.dataset_id == dataset_id).distinct()
    return list(tx.execute(query.order_by(partition_ranges.c.line)).scalars())
