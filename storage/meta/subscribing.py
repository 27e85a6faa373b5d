"""Subscriptions: who waits for which dataset, as definitions come and change, and how a new consumer begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Column, Table, bindparam, delete, exists, func, insert, select, update

from ..types import ConsumptionOutcome, EventKind
from ..uri import matches
from .catalogue import FORGOTTEN, assets, datasets, patterns, subscriptions, timetables
from .database.engine import WHOLE, Transaction
from .database.prepared import Prepared
from .events import consumptions, events
from .giving_up import OF_ONE, give_up

AWAITED = exists().where(
    subscriptions.c.dataset_id == datasets.c.id,
    subscriptions.c.ended_at.is_(None),
    assets.c.id == subscriptions.c.asset_id,
    assets.c.removed_at.is_(None),
)
"""That an asset waits for a dataset, perhaps by a pattern, whether or not somebody declares the dataset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """An event that was there before a consumer, as far as it decides with what that begins."""

    number: int
    kind: EventKind
    at: datetime
    metadata: Mapping[str, Any]


Begins = Callable[[str, Iterator[Former], datetime], int | None]
"""Of a dataset, by its URI, and its events, newest first, at a time: the number of the one that a consumer begins with;
None: no event counts."""
LOOKED_BACK = 10_000
"""So many events are looked at for one that counts: who registers does not wait for a history of years."""
_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """For what one asset is to wait.

    Attributes
    ----------
    datasets: ids of the datasets that its condition names; removals: for whose removals it asks too.
    patterns: patterns of URIs; removed_patterns: for whose removals it asks too.
    each: id of the dataset of which each event is to have a run of its own; each_pattern: the pattern of those.
    timetables: the labels of its timetables.
    builds: whether what is there already starts it.
    begins: with which event of a dataset it begins, where that is to be asked of the events; None: with the newest.
    keyed: whether it has partitions: each of them begins with all that was there.
    goes_on: dataset id → number of the event with which it begins, as news: where it goes on with what it had of a
        dataset that turned out to be the same.
    """

    asset_id: int
    datasets: frozenset[int]
    removals: frozenset[int] = frozenset()
    patterns: frozenset[str] = frozenset()
    removed_patterns: frozenset[str] = frozenset()
    each: int | None = None
    each_pattern: str | None = None
    timetables: frozenset[str] = frozenset()
    builds: bool = False
    begins: Begins | None = None
    keyed: bool = False
    goes_on: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A dataset, as far as consumers ask: its id, its newest event, and who writes it."""

    id: int
    last_number: int
    producer_id: int | None


def subscribe(tx: Transaction, project: str, wanted: Sequence[Wanted], *, now: datetime) -> None:
    """These assets wait for exactly this; assets that are not among them wait for what they waited for.

    What stays keeps its progress. What is new begins with the newest event of its dataset that counts, as completing
    only; so does what began with nothing, as each event was to have a run of its own, and is no longer so, if nothing
    has come since. Events that are pending of what is no longer named are closed.
    """
    known = _datasets(tx, project)
    want = {(one.asset_id, number): one for one in wanted for number in one.datasets}
    removals = {(one.asset_id, number) for one in wanted for number in one.removals}
    singly = {(one.asset_id, one.each) for one in wanted}
    for one in wanted:
        for pattern in one.patterns:
            for dataset in _matching(known, pattern, one.asset_id):
                want.setdefault((one.asset_id, dataset.id), one)
                if pattern in one.removed_patterns:
                    removals.add((one.asset_id, dataset.id))
                if pattern == one.each_pattern:
                    singly.add((one.asset_id, dataset.id))
    ours = {one.asset_id for one in wanted}
    have = {key: row for key, row in _subscriptions(tx, project).items() if key[0] in ours}
    _end(tx, [key for key, row in have.items() if not row.ended and key not in want], now)
    numbers = {dataset.id: dataset.last_number for dataset in known.values()}
    new = {
        key: one
        for key, one in want.items()
        if key not in have or have[key].ended or (key not in singly and have[key].has_had_nothing(numbers[key[1]]))
    }
    causes = newest_changes(tx, {number for (_, number), one in new.items() if one.builds})
    uris = {dataset.id: uri for uri, dataset in known.items()}
    rows: list[dict[str, Any]] = []
    for (asset_id, number), one in sorted(new.items(), key=lambda item: item[0]):
        begun, alone = None, (asset_id, number) in singly
        if one.begins is not None and numbers[number] and (one.builds or not alone):
            begun = one.begins(uris[number], islice(_back(tx, number), LOOKED_BACK), now)
        start = _start(one, number, numbers, causes, begun, singly=alone)
        rows.append(_row(asset_id, number, start, removals=(asset_id, number) in removals, now=now))
    _begin(tx, rows, have)
    _ask_for_removals(tx, {key: key in removals for key in want if key in have}, have)
    _replace(tx, project, wanted, now)


def subscribe_to(tx: Transaction, project: str, dataset_id: int, uri: str, *, now: datetime) -> None:
    """Whoever waits for a pattern that this dataset matches waits for it. It is new: it has no event yet."""
    rows = tx.execute(
        select(patterns.c.asset_id, patterns.c.pattern, patterns.c.removals)
        .join(assets, assets.c.id == patterns.c.asset_id)
        .where(assets.c.project == project)
    )
    found: dict[int, bool] = {}
    for asset_id, pattern, removals in rows:
        if matches(pattern, uri):
            found[asset_id] = found.get(asset_id, False) or removals
    if found:
        tx.execute(
            insert(subscriptions),
            [_row(number, dataset_id, (0, 0), removals=asks, now=now) for number, asks in found.items()],
        )


_AWAITED = Prepared(select(datasets.c.id).where(datasets.c.id == bindparam("b_dataset", type_=WHOLE), AWAITED))


def is_awaited(tx: Transaction, dataset_id: int) -> bool:
    """Whether an asset that is part of the catalogue waits for a dataset, by its URI or by a pattern."""
    return _AWAITED.first(tx, {"b_dataset": dataset_id}) is not None


def _datasets(tx: Transaction, project: str) -> dict[str, _Known]:
    rows = tx.execute(
        select(datasets.c.uri, datasets.c.id, datasets.c.last_number, datasets.c.producer_id).where(
            datasets.c.project == project
        )
    )
    return {uri: _Known(id=number, last_number=last, producer_id=producer) for uri, number, last, producer in rows}


def _matching(known: Mapping[str, _Known], pattern: str, asset_id: int) -> Iterable[_Known]:
    """The datasets that a pattern means, without what the asset writes itself."""
    return (one for uri, one in known.items() if one.producer_id != asset_id and matches(pattern, uri))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscription:
    """What is stored of one, as far as it can change here."""

    removals: bool
    ended: bool
    floor: int
    began: int | None

    def has_had_nothing(self, last_number: int) -> bool:
        """Whether it began with none of the events that were there, and none has come since."""
        return 0 < last_number == self.floor == self.began


def _subscriptions(tx: Transaction, project: str) -> dict[tuple[int, int], _Subscription]:
    rows = tx.execute(
        select(
            subscriptions.c.asset_id,
            subscriptions.c.dataset_id,
            subscriptions.c.removals,
            subscriptions.c.ended_at,
            subscriptions.c.floor,
            subscriptions.c.began,
        )
        .join(assets, assets.c.id == subscriptions.c.asset_id)
        .where(assets.c.project == project)
    )
    return {
        (asset, dataset): _Subscription(removals=removals, ended=ended_at is not None, floor=floor, began=began)
        for asset, dataset, removals, ended_at, floor, began in rows
    }


_UNLINKED = (
    update(consumptions)
    .where(
        consumptions.c.asset_id == bindparam("b_asset"),
        consumptions.c.partition == "",
        consumptions.c.current,
        consumptions.c.event_id.in_(
            select(events.c.id).where(
                events.c.dataset_id == bindparam("b_dataset"), events.c.number > bindparam("b_floor")
            )
        ),
    )
    .values(current=False)
)
"""What a consumer begins with is pending for it, whatever became of it when it waited for the dataset before."""


def _end(tx: Transaction, pairs: Sequence[tuple[int, int]], now: datetime) -> None:
    """What is pending is closed, and nothing more is pending from now on."""
    give_up(tx, pairs, outcome=ConsumptionOutcome.CLOSED, now=now)
    if pairs:
        tx.execute(
            update(subscriptions).where(*OF_ONE).values(ended_at=now),
            [{"b_asset": asset, "b_dataset": dataset} for asset, dataset in pairs],
        )


_BACK = Prepared(
    select(events.c.number, events.c.kind, events.c.at, events.c.metadata.label("said"))
    .where(events.c.dataset_id == bindparam("b_dataset"), events.c.number < bindparam("b_below"))
    .order_by(events.c.number.desc())
    .limit(_PAGE)
)


def _back(tx: Transaction, dataset_id: int) -> Iterator[Former]:
    """The events of a dataset, newest first, read a page at a time as they are asked for."""
    below = 1 << 62
    while rows := _BACK.rows(tx, {"b_dataset": dataset_id, "b_below": below}):
        for number, kind, at, said in rows:
            yield Former(number=number, kind=EventKind(kind), at=at, metadata=said)
        below = rows[-1][0]


def _start(
    one: Wanted, number: int, numbers: Mapping[int, int], causes: Mapping[int, int], begun: int | None, *, singly: bool
) -> tuple[int, int]:
    """Floor and completing, with which a new consumer begins. `singly`: each event is to have a run of its own."""
    last = numbers[number]
    if one.keyed:
        return 0, 0 if one.builds else last
    if number in one.goes_on:
        return one.goes_on[number] - 1, one.goes_on[number] - 1
    if begun is not None:
        return begun - 1, begun - 1 if one.builds else last
    if one.begins is not None and one.builds:
        return last, last  # nothing that is there starts it
    if one.builds and number in causes:
        return causes[number] - 1, causes[number] - 1
    if singly:
        return last, last  # what only completes can never have a run of its own, and would be in the way of what can
    return max(last - 1, 0), last


_BEGUN = Prepared(insert(subscriptions))


def _begin(tx: Transaction, rows: Sequence[dict[str, Any]], have: Mapping[tuple[int, int], _Subscription]) -> None:
    """These subscriptions begin; of one that was there, what became of the events that it begins with is undone."""
    fresh = [row for row in rows if (row["asset_id"], row["dataset_id"]) not in have]
    if fresh:
        _BEGUN.run_many(tx, fresh)
    back = [row for row in rows if (row["asset_id"], row["dataset_id"]) in have]
    if back:
        tx.execute(
            _UNLINKED,
            [{"b_asset": row["asset_id"], "b_dataset": row["dataset_id"], "b_floor": row["floor"]} for row in back],
        )
        tx.execute(
            update(subscriptions)
            .where(*OF_ONE)
            .values(
                floor=bindparam("b_floor"),
                summed=bindparam("b_floor"),
                completing=bindparam("b_completing"),
                removals=bindparam("b_removals"),
                since=bindparam("b_since"),
                began=bindparam("b_began"),
                ended_at=None,
                **FORGOTTEN,
            ),
            [
                {
                    "b_asset": row["asset_id"],
                    "b_dataset": row["dataset_id"],
                    **{f"b_{key}": row[key] for key in ("floor", "completing", "removals", "since", "began")},
                }
                for row in back
            ],
        )


def newest_changes(tx: Transaction, dataset_ids: Iterable[int]) -> dict[int, int]:
    """The number of the newest event of each dataset that said that it had changed; without those that have none."""
    query = select(func.max(events.c.number)).where(
        events.c.dataset_id == bindparam("b_dataset"), events.c.kind == EventKind.CHANGED.value
    )
    found = {number: tx.execute(query, {"b_dataset": number}).scalar() for number in sorted(dataset_ids)}
    return {number: newest for number, newest in found.items() if newest is not None}


def _row(asset_id: int, dataset_id: int, start: tuple[int, int], *, removals: bool, now: datetime) -> dict[str, Any]:
    return {
        "asset_id": asset_id,
        "partition": "",
        "dataset_id": dataset_id,
        "floor": start[0],
        "completing": start[1],
        "removals": removals,
        "since": now,
        "began": start[0],
        "turns": 0,
        "summed": start[0],
    }


def _ask_for_removals(
    tx: Transaction,
    asks: Mapping[tuple[int, int], bool],
    have: Mapping[tuple[int, int], _Subscription],
) -> None:
    """A condition that begins to ask for removals does so from now on: its subscription keeps the rest."""
    other = [
        {"b_asset": asset, "b_dataset": dataset, "b_removals": asked}
        for (asset, dataset), asked in asks.items()
        if have[asset, dataset].removals != asked
    ]
    if other:
        begun = update(subscriptions).where(*OF_ONE).values(summed=subscriptions.c.floor, **FORGOTTEN)
        tx.execute(begun.values(removals=bindparam("b_removals")), other)


def _replace(tx: Transaction, project: str, wanted: Sequence[Wanted], now: datetime) -> None:
    """The timetables and the patterns of these assets are these; a timetable that stays keeps its time."""
    ours = {one.asset_id for one in wanted}
    _replace_rows(
        tx,
        timetables,
        [(asset, label) for asset, label in _of_project(tx, project, timetables.c.label) if asset in ours],
        {(one.asset_id, label): {"registered_at": now} for one in wanted for label in one.timetables},
    )
    _replace_rows(
        tx,
        patterns,
        [(asset, pattern) for asset, pattern in _of_project(tx, project, patterns.c.pattern) if asset in ours],
        {(one.asset_id, name): {"removals": name in one.removed_patterns} for one in wanted for name in one.patterns},
    )


def _of_project(tx: Transaction, project: str, column: Column[str]) -> Iterable[tuple[int, str]]:
    number = column.table.c.asset_id
    query = select(number, column).join(assets, assets.c.id == number).where(assets.c.project == project)
    return [(asset_id, name) for asset_id, name in tx.execute(query)]


def _replace_rows(
    tx: Transaction, table: Table, have: Iterable[tuple[int, str]], want: Mapping[tuple[int, str], dict[str, object]]
) -> None:
    """Of a table whose key is an asset and a name, the rows that are not wanted go, and those that lack come."""
    number, name = table.primary_key.columns
    gone = sorted(set(have) - want.keys())
    if gone:
        tx.execute(
            delete(table).where(number == bindparam("b_asset"), name == bindparam("b_name")),
            [{"b_asset": asset, "b_name": text} for asset, text in gone],
        )
    new = sorted(want.keys() - set(have))
    if new:
        tx.execute(insert(table), [{number.name: key[0], name.name: key[1], **want[key]} for key in new])
