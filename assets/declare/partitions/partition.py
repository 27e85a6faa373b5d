"""What partitions are made of: keys, places, and what is known when somebody asks. Values only.

A *key* is the text that people read and write: `2026-01-05`, `eu`, `2026-01-05|eu`. A *place* is what is kept of it:
`(line, start, end)`. The place of a time window is its bounds, so that adjacent windows are one range of numbers; that
of a static or dynamic key is a line of its own. A place never depends on where a partitioning starts or ends, nor on
which other keys it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from .spans import Extent, Listed

SEPARATOR = "|"
"""Between the parts of a key of several dimensions, in their order."""


class Place(NamedTuple):
    """Where a key lies: a line, and the bounds on it, `start` included and `end` not.

    Of a time window the line is `""` (with other dimensions, their parts) and the bounds are whole seconds since 1970;
    of a static or dynamic key the line is the key and the bounds are 0 and 1.

    >>> Place("eu", 1767571200, 1767657600).line
    'eu'
    """

    line: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition of an asset or dataset; a producer gets it for a parameter annotated `penstock.Partition`.

    Attributes
    ----------
    key: `"2026-01-05"`, of several dimensions `"2026-01-05|eu"`.
    start, end: of its time window (the first, where it has several), aware and UTC, `end` not included; None without.
    parts: dimension → its part of the key: `{"day": "2026-01-05", "region": "eu"}`.
    """

    key: str
    start: datetime | None = None
    end: datetime | None = None
    parts: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known when somebody asks: facts that no definition holds.

    Attributes
    ----------
    keys: name of a dynamic dimension → its keys, in the order in which they are to come.
    until: only windows that have ended by then are there; None: all that are defined.
    """

    keys: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    until: datetime | None = None
    _listed: dict[str, Listed] = field(default_factory=dict[str, Listed], init=False, compare=False, repr=False)

    def listed(self, name: str) -> Listed:
        """The keys of a dynamic dimension; put in order once."""
        if name not in self._listed:
            self._listed[name] = Listed(keys=tuple(self.keys.get(name, ())))
        return self._listed[name]


NOTHING_KNOWN = Known(keys=MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFault:
    """Why a text is no key.

    Attributes
    ----------
    kind: `malformed`: no key of this kind is written so; `outside`: it is, and the definition does not have it;
        `future`: its window has not ended.
    hint: the next step, with the nearest key where there is one.
    """

    kind: Literal["malformed", "outside", "future"]
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class Keys(Protocol):
    """An ordered set of keys that is never listed: it can be counted, asked, and walked from anywhere both ways."""

    @property
    def count(self) -> int:
        """How many they are."""
        ...

    def at(self, index: int) -> str:
        """The key that has so many before it; IndexError beyond them."""
        ...

    def index(self, key: str) -> int | None:
        """How many come before this key; None when it is none of them."""
        ...

    def walk(self, first: int = 0, last: int | None = None, *, backwards: bool = False) -> Iterator[str]:
        """The keys that have at least `first` and less than `last` before them, one by one; backwards from the last."""
        ...


@runtime_checkable
class Partitioning(Protocol):
    """How a dataset is divided. Every question is answered by arithmetic, never by listing keys."""

    @property
    def dimensions(self) -> Sequence[Dimension]:
        """In the order of the parts of a key."""
        ...

    @property
    def label(self) -> str:
        """How people read it: `daily in UTC × static region`."""
        ...

    def fault(self, key: str, known: Known = NOTHING_KNOWN) -> KeyFault | None:
        """Why this is no key; None when it is one. Of dynamic keys only those that are known are."""
        ...

    def partition(self, key: str) -> Partition:
        """The partition of a key. UsageError for what is written as no key is; whether it is defined is not asked."""
        ...

    def place(self, key: str) -> Place:
        """Where a key lies. UsageError as of `partition`."""
        ...

    def select(self, first: str | None = None, last: str | None = None, known: Known = NOTHING_KNOWN) -> Keys:
        """Its keys, from one to another, both included; all of them without."""
        ...

    def within(self, place: Place, known: Known = NOTHING_KNOWN) -> Keys:
        """The keys that lie in a range of one line."""
        ...

    def along(self, line: str, known: Known = NOTHING_KNOWN) -> Callable[[int, int], Extent | None]:
        """How many keys lie between two bounds of a line, the first and the last; None without any. For who asks that
        of many ranges of one line, in order: what `within` answers, which looks at the line and searches each time."""
        ...

    def following(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The next key; None after the last."""
        ...

    def preceding(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The key before; None before the first."""
        ...


@runtime_checkable
class Dimension(Partitioning, Protocol):
    """One dimension, itself a partitioning: time windows, a fixed list of keys, or keys that appear."""

    @property
    def name(self) -> str:
        """How keys by dimension, URIs and selections call it: `day`, `region`."""
        ...

    @property
    def timed(self) -> bool:
        """Whether its keys are windows of time."""
        ...

    @property
    def pattern(self) -> str:
        """A regular expression that every key of it matches; it need not match these alone."""
        ...

    def single(self, key: str) -> Keys:
        """This key alone, whether or not the definition has it."""
        ...

    def alike(self, other: object) -> bool:
        """Whether it is the same dimension, from whenever until whenever and with whichever keys."""
        ...
