"""Hearing: which partitions news and ticks concern is written on the agenda, as ranges, in the order of the events.

How far an asset has heard of a dataset is kept beside it, in the same transaction: killed in between, nothing is lost
and nothing is heard twice. So many events at a time; a mapping of the project that raises stops its own asset alone,
which hears of that event again each time. A key that a mapping gives and the asset does not have is told, and the
others go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from .....storage.errors import named, stops
from .....storage.meta import catalogue as rows
from .....storage.meta.database.engine import Transaction
from .....storage.meta.partitions import agenda
from .....storage.meta.partitions.agenda import Entry
from .....storage.meta.partitions.pending import KeyTold, keys_told
from .....storage.meta.ticks import TickTaken, consume_ticks, last_ticks
from .....storage.types import ReasonKind
from ....declare.catalogue import Asset
from ....declare.partitions.mapping.relation import Relation
from ....declare.partitions.partition import Known, Place
from ....declare.ticks.due import due, next_due
from ....plan.partitions.concern import concerned, is_key, selected_by
from ....plan.reasons import Reason
from ...project.project import Project

_EVENTS = 500
"""So many events of a dataset are heard of in one transaction."""
_NAMED = 3
"""So many of the keys are named that an asset does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of hearing.

    Attributes
    ----------
    news: whether there was any.
    more: whether there is more to be heard of at once.
    fault: why nobody can tell what an event concerns: what a mapping of the project raised; "" where none did.
    strays: the keys that such a mapping gave and the asset does not have; "" where it gave none.
    next_at: when the next tick of its condition is due.
    """

    news: bool = False
    more: bool = False
    fault: str = ""
    strays: str = ""
    next_at: datetime | None = None

    @property
    def reason(self) -> Reason | None:
        """What is told of its mappings: that one raised, before what one gave; None where nothing is."""
        said = self.fault or self.strays
        return Reason(kind=ReasonKind.WAITING, detail=said) if said else None


def hear(project: Project, tx: Transaction, asset: Asset, *, known: Known, now: datetime) -> Heard:
    """Write on the agenda of an asset with partitions what its news and its ticks concern, up to now."""
    number = project.ids.assets[asset.name]
    heard_any, more, fault, strays, completes = False, False, "", list[str](), False
    ways = project.reading.ways(asset)
    uris = {project.ids.datasets[uri]: uri for uri in ways if uri in project.ids.datasets}
    for dataset_id, news in agenda.news_of(tx, number, list(uris)).items():
        heard = news.heard
        if heard is None:  # what was there before completes, and starts nothing; of what is only read, all that was
            heard = news.newest if news.completing is None else news.completing
            agenda.hear(tx, number, {dataset_id: heard})
        if news.newest <= heard:
            continue
        heard_any, relations = True, ways[uris[dataset_id]]
        told = keys_told(tx, number, dataset_id, above=heard, limit=_EVENTS)
        try:
            places = list(dict.fromkeys(place for each in relations for place in places_of(each, told, known)))
            strays += [stray for each in relations for stray in _strays(each, told, known)]
        except BaseException as error:  # whatever a function of the user raises becomes a stored reason
            if stops(error):
                raise
            name = project.graph.dataset_name(uris[dataset_id])
            fault = f"its mapping of {name}, which raised {named(error)}"
            continue
        agenda.enter(tx, number, (Entry(*place) for place in places))
        agenda.hear(tx, number, {dataset_id: told[-1].number})
        completes |= any(each.completing for each in relations)
        more |= told[-1].number < news.newest
    if completes:
        agenda.wake_waiting(tx, number)
    return Heard(
        news=heard_any,
        more=more,
        fault=fault,
        strays="; ".join(strays),
        next_at=_hear_ticks(project, tx, asset, number, now),
    )


def _strays(relation: Relation, told: Sequence[KeyTold], known: Known) -> list[str]:
    """The keys that a function of the project gives for these events and the consumer does not have, in words."""
    if not relation.function:
        return []
    free = Known(keys=known.keys)
    keys = dict.fromkeys(one.key for one in told if is_key(relation.upstream, one.key, free))
    found = [f"{stray} for {key}" for key in keys for stray in relation.strays(key, known)]
    if not found:
        return []
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return [
        f"keys that {relation.consumer.label} does not have, which its mapping {relation.function} gives: "
        f"{', '.join(found[:_NAMED])}{more}"
    ]


def places_of(relation: Relation, told: Sequence[KeyTold], known: Known) -> Iterator[Place]:
    """What events concern; one without a key at the time at which it arrived. What was published when the dataset was
    divided otherwise concerns nobody."""
    free = Known(keys=known.keys)
    for one in told:
        if not is_key(relation.upstream, one.key, free):
            continue
        then = known if one.key or not relation.completing else Known(keys=known.keys, until=one.arrived_at)
        yield from concerned(relation, one.key, then)


def _hear_ticks(project: Project, tx: Transaction, asset: Asset, number: int, now: datetime) -> datetime | None:
    """Write down what the ticks that are due select, and that they have; when the next one is due."""
    timetables, partitions = project.graph.timetables.get(asset.name, ()), asset.partitions
    if not timetables or partitions is None:
        return None
    since = rows.timetables_since(tx, [number])
    last = last_ticks(tx, [(number, one.label) for one in timetables])
    for one in timetables:
        consumed, registered = last.get((number, one.label)), since.get((number, one.label))
        if registered is None:
            continue
        ticks = due(one, consumed=consumed, registered=registered, now=now, key=asset.name, limit=_EVENTS)
        for tick in ticks:
            agenda.enter(tx, number, (Entry(*place) for place in selected_by(partitions, tick)))
        consume_ticks(tx, [TickTaken(number, None, one.label, tick) for tick in ticks], now=now)
    return min((at for one in timetables if (at := next_due(one, now=now, key=asset.name)) is not None), default=None)
