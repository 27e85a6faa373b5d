"""Why planners made no run of partitions when they looked at them last, as ranges: six hundred days in a row that lack
the same are one row.

What a place is and which keys there are is not known here. Written by whoever looks at partitions, of these alone; read
by whoever asks why nothing is made. A partition of which a run is planned is in none of the ranges any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, bindparam, delete, insert, select
from sqlmodel import Field

from ..database.engine import BY_KEY, Row, Transaction, table_of
from ..database.prepared import Prepared

Stored = Mapping[str, Any]
"""A reason, as it is stored."""


class PartitionHoldRow(Row, table=True):
    """A range whose partitions are held for one reason."""

    __tablename__ = "partition_holds"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    line: str = Field(primary_key=True)
    start: int = Field(primary_key=True)
    end: int
    reason: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


partition_holds = table_of(PartitionHoldRow)


class HeldRange(NamedTuple):
    """`start` included and `end` not; all of it for one reason."""

    line: str
    start: int
    end: int
    reason: Stored


_OF_ASSET = partition_holds.c.asset_id == bindparam("b_asset")
_ON_LINE = (_OF_ASSET, partition_holds.c.line == bindparam("b_line"))
_COLUMNS = (partition_holds.c.line, partition_holds.c.start, partition_holds.c.end, partition_holds.c.reason)
_ANY = Prepared(select(partition_holds.c.line).where(_OF_ASSET).limit(1))
_BEFORE = (
    select(*_COLUMNS)
    .where(*_ON_LINE, partition_holds.c.start < bindparam("b_start"))
    .order_by(partition_holds.c.start.desc())
    .limit(1)
)
_WITHIN = select(*_COLUMNS).where(
    *_ON_LINE, partition_holds.c.start >= bindparam("b_start"), partition_holds.c.start <= bindparam("b_end")
)
_GONE = Prepared(delete(partition_holds).where(*_ON_LINE, partition_holds.c.start == bindparam("b_start")))


def note(tx: Transaction, asset_id: int, looked: Mapping[tuple[str, int, int], Stored | None]) -> None:
    """These partitions of an asset, by their places, were looked at and are held for these reasons; None: not any more.

    Costs a look where nothing of the asset is held and nothing was; else what lies where these partitions do.
    """
    if not any(looked.values()) and _ANY.first(tx, {"b_asset": asset_id}) is None:
        return
    for line, several in groupby(sorted(looked.items(), key=itemgetter(0)), key=lambda one: one[0][0]):
        told = [HeldRange(*place, reason or {}) for place, reason in several]
        for some in _spans(told):
            before = list(_there(tx, asset_id, line, some[0].start, some[-1].end))
            after = renewed(before, some)
            for one in before:
                if one not in after:
                    _GONE.run(tx, {"b_asset": asset_id, "b_line": line, "b_start": one.start})
            new = [{"asset_id": asset_id, **one._asdict()} for one in after if one not in before]
            if new:
                tx.execute(insert(partition_holds), new)


def _spans(told: Iterable[HeldRange]) -> Iterator[list[HeldRange]]:
    """What follows each other on a line without a gap."""
    span: list[HeldRange] = []
    for one in told:
        if span and span[-1].end < one.start:
            yield span
            span = []
        span.append(one)
    yield span


def _there(tx: Transaction, asset_id: int, line: str, start: int, end: int) -> Iterator[HeldRange]:
    """The ranges that share something with these bounds or touch them, in order."""
    asked = {"b_asset": asset_id, "b_line": line, "b_start": start, "b_end": end}
    before = tx.execute(_BEFORE, asked).first()
    if before is not None and before[2] >= start:
        yield HeldRange(*before)
    yield from (HeldRange(*row) for row in sorted(tx.execute(_WITHIN, asked), key=itemgetter(1)))


def renewed(before: Sequence[HeldRange], told: Sequence[HeldRange]) -> list[HeldRange]:
    """The ranges of a line once these were told anew, in order; one with an empty reason is held no more. What meets
    and is held for one reason is one range.

    >>> whole = HeldRange("", 0, 30, {"kind": "waiting"})
    >>> [one[1:3] for one in renewed([whole], [HeldRange("", 10, 20, {})])]
    [(0, 10), (20, 30)]
    >>> [one[1:3] for one in renewed([whole], [HeldRange("", 30, 40, {"kind": "waiting"})])]
    [(0, 40)]
    """
    low, high = told[0].start, told[-1].end
    left = [one._replace(end=min(one.end, low)) for one in before if one.start < low]
    right = [one._replace(start=max(one.start, high)) for one in before if one.end > high]
    found: list[HeldRange] = []
    for one in (*left, *(one for one in told if one.reason), *right):
        if found and found[-1].end >= one.start and found[-1].reason == one.reason:
            found[-1] = found[-1]._replace(end=max(found[-1].end, one.end))
        else:
            found.append(one)
    return found


def held_ranges(tx: Transaction, asset_id: int, *, limit: int) -> list[HeldRange]:
    """So many ranges of an asset, by line and start."""
    rows = tx.execute(_FIRST, {"b_asset": asset_id, "b_limit": limit})
    return [HeldRange(*row) for row in rows]


_FIRST = (
    select(*_COLUMNS)
    .where(_OF_ASSET)
    .order_by(partition_holds.c.line, partition_holds.c.start)
    .limit(bindparam("b_limit"))
)


def assets_held(tx: Transaction) -> set[int]:
    """The ids of the assets of which partitions are held."""
    return set(tx.execute(select(partition_holds.c.asset_id).distinct()).scalars())


def forget(tx: Transaction, asset_id: int) -> None:
    """Nothing is known any more of why partitions of an asset are held: they are others now."""
    tx.execute(delete(partition_holds).where(_OF_ASSET), {"b_asset": asset_id})
