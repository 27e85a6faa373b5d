"""The scope of a backfill: the places of the partitions that it is of, by asset. Values; kept as ranges, so that a
hundred thousand windows are one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ....storage.errors import DatabaseFault
from ....storage.types import FORMAT_VERSION
from ...declare.partitions.appearing import appeared
from ...declare.partitions.partition import Known, Partitioning
from ...declare.partitions.plain import partitioning_from_plain, partitioning_to_plain
from ...declare.partitions.product import as_product
from ...declare.partitions.ranges import KeyRanges

_NOTHING = KeyRanges({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a backfill is of, of one asset.

    Attributes
    ----------
    asked: all of its partitions.
    news: whether nobody asked for them: the news of the backfill starts them, once each (`propagate="within"`).
    divided: how the asset was divided when they were asked for: only with that do places say which keys they are.
    """

    asked: KeyRanges
    divided: Partitioning
    news: bool = False


Scope = Mapping[str, Part]
"""By asset name, upstream first."""


def scope_to_plain(scope: Scope, ids: Mapping[str, int]) -> dict[str, Any]:
    """JSON-ready, with the assets by their ids, which stay when one is renamed; `scope_from_plain` gives it back."""
    return {
        "v": FORMAT_VERSION,
        "assets": [
            {
                "id": ids[name],
                "asked": _plain(part.asked),
                "news": part.news,
                "divided": partitioning_to_plain(part.divided),
            }
            for name, part in scope.items()
        ],
    }


def scope_from_plain(
    plain: Mapping[str, Any], names: Mapping[int, str], now: Mapping[str, Partitioning]
) -> dict[str, Part]:
    """The scope that `scope_to_plain` wrote, with the assets by the names that they have now; one that is not declared
    any more is left out. `now`: how assets are divided now, for a scope that was written before it said so itself.

    Raises
    ------
    DatabaseFault: it is written in a newer form.
    """
    if plain.get("v") != FORMAT_VERSION:
        raise DatabaseFault(
            f"the scope of a stored backfill has form {plain.get('v')!r}, which this penstock does not know",
            hint="Upgrade penstock to the version that wrote it.",
        )
    found: dict[str, Part] = {}
    for one in plain["assets"]:
        name = names.get(one["id"], "")
        divided = partitioning_from_plain(one["divided"]) if "divided" in one else now.get(name)
        if name and divided is not None:
            found[name] = Part(
                asked=KeyRanges.of(map(tuple, one["asked"])),
                divided=divided,
                news=one["news"],
            )
    return found


def undeclared(plain: Mapping[str, Any], ids: Collection[int]) -> int:
    """Of how many assets a scope in its plain form is that are not among these.

    >>> undeclared({"assets": [{"id": 3}, {"id": 4}]}, {3})
    1
    """
    return sum(number not in ids for number in asset_ids(plain))


def asset_ids(plain: Mapping[str, Any]) -> list[int]:
    """The ids of the assets that a scope in its plain form is of.

    >>> asset_ids({"assets": [{"id": 3}, {"id": 4}]})
    [3, 4]
    """
    return [one["id"] for one in plain["assets"]]


def _plain(ranges: KeyRanges) -> list[list[str | int]]:
    return [list(place) for place in ranges]


def known_in(partitions: Partitioning, ranges: KeyRanges, known: Known) -> Known:
    """What is known, with the dynamic keys that these places name: somebody may have meant new ones."""
    found = appeared(partitions, ranges.lines)
    keys = {name: tuple(sorted({*known.keys.get(name, ()), *more})) for name, more in found.items()}
    return Known(until=known.until, keys={**known.keys, **keys}) if keys else known


def count_of(partitions: Partitioning, ranges: KeyRanges, known: Known) -> int:
    """How many partitions lie in these places; costs the ranges."""
    product = as_product(partitions)
    return sum(product.within(place, known).count for place in ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Partitions of an asset that two backfills are of: how many, and the first of them."""

    asset: str
    count: int
    keys: tuple[str, ...]


_NAMED = 3  # keys that a message names


def overlaps(one: Scope, two: Scope, partitions: Mapping[str, Partitioning], known: Known) -> Iterable[Overlap]:
    """What two backfills are both of, asset by asset; `partitions`: how each asset is divided."""
    for name, part in one.items():
        other = two.get(name)
        shared = _NOTHING if other is None else part.asked.intersect(other.asked)
        if shared and name in partitions:
            product, there = as_product(partitions[name]), known_in(partitions[name], shared, known)
            keys = (key for place in shared for key in product.within(place, there).walk())
            found = tuple(islice(keys, _NAMED))
            if found:
                yield Overlap(asset=name, count=count_of(partitions[name], shared, there), keys=found)
