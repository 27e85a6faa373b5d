"""Predicates: which events of a dataset count, by what their metadata say. Values, so that they can be stored, shown
and answered anywhere; no code of users is in them.

    ranker.where(meta("accuracy") > 0.9)
    docs.where((meta("rows") > 0) & meta("language").one_of("de", "fr"))

What is missing or of another type does not hold, and `unmet` says so.
A number is an `int` or a `float`; `true` is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from ....storage.errors import DatabaseFault, DefinitionError
from .. import keywords
from ..faults import report
from ..keywords import told

Plain = str | int | float | bool
"""What metadata are compared with."""


class Comparison(StrEnum):
    """How a value is compared; the words are stored."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


_ASKED: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQUAL: eq,
    Comparison.UNEQUAL: ne,
    Comparison.LESS: lt,
    Comparison.AT_MOST: le,
    Comparison.MORE: gt,
    Comparison.AT_LEAST: ge,
}
_TYPES: Mapping[type, str] = {bool: "a truth value", int: "a number", float: "a number", str: "a text"}


class Predicate:
    """A question to the metadata of one event."""

    __slots__ = ()

    def unmet(self, metadata: Mapping[str, Any]) -> str:
        """Why the metadata do not meet it; "" where they do."""
        raise NotImplementedError

    def __and__(self, other: object) -> Both:
        return Both(parts=(*_parts(Both, self), *_parts(Both, _predicate(other, instead=self))))

    def __or__(self, other: object) -> Either:
        return Either(parts=(*_parts(Either, self), *_parts(Either, _predicate(other, instead=self))))

    def __bool__(self) -> bool:
        """Predicates have no truth value: `0 < meta("rows") < 9` would silently drop its first half."""
        report(
            DefinitionError(
                "a predicate was used as a truth value (`and`, `or`, `not`, `if` or a chained comparison)",
                hint='Combine predicates with `&` and `|`: `(meta("rows") > 0) & (meta("rows") < 9)`.',
            )
        )
        return True  # what follows is of no use; it only has to go on, so that other faults are found


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Predicate):
    """The value under a key stands in this relation to another of the same type.

    >>> Compared(key="rows", comparison=Comparison.MORE, value=1000).unmet({"rows": 10})
    'rows is 10, not > 1000'
    >>> Compared(key="rows", comparison=Comparison.MORE, value=1000).unmet({"rows": "many"})
    "rows is 'many', a text, and 1000 is a number"
    """

    key: str
    comparison: Comparison
    value: Plain

    def unmet(self, metadata: Mapping[str, Any]) -> str:
        """Why it does not hold; "" where it does."""
        if self.key not in metadata:
            return f"{self.key} is not in the metadata"
        found: object = metadata[self.key]
        kind, wanted = _kind(found), _kind(self.value)
        if kind != wanted:
            return f"{self.key} is {found!r}, {kind}, and {self.value!r} is {wanted}"
        if _ASKED[self.comparison](found, self.value):
            return ""
        return f"{self.key} is {found!r}, not {self.comparison.value} {self.value!r}"

    def __str__(self) -> str:
        return f"{self.key} {self.comparison.value} {self.value!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Among(Predicate):
    """The value under a key is one of these."""

    key: str
    values: tuple[Plain, ...]

    def unmet(self, metadata: Mapping[str, Any]) -> str:
        """Why it does not hold; "" where it does."""
        if self.key not in metadata:
            return f"{self.key} is not in the metadata"
        found = metadata[self.key]
        if any(_kind(found) == _kind(value) and found == value for value in self.values):
            return ""
        return f"{self.key} is {found!r}, none of {', '.join(map(repr, self.values))}"

    def __str__(self) -> str:
        return f"{self.key} in ({', '.join(map(repr, self.values))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Both(Predicate):
    """Every part holds."""

    parts: tuple[Predicate, ...]

    def unmet(self, metadata: Mapping[str, Any]) -> str:
        """What of it does not hold; "" where all of it does."""
        return "; ".join(filter(None, (part.unmet(metadata) for part in self.parts)))

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, Either) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Either(Predicate):
    """At least one part holds."""

    parts: tuple[Predicate, ...]

    def unmet(self, metadata: Mapping[str, Any]) -> str:
        """Why none of it holds; "" where one does."""
        whys = [part.unmet(metadata) for part in self.parts]
        return "" if "" in whys else "; ".join(whys)

    def __str__(self) -> str:
        return " or ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True, eq=False)
