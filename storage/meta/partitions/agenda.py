"""The agenda of partitions: which partitions of an asset a planner has to look at, and when, as ranges.

An event that concerns a hundred thousand partitions is a row. A pass looks at the first of a range and writes down how
far it has come, so that nobody waits behind a long one and nothing is lost with a planner. When an asset has something
to be looked at is on the agenda of assets: nothing is sought for the others.

A range has a line and bounds, as places have, or every line (`ANY_LINE`); which keys lie in it is not known here. One
whose bounds are equal is a single partition, and its line the key. A range without a time waits: for the end of a run,
or for the first version of something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Index, and_, bindparam, case, delete, func, insert, select, text, update
from sqlmodel import Field

from ..agenda import AT_ONCE
from ..catalogue import datasets, subscriptions
from ..database.engine import BY_KEY, WHOLE, Row, Transaction, UtcTime, table_of
from ..database.prepared import Listed, Prepared, among

_TIMED = "at IS NOT NULL"


class PartitionAgendaRow(Row, table=True):
    """A range of partitions of an asset that a planner has to look at; `done` of its keys were looked at already."""

    __tablename__ = "partition_agenda"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(
            "due_partitions",
            "asset_id",
            "at",
            "line",
            "start",
            sqlite_where=text(_TIMED),
            postgresql_where=text(_TIMED),
        ),
        BY_KEY,
    )

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    line: str = Field(primary_key=True)
    start: int = Field(primary_key=True)
    end: int = Field(primary_key=True)
    done: int = 0
    at: datetime | None = Field(default=None, sa_type=UtcTime)
    touched: int = 0


class PartitionNewsRow(Row, table=True):
    """Up to which event of a dataset the partitions that it concerns are on the agenda of a consumer."""

    __tablename__ = "partition_news"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True)
    number: int = 0


partition_agenda = table_of(PartitionAgendaRow)
partition_news = table_of(PartitionNewsRow)


class Entry(NamedTuple):
    """A range to be looked at at a time; None: it waits for something else. `touched` is of one that was read."""

    line: str
    start: int
    end: int
    at: datetime | None = AT_ONCE
    done: int = 0
    touched: int = 0


_IT = (
    partition_agenda.c.asset_id == bindparam("b_asset"),
    partition_agenda.c.line == bindparam("b_line"),
    partition_agenda.c.start == bindparam("b_start"),
    partition_agenda.c.end == bindparam("b_end"),
)
_SEEN = partition_agenda.c.touched == bindparam("b_touched")
_AT = bindparam("b_at", type_=UtcTime())
_HASTENED = Prepared(
    update(partition_agenda)
    .where(*_IT)
    .values(
        at=case((partition_agenda.c.at <= _AT, partition_agenda.c.at), else_=_AT),
        done=0,
        touched=partition_agenda.c.touched + 1,
    )
)
_ENTERED = Prepared(insert(partition_agenda))
_ADVANCED = Prepared(
    update(partition_agenda)
    .where(*_IT, _SEEN)
    .values(at=_AT, done=bindparam("b_done"), touched=partition_agenda.c.touched + 1)
)
_LEFT = Prepared(delete(partition_agenda).where(*_IT, _SEEN))
_WAITING = partition_agenda.c.at.is_(None)
_WOKEN = Prepared(update(partition_agenda).where(*_IT, _WAITING).values(at=_AT, touched=partition_agenda.c.touched + 1))
_ALL_WOKEN = Prepared(
    update(partition_agenda)
    .where(partition_agenda.c.asset_id == bindparam("b_asset"), _WAITING)
    .values(at=_AT, touched=partition_agenda.c.touched + 1)
)
_TIMED_ONES = (
    select(
        partition_agenda.c.line,
        partition_agenda.c.start,
        partition_agenda.c.end,
        partition_agenda.c.at,
        partition_agenda.c.done,
        partition_agenda.c.touched,
    )
    .where(partition_agenda.c.asset_id == bindparam("b_asset"), text(_TIMED), partition_agenda.c.at <= _AT)
    .order_by(partition_agenda.c.at, partition_agenda.c.line, partition_agenda.c.start)
    .limit(bindparam("b_limit"))
)
_DUE = Prepared(_TIMED_ONES)
_COMING = Prepared(_TIMED_ONES.where(partition_agenda.c.at > bindparam("b_after", type_=UtcTime())))
_NEXT = Prepared(
    select(func.min(partition_agenda.c.at)).where(partition_agenda.c.asset_id == bindparam("b_asset"), text(_TIMED))
)


def coming_entries(tx: Transaction, asset_id: int, *, after: datetime, until: datetime, limit: int) -> list[Entry]:
    """So many ranges of an asset that time alone brings after one moment and up to another, the first ones."""
    rows = _COMING.rows(tx, {"b_asset": asset_id, "b_after": after, "b_at": until, "b_limit": limit})
    return [Entry(*row) for row in rows]


def due_entries(tx: Transaction, asset_id: int, *, now: datetime, limit: int) -> list[Entry]:
    """So many ranges of an asset that are to be looked at now, those first that have waited longest."""
    return [Entry(*row) for row in _DUE.rows(tx, {"b_asset": asset_id, "b_at": now, "b_limit": limit})]


def next_entry_at(tx: Transaction, asset_id: int) -> datetime | None:
    """When the next range of an asset is to be looked at; None when time alone brings none."""
    ((at,),) = _NEXT.rows(tx, {"b_asset": asset_id})
    return at


def enter(tx: Transaction, asset_id: int, entries: Iterable[Entry]) -> None:
    """These ranges are to be looked at, at their times or sooner, from their beginnings where they are there already.
    One that only waits changes nothing of one that is there."""
    for one in entries:
        row = _named(asset_id, one)
        if _HASTENED.run(tx, {**row, "b_at": one.at}) if one.at is not None else _THERE.first(tx, row):
            continue
        new = {"asset_id": asset_id, "line": one.line, "start": one.start, "end": one.end, "done": one.done}
        _ENTERED.run(tx, {**new, "at": one.at, "touched": 0})


_THERE = Prepared(select(partition_agenda.c.start).where(*_IT))


def _named(asset_id: int, one: Entry) -> dict[str, Any]:
    return {"b_asset": asset_id, "b_line": one.line, "b_start": one.start, "b_end": one.end}


def leave(tx: Transaction, asset_id: int, entries: Sequence[Entry]) -> None:
    """These ranges were looked at to their ends; one that was written down anew meanwhile stays."""
    if entries:
        _LEFT.run_many(tx, [{**_named(asset_id, one), "b_touched": one.touched} for one in entries])


def advance(tx: Transaction, asset_id: int, entry: Entry, *, done: int, at: datetime) -> None:
    """So many keys of a range were looked at, the next is to be at this time; where it was written down anew meanwhile,
    all are looked at again."""
    _ADVANCED.run(tx, {**_named(asset_id, entry), "b_touched": entry.touched, "b_done": done, "b_at": at})


def single(key: str, at: datetime | None = AT_ONCE) -> Entry:
    """One partition, by its key."""
    return Entry(key, 0, 0, at=at)


def wake_partition(tx: Transaction, asset_id: int, key: str) -> bool:
    """A partition that waits is to be looked at; whether it waited."""
    return _WOKEN.run(tx, {**_named(asset_id, single(key)), "b_at": AT_ONCE}) > 0


_RENEWED = Prepared(
    update(partition_agenda)
    .where(partition_agenda.c.asset_id == bindparam("b_asset"))
    .values(at=case((_WAITING, _AT), else_=partition_agenda.c.at), done=0, touched=partition_agenda.c.touched + 1)
)


def renew(tx: Transaction, asset_id: int) -> None:
    """Whatever of an asset is on the agenda is to be looked at from its beginning, what waits at once: its definition
    is another one. Who looked at it by the former one takes nothing off."""
    _RENEWED.run(tx, {"b_asset": asset_id, "b_at": AT_ONCE})


def wake_waiting(tx: Transaction, asset_id: int) -> None:
    """Whatever of an asset waits is to be looked at."""
    _ALL_WOKEN.run(tx, {"b_asset": asset_id, "b_at": AT_ONCE})


class News(NamedTuple):
    """How far a consumer has heard of a dataset; None: never. `newest` is the number of its newest event, `completing`
    that of the newest that was there before the consumer; None where it does not wait for the dataset."""

    heard: int | None
    newest: int
    completing: int | None


_NEWS = Listed(
    select(datasets.c.id, partition_news.c.number, datasets.c.last_number, subscriptions.c.completing)
    .select_from(datasets)
    .outerjoin(
        partition_news,
        and_(partition_news.c.dataset_id == datasets.c.id, among(partition_news.c.asset_id, "assets")),
    )
    .outerjoin(
        subscriptions,
        and_(
            subscriptions.c.dataset_id == datasets.c.id,
            subscriptions.c.partition == "",
            subscriptions.c.ended_at.is_(None),
            among(subscriptions.c.asset_id, "assets"),
        ),
    )
    .where(among(datasets.c.id))
)


def news_of(tx: Transaction, asset_id: int, dataset_ids: Sequence[int]) -> dict[int, News]:
    """How far an asset has heard of these datasets, by id."""
    return {row[0]: News(*row[1:]) for row in _NEWS.rows(tx, dataset_ids, assets=[asset_id])}


_HEARD = Prepared(
    update(partition_news)
    .where(
        partition_news.c.asset_id == bindparam("b_asset"),
        partition_news.c.dataset_id == bindparam("b_dataset"),
    )
    .values(
        number=case(
            (partition_news.c.number >= bindparam("b_number"), partition_news.c.number),
            else_=bindparam("b_number", type_=WHOLE),
        )
    )
)
_FIRST_HEARD = Prepared(insert(partition_news))


def hear(tx: Transaction, asset_id: int, numbers: Mapping[int, int]) -> None:
    """What the news of these datasets concerns is on the agenda of the asset, up to these events."""
    for dataset_id, number in numbers.items():
        if not _HEARD.run(tx, {"b_asset": asset_id, "b_dataset": dataset_id, "b_number": number}):
            _FIRST_HEARD.run(tx, {"asset_id": asset_id, "dataset_id": dataset_id, "number": number})
