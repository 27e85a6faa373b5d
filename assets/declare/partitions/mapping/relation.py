"""`Relation`: what the keys of an upstream dataset are for its consumer, both ways; worked out when asked, not listed.

Where a mapping is said it decides; else equal dimensions mean each other, finer windows roll up into coarser ones, and
what has no partitions completes every partition. A dimension that the consumer lacks is rolled up, one that the
upstream dataset lacks is 'all'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from .....storage.errors import DefinitionError
from .....storage.types import Fanout
from ...ticks.zone import changes
from ..named import Dynamic
from ..partition import NOTHING_KNOWN, Dimension, Keys, Known, Partitioning
from ..product import Box, Part, Product, as_product
from ..spans import Listed
from ..windows import Windows
from .dimensions import Identity, Pair, Rule, inferred, is_finer
from .mappings import All, Computed, Fanned, Function, KeyMapping, Last, Offset, RollUp, Table

_SAY = "Say how: .rollup(), .last(), .all(), .offset(-1) or .mapped({…})."
_TRIED = 400  # windows of a consumer that are looked at for the most they hold,
_YEARS = 20  # beside those of so many years in which clocks change
_NO_FUNCTIONS: Mapping[str, Function] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What upstream keys are for a consumer. Made by `relation`.

    Attributes
    ----------
    upstream, consumer: both as products; what is not partitioned has the one key "".
    pairs: the dimensions of the one and the other, each once.
    rollup: its options, where windows are rolled up, or a dimension that falls away is said to be; None otherwise.
    fanout: which keys news of what has no partitions starts.
    everything: whether it is said that every key reads every key.
    """

    upstream: Product
    consumer: Product
    pairs: tuple[Pair, ...] = ()
    rollup: RollUp | None = None
    fanout: Fanout = Fanout.NONE
    everything: bool = False

    @property
    def completing(self) -> bool:
        """Whether its news completes every partition: it has no key, and its consumer has."""
        return not self.upstream.dimensions and bool(self.consumer.dimensions)

    @property
    def single(self) -> bool:
        """Whether a consumer key never reads more than one upstream key."""
        return bool(self.upstream.dimensions) and all(
            isinstance(pair.rule, Identity | Offset | Last) for pair in self.pairs if pair.upstream is not None
        )

    @property
    def open(self) -> bool:
        """Whether it reads whatever is made, rather than keys of which each is waited for."""
        return bool(self.upstream.dimensions) and not self.single and (not self.consumer.dimensions or self.everything)

    def concerned(self, key: str, known: Known = NOTHING_KNOWN) -> Keys:
        """The consumer keys that news of an upstream key concerns, or may start where it has no key.

        They are defined, and may not be over yet; `all` and `fanout` give those that are.
        """
        if self.completing:
            return self._fanned(known)
        parts = dict(zip(self._names(self.upstream), self._parts(self.upstream, key), strict=True))
        for pair in self.pairs:
            if pair.upstream is not None and not pair.concerns(parts[pair.upstream.name], known):
                return _NOTHING
        chosen: dict[str, Keys] = {}
        for pair in self.pairs:
            if pair.consumer is not None:
                part = "" if pair.upstream is None else parts[pair.upstream.name]
                chosen[pair.consumer.name] = pair.forwards(part, known)
        return Box(keys=tuple(chosen[one.name] for one in self.consumer.dimensions))

    def strays(self, key: str, known: Known = NOTHING_KNOWN) -> tuple[str, ...]:
        """The keys that a function of the project gives for an upstream key, and that the consumer does not have; of
        several dimensions the part of each that is wrong."""
        if all(not isinstance(pair.rule, Computed) for pair in self.pairs):
            return ()
        parts = dict(zip(self._names(self.upstream), self._parts(self.upstream, key), strict=True))
        given = ((pair, "" if pair.upstream is None else parts[pair.upstream.name]) for pair in self.pairs)
        return tuple(one for pair, part in given for one in pair.strays(part, known))

    @property
    def function(self) -> str:
        """The reference of the function that maps its keys; "" where none does."""
        return next((pair.rule.reference for pair in self.pairs if isinstance(pair.rule, Computed)), "")

    def read(self, key: str, known: Known = NOTHING_KNOWN) -> Keys:
        """The upstream keys that a consumer key reads, as far as they are defined; those that are not there yet too."""
        parts = dict(zip(self._names(self.consumer), self._parts(self.consumer, key), strict=True))
        chosen: dict[str, Keys] = {}
        for pair in self.pairs:
            if pair.upstream is not None:
                part = None if pair.consumer is None else parts[pair.consumer.name]
                chosen[pair.upstream.name] = pair.back(part, known)
        return Box(keys=tuple(chosen[one.name] for one in self.upstream.dimensions))

    def _fanned(self, known: Known) -> Keys:
        if self.fanout is Fanout.NONE:
            return _NOTHING
        if self.fanout is Fanout.ALL:
            return self.consumer.select(None, None, known)
        timed = self.consumer.timed
        chosen: list[Keys] = []
        for place, one in enumerate(self.consumer.dimensions):
            keys = one.select(None, None, known)
            if isinstance(one, Windows):
                until = known.until or one.until
                newest = None if until is None else one.closed(until)
                chosen.append(one.spans([]) if newest is None else one.single(newest))
            elif timed is None and place == len(self.consumer.dimensions) - 1:
                chosen.append(Listed(keys=(keys.at(keys.count - 1),) if keys.count else ()))
            else:
                chosen.append(keys)
        return Box(keys=tuple(chosen))

    @staticmethod
    def _names(product: Product) -> list[str]:
        return [one.name for one in product.dimensions]

    @staticmethod
    def _parts(product: Product, key: str) -> list[str]:
        found = product.partition(key).parts
        return [found[one.name] for one in product.dimensions]


