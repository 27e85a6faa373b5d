"""Narrowing: which of the pending events of a dataset count for one leaf, in sums. Pure; reads each event once and
remembers none, so that fifty thousand cost the memory of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

from ...storage.types import EventKind
from ..declare.conditions.leaves import DatasetLeaf
from .state import HeadState, LeafState


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An event that is pending for a consumer; `head` is the version that it published, None of a removal.

    `fresh`: it may start a run; `arrived_at`: when it was there, where that was after its own time.
    """

    number: int
    kind: EventKind
    at: datetime
    fresh: bool
    arrived_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    head: HeadState | None = None


class Narrowing:
    """The sums of the events that count for one leaf, as they come, in whatever order."""

    def __init__(self, leaf: DatasetLeaf, now: datetime) -> None:
        self._leaf = leaf
        self._since = None if leaf.timetable is None else leaf.timetable.previous(now)
        self._upto = self._newest = 0
        self._asked, self._unmet = 0, ""
        self._sums = {"count": 0, "causes": 0, "confirmed": 0, "changed": 0, "removed": 0, "removals": 0}
        self._newest_at: datetime | None = None
        self._arrived_at: datetime | None = None
        self._oldest_at: datetime | None = None
        self._pin: HeadState | None = None

    def add(self, event: Waiting) -> bool:
        """Take an event into account; whether it counts."""
        self._upto += 1
        self._newest = max(self._newest, event.number)
        if (event.kind is EventKind.REMOVED) != self._leaf.removal:
            return False
        why = self.unmet(event)
        if event.number > self._asked:
            self._asked, self._unmet = event.number, why
        if not why:
            self._count(event)
        return not why

    def unmet(self, event: Waiting) -> str:
        """Why an event does not count; "" where it does."""
        if self._since is not None and event.at < self._since:
            return f"the newest came before the tick of {self._since:%Y-%m-%d %H:%M} UTC"
        return "" if self._leaf.predicate is None else self._leaf.predicate.unmet(event.metadata)

    def _count(self, event: Waiting) -> None:
        sums, removal = self._sums, event.kind is EventKind.REMOVED
        changed = event.kind is EventKind.CHANGED
        arrived = _arrival(event)
        sums["removed" if removal else "count"] += 1
        sums["changed"] += changed
        if event.fresh:
            sums["removals" if removal else "causes" if changed else "confirmed"] += 1
            if changed or removal:
                self._oldest_at = arrived if self._oldest_at is None else min(self._oldest_at, arrived)
        self._newest_at = event.at if self._newest_at is None else max(self._newest_at, event.at)
        self._arrived_at = arrived if self._arrived_at is None else max(self._arrived_at, arrived)
        if event.head is not None and (self._pin is None or event.number > self._pin.number):
            self._pin = event.head

    def to_plain(self) -> dict[str, Any]:
        """What was added so far, JSON-ready; `add_plain` adds it to another narrowing of the same leaf."""
        pin = self._pin
        return {
            "upto": self._upto,
            "newest": self._newest,
            "asked": self._asked,
            "unmet": self._unmet,
            "sums": dict(self._sums),
            "newest_at": _text(self._newest_at),
            "arrived_at": _text(self._arrived_at),
            "oldest_at": _text(self._oldest_at),
            "pin": None if pin is None else {**asdict(pin), "at": _text(pin.at)},
        }

    def add_plain(self, plain: Mapping[str, Any]) -> None:
        """Begin with the events that another narrowing of this leaf had added, after the same tick of its timetable."""
        self._upto, self._newest = plain["upto"], plain["newest"]
        self._asked, self._unmet = plain["asked"], plain["unmet"]
        self._sums = dict(plain["sums"])
        self._newest_at, self._arrived_at = _time(plain["newest_at"]), _time(plain["arrived_at"])
        self._oldest_at = _time(plain["oldest_at"])
        pin: Mapping[str, Any] | None = plain["pin"]
        if pin is not None:
            at = _time(pin["at"])
            self._pin = HeadState(**{name: value for name, value in pin.items() if name != "at"}, at=at)

    def state(self) -> LeafState | None:
        """What counts of all that came; None when nothing came."""
        if not self._upto:
            return None
        return LeafState(
            **self._sums,
            newest=self._newest,
            newest_at=self._newest_at,
            arrived_at=self._arrived_at,
            oldest_at=self._oldest_at,
            upto=self._upto,
            pin=self._pin,
            unmet=self._unmet,
        )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def narrowed(leaf: DatasetLeaf, events: Iterable[Waiting], now: datetime) -> LeafState | None:
    """What counts for a leaf of the pending events of its dataset, which may come in any order; None without any.

    An event counts whose metadata meet the predicate, and that came at or after the last tick of the timetable. The
    leaf is pinned to the newest that counts; `unmet` says why the newest of all does not. All that is pending is taken
    with it.
    """
    found = Narrowing(leaf, now)
    for event in events:
        found.add(event)
    return found.state()