class Meta:
    """What metadata say under a key: compare it to make a predicate. `meta("rows") > 0`."""

    key: str

    def is_true(self) -> Compared:
        """The value is `true`."""
        return Compared(key=self.key, comparison=Comparison.EQUAL, value=True)

    def is_false(self) -> Compared:
        """The value is `false`; a missing one is not."""
        return Compared(key=self.key, comparison=Comparison.EQUAL, value=False)

    def one_of(self, *values: Plain) -> Among:
        """The value is one of these."""
        if not values:
            report(
                DefinitionError(
                    f"meta({self.key!r}).one_of() names nothing that it could be",
                    hint=f'Write e.g. meta({self.key!r}).one_of("de", "fr").',
                )
            )
        return Among(key=self.key, values=tuple(_plain(self.key, value) for value in values))

    def __eq__(self, other: object) -> Compared:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compared(Comparison.EQUAL, other)

    def __ne__(self, other: object) -> Compared:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compared(Comparison.UNEQUAL, other)

    def __lt__(self, other: object) -> Compared:
        return self._compared(Comparison.LESS, other)

    def __le__(self, other: object) -> Compared:
        return self._compared(Comparison.AT_MOST, other)

    def __gt__(self, other: object) -> Compared:
        return self._compared(Comparison.MORE, other)

    def __ge__(self, other: object) -> Compared:
        return self._compared(Comparison.AT_LEAST, other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __bool__(self) -> bool:
        """What metadata say has no truth value yet: it is known event by event."""
        report(
            DefinitionError(
                f"meta({self.key!r}) was used as a truth value (`and`, `or`, `not` or `if`)",
                hint=f"Write meta({self.key!r}).is_true(), and combine predicates with `&` and `|`.",
            )
        )
        return True

    def _compared(self, comparison: Comparison, other: object) -> Compared:
        return Compared(key=self.key, comparison=comparison, value=_plain(self.key, other))


def meta(key: str) -> Meta:
    """What the metadata of an event say under `key`: `rows`, `size`, `files`, and what `ctx.metadata` added.

    >>> str(meta("accuracy") > 0.9)
    'accuracy > 0.9'
    """
    return Meta(told(keywords.filled_text, "key", key, instead="unnamed", about="meta: "))


def predicate_to_plain(predicate: Predicate) -> dict[str, Any]:
    """A predicate as JSON-ready data; `predicate_from_plain` gives an equal one back.

    >>> predicate_to_plain(meta("rows") > 0)
    {'meta': 'rows', 'is': '>', 'value': 0}
    """
    match predicate:
        case Compared(key=key, comparison=comparison, value=value):
            return {"meta": key, "is": comparison.value, "value": value}
        case Among(key=key, values=values):
            return {"meta": key, "one_of": list(values)}
        case Both(parts=parts):
            return {"and": [predicate_to_plain(part) for part in parts]}
        case Either(parts=parts):
            return {"or": [predicate_to_plain(part) for part in parts]}
        case _:
            raise TypeError(f"{type(predicate).__name__} has no plain form")


def predicate_from_plain(plain: Mapping[str, Any]) -> Predicate:
    """The predicate that `predicate_to_plain` wrote.

    Raises
    ------
    DatabaseFault: it is of a kind, or compares in a way, that this penstock does not know.
    """
    match plain:
        case {"meta": key, "is": comparison, "value": value, **more} if not more and comparison in tuple(Comparison):
            return Compared(key=key, comparison=Comparison(comparison), value=value)
        case {"meta": key, "one_of": values, **more} if not more:
            return Among(key=key, values=tuple(values))
        case {"and": parts, **more} if not more:
            return Both(parts=tuple(predicate_from_plain(part) for part in parts))
        case {"or": parts, **more} if not more:
            return Either(parts=tuple(predicate_from_plain(part) for part in parts))
        case _:
            raise DatabaseFault(
                f"a stored predicate has the keys {sorted(plain)}, which this penstock does not know",
                hint="Upgrade penstock to the version that wrote it.",
            )


def _kind(value: object) -> str:
    return next((word for kind, word in _TYPES.items() if type(value) is kind), "neither number, text nor truth value")


def _parts(node: type[Both | Either], predicate: Predicate) -> tuple[Predicate, ...]:
    return predicate.parts if isinstance(predicate, node) else (predicate,)


def _predicate(thing: object, *, instead: Predicate) -> Predicate:
    if isinstance(thing, Predicate):
        return thing
    report(
        DefinitionError(
            f"a predicate is combined with {thing!r}, which is none",
            hint='Write e.g. (meta("rows") > 0) & (meta("language") == "de").',
        )
    )
    return instead


def _plain(key: str, value: object) -> Plain:
    """What can be compared with: finite, for a NaN equals nothing and JSON has neither it nor infinity."""
    if isinstance(value, Plain) and not (isinstance(value, float) and not isfinite(value)):
        return value
    report(
        DefinitionError(
            f"meta({key!r}) is compared with {value!r}",
            hint="Compare with a finite number, a text or, by is_true() and is_false(), a truth value.",
        )
    )
    return ""
