"""Keys as people select them, for a backfill or a look: text that is read once, and a set of keys that is never listed.

    2026-01-01..2026-01-31      from one to the other, both included
    2026-01-01..                until the last one that is over;  ..2026-01-31  from the first
    2026-01-01,2026-01-05       these
    last:7                      the last seven windows that are over
    all                         every one that is there
    day=2026-01-01..;region=eu,us      of several dimensions; one that is not named is `all`

What is not over yet is no key to select: it is refused with the dates.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, cast

from ....storage.errors import UsageError
from .named import Dynamic, Static
from .partition import SEPARATOR, Dimension, Keys, Known, Partitioning
from .product import Box, as_product
from .spans import Listed
from .texts import wrong_with
from .windows import Windows

_RANGE = ".."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A piece of the text, and where it begins."""

    text: str
    at: int


def selection_text(given: object) -> str:
    """What a program gave as `partitions=`, as the text that it has to be.

    Raises
    ------
    UsageError: it is none; the hint shows keys that were given as a list as one text.

    >>> selection_text("last:7")
    'last:7'
    """
    if isinstance(given, str):
        return given
    kind, shown = type(given).__name__, reprlib.repr(given)
    keys = [str(one) for one in cast("Sequence[object]", given)] if isinstance(given, list | tuple) else []
    text = ",".join(keys[:_SHOWN]) + (",…" if len(keys) > _SHOWN else "")
    raise UsageError(
        f"partitions={shown} is of type {kind}, and keys are selected by one text",
        hint=f'Write partitions="{text}", with commas between the keys.'
        if keys
        else 'Write e.g. partitions="2026-01-01..2026-01-31", "last:7", "eu,us" or "all".',
    )


_SHOWN = 5  # keys of a list that a hint spells


def selected(text: str, partitioning: Partitioning, known: Known) -> Keys:
    """The keys that a selection means, in their order, each once.

    Parameters
    ----------
    known: its `until` is now, which `last:7` and open ends ask for and nothing may exceed; its `keys` are those of
        dynamic dimensions.

    Raises
    ------
    UsageError: it cannot be read, or names what is no key; the message shows where.

    >>> from penstock import Daily
    >>> now = Known(until=datetime(2026, 2, 1, tzinfo=UTC))
    >>> [*selected("2026-01-30..", Daily(start="2026-01-01"), now).walk()]
    ['2026-01-30', '2026-01-31']
    """
    product, reader = as_product(partitioning), _Reader(text, known)
    if not product.dimensions:
        raise UsageError("what is not partitioned has no keys to select", hint="Leave the selection out.")
    whole = _Piece(text=text, at=0)
    if len(product.dimensions) == 1:
        (one,) = product.dimensions
        named = text.strip().startswith(f"{one.name}=")
        return Box(keys=(reader.dimension(one, reader.value(whole) if named else whole),))
    pieces = list(_split(whole, ";"))
    if "=" not in text and len(pieces) == 1:
        return reader.whole_keys(product.dimensions, partitioning, whole)
    chosen: dict[str, Keys] = {}
    names = [one.name for one in product.dimensions]
    for piece in pieces:
        name = piece.text.partition("=")[0].strip()
        if not piece.text:
            reader.refuse(piece, "nothing is selected there", "Leave out the `;` before or behind it.")
        if "=" not in piece.text:
            said = "; ".join(f"{one}=…" for one in names)
            reader.refuse(piece, f"{name!r} says of no dimension which keys", f"Write {said}.")
        if name not in names:
            reader.refuse(piece, f"{name!r} is no dimension", f"Its dimensions: {', '.join(names)}. Write day=…;….")
        if name in chosen:
            reader.refuse(piece, f"{name} is said twice", "Say it once, with commas.")
        chosen[name] = reader.dimension(product.dimensions[names.index(name)], reader.value(piece))
    return Box(keys=tuple(chosen.get(one.name) or one.select(None, None, known) for one in product.dimensions))


def dynamic_keys_named(text: str, partitioning: Partitioning) -> dict[str, tuple[str, ...]]:
    """Dimension → the keys that a selection names of it, for dynamic ones: whoever names a key by hand may mean a new
    one.

    >>> dynamic_keys_named("acme,globex", Dynamic(name="customer"))
    {'customer': ('acme', 'globex')}
    """
    dimensions = tuple(partitioning.dimensions)
    found: dict[str, tuple[str, ...]] = {}
    for place, one in enumerate(dimensions):
        if not isinstance(one, Dynamic):
            continue
        if "=" in text:
            said = [piece.partition("=")[2] for piece in text.split(";") if piece.partition("=")[0].strip() == one.name]
            items = [item.strip() for value in said for item in value.split(",")]
        else:
            whole = [item.strip().split(SEPARATOR) for item in text.split(",")]
            items = [parts[place] for parts in whole if len(parts) == len(dimensions)]
        items = [item for item in items if item != "all" and _RANGE not in item and not item.startswith("last:")]
        found[one.name] = tuple(dict.fromkeys(item for item in items if not wrong_with(item)))
    return found