_NOTHING = Part(keys=Box(keys=()), first=0, last=0)


def relation(
    upstream: Partitioning | None,
    consumer: Partitioning | None,
    mapping: KeyMapping | None = None,
    *,
    functions: Mapping[str, Function] = _NO_FUNCTIONS,
) -> Relation:
    """What the keys of one partitioning are for another; None is what has no partitions.

    `functions`: reference → function, for a mapping that is computed and bound.

    Raises
    ------
    DefinitionError: the mapping cannot be one between these; the hint says what to write.
    """
    above, below = as_product(upstream), as_product(consumer)
    if not above.dimensions or isinstance(mapping, Fanned):
        return _without_keys(above, below, mapping)
    if isinstance(mapping, All) or (not below.dimensions and (mapping is None or isinstance(mapping, Last))):
        rule: Rule = Last() if isinstance(mapping, Last) else All()
        pairs = [Pair(upstream=one, consumer=None, rule=rule) for one in above.dimensions]
        everything = isinstance(mapping, All)
        return Relation(
            upstream=above, consumer=below, pairs=(*pairs, *_lacking(below.dimensions)), everything=everything
        )
    if not below.dimensions:
        raise DefinitionError(
            f"{mapping.label} needs a consumer with partitions, and it has none",  # pyright: ignore[reportOptionalMemberAccess]
            hint="Leave the mapping out: news of any key counts; or give the asset partitions=.",
        )
    pairs = _paired(above, below, mapping, functions)
    rolled = next((pair.rule for pair in pairs if isinstance(pair.rule, RollUp)), None)
    rolled = mapping if isinstance(mapping, RollUp) else rolled  # also where nothing but a dimension falls away
    if rolled is not None and rolled.after is not None and below.timed is None:
        raise DefinitionError(
            f"{rolled.label}: {below.label} has no windows that end", hint="Leave after= out, or divide it by time too."
        )
    found = Relation(upstream=above, consumer=below, pairs=tuple(pairs), rollup=rolled)
    if rolled is not None and rolled.at_least is not None:
        _require_attainable(found, rolled.at_least)
    return found


