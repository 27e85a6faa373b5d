"""Which partitions the ticks to come select, and which become due by time alone. Whether they are made then is decided
by what there is by then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions import agenda
from ...declare.catalogue import Asset
from ...declare.partitions.partition import Keys, Known, Place
from ...declare.ticks.timetables import Timetable
from ...plan.partitions.concern import keys_within, selected_by
from ..project.keys import known_at
from ..project.project import Project

SHOWN = 50
"""So many ticks of a timetable are told, the first ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """That a planner will look at partitions of an asset: from the first key to the last, `count` of them. `by`: a tick
    selects them, or time that they waited for has passed, as of `after=`."""

    at: datetime
    asset: str
    first: str
    last: str
    count: int
    by: Literal["tick", "time"]


def selected_until(project: Project, tx: Transaction, now: datetime, until: datetime) -> list[Selected]:
    """What the ticks after `now` and up to `until` select, and what time alone makes due, by time; of each timetable
    the first `SHOWN` ticks, of each asset the first `SHOWN` ranges that wait for a time."""
    known = known_at(project, tx, now)
    assets = project.catalogue.assets.values()
    waiting = [one for asset in assets for one in _ripening(project, tx, asset, known, now=now, until=until)]
    found = [
        one
        for name in project.graph.timetables
        if project.catalogue.assets[name].partitions is not None
        for one in _selected(project, name, known, now, until)
    ]
    return sorted([*found, *waiting], key=lambda one: (one.at, one.asset, one.first))


def _selected(project: Project, name: str, known: Known, now: datetime, until: datetime) -> Iterator[Selected]:
    partitions = project.catalogue.assets[name].partitions
    assert partitions is not None, name
    for timetable in project.graph.timetables[name]:
        for tick in islice(_ticks(timetable, now, until), SHOWN):
            for place in selected_by(partitions, tick):
                keys = keys_within(partitions, place, Known(keys=known.keys, until=tick))
                if keys.count:
                    yield _told(name, tick, keys, "tick")


def _ripening(
    project: Project, tx: Transaction, asset: Asset, known: Known, *, now: datetime, until: datetime
) -> Iterator[Selected]:
    if asset.partitions is None or asset.condition is None:
        return
    number = project.ids.assets[asset.name]
    for one in agenda.coming_entries(tx, number, after=now, until=until, limit=SHOWN):
        keys = keys_within(asset.partitions, Place(one.line, one.start, one.end), known)
        if keys.count and one.at is not None:
            yield _told(asset.name, one.at, keys, "time")


def _told(asset: str, at: datetime, keys: Keys, by: Literal["tick", "time"]) -> Selected:
    return Selected(at=at, asset=asset, first=keys.at(0), last=keys.at(keys.count - 1), count=keys.count, by=by)


def _ticks(timetable: Timetable, now: datetime, until: datetime) -> Iterator[datetime]:
    tick = timetable.next(now)
    while tick is not None and tick <= until:
        yield tick
        tick = timetable.next(tick)