def beginning(leaves: Sequence[DatasetLeaf], events: Iterable[Waiting], now: datetime, *, builds: bool) -> int | None:
    """Number of the event of a dataset with which a new consumer begins: what came from it on is pending. None: nothing
    of it counts.

    Each leaf has the newest event that counts for it; what is older than a removal is gone. `events` are asked for only
    until that is known.

    Parameters
    ----------
    leaves: the leaves of the condition that are about the dataset.
    events: of the dataset, newest first.
    builds: whether they are to start the consumer: then the leaf has the newest that says that something changed.
    """
    open_ = [Narrowing(leaf, now) for leaf in leaves]
    number: int | None = None
    for place, event in enumerate(events):
        gone = event.kind is EventKind.REMOVED
        if gone and place:
            break
        known = [one for one in open_ if one.add(event) and (gone or not builds or event.kind is EventKind.CHANGED)]
        if known:
            number = event.number
            open_ = [one for one in open_ if one not in known]
        if gone or not open_:
            break
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Under `each`, what is pending of one dataset: the event of it that is next, and what bears on that.

    Attributes
    ----------
    event: the oldest that counts and may start a run; None: none may.
    ahead: those that are pending before it, oldest first: when each arrived, and its number. Without an event all are.
    arrived_at: when the last arrived of those that count, before it or behind it.
    unmet: by the label of each leaf that has to ask, why the event does not count for it; "" where it does.
    idle: by the same label what counts, where there is no event.
    """

    event: Waiting | None = None
    ahead: Sequence[tuple[datetime, int]] = ()
    arrived_at: datetime | None = None
    unmet: Mapping[str, str] = field(default_factory=dict[str, str])
    idle: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])


def turn(leaves: Sequence[DatasetLeaf], events: Iterable[Waiting], now: datetime) -> Turn:
    """Which event of a dataset is next: the oldest that counts for one of the leaves and may start a run; those before
    it that do not, or may not, are taken along.

    Parameters
    ----------
    leaves: the leaves of the condition that are about the dataset.
    events: what is pending of it, oldest first.
    """
    found = [Narrowing(leaf, now) for leaf in leaves]
    first: Waiting | None = None
    ahead: list[tuple[datetime, int]] = []
    for event in events:
        counting = [leaf for leaf, one in zip(leaves, found, strict=True) if one.add(event)]
        if first is None and any(_starts(leaf, event) for leaf in counting):
            first = event
        elif first is None:
            ahead.append((_arrival(event), event.number))
    asking = [(leaf.label, one) for leaf, one in zip(leaves, found, strict=True) if leaf.selective]
    if first is None:
        states = ((label, one.state()) for label, one in asking)
        return Turn(ahead=ahead, idle={label: state for label, state in states if state is not None})
    sums = [state for one in found if (state := one.state()) is not None]
    return Turn(
        event=first,
        ahead=ahead,
        arrived_at=max((one.arrived_at for one in sums if one.arrived_at is not None), default=None),
        unmet={
            leaf.label: one.unmet(first)
            for leaf, one in zip(leaves, found, strict=True)
            if leaf.selective and not leaf.removal
        },
    )


def _starts(leaf: DatasetLeaf, event: Waiting) -> bool:
    """Whether an event that counts for a leaf may start a run by it."""
    return event.fresh and (event.kind is EventKind.CHANGED or (event.kind is EventKind.CONFIRMED and leaf.confirmed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is pending under `each`, of all its datasets; the fields are those of `AssetState`."""

    leaves: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])
    narrowed: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])
    ahead: Mapping[str, LeafState] = field(default_factory=dict[str, LeafState])


def first_in_line(turns: Mapping[str, Turn], queue: Mapping[str, LeafState]) -> Line:
    """Under `each`, the one event whose turn it is, as if nothing else were pending, and what lies before it.

    Of several datasets, which a pattern has, it is of the events that may start a run the one that arrived first; of
    those that arrived together, that of the first URI. Without such an event nothing has its turn: all that is pending
    can complete.

    Parameters
    ----------
    turns: URI → what is pending of the dataset; queue: the same in sums.
    """
    waiting = [(_arrival(one.event), uri) for uri, one in turns.items() if one.event is not None]
    if not waiting:
        return Line(leaves=queue, narrowed={label: idle for one in turns.values() for label, idle in one.idle.items()})
    place = min(waiting)
    mine = turns[place[1]]
    assert mine.event is not None, "it waits"
    alone = _alone(
        mine.event,
        upto=len(mine.ahead) + 1,
        arrived_at=max((one.arrived_at for one in turns.values() if one.arrived_at is not None), default=None),
    )
    others = {uri: _before(place, uri, one.ahead) for uri, one in turns.items() if one is not mine}
    return Line(
        leaves={place[1]: alone},
        narrowed={label: _none_of(alone, why) if why else alone for label, why in mine.unmet.items()},
        ahead={uri: passed for uri, passed in others.items() if passed is not None},
    )


def _before(place: tuple[datetime, str], uri: str, ahead: Sequence[tuple[datetime, int]]) -> LeafState | None:
    """Of what can start nothing of one dataset, the events that lie before a place in the line of all."""
    numbers = [number for _, number in takewhile(lambda one: (one[0], uri) < place, ahead)]
    return LeafState(count=len(numbers), newest=numbers[-1], causes=0, upto=len(numbers)) if numbers else None


def _arrival(event: Waiting) -> datetime:
    return event.arrived_at or event.at


def _alone(event: Waiting, *, upto: int, arrived_at: datetime | None) -> LeafState:
    """One event that may start a run, as if it were all that is pending. `arrived_at`: quiet is waited for since then,
    whoever's turn it is."""
    changed = event.kind is EventKind.CHANGED
    arrived = _arrival(event)
    return LeafState(
        count=1,
        newest=event.number,
        causes=int(changed),
        confirmed=int(not changed),
        changed=int(changed),
        newest_at=event.at,
        arrived_at=arrived_at or arrived,
        oldest_at=arrived if changed else None,
        upto=upto,
        pin=event.head,
    )


def _none_of(alone: LeafState, why: str) -> LeafState:
    """The same event, where it does not count."""
    return LeafState(count=0, newest=alone.newest, causes=0, upto=alone.upto, pin=None, unmet=why)
