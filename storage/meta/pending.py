"""What is pending for consumers: in sums, event by event, and what was consumed last. Reads only.

Every question is a range of the index of a dataset's events above what is settled, and one look-up for each event of
it: it costs what is pending, never the history. Of sums that are long a tally is kept, and they cost what has come
since.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, and_, bindparam, case, func, literal_column, select

from ..types import EventKind
from . import tallies
from .catalogue import subscriptions
from .database.engine import Transaction
from .database.prepared import Listed, Prepared, among
from .events import ARRIVED, FRESH, PENDING, TAKEN, UNSUMMED, events, starting
from .tallies import PAIR, Tally
from .versions import versions


class Pending(NamedTuple):
    """What is pending of one dataset for one consumer, in sums.

    Attributes
    ----------
    count: pending events that are no removals; newest: the highest number among all that are pending.
    causes: `changed` events that may start a run; confirmed: `confirmed` events that came since the consumer was there.
    changed: `changed` events, whether they may start a run or not.
    removed: pending removals, of which `removals` may start a run; only where the condition asks for them.
    newest_at: of when the newest is; arrived_at: when the last of them arrived.
    oldest_at: when the oldest arrived that may start a run.
    """

    count: int  # pyright: ignore[reportIncompatibleMethodOverride]  nobody asks the tuple to count
    newest: int
    causes: int
    confirmed: int
    changed: int
    removed: int
    removals: int
    newest_at: datetime
    arrived_at: datetime
    oldest_at: datetime | None

    def with_(self, other: Pending) -> Pending:
        """Both together."""
        starts = [at for at in (self.oldest_at, other.oldest_at) if at is not None]
        return Pending(
            count=self.count + other.count,
            newest=max(self.newest, other.newest),
            causes=self.causes + other.causes,
            confirmed=self.confirmed + other.confirmed,
            changed=self.changed + other.changed,
            removed=self.removed + other.removed,
            removals=self.removals + other.removals,
            newest_at=max(self.newest_at, other.newest_at),
            arrived_at=max(self.arrived_at, other.arrived_at),
            oldest_at=min(starts, default=None),
        )

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready; `from_plain` gives equal sums back."""
        return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in self._asdict().items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Pending:
        """The sums that `to_plain` wrote."""
        values = dict(plain)
        for key in ("newest_at", "arrived_at", "oldest_at"):
            values[key] = None if plain[key] is None else datetime.fromisoformat(plain[key])
        return cls(**values)


_CHANGED = events.c.kind == EventKind.CHANGED
_CONFIRMED = events.c.kind == EventKind.CONFIRMED
_REMOVED = events.c.kind == EventKind.REMOVED


def _sum(*conditions: Any) -> Any:
    """How many of the events are so. What is cheap to ask stands first: the rest is then often not asked."""
    return func.sum(case((and_(*conditions), 1), else_=0))


