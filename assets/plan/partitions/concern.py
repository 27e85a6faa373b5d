"""Which partitions of a consumer news concerns, or a tick selects: ranges of places, worked out and never listed.

A range may hold more than is concerned: whoever looks at a partition decides by what is pending for it. It never holds
less.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import prod
from typing import Literal

from ....storage.types import ANY_LINE
from ...declare.partitions.appearing import appeared
from ...declare.partitions.mapping.mappings import Last, Offset
from ...declare.partitions.mapping.relation import Relation
from ...declare.partitions.named import Dynamic
from ...declare.partitions.partition import Keys, Known, Partitioning, Place
from ...declare.partitions.product import Box, Product, as_product
from ...declare.partitions.ranges import KeyRanges
from ...declare.partitions.spans import Listed
from ...declare.partitions.windows import Windows

LINES = 16
"""So many lines are named one by one; of more, what lies on any line is looked at, if that is not much more."""
_SPARSE = 4


def concerned(relation: Relation, key: str, known: Known) -> list[Place]:
    """The ranges of the consumer in which news of an upstream key may start something; "" of what has no partitions.

    A range on `ANY_LINE` stands for many lines. Whatever a mapping of the project raises is raised.

    >>> from penstock import Daily, Hourly
    >>> from penstock.assets.declare.partitions.mapping.relation import relation
    >>> hours, days = Hourly(start="2026-01-01"), Daily(start="2026-01-01")
    >>> concerned(relation(hours, days), "2026-01-05T07", Known())
    [Place(line='', start=1767571200, end=1767657600)]
    """
    keys, consumer = relation.concerned(key, known), relation.consumer
    if isinstance(keys, Box) and len(keys.keys) == len(consumer.dimensions) and keys.keys:
        timed = consumer.timed
        lines = prod(one.count for place, one in enumerate(keys.keys) if place != timed)
        everything = prod(
            one.select(None, None, known).count for place, one in enumerate(consumer.dimensions) if place != timed
        )
        if lines > LINES and lines * _SPARSE > everything:
            chosen = None if timed is None else keys.keys[timed]
            bounds = getattr(chosen, "ranges", None)
            spans = [(0, 1)] if timed is None else [] if bounds is None else [*bounds()]
            return [Place(ANY_LINE, start, end) for start, end in spans]
    return [*KeyRanges.of(consumer.ranges(keys))]


def selected_by(partitions: Partitioning, tick: datetime) -> list[Place]:
    """The partitions that a tick selects: the last window that was over by then, with whatever else a key has; without
    windows, every one.

    >>> from penstock import Daily
    >>> selected_by(Daily(start="2026-01-01"), datetime(2026, 1, 6, 3, tzinfo=UTC))
    [Place(line='', start=1767571200, end=1767657600)]
    """
    product = as_product(partitions)
    if product.timed is None:
        return [Place(ANY_LINE, 0, 1)]
    windows = product.dimensions[product.timed]
    assert isinstance(windows, Windows)
    key = windows.closed(tick)
    if key is None:
        return []
    _, start, end = windows.place(key)
    return [Place("" if len(product.dimensions) == 1 else ANY_LINE, start, end)]


def selecting(partitions: Partitioning, key: str) -> tuple[datetime, datetime] | None:
    """From when until before when the ticks come that select a partition; None: whenever, or for ever."""
    product = as_product(partitions)
    if product.timed is None:
        return None
    windows, parts = product.dimensions[product.timed], product.split(key)
    assert isinstance(windows, Windows) and parts is not None  # noqa: PT018
    end = windows.partition(parts[product.timed]).end
    assert end is not None
    last = windows.until is not None and end >= windows.until  # after the last window it stays the last
    return end, datetime.max.replace(tzinfo=end.tzinfo) if last else windows.end_of(end)


def keys_within(partitions: Partitioning, place: Place, known: Known) -> Keys:
    """The keys that lie in a range of the agenda, in order; those that are not over yet too, and dynamic ones by their
    line alone. A range whose bounds are equal is the key that its line names, where it is one still."""
    product = as_product(partitions)
    free = Known(keys=known.keys)
    if place.start == place.end:
        return Listed(keys=(place.line,) if is_key(product, place.line, free) else ())
    if place.line != ANY_LINE:
        named = appeared(partitions, [place.line])
        there = {name: sorted({*known.keys.get(name, ()), *keys}) for name, keys in named.items()}
        return product.within(place, Known(keys={**known.keys, **there}) if there else free)
    bounds = Place("", place.start, place.end)
    return Box(
        keys=tuple(
            one.within(bounds, free) if number == product.timed else one.select(None, None, free)
            for number, one in enumerate(product.dimensions)
        )
    )


def is_key(product: Product, key: str, known: Known) -> bool:
    """Whether a key is one of these, or a dynamic one that can be; not of how a dataset was divided before.

    >>> from penstock import Daily
    >>> is_key(as_product(Daily(start="2026-01-01")), "2026-01-05T07", Known())
    False
    """
    parts = product.split(key)
    if parts is None:
        return False
    faults = ((one, one.fault(part, known)) for one, part in zip(product.dimensions, parts, strict=True))
    return all(fault is None or (isinstance(one, Dynamic) and fault.kind == "outside") for one, fault in faults)


Awaited = Literal["start", "end"] | None
"""What of its window a partition has to have behind it before news starts it."""


def awaited(relations: Iterable[Relation]) -> Awaited:
    """What partitions of a consumer wait for. Which window was the last that was over at the end of another is not
    known before that; and what is read of another window says nothing of one that has not begun."""
    rules = [pair.rule for one in relations for pair in one.pairs if pair.upstream and pair.consumer]
    if any(isinstance(rule, Last) for rule in rules):
        return "end"
    return "start" if any(isinstance(rule, Offset) for rule in rules) else None


def opens_at(partitions: Partitioning, key: str, awaits: Awaited) -> datetime | None:
    """From when on a partition may be started; None: always."""
    if awaits is None:
        return None
    window = partitions.partition(key)
    return window.start if awaits == "start" else window.end
