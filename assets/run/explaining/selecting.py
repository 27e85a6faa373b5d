"""Which partitions the ticks to come select. Whether they are made then is decided by what there is by then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from ....storage.meta.database.engine import Transaction
from ...declare.partitions.partition import Known
from ...declare.ticks.timetables import Timetable
from ...plan.partitions.concern import keys_within, selected_by
from ..project.keys import known_at
from ..project.project import Project

SHOWN = 50
"""So many ticks of a timetable are told, the first ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """That a tick selects partitions of an asset: from the first key to the last, `count` of them."""

    at: datetime
    asset: str
    first: str
    last: str
    count: int


def selected_until(project: Project, tx: Transaction, now: datetime, until: datetime) -> list[Selected]:
    """What the ticks after `now` and up to `until` select, by time; of each timetable the first `SHOWN` ticks."""
    known = known_at(project, tx, now)
    found = [
        one
        for name in project.graph.timetables
        if project.catalogue.assets[name].partitions is not None
        for one in _selected(project, name, known, now, until)
    ]
    return sorted(found, key=lambda one: (one.at, one.asset, one.first))


def _selected(project: Project, name: str, known: Known, now: datetime, until: datetime) -> Iterator[Selected]:
    partitions = project.catalogue.assets[name].partitions
    assert partitions is not None, name
    for timetable in project.graph.timetables[name]:
        for tick in islice(_ticks(timetable, now, until), SHOWN):
            for place in selected_by(partitions, tick):
                keys = keys_within(partitions, place, Known(keys=known.keys, until=tick))
                if keys.count:
                    yield Selected(
                        at=tick, asset=name, first=keys.at(0), last=keys.at(keys.count - 1), count=keys.count
                    )


def _ticks(timetable: Timetable, now: datetime, until: datetime) -> Iterator[datetime]:
    tick = timetable.next(now)
    while tick is not None and tick <= until:
        yield tick
        tick = timetable.next(tick)