def _without_keys(above: Product, below: Product, mapping: KeyMapping | None) -> Relation:
    if above.dimensions:
        raise DefinitionError(
            f"fanout() is for a dataset without partitions, and this one is divided: {above.label}", hint=_SAY
        )
    if mapping is not None and not (isinstance(mapping, Fanned) and below.dimensions):
        what = "both are without partitions" if not below.dimensions else "the dataset has no partitions"
        hint = "Leave it out." if not below.dimensions else 'Write .fanout("latest"), or leave it out.'
        raise DefinitionError(f"{mapping.label}: {what}", hint=hint)
    fanout = mapping.to if isinstance(mapping, Fanned) else Fanout.NONE
    return Relation(upstream=above, consumer=below, pairs=tuple(_lacking(below.dimensions)), fanout=fanout)


def _lacking(dimensions: tuple[Dimension, ...]) -> Iterator[Pair]:
    return (Pair(upstream=None, consumer=one, rule=All()) for one in dimensions)


def _paired(
    above: Product, below: Product, mapping: KeyMapping | None, functions: Mapping[str, Function]
) -> list[Pair]:
    couples = _couples(above, below, mapping)
    said = _meant(couples, above, mapping)
    falls = len(couples) < len(above.dimensions)  # what the consumer lacks is rolled up
    pairs: list[Pair] = []
    for one, two in couples:
        alike = falls and isinstance(mapping, RollUp) and one.alike(two)
        rule = _said(mapping, one, two) if one is said and mapping is not None and not alike else inferred(one, two)
        if rule is None:
            raise DefinitionError(
                f"{one.label} and {two.label} are divided differently, and what one key is in the other is not said",
                hint=_SAY,
            )
        pairs.append(Pair(upstream=one, consumer=two, rule=rule, functions=functions))
    left = [one for one in above.dimensions if all(one is not up for up, _ in couples)]
    if not couples and not isinstance(mapping, Last):
        raise DefinitionError(f"{above.label} and {below.label} have no dimension in common", hint=_SAY)
    rule = Last() if isinstance(mapping, Last) else All()
    pairs += [Pair(upstream=one, consumer=None, rule=rule if one is said else All()) for one in left]
    pairs += _lacking(tuple(two for two in below.dimensions if all(two is not down for _, down in couples)))
    return pairs


def _couples(above: Product, below: Product, mapping: KeyMapping | None) -> list[tuple[Dimension, Dimension]]:
    """The dimensions that mean each other: of one name, then the windows left over, then what a table is for."""
    names = {one.name: one for one in below.dimensions}
    found = [(one, names[one.name]) for one in above.dimensions if one.name in names]
    found = [(one, two) for one, two in found if one.timed == two.timed or len(above.dimensions) == 1]
    for timed in (True, False) if isinstance(mapping, Table | Computed) else (True,):
        ups = [one for one in above.dimensions if one.timed == timed and all(one is not up for up, _ in found)]
        downs = [two for two in below.dimensions if two.timed == timed and all(two is not down for _, down in found)]
        if len(ups) == len(downs) == 1:
            found.append((ups[0], downs[0]))
    if isinstance(mapping, Table | Computed) and not found and len(above.dimensions) == len(below.dimensions) == 1:
        found.append((above.dimensions[0], below.dimensions[0]))
    return found


def _meant(couples: list[tuple[Dimension, Dimension]], above: Product, mapping: KeyMapping | None) -> Dimension | None:
    """The upstream dimension that a mapping is about."""
    ups = [one for one, _ in couples]
    if isinstance(mapping, RollUp | Offset):
        return next((one for one in ups if one.timed), ups[0] if ups else None)
    if isinstance(mapping, Last):
        return next((one for one in above.dimensions if one.timed), above.dimensions[-1])
    if not isinstance(mapping, Table | Computed):
        return None
    named = [one for one in ups if not one.timed] if mapping.dimension is None else []
    found = [one for one in ups if one.name == mapping.dimension] or (named if len(named) == 1 else ups[:1])
    if (mapping.dimension is not None and found[:1] != [one for one in ups if one.name == mapping.dimension][:1]) or (
        mapping.dimension is None and len(ups) > 1 and len(named) != 1
    ):
        raise DefinitionError(
            f"{mapping.label}: which of {', '.join(one.name for one in above.dimensions)} it is about is not clear",
            hint='Say dimension="…" with the name of one of them.',
        )
    return found[0] if found else None


