"""Joining: datasets that turn out to be one because an alias says so, each with events of its own.

The other's events stay where they are, as its history: an event has the number under which it was consumed. What
somebody still has to do with is told again of the one dataset, and each consumer stands to it as it stood before. So a
run that has an event of the other, and gives it back, gives it back to the dataset that both are now.

Where an asset of ours writes the one dataset nothing is told of it: what others published would become its head. Who
still had something to do with the other begins with what was made last, as news.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, insert, or_, select, update

from ..manifest import Manifest
from ..types import ConsumptionOutcome, EventKind
from ..uri import matches
from . import pending
from .catalogue import datasets, subscriptions, uris_of
from .database.engine import Transaction
from .events import ARRIVED, FRESH, consumptions, events, publish_event, publish_removal
from .past.links import returned_by
from .pauses import pauses
from .runs import runs
from .subscribing import newest_changes
from .versions import keep_version, versions

Pair = tuple[int, int]
"""The id of an asset, and of a dataset that it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """How a consumer stands to the events of a dataset, by their numbers; what is in none of these is settled.

    Attributes
    ----------
    fresh: pending, and may start a run.
    completing: pending, and can only complete: by the run that gave it back, None where it was there before.
    held: with a run that has not ended, or that stopped the asset: which, and whether what it gives back may start one.
    """

    fresh: frozenset[int] = frozenset()
    completing: Mapping[int, str | None]
    held: Mapping[int, tuple[str, bool]]

    @property
    def left(self) -> set[int]:
        """What the consumer still has to do with."""
        return {*self.fresh, *self.completing, *self.held}


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """An event that is told again.

    Attributes
    ----------
    event_id, number: what it is now.
    origin: id of the dataset that it was told of before; former: its number there.
    known: whether the dataset that it is told of now had its version already, before anything was told again, so that
        it is news for those alone who waited for the other.
    changed: whether it says that something changed.
    """

    event_id: int
    number: int
    origin: int
    former: int
    known: bool
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What was told again, and how consumers stood before.

    Attributes
    ----------
    same: dataset id → id of the dataset that it turned out to be.
    again: by the id of the dataset that it is told of now, in order.
    stances: by (asset id, id of a dataset that is another one now), of consumers that wait for it no more.
    stay: such pairs of consumers that go on waiting for it, by a pattern.
    waited: (asset id, id of what it is now), of consumers that waited for that already.
    made: (asset id, id of what it is now) → the number of its newest event that said that it had changed, where an
        asset of ours writes that and the consumer had something of the other that may start it.
    """

    same: Mapping[int, int]
    again: Mapping[int, Sequence[Again]]
    stances: Mapping[Pair, Stance]
    stay: frozenset[Pair]
    waited: frozenset[Pair]
    made: Mapping[Pair, int]

    def begins(self, asset_id: int) -> dict[int, int]:
        """With which event an asset begins that goes on with what it had of another URI: dataset id → number; all from
        there on is news unless a link says otherwise."""
        found = {own: number for (one, own), number in self.made.items() if one == asset_id}
        for own, several in self.again.items():
            mine = (one.number for one in several if one.former in self._left(asset_id, one.origin))
            if (first := next(mine, None)) is not None:
                found[own] = first
        return found

    def concerned(self, own: int) -> set[int]:
        """Who waited for a dataset, or for one that turned out to be it."""
        pairs = (*self.waited, *self.stay, *self.stances)
        return {asset_id for asset_id, number in pairs if self.same.get(number, number) == own}

    def starts(self, asset_id: int, own: int) -> bool:
        """Whether what was told last of another URI starts an asset: if it waited for the dataset already, or had
        something of one of the others that may start it."""
        had = (self.stances.get((asset_id, other)) for other, now_is in self.same.items() if now_is == own)
        return (asset_id, own) in self.waited or any(one is not None and (one.fresh or one.held) for one in had)

    def _left(self, asset_id: int, origin: int) -> set[int]:
        stance = self.stances.get((asset_id, origin))
        return set() if stance is None else stance.left


def join(
    tx: Transaction,
    same: Mapping[int, int],
    patterns: Mapping[int, Sequence[str]],
    *,
    now: datetime,
    fanned: Container[int] = frozenset(),
) -> Joined:
    """Tell again what consumers still have to do with: all from the first such event on, in the order in which it
    arrived. What was told last of any is the newest then; that much is told where nothing else is.

    Before subscriptions change. `same`: dataset id → id of the dataset that it turned out to be; `patterns`: asset id →
    those that it is to wait by; other assets do not count. `fanned`: ids of the datasets of which the newest is to be
    news, also where it says what they said already: partitions wait for it.
    """
    written = _written(tx, same.values()) if same else set[int]()
    made = _made(tx, {other: own for other, own in same.items() if own in written}, patterns)
    same = {other: own for other, own in same.items() if own not in written}
    waiting = _waiting(tx, {*same, *same.values()}, patterns) if same else set[Pair]()
    uris = uris_of(tx, list(same)) if waiting else {}
    former = {pair for pair in waiting if pair[1] in same}
    stay = {pair for pair in former if any(matches(one, uris[pair[1]]) for one in patterns[pair[0]])}
    stances = _stances(tx, sorted(former - stay))
    again = {
        own: _tell(
            tx, own, [other for other, now_is in same.items() if now_is == own], stances, now, fanned=own in fanned
        )
        for own in dict.fromkeys(same.values())
    }
    return Joined(
        same=same,
        again={own: several for own, several in again.items() if several},
        stances=stances,
        stay=frozenset(stay),
        waited=frozenset(waiting - former),
        made=made,
    )


def _written(tx: Transaction, dataset_ids: Iterable[int]) -> set[int]:
    """Which of these datasets an asset of ours writes."""
    ours = select(datasets.c.id).where(datasets.c.id.in_(sorted(dataset_ids)), datasets.c.producer_id.is_not(None))
    return set(tx.execute(ours).scalars())


def _made(tx: Transaction, same: Mapping[int, int], patterns: Mapping[int, Sequence[str]]) -> dict[Pair, int]:
    """With what consumers begin of datasets that an asset of ours writes; see `Joined.made`."""
    if not same:
        return {}
    waiting = _waiting(tx, {*same, *same.values()}, patterns)
    moved = sorted(pair for pair in waiting if pair[1] in same and (pair[0], same[pair[1]]) not in waiting)
    stances = _stances(tx, moved)
    newest = newest_changes(tx, set(same.values()))
    return {
        (asset_id, same[other]): newest[same[other]]
        for (asset_id, other), stance in stances.items()
        if (stance.fresh or stance.held) and same[other] in newest
    }


def link(tx: Transaction, joined: Joined, *, now: datetime) -> None:
    """Each consumer stands to what was told again as it stood before; who had not waited for the other URI hears of the
    newest alone. After subscriptions have changed."""
    if not joined.again:
        return
    waits = _waiting(tx, joined.again, {one for own in joined.again for one in joined.concerned(own)})
    rows = [
        {"asset_id": asset_id, "partition": "", "event_id": one.event_id, "at": now, **said}
        for asset_id, own in sorted(waits)
        if asset_id in joined.concerned(own)
        for several in (joined.again[own],)
        for one in several
        for said in _links(joined, asset_id, own, one, newest=one.number >= _newest_news(several))
    ]
    if rows:
        tx.execute(insert(consumptions), rows)


def _newest_news(several: Sequence[Again]) -> int:
    """From which number on what was told again is its newest news: a change, also where it was confirmed behind."""
    return next((one.number for one in reversed(several) if one.changed), several[-1].number)


def _links(joined: Joined, asset_id: int, own: int, one: Again, *, newest: bool) -> list[dict[str, Any]]:
    """What links an event that was told again to a consumer; nothing where it is news, or what it begins with."""
    closed = {"run_id": None, "outcome": ConsumptionOutcome.CLOSED.value, "current": True}
    completing = {"run_id": None, "outcome": ConsumptionOutcome.RETURNED.value, "current": False}
    stance = joined.stances.get((asset_id, one.origin))
    if (asset_id, one.origin) in joined.stay | joined.waited:  # it has the event there
        return [closed]
    if stance is None and joined.again[own][-1].known and (asset_id, own) in joined.waited:
        return [closed]
    if stance is None:
        return ([] if joined.starts(asset_id, own) else [completing]) if newest else [closed]
    if one.former in stance.completing:
        return [{**completing, "run_id": stance.completing[one.former]}]
    if one.former in stance.held:
        run_id, fresh = stance.held[one.former]
        taken = {"run_id": run_id, "outcome": ConsumptionOutcome.RUN.value, "current": True}
        return [taken] if fresh else [completing, taken]
    return [] if one.former in stance.fresh else [closed]


def _waiting(tx: Transaction, dataset_ids: Iterable[int], asset_ids: Container[int]) -> set[Pair]:
    """Which of these assets wait for which of these datasets."""
    rows = tx.execute(
        select(subscriptions.c.asset_id, subscriptions.c.dataset_id).where(
            subscriptions.c.dataset_id.in_(sorted(dataset_ids)),
            subscriptions.c.partition == "",
            subscriptions.c.ended_at.is_(None),
        )
    )
    return {(asset_id, dataset_id) for asset_id, dataset_id in rows if asset_id in asset_ids}


_HELD = (
    select(events.c.number, consumptions.c.run_id, case((FRESH, 1), else_=0))
    .select_from(consumptions)
    .join(events, events.c.id == consumptions.c.event_id)
    .join(
        subscriptions,
        and_(
            subscriptions.c.asset_id == consumptions.c.asset_id,
            subscriptions.c.dataset_id == events.c.dataset_id,
            subscriptions.c.partition == "",
        ),
    )
    .join(runs, runs.c.id == consumptions.c.run_id)
    .outerjoin(pauses, (pauses.c.asset_id == consumptions.c.asset_id) & pauses.c.until.is_(None))
    .where(
        consumptions.c.current,
        consumptions.c.partition == "",
        or_(runs.c.ended_at.is_(None), pauses.c.run_id == runs.c.id),
    )
)
"""The events of runs that may give them back."""


def _stances(tx: Transaction, pairs: Sequence[Pair]) -> dict[Pair, Stance]:
    waiting: dict[Pair, list[pending.PendingEvent]] = {pair: [] for pair in pairs}
    for event in pending.each(tx, pairs):
        waiting[event.asset_id, event.dataset_id].append(event)
    found: dict[Pair, Stance] = {}
    for (asset_id, dataset_id), several in waiting.items():
        complete = [one for one in several if not one.fresh]
        returned = returned_by(tx, asset_id, [one.event_id for one in complete])
        held = _HELD.where(consumptions.c.asset_id == asset_id, events.c.dataset_id == dataset_id)
        found[asset_id, dataset_id] = Stance(
            fresh=frozenset(one.number for one in several if one.fresh),
            completing={one.number: returned.get(one.event_id) for one in complete},
            held={number: (run_id, bool(fresh)) for number, run_id, fresh in tx.execute(held)},
        )
    return found


_OF_WHOLE = events.c.partition == ""
_EVENTS = (
    select(
        events.c.id,
        events.c.dataset_id,
        events.c.number,
        events.c.kind,
        events.c.at,
        ARRIVED.label("arrived"),
        events.c.metadata.label("said"),
        versions.c.manifest,
        versions.c.held,
    )
    .outerjoin(versions, versions.c.id == events.c.version_id)
    .where(_OF_WHOLE)
)
_THERE = _EVENTS.where(events.c.version_id.is_not(None))
"""Without removals: that one of several URIs is gone does not say that the dataset is."""


def _tell(
    tx: Transaction, own: int, others: Sequence[int], stances: Mapping[Pair, Stance], now: datetime, *, fanned: bool
) -> list[Again]:
    """What is told again of a dataset that these others turned out to be."""
    rows: list[Any] = []
    news: set[tuple[int, int]] = set()
    for other in others:
        mine = [stance for (_, number), stance in stances.items() if number == other]
        left = set[int]().union(*(stance.left for stance in mine))
        had = {number for stance in mine for number in (*stance.fresh, *stance.held)}
        if left:
            rows += tx.execute(_THERE.where(events.c.dataset_id == other, events.c.number >= min(left)))
        news |= {
            (other, row.number)
            for row in rows
            if row.dataset_id == other and row.kind == EventKind.CHANGED and row.number in had
        }
    newest = [_NEWEST.where(events.c.dataset_id == own)]
    newest += [_NEWEST_TOLD.where(events.c.dataset_id == other) for other in others]
    found = [*rows, *(row for query in newest if (row := tx.execute(query).first()) is not None)]
    rows.sort(key=_arrival)
    last = max(found, key=_arrival, default=None)
    if last is not None and (rows[-1].id != last.id if rows else last.dataset_id != own):
        rows.append(last)
    if last is not None and fanned:
        news |= _said_last(tx, own, last, rows)
    before = tx.execute(select(datasets.c.head_version_id).where(datasets.c.id == own)).scalar_one()
    told = (_told(tx, own, row, now, before=before, news=(row.dataset_id, row.number) in news) for row in rows)
    return [again for again in told if again is not None]


_NEWEST = _EVENTS.order_by(events.c.number.desc()).limit(1)
_BY_OTHERS = (datasets.c.id == events.c.dataset_id) & datasets.c.producer_id.is_(None)
_NEWEST_TOLD = _THERE.join(datasets, _BY_OTHERS).order_by(events.c.number.desc()).limit(1)


def _arrival(row: Any) -> tuple[datetime, int]:
    return row.arrived, row.id


def _said_last(tx: Transaction, own: int, last: Any, rows: list[Any]) -> set[tuple[int, int]]:
    """What of `rows` is news because partitions may have made nothing of what was told last: that, and of another
    dataset the change that it confirmed. What lacks is put there."""
    if last.dataset_id == own:
        if rows or last.kind != EventKind.CONFIRMED:
            return set()
        rows.append(last)
        return {(own, last.number)}
    since = [last]
    if last.kind == EventKind.CONFIRMED:
        of_it = events.c.dataset_id == last.dataset_id
        changed = select(func.max(events.c.number)).where(of_it, _OF_WHOLE, events.c.kind == EventKind.CHANGED)
        since = list(tx.execute(_THERE.where(of_it, events.c.number >= changed.scalar_subquery())))
    there = {row.id for row in rows}
    rows += [row for row in since if row.id not in there]
    rows.sort(key=_arrival)
    return {(row.dataset_id, row.number) for row in since if row.kind == EventKind.CHANGED}


def _told(tx: Transaction, own: int, row: Any, now: datetime, *, news: bool, before: int | None) -> Again | None:
    """An event told again. What is `news` for somebody stays it, also where the dataset has that version already."""
    version_id = None
    if row.manifest is None:
        event = publish_removal(tx, dataset_id=own, now=now)
    else:
        manifest = Manifest.from_plain(row.manifest)
        version_id = keep_version(tx, dataset_id=own, manifest=manifest, held=row.held, now=now)
        kind = EventKind.CHANGED if news else None
        event = publish_event(
            tx, dataset_id=own, version_id=version_id, run_id=None, metadata=row.said, now=now, at=row.at, kind=kind
        )
    if event is None:
        return None
    tx.execute(update(events).where(events.c.id == event.event_id).values(again_of=row.id))
    return Again(
        event_id=event.event_id,
        number=event.number,
        origin=row.dataset_id,
        former=row.number,
        known=version_id == before,
        changed=event.kind is EventKind.CHANGED,
    )
