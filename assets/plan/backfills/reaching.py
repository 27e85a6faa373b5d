"""From the partitions of one asset to those that they read, or that read them: as ranges, not key by key.

Windows that follow each other read windows that follow each other, by the same key, a roll-up or an offset: the first
and the last tell the range. Only what follows no order, a table or a function of the project, is asked key by key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ....storage.errors import stops
from ...declare.partitions.mapping.dimensions import Identity
from ...declare.partitions.mapping.mappings import Offset, RollUp
from ...declare.partitions.mapping.relation import Relation
from ...declare.partitions.partition import Keys, Known, Place
from ...declare.partitions.product import Product
from ...declare.partitions.ranges import KeyRanges

_EVERYTHING = (-(2**62), 2**62)


def read_by(relation: Relation, ranges: KeyRanges, known: Known) -> KeyRanges:
    """The places upstream that partitions of a consumer read, as far as they are defined and over.

    Parameters
    ----------
    ranges: places of the consumer.
    """

    def read(key: str) -> Keys:
        return relation.read(key, known)

    found = _reached(relation.consumer, relation.upstream, read, ranges, known, in_order=_in_order(relation))
    return whole(relation.upstream, found, known)


def concerned_by(relation: Relation, ranges: KeyRanges, known: Known) -> KeyRanges:
    """The places of a consumer that news of these places upstream concerns, as far as they are defined and over."""

    def concerned(key: str) -> Keys:
        return relation.concerned(key, known)

    found = _reached(relation.upstream, relation.consumer, concerned, ranges, known, in_order=_in_order(relation))
    return whole(relation.consumer, found, known)


def within_times(product: Product, ranges: KeyRanges, limits: KeyRanges) -> KeyRanges:
    """Those of these places whose windows lie within the windows of the limits, whatever the line of either; all of
    them where one of the two has no windows.

    >>> from penstock import Daily
    >>> from penstock.assets.declare.partitions.product import as_product
    >>> days, limits = KeyRanges.of([Place("", 0, 259200)]), KeyRanges.of([Place("eu", 0, 86400)])
    >>> [*within_times(as_product(Daily(start="1970-01-01")), days, limits)]
    [Place(line='', start=0, end=86400)]
    """
    times = [(start, end) for line in limits.lines.values() for start, end in line]
    if product.timed is None or not times or times == [(0, 1)]:
        return ranges
    return ranges.intersect(KeyRanges.of(Place(line, start, end) for line in ranges.lines for start, end in times))


def whole(product: Product, places: Iterable[Place], known: Known) -> KeyRanges:
    """The places of the partitions that lie whole in these, are defined, and are over."""
    kept = (one for place in places for one in product.ranges(product.within(place, known)))
    return KeyRanges.of(kept)


def _in_order(relation: Relation) -> bool:
    """Whether windows that follow each other are mapped to windows that follow each other."""
    above, below = relation.upstream, relation.consumer
    if above.timed is None or below.timed is None:
        return False
    one, two = above.dimensions[above.timed], below.dimensions[below.timed]
    return any(
        pair.upstream is one and pair.consumer is two and isinstance(pair.rule, Identity | RollUp | Offset)
        for pair in relation.pairs
    )


def _reached(
    source: Product,
    target: Product,
    mapped: Callable[[str], Keys],
    ranges: KeyRanges,
    known: Known,
    *,
    in_order: bool,
) -> Iterator[Place]:
    for place in ranges:
        keys = source.within(place, known)
        count = keys.count
        if in_order and count > _FEW:
            ends = (_places(target, mapped, keys.at(0)), _places(target, mapped, keys.at(count - 1)))
            middle = _places(target, mapped, keys.at(count // 2))
            if middle:
                yield from _between(middle, *ends)
                continue
        for key in keys.walk():
            yield from _places(target, mapped, key)


_FEW = 3


def _places(target: Product, mapped: Callable[[str], Keys], key: str) -> list[Place]:
    """The places that a key is mapped to; none where a mapping of the project raises, which is told when it is made."""
    try:
        return list(target.ranges(mapped(key)))
    except BaseException as error:  # whatever a function of the user raises: planning the key stores it as the reason
        if stops(error):
            raise
        return []


def _between(middle: list[Place], first: list[Place], last: list[Place]) -> Iterator[Place]:
    """On the lines of one key in the middle, from what the first of the keys is mapped to, to that of the last. Where
    these are mapped to nothing the definition begins, or ends, between: `whole` cuts what is too much."""
    low, high = KeyRanges.of(first).lines, KeyRanges.of(last).lines
    for line in KeyRanges.of(middle).lines:
        start = low[line][0][0] if line in low else _EVERYTHING[0]
        end = high[line][-1][1] if line in high else _EVERYTHING[1]
        yield Place(line, start, end)
