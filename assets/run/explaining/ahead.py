"""Looking ahead: which partitions the next passes would plan, by news and by ticks, before anything is written.

Asked on trial: what a look found is told there, what news and ticks concern is written on the agenda there, and the
agenda is read. What is behind that and is still to be made may concern further ones: they are looked up too, and told
if it comes to that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from types import MappingProxyType

from ....storage.errors import stops
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions import agenda
from ....storage.types import ReasonKind
from ...declare.partitions.partition import Known, Partitioning, Place
from ...plan.partitions.coming import Unasked
from ...plan.partitions.concern import awaited, concerned, keys_within
from ...plan.partitions.portion import Portion, Range, portion
from ...plan.preview import Foreseen
from ...plan.reasons import Reason
from ..looking.sources import Look, tell_looked
from ..planning.partitions.hearing import hear
from ..planning.partitions.keeping import held_of
from ..project.keys import known_at
from ..project.project import Project
from ..project.trial import Trial

_NOBODY: Mapping[str, Sequence[str]] = MappingProxyType({})
_LOOKED_AT = 200
"""So many partitions of an asset are planned; the others are counted."""
_PASSES = 20
"""So often some hundred events are heard of."""
_RANGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What is on the agenda of an asset with partitions.

    Attributes
    ----------
    keys: the first of them, in the order in which they would be planned.
    rest: how many more there are.
    more: whether there are more than these, of which nobody has counted how many.
    fault: why nobody can tell what its news concerns, if so; strays: keys that its mappings gave and it does not have.
    held: what others wait for that were held when they were looked at last.
    perhaps: the first of the others, that what is made before them may concern; beyond: how many more of these.
    known: the keys that there are.
    partitions: those of the asset.
    """

    keys: tuple[str, ...]
    rest: int = 0
    more: bool = False
    fault: str = ""
    strays: str = ""
    held: Reason | None = None
    perhaps: tuple[str, ...] = ()
    beyond: int = 0
    known: Known = field(default_factory=Known)
    partitions: Partitioning | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Every key that is looked at."""
        return (*self.keys, *self.perhaps)

    def place(self, foreseen: Foreseen) -> tuple[bool, str, int, int]:
        """Where a partition lies; what is said of the asset lies behind them."""
        if self.partitions is None or not foreseen.partition:
            return not foreseen.partition, "", 0, 0
        line, start, end = self.partitions.place(foreseen.partition)
        return False, line, start, end


def awaiting_news(project: Project, names: Iterable[str]) -> list[str]:
    """Those of these assets whose partitions are made by news or ticks."""
    assets = project.catalogue.assets
    return [one for one in names if assets[one].partitions is not None and assets[one].condition is not None]


def look_ahead(
    trial: Trial, names: Sequence[str], looked: Look, *, now: datetime, asked: Mapping[str, Sequence[str]] = _NOBODY
) -> dict[str, Ahead]:
    """What the next passes would look at, by asset, once what a look found is recorded. `asked`: the keys that are
    asked for, and that what is behind them may hear of too."""
    project, tx = trial.project, trial.tx
    tell_looked(project, tx, looked, now=now)
    found: dict[str, Ahead] = {}
    known = known_at(project, tx, now) if names else Known()
    for name in project.graph.in_order(names):
        ahead = _ahead(project, tx, name, known, now)
        coming = {one: (*asked.get(one, ()), *each.all) for one, each in found.items()}
        coming |= {one: keys for one, keys in asked.items() if one not in found}
        found[name] = _with_perhaps(project, name, ahead, coming, now)
    return found


def unasked(
    project: Project, ahead: Mapping[str, Ahead], asked: Mapping[str, Collection[str]] = _NOBODY
) -> dict[str, Unasked]:
    """The same for a preview: what of it nobody asks for."""
    return {
        name: Unasked(
            keys=frozenset(one.keys).difference(asked.get(name, ())),
            perhaps=frozenset(one.perhaps).difference(asked.get(name, ())),
            relations=project.reading.relations(project.catalogue.assets[name]),
            parameters=project.reading.parameters(project.catalogue.assets[name]),
            known=one.known,
        )
        for name, one in ahead.items()
    }


def _with_perhaps(
    project: Project, name: str, ahead: Ahead, coming: Mapping[str, Sequence[str]], now: datetime
) -> Ahead:
    """With the partitions that what is made before them may concern: by the keys of other assets that would be made,
    of each the first thousand, and by whatever may become of assets without partitions."""
    asset, known = project.catalogue.assets[name], ahead.known
    assert asset.partitions is not None, name
    places: dict[Place, None] = {}
    waits, ways = project.reading.relations(asset), project.reading.ways(asset)
    for uri, relation in [(one, way) for one in waits for way in ways[one]]:
        producer = project.graph.producer.get(uri)
        if producer is None:
            continue
        keys = ("",) if relation.completing else coming.get(producer, ())[:_RANGES]
        try:
            places |= dict.fromkeys(place for key in keys for place in concerned(relation, key, known))
        except BaseException as error:  # what a function of the user raises is told when that is heard of
            if stops(error):
                raise
    ranges, awaits = [Range(place=one) for one in places], awaited(project.reading.relations(asset).values())
    looked = portion(asset.partitions, ranges, known=known, awaits=awaits, now=now, limit=_LOOKED_AT)
    perhaps = tuple(key for key in looked.keys if key not in ahead.keys)
    return replace(ahead, perhaps=perhaps, beyond=_left(asset.partitions, ranges, looked, known))


def _left(partitions: Partitioning, ranges: Sequence[Range], looked: Portion, known: Known) -> int:
    """How many keys of these ranges could be looked at, and are not."""
    return sum(
        keys_within(partitions, one.place, known).count - left.done
        for one, left in zip(ranges, looked.rests, strict=True)
        if left is not None and left.at is None
    )


def _ahead(project: Project, tx: Transaction, name: str, known: Known, now: datetime) -> Ahead:
    asset, number = project.catalogue.assets[name], project.ids.assets[name]
    assert asset.partitions is not None, name
    more, fault, strays = True, "", ""
    for _ in range(_PASSES):
        heard = hear(project, tx, asset, known=known, now=now)
        more, fault, strays = heard.more, heard.fault, strays or heard.strays
        if not more:
            break
    entries = agenda.due_entries(tx, number, now=now, limit=_RANGES)
    ranges = [Range(place=Place(entry.line, entry.start, entry.end), done=entry.done) for entry in entries]
    awaits = awaited(project.reading.relations(asset).values())
    chosen = portion(asset.partitions, ranges, known=known, awaits=awaits, now=now, limit=_LOOKED_AT)
    return Ahead(
        keys=chosen.keys,
        rest=_left(asset.partitions, ranges, chosen, known),
        more=more or len(entries) == _RANGES,
        fault=fault,
        strays=strays,
        held=held_of(tx, number, asset.partitions, but=chosen.keys),
        known=known,
        partitions=asset.partitions,
    )


def told_ahead(
    foreseen: Iterable[Foreseen], ahead: Mapping[str, Ahead], asked: Mapping[str, Collection[str]] = _NOBODY
) -> list[Foreseen]:
    """What is foreseen, of the assets that were looked ahead for with partitions one after the other that would become
    the same as one, and with how many more there are. What is asked for is told key by key."""
    found: list[Foreseen] = []
    for name, group in groupby(foreseen, lambda one: one.asset):
        own, keys = ahead.get(name), asked.get(name, ())
        if own is None:
            found += group
            continue
        several = list(group)
        found += (one for one in several if one.partition in keys)
        found += _told_of(name, own, [one for one in several if one.partition not in keys])
    return found


def _told_of(name: str, own: Ahead, several: list[Foreseen]) -> Iterator[Foreseen]:
    if own.strays and not own.fault:
        several = [one for one in several if one.partition]
        yield Foreseen(asset=name, outcome="hold", reason=_told(own.strays))
    if own.held is not None:
        several = [one for one in several if one.partition or not one.reason.unnamed]
        yield Foreseen(asset=name, outcome="hold", reason=own.held)
    if own.fault:
        yield from (replace(one, reason=_told(own.fault)) for one in several)
    else:
        yield from _stretches(sorted(several, key=own.place))
    if own.rest or own.more:
        yield _others(name, "news or a tick concerns", own.rest, more=own.more)
    if own.beyond and any(one.partition in own.perhaps for one in several):
        yield _others(name, "what is made before it may concern", own.beyond, more=False)


def _told(detail: str) -> Reason:
    return Reason(kind=ReasonKind.WAITING, detail=detail)


def _stretches(foreseen: Sequence[Foreseen]) -> Iterator[Foreseen]:
    """One for each that become the same for the same reason; what is said of one alone is left out where they differ.
    In the order of their places: of those between the first and the last of a stretch none becomes anything else."""
    for _, group in groupby(foreseen, lambda one: (one.outcome, one.reason.kind, one.reason.also, one.partition == "")):
        several = list(group)
        first, last = several[0], several[-1]
        if len(several) == 1:
            yield first
            continue
        alike = all(one.reason == first.reason for one in several)
        reason = first.reason if alike else replace(first.reason, names=_shared(several), detail="")
        yield replace(first, reason=reason, last=last.partition, count=len(several))


def _shared(several: Sequence[Foreseen]) -> tuple[str, ...]:
    """What the reasons of all of them name."""
    first = several[0].reason.names
    return tuple(name for name in first if all(name in one.reason.names for one in several))


def _others(name: str, what: str, rest: int, *, more: bool) -> Foreseen:
    many = f"{'at least ' if more else ''}{rest} more" if rest else "more"
    reason = Reason(kind=ReasonKind.WAITING, detail=f"its turn: {what} {many} of its partitions")
    return Foreseen(asset=name, outcome="possible", reason=reason, count=max(1, rest))
