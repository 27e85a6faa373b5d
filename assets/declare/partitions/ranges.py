"""`KeyRanges`: a set of places, kept as ranges. A million adjacent windows are one range; each static key is one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from .partition import Place

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class KeyRanges:
    """An immutable set of places: on each line, ranges in order that neither meet nor touch.

    A place is in it when its whole range is. Nothing here knows which keys there are.

    >>> made = KeyRanges.of([Place("", 0, 10), Place("", 10, 20), Place("eu", 0, 1)])
    >>> [*made]
    [Place(line='', start=0, end=20), Place(line='eu', start=0, end=1)]
    """

    lines: Mapping[str, tuple[Range, ...]]

    @classmethod
    def of(cls, places: Iterable[tuple[str, int, int]] = ()) -> KeyRanges:
        """The set of these places; they may overlap and come in any order. An empty range adds nothing."""
        found: dict[str, list[Range]] = {}
        for line, start, end in places:
            if start < end:
                found.setdefault(line, []).append((start, end))
        return cls({line: _merged(ranges) for line, ranges in found.items()})

    def __iter__(self) -> Iterator[Place]:
        """Its ranges, by line and start; each may hold many places."""
        for line in sorted(self.lines):
            for start, end in self.lines[line]:
                yield Place(line, start, end)

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.lines)

    def __len__(self) -> int:
        """How many ranges it is kept in."""
        return sum(map(len, self.lines.values()))

    def add(self, line: str, start: int, end: int) -> KeyRanges:
        """The set with one place more; the ranges that it meets or touches become one."""
        if start >= end:
            return self
        ranges = self.lines.get(line, ())
        low = bisect_left(ranges, start, key=lambda one: one[1])
        high = bisect_right(ranges, end, key=lambda one: one[0])
        if low < high:
            start, end = min(start, ranges[low][0]), max(end, ranges[high - 1][1])
        return KeyRanges({**self.lines, line: (*ranges[:low], (start, end), *ranges[high:])})

    def union(self, other: KeyRanges) -> KeyRanges:
        """What is in one or the other."""
        both = {
            line: _merged([*self.lines.get(line, ()), *ranges]) if line in self.lines else ranges
            for line, ranges in other.lines.items()
        }
        return KeyRanges({**self.lines, **both})

    def intersect(self, other: KeyRanges) -> KeyRanges:
        """What is in both."""
        found = {
            line: tuple(_shared(ranges, other.lines[line]))
            for line, ranges in self.lines.items()
            if line in other.lines
        }
        return KeyRanges({line: ranges for line, ranges in found.items() if ranges})

    def subtract(self, other: KeyRanges) -> KeyRanges:
        """What is in this one alone."""
        found = {line: tuple(_without(ranges, other.lines.get(line, ()))) for line, ranges in self.lines.items()}
        return KeyRanges({line: ranges for line, ranges in found.items() if ranges})

    def covers(self, line: str, start: int, end: int) -> bool:
        """Whether the whole of a range is in it."""
        ranges = self.lines.get(line, ())
        place = bisect_right(ranges, start, key=lambda one: one[0]) - 1
        return start >= end or (place >= 0 and ranges[place][1] >= end)

    def contains(self, place: Place) -> bool:
        """Whether a place is in it."""
        return self.covers(*place)


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def _shared(first: tuple[Range, ...], second: tuple[Range, ...]) -> Iterator[Range]:
    one = two = 0
    while one < len(first) and two < len(second):
        start, end = max(first[one][0], second[two][0]), min(first[one][1], second[two][1])
        if start < end:
            yield start, end
        if first[one][1] < second[two][1]:
            one += 1
        else:
            two += 1


def _without(ranges: tuple[Range, ...], taken: tuple[Range, ...]) -> Iterator[Range]:
    for start, end in ranges:
        left = start
        first = bisect_right(taken, start, key=lambda one: one[1])
        for low, high in chain(taken[first:], [(end, end)]):
            if low >= end:
                low = high = end  # noqa: PLW2901  the rest of the range is free
            if left < low:
                yield left, low
            left = max(left, high)
            if left >= end:
                break