class _Reader:
    """One selection being read."""

    def __init__(self, text: str, known: Known) -> None:
        self.text = text
        self.known = known

    def refuse(self, piece: _Piece, what: str, hint: str) -> NoReturn:
        """UsageError with a caret under the piece."""
        shown = " " * piece.at + "^" * max(1, len(piece.text))
        raise UsageError(f"the selection {self.text!r}: {what}\n    {self.text}\n    {shown}", hint=hint)

    def value(self, piece: _Piece) -> _Piece:
        """What stands behind the `=`."""
        name, _, rest = piece.text.partition("=")
        return _Piece(text=rest, at=piece.at + len(name) + 1)

    def items(self, piece: _Piece) -> Iterator[_Piece]:
        """What stands between the commas."""
        for item in _split(piece, ","):
            if not item.text:
                self.refuse(item, "a key is missing", "Write a key, a range such as 2026-01-01..2026-01-31, or all.")
            yield item

    def dimension(self, one: Dimension, piece: _Piece) -> Keys:
        """The keys of one dimension that a list means."""
        if isinstance(one, Windows):
            bounds = [self._window_bounds(one, item) for item in self.items(piece)]
            return one.spans(list(_merged(bounds)))
        assert isinstance(one, Static | Dynamic)
        found = {key for item in self.items(piece) for key in self._keys(one, item)}
        return Listed(keys=tuple(key for key in one.known_keys(self.known) if key in found))

    def whole_keys(self, dimensions: tuple[Dimension, ...], partitioning: Partitioning, piece: _Piece) -> Keys:
        """Keys of several dimensions, written whole; or a word that means windows, with all of the rest."""
        if piece.text.strip() == "all" or piece.text.strip().startswith("last:"):
            timed = next((one for one in dimensions if one.timed), None)
            if timed is None and piece.text.strip() != "all":
                self.refuse(piece, "there are no windows of time", "Name the keys, or write all.")
            return Box(
                keys=tuple(
                    self.dimension(one, piece) if one is timed else one.select(None, None, self.known)
                    for one in dimensions
                )
            )
        keys: dict[str, int] = {}
        everything = partitioning.select(None, None, self.known)
        for item in self.items(piece):
            if _RANGE in item.text:
                names = ";".join(f"{one.name}=…" for one in dimensions)
                self.refuse(item, "a range is of one dimension", f"Write {names}.")
            self._require(partitioning, item)
            keys[item.text] = everything.index(item.text) or 0
        return Listed(keys=tuple(sorted(keys, key=lambda key: keys[key])))

    def _window_bounds(self, one: Windows, item: _Piece) -> tuple[datetime, datetime]:
        limit = one.limit(self.known, None)
        if item.text == "all":
            return one.first, limit
        if item.text.startswith("last:"):
            return self._last(one, item)
        low, high = _ends(item)
        for end in (low, high):
            if end.text:
                self._require(one, end)
        begin = one.partition(low.text).start if low.text else one.first
        end = one.partition(high.text).end if high.text else limit
        assert begin is not None and end is not None  # noqa: PT018
        if low.text and high.text and begin >= end:
            self.refuse(item, f"it runs backwards, from {low.text} to {high.text}", "Write the earlier one first.")
        return begin, end

    def _last(self, one: Windows, item: _Piece) -> tuple[datetime, datetime]:
        number = item.text.removeprefix("last:")
        if not re.fullmatch(r"[1-9]\d{0,8}", number):
            self.refuse(item, f"{number!r} is no number of windows", "Write last:7.")
        until = one.limit(self.known, None)
        newest = one.closed(until) if self.known.until or one.until else None
        if newest is None:
            return one.first, one.first
        first = one.moved(newest, 1 - int(number))
        begin = None if first is None else one.partition(first).start
        return one.first if begin is None else max(begin, one.first), until

    def _keys(self, one: Static | Dynamic, item: _Piece) -> tuple[str, ...]:
        listed = one.listed(self.known)
        if item.text == "all":
            return listed.keys
        if item.text.startswith("last:"):
            self.refuse(item, f"{one.name} has no windows of time", "Name the keys, or write all.")
        low, high = _ends(item)
        for end in (low, high):
            if end.text:
                self._require(one, end)
        begin = (listed.index(low.text) or 0) if low.text else 0
        end = (listed.index(high.text) or 0) + 1 if high.text else listed.count
        if begin >= end:
            self.refuse(item, f"it runs backwards, from {low.text} to {high.text}", "Write the first one first.")
        return listed.keys[begin:end]

    def _require(self, partitioning: Partitioning, item: _Piece) -> None:
        fault = partitioning.fault(item.text, self.known)
        if fault is not None:
            self.refuse(item, fault.message, fault.hint)


def _ends(item: _Piece) -> tuple[_Piece, _Piece]:
    """Both ends of a range, "" for an open one; of a single key both are the key."""
    if _RANGE not in item.text:
        return item, item
    low, _, high = item.text.partition(_RANGE)
    return _stripped(low, item.at), _stripped(high, item.at + len(low) + len(_RANGE))


def _split(piece: _Piece, mark: str) -> Iterator[_Piece]:
    at = piece.at
    for text in piece.text.split(mark):
        yield _stripped(text, at)
        at += len(text) + len(mark)


def _stripped(text: str, at: int) -> _Piece:
    return _Piece(text=text.strip(), at=at + len(text) - len(text.lstrip()))


def _merged(bounds: list[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """Ranges in order, those that overlap or touch as one."""
    kept: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(bounds):
        if kept and begin <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(kept[-1][1], end))
        else:
            kept.append((begin, end))
    return iter(kept)
