"""Partitions by name: `Static` keys that the definition lists, `Dynamic` keys that appear by event or by code."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Never

from ....storage.errors import DefinitionError, UsageError
from ..faults import report
from ..keywords import told, unknown_keyword
from .partition import NOTHING_KNOWN, KeyFault, Known, Partition, Place
from .product import Multipliable
from .spans import Extent, Listed
from .texts import read_key, read_name, wrong_with

_COMPARED = 2000  # so many keys are looked through for one that is spelled nearly so


class Named(Multipliable):
    """What static and dynamic dimensions have in common: each key is a line of its own."""

    __slots__ = ()
    name: str

    @property
    def pattern(self) -> str:
        """Anything but a slash."""
        return "[^/]+"

    @property
    def timed(self) -> bool:
        """Its keys are no windows of time."""
        return False

    def alike(self, other: object) -> bool:
        """Whether it is a dimension of this name, whichever keys it has."""
        return isinstance(other, Named) and other.name == self.name

    def listed(self, known: Known) -> Listed:
        """The keys there are, in order."""
        raise NotImplementedError

    def known_keys(self, known: Known) -> tuple[str, ...]:
        """The same as texts."""
        return self.listed(known).keys

    def fault(self, key: str, known: Known = NOTHING_KNOWN) -> KeyFault | None:
        """Why this is no key; None when it is one."""
        why = wrong_with(key)
        if why:
            return KeyFault(
                kind="malformed", message=f"the key {key!r} of {self.name} {why}", hint='A key is text like "eu".'
            )
        listed = self.listed(known)
        if listed.index(key) is not None:
            return None
        keys = listed.keys
        near = difflib.get_close_matches(key, keys[:_COMPARED], n=1, cutoff=0.5)
        shown = ", ".join(keys[:8]) + (", …" if len(keys) > 8 else "")
        return KeyFault(
            kind="outside",
            message=f"{key!r} is no key of {self.name}",
            hint=f"The nearest is {near[0]}." if near else f"It has: {shown}." if keys else "It has none yet.",
        )

    def partition(self, key: str) -> Partition:
        """The partition of a key; it has no window."""
        return Partition(key=_must_be_key(self.name, key), parts={self.name: key})

    def place(self, key: str) -> Place:
        """`(key, 0, 1)`."""
        return Place(_must_be_key(self.name, key), 0, 1)

    def select(self, first: str | None = None, last: str | None = None, known: Known = NOTHING_KNOWN) -> Listed:
        """Its keys from one to another, both included, in their order."""
        listed = self.listed(known)
        if first is None and last is None:
            return listed
        ends = [None if key is None else listed.index(key) for key in (first, last)]
        for key, index in zip((first, last), ends, strict=True):
            if key is not None and index is None:
                raise UsageError(str(self.fault(key, known)))
        return Listed(keys=listed.keys[ends[0] : None if ends[1] is None else ends[1] + 1])

    def single(self, key: str) -> Listed:
        """This key alone."""
        return Listed(keys=(_must_be_key(self.name, key),))

    def within(self, place: Place, known: Known = NOTHING_KNOWN) -> Listed:
        """The key of that line, if it is there."""
        there = place.start <= 0 and place.end >= 1 and self.listed(known).index(place.line) is not None
        return Listed(keys=(place.line,) if there else ())

    def along(self, line: str, known: Known = NOTHING_KNOWN) -> Callable[[int, int], Extent | None]:
        """The key of that line, if it is there, between bounds that hold 0 to 1."""
        there = Extent(1, line, line) if self.listed(known).index(line) is not None else None
        return lambda start, end: there if start <= 0 and end >= 1 else None

    def following(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The next key in their order."""
        return self._beside(key, known, 1)

    def preceding(self, key: str, known: Known = NOTHING_KNOWN) -> str | None:
        """The key before in their order."""
        return self._beside(key, known, -1)

    def _beside(self, key: str, known: Known, step: int) -> str | None:
        listed = self.listed(known)
        index = listed.index(key)
        beside = -1 if index is None else index + step
        return listed.at(beside) if 0 <= beside < listed.count else None


@dataclass(frozen=True, slots=True, init=False)
class Static(Named):
    """A fixed list of keys: `Static("eu", "us", name="region")`.

    Parameters
    ----------
    keys: each a text of 1 to 200 characters; their order is that in which they are shown and made.
    name: of the dimension, in URIs and selections: `{region}`.

    Raises
    ------
    DefinitionError: a key or the name cannot be one, a key is there twice, or there is none.

    >>> Static("eu", "us", name="region").place("us")
    Place(line='us', start=0, end=1)
    """

    keys: tuple[str, ...]
    name: str
    _listed: Listed = field(compare=False, repr=False)

    def __init__(self, *keys: str, name: str = "key", **unknown: Never) -> None:
        for key in unknown:
            report(unknown_keyword(key, ("name",), of="Static"))
        read = [told(read_key, "Static", key, instead="") for key in keys]
        kept = tuple(dict.fromkeys(key for key in read if key))
        if not keys:
            report(DefinitionError("Static() has no keys", hint='Write them: Static("eu", "us", name="region").'))
        for key in {key: None for key in read if key and read.count(key) > 1}:
            report(DefinitionError(f"Static: the key {key!r} is there twice", hint="Write it once."))
        object.__setattr__(self, "keys", kept or ("unusable",))
        object.__setattr__(self, "_listed", Listed(keys=self.keys))
        object.__setattr__(self, "name", told(read_name, "name", name, instead="key", about="Static: "))

    @property
    def dimensions(self) -> tuple[Static, ...]:
        """Itself: it is one dimension."""
        return (self,)

    @property
    def label(self) -> str:
        """`static region`."""
        return f"static {self.name}"

    def listed(self, known: Known) -> Listed:
        """The keys of the definition."""
        return self._listed


@dataclass(frozen=True, slots=True, init=False)
class Dynamic(Named):
    """Keys that appear: by an event that names one, or by code: `Dynamic(name="customer")`.

    Parameters
    ----------
    name: of the dimension, in URIs and selections: `{customer}`.
    """

    name: str

    def __init__(self, *, name: str, **unknown: Never) -> None:
        for key in unknown:
            report(unknown_keyword(key, ("name",), of="Dynamic"))
        object.__setattr__(self, "name", told(read_name, "name", name, instead="key", about="Dynamic: "))

    @property
    def dimensions(self) -> tuple[Dynamic, ...]:
        """Itself: it is one dimension."""
        return (self,)

    @property
    def label(self) -> str:
        """`dynamic customer`."""
        return f"dynamic {self.name}"

    def listed(self, known: Known) -> Listed:
        """The keys that are known."""
        return known.listed(self.name)


def _must_be_key(name: str, key: str) -> str:
    why = wrong_with(key)
    if why:
        raise UsageError(f"the key {key!r} of {name} {why}", hint='A key is text like "eu".')
    return key
