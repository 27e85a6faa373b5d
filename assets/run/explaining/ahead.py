"""Looking ahead: which partitions the next passes would plan, by news and by ticks, before anything is written.

Asked within a transaction that is undone: what a look found is told there, what news and ticks concern is written on
the agenda there, and the agenda is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions import agenda
from ....storage.types import ReasonKind
from ...declare.partitions.partition import Place
from ...plan.partitions.concern import awaited, keys_within
from ...plan.partitions.portion import Range, portion
from ...plan.preview import Foreseen
from ...plan.reasons import Reason
from ..looking.partitions import tell_found
from ..looking.sources import Look
from ..planning.partitions.hearing import hear
from ..project.keys import known_at
from ..project.project import Project

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
    """

    keys: tuple[str, ...]
    rest: int = 0
    more: bool = False
    fault: str = ""
    strays: str = ""


def awaiting_news(project: Project, names: Iterable[str]) -> list[str]:
    """Those of these assets whose partitions are made by news or ticks."""
    assets = project.catalogue.assets
    return [one for one in names if assets[one].partitions is not None and assets[one].condition is not None]


def look_ahead(
    project: Project, tx: Transaction, names: Sequence[str], looked: Look, *, now: datetime
) -> dict[str, Ahead]:
    """What the next passes would look at, by asset; `tx` is a transaction of which nothing is to stay."""
    for uri, found in looked.unrecorded.items():
        tell_found(project, tx, uri, found, now=now)
    return {name: _ahead(project, tx, name, now) for name in names}


def _ahead(project: Project, tx: Transaction, name: str, now: datetime) -> Ahead:
    asset, number = project.catalogue.assets[name], project.ids.assets[name]
    assert asset.partitions is not None, name
    known = known_at(project, tx, now)
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
    rest = sum(
        keys_within(asset.partitions, one.place, known).count - left.done
        for one, left in zip(ranges, chosen.rests, strict=True)
        if left is not None and left.at is None
    )
    return Ahead(keys=chosen.keys, rest=rest, more=more or len(entries) == _RANGES, fault=fault, strays=strays)


def told_ahead(foreseen: Iterable[Foreseen], ahead: Mapping[str, Ahead]) -> list[Foreseen]:
    """What is foreseen, of the assets that were looked ahead for with partitions one after the other that would become
    the same as one, and with how many more there are."""
    found: list[Foreseen] = []
    for name, group in groupby(foreseen, lambda one: one.asset):
        own, several = ahead.get(name), list(group)
        if own is None:
            found += several
            continue
        if own.strays and not own.fault:
            several = [one for one in several if one.partition]
            found.append(Foreseen(asset=name, outcome="hold", reason=_told(own.strays)))
        found += [replace(one, reason=_told(own.fault)) for one in several] if own.fault else _stretches(several)
        if own.rest or own.more:
            found.append(_others(name, own))
    return found


def _told(detail: str) -> Reason:
    return Reason(kind=ReasonKind.WAITING, detail=detail)


def _stretches(foreseen: Sequence[Foreseen]) -> Iterator[Foreseen]:
    """One for each that become the same for the same reason; what is said of one alone is left out where they differ.
    In the order in which they would be planned, which is that of their keys as long as they are told of so."""
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


def _others(name: str, own: Ahead) -> Foreseen:
    many = f"{'at least ' if own.more else ''}{own.rest} more" if own.rest else "more"
    reason = Reason(kind=ReasonKind.WAITING, detail=f"its turn: news or a tick concerns {many} of its partitions")
    return Foreseen(asset=name, outcome="possible", reason=reason, count=max(1, own.rest))
