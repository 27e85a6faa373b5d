"""What a definition that changed leaves of partitions that somebody asked for. A place is a range of time, and what is
asked for are keys: a day stays the day that was asked for, and never becomes its twenty-four hours. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...declare.partitions.partition import Known, Partitioning
from ...declare.partitions.product import as_product
from ...declare.partitions.ranges import KeyRanges
from ...declare.partitions.redividing import same_keys, what_becomes_of
from ..reasons import Reason, ReasonKind
from .reaching import whole
from .scope import Part, count_of, known_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What of the partitions that a backfill is of, of one asset, are partitions still.

    Attributes
    ----------
    before: how the asset was divided when they were asked for; now: how it is; None: it has no partitions.
    kept: the places of those that are the same partitions now.
    gone: the places of the others: no key of the definition, or a key that means another window.
    news: whether nobody asked for them: the backfill does not fail by them.
    """

    before: Partitioning
    now: Partitioning | None
    kept: KeyRanges
    gone: KeyRanges
    news: bool = False

    @property
    def count(self) -> int:
        """How many are gone."""
        return count_of(self.before, self.gone, known_in(self.before, self.gone, Known()))

    @property
    def reason(self) -> Reason:
        """Why those that are gone are not made."""
        became = "undivided" if self.now is None else self.now.label
        change = f"{self.before.label} when it was asked for, {became} now"
        if became == self.before.label:
            change = f"{became} still, between other bounds or of other keys"
        return Reason(kind=ReasonKind.WAITING, detail=f"a definition that has this partition: {change}")


def lasting(part: Part, now: Partitioning | None) -> Lasting:
    """What of a part of a scope is left, `now` that its asset is divided so. Costs the ranges where windows are the
    same as they were, and the keys where they are others.

    >>> from penstock import Daily, Hourly
    >>> from penstock.assets.declare.partitions.partition import Place
    >>> days = Daily(start="1970-01-01")
    >>> asked = Part(asked=KeyRanges.of([Place("", 0, 4 * 86400)]), divided=days)
    >>> lasting(asked, Hourly(start="1970-01-01")).count, lasting(asked, Daily(start="1970-01-03")).count
    (4, 2)
    """
    kept = part.asked if part.divided == now else _kept(part.divided, now, part.asked)
    return Lasting(before=part.divided, now=now, kept=kept, gone=part.asked.subtract(kept), news=part.news)


def _kept(before: Partitioning, now: Partitioning | None, asked: KeyRanges) -> KeyRanges:
    if now is None:
        return KeyRanges({})
    if same_keys(before, now):
        return whole(as_product(now), asked, known_in(now, asked, Known()))
    product, known = as_product(before), known_in(before, asked, Known())
    keys = (key for place in asked for key in product.within(place, known).walk())
    return KeyRanges.of(before.place(key) for key in keys if what_becomes_of(key, before, now) == "kept")
