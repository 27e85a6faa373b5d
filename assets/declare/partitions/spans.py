"""Sets of keys that are never listed: windows in ranges of time, keys in an order; each can be counted and walked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ....storage.errors import UsageError
from ..ticks.counting import count, shifted, ticks_between

if TYPE_CHECKING:
    from .windows import Windows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_LEAST = datetime.resolution


def seconds(at: datetime) -> int:
    """Whole seconds since 1970.

    >>> seconds(datetime(2026, 1, 5, tzinfo=UTC))
    1767571200
    """
    return (at - _EPOCH) // _SECOND


def instant(number: int) -> datetime:
    """The instant so many seconds after 1970, kept within the calendar."""
    try:
        return _EPOCH + number * _SECOND
    except OverflowError:
        return datetime(9996, 12, 31, tzinfo=UTC) if number > 0 else datetime(3, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """The windows that lie whole in ranges of time, in order.

    Attributes
    ----------
    bounds: ranges of instants, in order and apart, `end` not included; a window is cut by none of them.
    """

    windows: Windows
    bounds: tuple[tuple[datetime, datetime], ...]

    @property
    def count(self) -> int:
        """How many windows they are."""
        return sum(number for _, _, number in self._parts())

    def at(self, index: int) -> str:
        """The key that has so many before it; IndexError beyond them."""
        found = next(self.walk(index, index + 1), None) if index >= 0 else None
        if found is None:
            raise IndexError(index)
        return found

    def index(self, key: str) -> int | None:
        """How many come before this key; None when it is none of them."""
        try:
            place = self.windows.place(key)
        except UsageError:
            return None
        begin, end, before = instant(place.start), instant(place.end), 0
        for first, last, number in self._parts():
            if first <= begin and end <= last:
                return before + count(self.windows.timetable, first, begin)
            before += number
        return None

    def walk(self, first: int = 0, last: int | None = None, *, backwards: bool = False) -> Iterator[str]:
        """The keys from index `first` to before `last`; backwards from the last of them."""
        timetable, whole, before = self.windows.timetable, self._whole(), 0
        pieces = list[tuple[datetime, datetime]]()
        for place, (low, high) in enumerate(whole):
            begin = shifted(timetable, low, first - before) if first > before else low
            until = high if last is None else shifted(timetable, low, last - before) if last > before else low
            pieces.append((high if begin is None else begin, high if until is None else min(until, high)))
            if place + 1 < len(whole):  # the last range may be long, and how many it holds makes no difference
                before += count(timetable, low, high)
        for begin, until in reversed(pieces) if backwards else pieces:
            yield from map(self.windows.key_of, ticks_between(timetable, begin, until, backwards=backwards))

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The bounds of the windows in seconds, adjacent ones as one."""
        return ((seconds(low), seconds(high)) for low, high in self._whole())

    def _whole(self) -> list[tuple[datetime, datetime]]:
        """The ranges from the first tick in each to the last; those without a window are left out."""
        found = list[tuple[datetime, datetime]]()
        for low, high in self.bounds:
            begin = self.windows.timetable.next(low - _LEAST)
            end = self.windows.timetable.previous(high)
            if begin is not None and end is not None and begin < end:
                found.append((begin, end))
        return found

    def _parts(self) -> Iterator[tuple[datetime, datetime, int]]:
        for low, high in self._whole():
            yield low, high, count(self.windows.timetable, low, high)


class Extent(NamedTuple):
    """How many keys follow each other, the first and the last of them."""

    number: int
    first: str
    last: str


def nowhere(_start: int, _end: int) -> None:
    """What lies between two bounds of a line without keys: nothing."""


@dataclass(slots=True, kw_only=True)
class Steps:
    """What lies in ranges of time, asked range by range in their order: where one ends the next begins, so that a
    window alone costs one step along the timetable. Any other order is answered as well, by a search more.

    Attributes
    ----------
    low, high: the instants between which there are windows at all.
    """

    windows: Windows
    low: datetime
    high: datetime
    _tick: datetime | None = None

    def extent(self, start: int, end: int) -> Extent | None:
        """The windows that lie whole between two bounds in seconds; None without any."""
        timetable, low, high = self.windows.timetable, max(instant(start), self.low), min(instant(end), self.high)
        begin = low if low == self._tick else timetable.next(low - _LEAST)
        then = None if begin is None or begin >= high else timetable.next(begin)
        if begin is None or then is None or then > high:
            return None
        first, self._tick = self.windows.key_of(begin), then
        if then == high:
            return Extent(1, first, first)
        self._tick = timetable.previous(high) or then
        last = timetable.previous(self._tick - _LEAST) or begin
        return Extent(count(timetable, begin, self._tick), first, self.windows.key_of(last))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Static or dynamic keys, in their order: as many as somebody wrote or told of, which is no product of anything."""

    keys: tuple[str, ...]
    _numbers: dict[str, int] = field(default_factory=dict[str, int], init=False, compare=False, repr=False)

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.keys)

    def at(self, index: int) -> str:
        """The key that has so many before it; IndexError beyond them."""
        if index < 0:
            raise IndexError(index)
        return self.keys[index]

    def index(self, key: str) -> int | None:
        """How many come before this key; None when it is none of them."""
        if len(self._numbers) < len(self.keys):  # filled once it is asked for: there may be many
            self._numbers.update({one: number for number, one in enumerate(self.keys)})
        return self._numbers.get(key)

    def walk(self, first: int = 0, last: int | None = None, *, backwards: bool = False) -> Iterator[str]:
        """The keys from index `first` to before `last`; backwards from the last of them."""
        found = range(*slice(max(first, 0), last).indices(len(self.keys)))
        return (self.keys[index] for index in (reversed(found) if backwards else found))