_SUMS = Listed(
    select(
        subscriptions.c.asset_id,
        subscriptions.c.dataset_id,
        _sum(~_REMOVED),  # from here on the fields of `Pending`
        func.max(events.c.number),
        _sum(_CHANGED, FRESH),
        _sum(_CONFIRMED, FRESH),
        _sum(_CHANGED),
        _sum(_REMOVED),
        _sum(_REMOVED, FRESH),
        func.max(events.c.at),
        func.max(ARRIVED),
        func.min(case((and_(~_CONFIRMED, FRESH), ARRIVED))),
    )
    .select_from(subscriptions)
    .join(events, UNSUMMED)
    .where(among(subscriptions.c.asset_id))
    .group_by(subscriptions.c.asset_id, subscriptions.c.dataset_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What is pending for consumers, by (asset id, dataset id); nothing pending is left out.

    Attributes
    ----------
    found: the sums.
    read: how many events were counted for them; all but those are in `known`.
    """

    found: Mapping[tuple[int, int], Pending]
    read: Mapping[tuple[int, int], int]
    known: Mapping[tuple[int, int], Tally]


def sums(tx: Transaction, asset_ids: Sequence[int]) -> Mapping[tuple[int, int], Pending]:
    """What is pending for these consumers, by (asset id, dataset id); nothing pending is left out."""
    return counted(tx, asset_ids).found


def counted(tx: Transaction, asset_ids: Sequence[int]) -> Sums:
    """What is pending for these consumers, and how much was read for it: what is in no tally."""
    known = tallies.known(tx, asset_ids)
    newer = {(asset_id, dataset_id): Pending(*columns) for asset_id, dataset_id, *columns in _SUMS.rows(tx, asset_ids)}
    before = {pair: Pending.from_plain(tally.whole) for pair, tally in known.items()}
    return Sums(
        found={
            **before,
            **{pair: before[pair].with_(one) if pair in before else one for pair, one in newer.items()},
        },
        read={pair: one.count + one.removed for pair, one in newer.items()},
        known=known,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """An event that is pending for a consumer; a removal has neither version nor digest.

    `fresh`: it may start a run; `arrived_at`: when it was there, whatever it says of its own time; `partition`: the key
    that it is about, "" of a dataset without partitions.
    """

    asset_id: int
    dataset_id: int
    event_id: int
    number: int
    kind: EventKind
    at: datetime
    fresh: bool
    metadata: Mapping[str, Any]
    version_id: int | None
    digest: str | None
    arrived_at: datetime
    partition: str = ""


def columns_of(fresh: ColumnElement[Any], arrived: ColumnElement[Any] = ARRIVED) -> tuple[ColumnElement[Any], ...]:
    """What `pending_event` asks of an event, behind the ids of its consumer and its dataset."""
    return (
        events.c.id,
        events.c.number,
        events.c.kind,
        events.c.at,
        fresh,
        events.c.metadata.label("said"),
        events.c.version_id,
        versions.c.digest,
        arrived,
        events.c.partition,
    )


_PAIRED = (subscriptions.c.asset_id, subscriptions.c.dataset_id)
_COLUMNS = (*_PAIRED, *columns_of(case((FRESH, 1), else_=0)))


_EVENTS = (
    select(*_COLUMNS)
    .select_from(subscriptions)
    .join(events, PENDING)
    .outerjoin(versions, versions.c.id == events.c.version_id)
)
_EACH = Listed(_EVENTS.where(among(subscriptions.c.asset_id), among(PAIR, "pairs")))
_NEWER = Listed(
    select(*_COLUMNS)
    .select_from(subscriptions)
    .join(events, UNSUMMED)
    .outerjoin(versions, versions.c.id == events.c.version_id)
    .where(among(subscriptions.c.asset_id), among(PAIR, "pairs"))
)
_IN_ORDER = Listed(
    _EVENTS.where(among(subscriptions.c.asset_id), among(subscriptions.c.dataset_id, "datasets")).order_by(
        events.c.number
    )
)


_STARTING = {False: starting(EventKind.CHANGED), True: starting(EventKind.CHANGED, EventKind.CONFIRMED)}
_FIRST = {
    updates: Listed(_EVENTS.where(among(subscriptions.c.asset_id), among(PAIR, "pairs"), events.c.number == number))
    for updates, number in _STARTING.items()
}
_AHEAD = {
    updates: Listed(
        select(*_PAIRED, ARRIVED, events.c.number)
        .select_from(subscriptions)
        .join(events, PENDING)
        .where(
            among(subscriptions.c.asset_id),
            among(PAIR, "pairs"),
            events.c.number < func.coalesce(number, literal_column("9223372036854775807")),  # none may: all lie before
        )
        .order_by(events.c.number)
    )
    for updates, number in _STARTING.items()
}


def each(tx: Transaction, pairs: Iterable[tuple[int, int]], *, tallied: bool = True) -> Generator[PendingEvent]:
    """The pending events of these (asset id, dataset id), in no order, read as they are asked for; unless `tallied`,
    those that are in no tally."""
    numbers, coded = _listed(pairs)
    if numbers:
        yield from map(pending_event, (_EACH if tallied else _NEWER).stream(tx, numbers, pairs=coded))


def in_order(tx: Transaction, asset_id: int, dataset_id: int) -> Generator[PendingEvent]:
    """The pending events of one consumer and dataset, oldest first, read as they are asked for; to be closed by whoever
    does not want all of them."""
    yield from map(pending_event, _IN_ORDER.stream(tx, [asset_id], datasets=[dataset_id]))


def first(tx: Transaction, pairs: Sequence[tuple[int, int]], *, updates: bool) -> dict[tuple[int, int], PendingEvent]:
    """The oldest pending event of each of these (asset id, dataset id) that may start a run; costs a look-up for each,
    and what lies before it, however many wait behind it.

    `updates`: what says that nothing changed may start one too.
    """
    numbers, coded = _listed(pairs)
    found = map(pending_event, _FIRST[updates].rows(tx, numbers, pairs=coded) if pairs else ())
    return {(one.asset_id, one.dataset_id): one for one in found}


def ahead(
    tx: Transaction, pairs: Sequence[tuple[int, int]], *, updates: bool
) -> dict[tuple[int, int], list[tuple[datetime, int]]]:
    """What is pending before that event, or at all where there is none, oldest first: when it arrived, and its number;
    by (asset id, dataset id). One with nothing is left out."""
    numbers, coded = _listed(pairs)
    found: dict[tuple[int, int], list[tuple[datetime, int]]] = {}
    for asset_id, dataset_id, arrived_at, number in _AHEAD[updates].rows(tx, numbers, pairs=coded) if pairs else ():
        found.setdefault((asset_id, dataset_id), []).append((arrived_at, number))
    return found


def _listed(pairs: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """The consumers of these (asset id, dataset id), and each pair as one number."""
    wanted = list(pairs)
    return list(dict.fromkeys(asset for asset, _ in wanted)), [(asset << 32) + dataset for asset, dataset in wanted]


_CONSUMED = Prepared(
    select(*_PAIRED, *columns_of(literal_column("0", Integer())))
    .select_from(subscriptions)
    .join(events, and_(events.c.dataset_id == subscriptions.c.dataset_id, events.c.number >= subscriptions.c.floor))
    .outerjoin(versions, versions.c.id == events.c.version_id)
    .where(
        subscriptions.c.asset_id == bindparam("b_asset"),
        subscriptions.c.partition == "",
        subscriptions.c.dataset_id == bindparam("b_dataset"),
        TAKEN,
    )
    .order_by(events.c.number.desc())
    .limit(1)
)


def consumed(tx: Transaction, asset_id: int, dataset_id: int) -> PendingEvent | None:
    """The newest event that this consumer has taken, which is not fresh; None when it has taken none."""
    rows = _CONSUMED.rows(tx, {"b_asset": asset_id, "b_dataset": dataset_id})
    return pending_event(rows[0]) if rows else None


def pending_event(row: Sequence[Any]) -> PendingEvent:
    """The event of a row: the ids of its consumer and its dataset, then `columns_of`."""
    return PendingEvent(
        asset_id=row[0],
        dataset_id=row[1],
        event_id=row[2],
        number=row[3],
        kind=EventKind(row[4]),
        at=row[5],
        fresh=bool(row[6]),
        metadata=row[7],
        version_id=row[8],
        digest=row[9],
        arrived_at=row[10],
        partition=row[11],
    )


_UP_TO = Prepared(
    select(func.count())
    .select_from(subscriptions)
    .join(events, PENDING)
    .where(
        subscriptions.c.asset_id == bindparam("b_asset"),
        subscriptions.c.partition == literal_column("''"),
        subscriptions.c.dataset_id == bindparam("b_dataset"),
        events.c.number <= bindparam("b_number"),
    )
)


def count_up_to(tx: Transaction, asset_id: int, dataset_id: int, number: int) -> int:
    """How many events of a dataset are pending for a consumer that have at most this number."""
    row = _UP_TO.first(tx, {"b_asset": asset_id, "b_dataset": dataset_id, "b_number": number})
    return 0 if row is None else int(row[0])
