"""The order in which a backfill goes through partitions: by their windows, oldest or newest first, whichever asset they
are of, and those of one window in the order of the definition. Goes on after any key, and never lists what it has not
come to."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import inf
from operator import itemgetter

from ...declare.partitions.partition import SEPARATOR, Keys, Known, Partitioning, Place
from ...declare.partitions.product import Product, as_product
from ...declare.partitions.ranges import KeyRanges

Position = tuple[int, tuple[int, ...], str]
"""Where a key comes: by the beginning of its window, then by the places of its other parts in the definition."""


class Order(StrEnum):
    """In which order a backfill goes through windows."""

    FORWARDS = "forwards"  # the oldest first
    BACKWARDS = "backwards"  # the newest first


Turn = tuple[float, float, tuple[int, ...]]
"""When it is the turn of a partition, as against those of other assets."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A way through the partitions that lie in some ranges.

    >>> from penstock import Daily
    >>> days = Daily(start="1970-01-01")
    >>> walk = Walk(partitions=days, ranges=KeyRanges.of([Place("", 0, 259200)]), known=Known(), backwards=True)
    >>> [*walk.after("1970-01-03")]
    ['1970-01-02', '1970-01-01']
    """

    partitions: Partitioning
    ranges: KeyRanges
    known: Known
    backwards: bool = False

    def after(self, key: str | None = None) -> Iterator[str]:
        """The keys that come after this one, or all of them; read as they are asked for."""
        if self._product.timed is None:
            yield from self._named(key)
            return
        last = None if key is None else self._position(key)
        streams = [self._on(line, last) for line in self.ranges.lines]
        for position in heapq.merge(*streams, reverse=self.backwards):
            if last is None or (position < last if self.backwards else position > last):
                yield position[2]

    def reaches(self, key: str, last: str) -> bool:
        """Whether a key comes no later than the last one that was gone through."""
        one, other = self._position(key), self._position(last)
        return one >= other if self.backwards else one <= other

    @cached_property
    def _product(self) -> Product:
        return as_product(self.partitions)

    @cached_property
    def _named_keys(self) -> list[Keys]:
        """The keys of the dimensions that make a line, in their order."""
        product = self._product
        dimensions = [one for place, one in enumerate(product.dimensions) if place != product.timed]
        return [one.select(None, None, self.known) for one in dimensions]

    @cached_property
    def _ranks(self) -> dict[str, tuple[int, ...]]:
        """Line → its rank, as far as somebody has asked for it."""
        return {}

    def _rank(self, line: str) -> tuple[int, ...]:
        """Where the parts of a line stand in the definition; also of one that is not gone through any more."""
        if line not in self._ranks:
            parts = line.split(SEPARATOR) if self._named_keys else []
            places = (one.index(part) for one, part in zip(self._named_keys, parts, strict=False))
            self._ranks[line] = tuple(-1 if place is None else place for place in places)
        return self._ranks[line]

    @cached_property
    def _lines(self) -> list[tuple[tuple[int, ...], str]]:
        """The keys without windows that there are, in order."""
        there = [line for line in self.ranges.lines if self._product.fault(line, self.known) is None]
        return sorted((self._rank(line), line) for line in there)

    def _named(self, key: str | None) -> Iterator[str]:
        lines, low, high = self._lines, 0, len(self._lines)
        if key is not None:
            place = (self._rank(key), key)
            low, high = (0, bisect_left(lines, place)) if self.backwards else (bisect_right(lines, place), high)
        numbers = range(high - 1, low - 1, -1) if self.backwards else range(low, high)
        return (lines[number][1] for number in numbers)

    def _position(self, key: str) -> Position:
        line, start, _ = self._product.place(key)
        return start, self._rank(line), key

    def _on(self, line: str, last: Position | None) -> Iterator[Position]:
        """The keys of a line, from about where the last one stands."""
        rank, ranges = self._rank(line), self.ranges.lines[line]
        for start, end in reversed(ranges) if self.backwards else ranges:
            low, high = start, end
            if last is not None:
                if (start > last[0]) if self.backwards else (end <= last[0]):
                    continue
                low, high = (start, min(end, self._end(last))) if self.backwards else (max(start, last[0]), end)
            keys = self._product.within(Place(line, low, high), self.known).walk(backwards=self.backwards)
            yield from ((self._product.place(key).start, rank, key) for key in keys)

    def _end(self, last: Position) -> int:
        return self._product.place(last[2]).end

    def turn(self, key: str) -> Turn:
        """By the end of its window, and of windows that end together the shorter first: a week comes behind its days.
        Backwards by the beginning, the latest first. Then by the other parts in the definition; what has no window
        comes behind all that have one."""
        start, rank, _ = self._position(key)
        rank = tuple(-place for place in rank) if self.backwards else rank
        if self._product.timed is None:
            return inf, 0, rank
        end = self._product.place(key).end
        return (-start, end, rank) if self.backwards else (end, -start, rank)


def together(walks: Mapping[str, Walk], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Asset and key of everything on these ways, one window after the other; of those whose turn it is at once in the
    order of the assets.

    Parameters
    ----------
    walks: by asset, upstream first; all the same way round.
    after: asset → the last of its keys that was gone through; none of one that is not there.
    """
    streams = [_named(name, walk, after.get(name)) for name, walk in walks.items()]
    merged = heapq.merge(*streams, key=itemgetter(0)) if len(streams) > 1 else iter(*streams or [()])
    return ((name, key) for _, name, key in merged)


def _named(name: str, walk: Walk, after: str | None) -> Iterator[tuple[Turn, str, str]]:
    return ((walk.turn(key), name, key) for key in walk.after(after))