def _said(mapping: KeyMapping, one: Dimension, two: Dimension) -> Rule:
    """The rule of a mapping between two dimensions, when it can be one between these."""
    match mapping:
        case RollUp() if one.alike(two):
            raise DefinitionError(
                f"{mapping.label}: {one.label} and {two.label} are the same keys", hint="Leave rollup() out."
            )
        case RollUp() if not (
            isinstance(one, Windows) and isinstance(two, Windows) and is_finer(one, two, equally=True)
        ):
            raise DefinitionError(
                f"{mapping.label}: {one.label} has no finer windows of time than {two.label}",
                hint=f"Roll up finer windows into coarser ones. {_SAY}",
            )
        case Offset() if not (one.timed and one.alike(two)):
            raise DefinitionError(
                f"{mapping.label} goes from window to window, and {one.label} and {two.label} are not the same windows",
                hint="Offset windows of one kind; static keys have no order that means anything. " + _SAY,
            )
        case Table(rows=rows):
            _require_keys(mapping, one, [key for key, _ in rows])
            _require_keys(mapping, two, [key for _, keys in rows for key in keys])
            return mapping
        case Fanned():
            return Identity()
        case _:
            return mapping


def _require_keys(mapping: KeyMapping, dimension: Dimension, keys: list[str]) -> None:
    for key in () if isinstance(dimension, Dynamic) else keys:
        fault = dimension.fault(key)
        if fault is not None:
            raise DefinitionError(f"{mapping.label}: {fault.message}", hint=fault.hint)


def _require_attainable(found: Relation, least: int) -> None:
    """A roll-up that waits for more parts than any of its windows can hold would wait for ever."""
    pair = next((pair for pair in found.pairs if isinstance(pair.rule, RollUp)), None)
    others = [one for one in found.pairs if one is not pair and one.consumer is None and one.upstream is not None]
    if any(isinstance(one.upstream, Dynamic) for one in others):
        return
    each = 1
    for one in others:
        each *= one.upstream.select().count if one.upstream is not None and not one.upstream.timed else least
    if pair is None and each < least:
        raise DefinitionError(
            f"rollup: at_least={least} is more than a key of {found.consumer.label} can hold: {each} of "
            f"{found.upstream.label}",
            hint=f"Write at_least={each} or less, or leave it out: then every one is waited for.",
        )
    if pair is None or not isinstance(pair.consumer, Windows):
        return
    most = 0
    for key in _windows_to_try(pair):
        most = max(most, each * pair.back(key, NOTHING_KNOWN).count)
        if most >= least:
            return
    up = pair.upstream.label if pair.upstream is not None else ""
    raise DefinitionError(
        f"rollup: at_least={least} is more than any window of {pair.consumer.label} can hold: {most} of {up}",
        hint=f"Write at_least={most} or less, or leave it out: then every one is waited for.",
    )


def _windows_to_try(pair: Pair) -> Iterator[str]:
    """Windows of the consumer among which one is as full as any: years of them, and those in which clocks change."""
    consumer, upstream = pair.consumer, pair.upstream
    if not isinstance(consumer, Windows) or not isinstance(upstream, Windows):
        return
    begin = max(consumer.first, upstream.first)
    first = consumer.containing(begin)
    if first is not None:
        yield first
    for year in range(begin.year, begin.year + _YEARS):
        for zone in {consumer.tz, upstream.tz}:
            for at, _ in changes(zone, year):
                for moment in (at - timedelta(seconds=1), at):
                    key = consumer.containing(moment) if moment >= begin else None
                    if key is not None:
                        yield key
    if first is not None:
        yield from consumer.select(first).walk(1, _TRIED)
