"""Products of partitionings: `Daily(…) * Static(…)`. A key has a part for each dimension, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from math import prod

from ....storage.errors import DefinitionError, UsageError
from ..faults import report
from .partition import NOTHING_KNOWN, SEPARATOR, Dimension, KeyFault, Keys, Known, Partition, Partitioning, Place
from .spans import Extent, nowhere


class Multipliable:
    """What can be a part of a product."""

    __slots__ = ()

    def __mul__(self, other: Partitioning) -> Product:
        mine = self.dimensions if isinstance(self, Partitioning) else ()
        if not isinstance(other, Multipliable):
            report(
                DefinitionError(
                    f"partitions are multiplied by {other!r}", hint='Write e.g. Daily(…) * Static("eu", "us").'
                )
            )
            return Product(tuple(mine))
        return Product((*mine, *other.dimensions))


@dataclass(frozen=True, slots=True)
class Product(Multipliable):
    """Every combination of the keys of its dimensions: `2026-01-05|eu`. Made by `*`.

    Without dimensions it has the one key "": what is not partitioned.
    """

    dimensions: tuple[Dimension, ...]

    def __post_init__(self) -> None:
        names = [one.name for one in self.dimensions]
        twice = [name for place, name in enumerate(names) if name in names[:place]]
        if twice:
            report(
                DefinitionError(
                    f"two dimensions of a product are called {twice[0]!r}", hint="Say name=… at one of them."
                )
            )
            kept = {one.name: one for one in reversed(self.dimensions)}
            object.__setattr__(self, "dimensions", tuple(kept[name] for name in dict.fromkeys(names)))

    @property
    def label(self) -> str:
        """`daily in UTC × static region`."""
        return " × ".join(one.label for one in self.dimensions) or "unpartitioned"

    def fault(self, key: str, known: Known = NOTHING_KNOWN) -> KeyFault | None:
        """Why this is no key; None when it is one."""
        parts = self.split(key)
        if parts is None:
            return KeyFault(kind="malformed", message=self._unreadable(key), hint=self._written())
        found = (one.fault(part, known) for one, part in zip(self.dimensions, parts, strict=True))
        return next((fault for fault in found if fault is not None), None)

    def partition(self, key: str) -> Partition:
        """The partition of a key, with the window of its first window dimension."""
        if len(self.dimensions) == 1:
            return self.dimensions[0].partition(key)
        parts = self._parts(key)
        made = [one.partition(part) for one, part in zip(self.dimensions, parts, strict=True)]
        window = next((one for one in made if one.start is not None), None)
        return Partition(
            key=key,
            start=None if window is None else window.start,
            end=None if window is None else window.end,
            parts={one.name: part for one, part in zip(self.dimensions, parts, strict=True)},
        )

    def place(self, key: str) -> Place:
        """The bounds of its first window dimension on the line of the other parts; without one the key's own line."""
        parts, timed = self._parts(key), self.timed
        if timed is None:
            for one, part in zip(self.dimensions, parts, strict=True):
                one.place(part)  # each part is a key
            return Place(key, 0, 1)
        places = [one.place(part) for one, part in zip(self.dimensions, parts, strict=True)]
        _, start, end = places[timed]
        return Place(SEPARATOR.join((*parts[:timed], *parts[timed + 1 :])), start, end)

    def select(self, first: str | None = None, last: str | None = None, known: Known = NOTHING_KNOWN) -> Keys:
        """Its keys, the last dimension changing fastest; from one to another, both included."""
        whole = Box(keys=tuple(one.select(None, None, known) for one in self.dimensions))
        if first is None and last is None:
            return whole
        low = 0 if first is None else self._index(whole, first, known)
        high = whole.count if last is None else self._index(whole, last, known) + 1
        return Part(keys=whole, first=low, last=max(low, high))

    def ranges(self, keys: Keys) -> Iterator[Place]:
        """The places of some of its keys, one by one; of a box of windows adjacent ones as one range."""
        timed = self.timed
        if timed is None or not isinstance(keys, Box) or len(keys.keys) != len(self.dimensions):
            yield from (self.place(key) for key in keys.walk())
            return
        chosen = keys.keys[timed]
        bounds = getattr(chosen, "ranges", None)
        others = (*keys.keys[:timed], *keys.keys[timed + 1 :])
        for parts in _walk(others, 0, None, backwards=False):
            for start, end in bounds() if bounds is not None else ():
                yield Place(SEPARATOR.join(parts), start, end)

    def within(self, place: Place, known: Known = NOTHING_KNOWN) -> Keys:
        """The keys that lie in a range of one line."""
        timed = self.timed
        outside = timed is None and not (place.start <= 0 and place.end >= 1)
        if outside or not self._has(place.line, known):
            return Part(keys=Box(keys=()), first=0, last=0)
        chosen = [one.single(part) for one, part in self._on_line(place.line)]
        if timed is not None:
            chosen.insert(timed, self.dimensions[timed].within(Place("", place.start, place.end), known))
        return Box(keys=tuple(chosen))

    def along(self, line: str, known: Known = NOTHING_KNOWN) -> Callable[[int, int], Extent | None]:
        """How many keys lie between two bounds of a line, the first and the last; None without any."""
        if not self._has(line, known):
            return nowhere
        timed, parts = self.timed, line.split(SEPARATOR) if line else []
        if timed is None:
            return lambda start, end: Extent(1, line, line) if start <= 0 and end >= 1 else None
        steps = self.dimensions[timed].along("", known)

        def whole(part: str) -> str:
            return SEPARATOR.join((*parts[:timed], part, *parts[timed:]))

        def found(start: int, end: int) -> Extent | None:
            one = steps(start, end)
            return None if one is None else Extent(one.number, whole(one.first), whole(one.last))

        return found if parts else steps

    def following(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The next key; None after the last."""
        return self._beside(key, known, 1)

    def preceding(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The key before; None before the first."""
        return self._beside(key, known, -1)

    def split(self, key: str) -> tuple[str, ...] | None:
        """The parts of a key; None when it has another number of them."""
        parts = tuple(key.split(SEPARATOR)) if key or self.dimensions else ()
        return parts if len(parts) == len(self.dimensions) else None

    @property
    def timed(self) -> int | None:
        """Where its first window dimension stands; None without one."""
        return next((place for place, one in enumerate(self.dimensions) if one.timed), None)

    def _on_line(self, line: str) -> list[tuple[Dimension, str]]:
        """The dimensions other than that of time, each with its part of a line that has as many."""
        others = [one for index, one in enumerate(self.dimensions) if index != self.timed]
        return list(zip(others, line.split(SEPARATOR) if line else [], strict=True))

    def _has(self, line: str, known: Known) -> bool:
        """Whether keys of it lie on this line: its parts are keys of the dimensions other than that of time."""
        parts = line.count(SEPARATOR) + 1 if line else 0
        if parts != len(self.dimensions) - (self.timed is not None):
            return False
        return not any(one.fault(part, known) for one, part in self._on_line(line))

    def _beside(self, key: str, known: Known, step: int) -> str | None:
        whole = Box(keys=tuple(one.select(None, None, known) for one in self.dimensions))
        index = whole.index(key)
        if index is None or index + step < 0:
            return None
        try:
            return whole.at(index + step)
        except IndexError:
            return None

    def _index(self, whole: Box, key: str, known: Known) -> int:
        index = whole.index(key)
        if index is None:
            raise UsageError(str(self.fault(key, known) or f"{key!r} is no key of {self.label}"))
        return index

    def _parts(self, key: str) -> tuple[str, ...]:
        parts = self.split(key)
        if parts is None:
            raise UsageError(self._unreadable(key), hint=self._written())
        return parts

    def _unreadable(self, key: str) -> str:
        found = len(key.split(SEPARATOR)) if key else 0
        return f"{key!r} is no key of {self.label}: it has {found} part{'s'[: found != 1]}, not {len(self.dimensions)}"

    def _written(self) -> str:
        names = SEPARATOR.join(f"{{{one.name}}}" for one in self.dimensions)
        return f"It is written {names}." if names else "What is not partitioned has no key."


UNPARTITIONED = Product(())


def as_product(partitioning: Partitioning | None) -> Product:
    """Any partitioning as a product of its dimensions, with the same keys and places; None has none.

    >>> as_product(None).select().count
    1
    """
    if isinstance(partitioning, Product):
        return partitioning
    return UNPARTITIONED if partitioning is None else Product(tuple(partitioning.dimensions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Every combination of some keys of each dimension; the last dimension changes fastest."""

    keys: tuple[Keys, ...]

    @property
    def count(self) -> int:
        """How many they are."""
        return prod(one.count for one in self.keys)

    def at(self, index: int) -> str:
        """The key that has so many before it; IndexError beyond them."""
        parts: list[str] = []
        for one in reversed(self.keys[1:]):
            size = one.count
            if not size:
                raise IndexError(index)
            index, rest = divmod(index, size)
            parts.append(one.at(rest))
        if self.keys:
            parts.append(self.keys[0].at(index))
        elif index:
            raise IndexError(index)
        return SEPARATOR.join(reversed(parts))

    def index(self, key: str) -> int | None:
        """How many come before this key; None when it is none of them."""
        parts = key.split(SEPARATOR) if key or self.keys else []
        if len(parts) != len(self.keys):
            return None
        found = 0
        for place, (one, part) in enumerate(zip(self.keys, parts, strict=True)):
            index = one.index(part)
            if index is None:
                return None
            found = (found * one.count if place else 0) + index
        return found

    def walk(self, first: int = 0, last: int | None = None, *, backwards: bool = False) -> Iterator[str]:
        """The keys from index `first` to before `last`; backwards from the last of them."""
        return map(SEPARATOR.join, _walk(self.keys, first, last, backwards=backwards))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some keys in a row of a larger set."""

    keys: Keys
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first

    def at(self, index: int) -> str:
        """The key that has so many before it; IndexError beyond them."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.keys.at(self.first + index)

    def index(self, key: str) -> int | None:
        """How many come before this key; None when it is none of them."""
        found = self.keys.index(key)
        return found - self.first if found is not None and self.first <= found < self.last else None

    def walk(self, first: int = 0, last: int | None = None, *, backwards: bool = False) -> Iterator[str]:
        """The keys from index `first` to before `last`; backwards from the last of them."""
        end = self.last if last is None else min(self.last, self.first + last)
        return self.keys.walk(self.first + first, end, backwards=backwards) if end > self.first + first else iter(())


def _walk(keys: tuple[Keys, ...], first: int, last: int | None, *, backwards: bool) -> Iterator[tuple[str, ...]]:
    if not keys:
        yield from [()] if first == 0 and last != 0 else []
        return
    inner = prod(one.count for one in keys[1:])
    if not inner or (last is not None and last <= first):
        return
    begin, skipped = divmod(first, inner)
    end, extra = (None, 0) if last is None else divmod(last, inner)
    rows = None if end is None else end + bool(extra)
    numbers = count()
    if backwards:
        there = keys[0].count if rows is None else min(keys[0].count, rows)
        numbers = count(there - begin - 1, -1)
    for number, row in zip(numbers, keys[0].walk(begin, rows, backwards=backwards), strict=False):
        low = skipped if number == 0 else 0
        high = extra if extra and end is not None and number == end - begin else None
        for rest in _walk(keys[1:], low, high, backwards=backwards):
            yield (row, *rest)
