"""Checks: partitions lie where their definitions say, and news of them is not lost.

Of the news of a dataset the newest events are looked at, so many that a store with a long history is soon checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from ....storage.errors import UsageError
from ....storage.meta import pauses
from ....storage.meta.catalogue import datasets
from ....storage.meta.checking.check import Check, Found
from ....storage.meta.checking.partitions import LOOK_AGAIN
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.agenda import Entry, news_of, partition_agenda
from ....storage.meta.partitions.heads import heads_made
from ....storage.meta.partitions.pending import keys_told
from ....storage.meta.partitions.ranges import partition_ranges
from ....storage.types import ANY_LINE
from ...declare.catalogue import Asset
from ...declare.partitions.partition import Known, Partitioning
from ...declare.partitions.plain import partitioning_from_plain
from ...declare.partitions.product import as_product
from ...plan.partitions.concern import awaited, keys_within, opens_at
from ...plan.planner import plan
from ..planning.partitions.hearing import places_of
from ..planning.partitions.portions import PORTION
from ..planning.snapshot import AskedPartitions, load
from ..project.keys import known_at
from ..project.project import Project
from .lost import what_comes

_EVENTS = 2_000
_KEYS = 900
"""So many of the newest events of a dataset, and so many keys that they concern, of each asset."""


def checks(project: Project, now: datetime) -> tuple[Check, ...]:
    """Those of assets with partitions, as they are at `now`."""

    def find(tx: Transaction) -> Iterator[Found]:
        return _asleep(project, tx, now)

    return (
        Check(
            name="partition-places",
            rule="Each range holds the partitions that are made in it, by the definition of now.",
            find=_places,
        ),
        Check(
            name="lost-partitions",
            rule="A partition that could be made now is on the agenda.",
            find=find,
            advice=LOOK_AGAIN,
        ),
    )


def _places(tx: Transaction) -> Iterator[Found]:
    rows = select(datasets.c.id, datasets.c.name, datasets.c.declaration).where(datasets.c.removed_at.is_(None))
    for dataset_id, name, declaration in tx.execute(rows).all():
        plain = declaration.get("partitions")
        if plain is not None:
            yield from _placed(tx, dataset_id, name, partitioning_from_plain(plain))


def _placed(tx: Transaction, dataset_id: int, name: str, partitions: Partitioning) -> Iterator[Found]:
    product, lines = as_product(partitions), dict[str, list[tuple[int, int, int]]]()
    ranges = select(
        partition_ranges.c.line, partition_ranges.c.start, partition_ranges.c.end, partition_ranges.c["keys"]
    ).where(partition_ranges.c.dataset_id == dataset_id)
    for line, start, end, keys in tx.execute(ranges.order_by(partition_ranges.c.line, partition_ranges.c.start)):
        lines.setdefault(line, []).append((start, end, keys))
    held = Counter[tuple[str, int]]()
    for key, made_for in heads_made(tx, dataset_id):
        if made_for is not None:
            continue
        try:
            line, start, end = product.place(key)
        except UsageError:
            yield Found(f"dataset {name} {key}", f"made, and no partition of {partitions.label}", "a key of it")
            continue
        at = _range_of(lines.get(line, ()), start)
        if at is None or at[1] < end:
            yield Found(
                f"dataset {name} {key}",
                f"made, and in no range of line {line!r}",
                f"a range that holds {start} to {end}: readers take it for missing",
            )
        else:
            held[line, at[0]] += 1
    for line, some in lines.items():
        for start, end, keys in some:
            if held[line, start] != keys:
                yield Found(
                    f"the range of dataset {name} on line {line!r} from {start} to {end}",
                    f"it counts {keys} partitions",
                    f"{held[line, start]}, as have a head in it",
                )


def _range_of(ranges: list[tuple[int, int, int]] | tuple[()], start: int) -> tuple[int, int, int] | None:
    """The last range that begins there or before, by halving."""
    low, high = 0, len(ranges)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if ranges[middle][0] <= start else (low, middle)
    return ranges[low - 1] if low else None


def _asleep(project: Project, tx: Transaction, now: datetime) -> Iterator[Found]:
    keyed = [
        one for one in project.catalogue.assets.values() if one.partitions is not None and one.condition is not None
    ]
    known = known_at(project, tx, now) if keyed else Known()
    paused = pauses.current(tx, [project.ids.assets[one.name] for one in keyed]) if keyed else {}
    for asset in keyed:
        number, partitions = project.ids.assets[asset.name], asset.partitions
        assert partitions is not None, asset.name
        if number in paused or any(one.function for one in project.reading.every_relation(asset).values()):
            continue
        entries = _entries(tx, number)
        concerned = dict.fromkeys(_concerned(project, tx, asset, known, now))
        keys = [key for key in concerned if not _is_awake(partitions, key, entries)]
        for first in range(0, len(keys), PORTION):
            asked = AskedPartitions(keys={asset.name: keys[first : first + PORTION]})
            decided = plan(project.graph, load(project, tx, [asset.name], now=now, partitions=asked).state, now)
            for one in (*decided.runs, *decided.confirmations):
                if one.asset == asset.name and one.partition:
                    yield Found(
                        f"asset {asset.name} {one.partition}",
                        "asleep: it is not on the agenda of partitions",
                        f"that a planner looks at it now: {what_comes(decided, asset.name)}",
                    )


def _entries(tx: Transaction, asset_id: int) -> list[Entry]:
    """What of an asset is to be looked at sooner or later without anything that wakes it."""
    columns = partition_agenda.c.line, partition_agenda.c.start, partition_agenda.c.end, partition_agenda.c.at
    rows = select(*columns).where(partition_agenda.c.asset_id == asset_id, partition_agenda.c.at.is_not(None))
    return [Entry(*row) for row in tx.execute(rows)]


def _concerned(project: Project, tx: Transaction, asset: Asset, known: Known, now: datetime) -> Iterator[str]:
    """The keys that the newest events concern; those that cannot be started yet are left out. None where the asset has
    not heard of all: it is to be looked at for that, and what it then hears of may concern any."""
    number, partitions, relations = project.ids.assets[asset.name], asset.partitions, project.reading.relations(asset)
    assert partitions is not None, asset.name
    awaits, left = awaited(relations.values()), _KEYS
    uris = {project.ids.datasets[uri]: uri for uri in relations if uri in project.ids.datasets}
    found = news_of(tx, number, list(uris))
    if any(news.heard is None or news.heard < news.newest for news in found.values()):
        return
    for dataset_id, news in found.items():
        if news.completing is None:
            continue
        above = max(news.completing, news.newest - _EVENTS)
        told = keys_told(tx, number, dataset_id, above=above, limit=_EVENTS)
        for place in dict.fromkeys(places_of(relations[uris[dataset_id]], told, known)):
            for key in keys_within(partitions, place, known).walk(0):
                opens = opens_at(partitions, key, awaits)
                if left == 0 or (opens is not None and opens > now):
                    break
                left -= 1
                yield key


def _is_awake(partitions: Partitioning, key: str, entries: list[Entry]) -> bool:
    line, start, end = partitions.place(key)
    return any(
        (
            one.line == key
            if one.start == one.end
            else one.line in (line, ANY_LINE) and one.start < end and start < one.end
        )
        for one in entries
    )
