"""The graph of a project in outline: of each asset what a map of many of them needs, and which it reads.

Made for projects of 10,000 assets: definitions are read as they lie in the store, without being made into objects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ...lineage.graph.recipes import waits_of
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.partitions.states import broken
from ...storage.meta.past import declared
from ...storage.meta.past.declared import Sketch, Stood
from ...storage.types import Json, RunState
from .broken import is_broken

PAUSED, NEVER_MADE, UP_TO_DATE = "paused", "never made", "up to date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """An asset on the map.

    Attributes
    ----------
    reads: the assets, and the datasets that no asset writes, which it reads or waits for; by name, sorted.
    state: `paused`, or how it stands, see `standing`.
    updated_at: when a run of it last succeeded.
    divided: how, as its definition has it; None without partitions.
    broken: it has partitions of which the last run failed.
    """

    name: str
    group: str
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    description: str
    reads: tuple[str, ...]
    state: str
    updated_at: datetime | None
    divided: Mapping[str, Json] | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """All that is declared now.

    Attributes
    ----------
    assets: by name.
    foreign: of the datasets that others write, name → URI.
    readers: what reads each asset or dataset, by name, sorted.
    stamp: another for other definitions.
    """

    assets: Mapping[str, Spot]
    foreign: Mapping[str, str]
    readers: Mapping[str, tuple[str, ...]]
    stamp: tuple[int | None, ...]


def standing(last: str | None, *, made: bool, broken: bool) -> str:
    """How an asset stands: the state of its newest run, unless partitions of it failed, whichever run that was of.

    A run that was skipped found nothing to do: what was made before is up to date.

    >>> standing(RunState.SKIPPED, made=True, broken=False), standing(RunState.SUCCESS, made=True, broken=True)
    ('up to date', 'failed')
    """
    if broken:
        return RunState.FAILED.value
    if last is None:
        return NEVER_MADE
    return UP_TO_DATE if made and last == RunState.SKIPPED else str(last)


def outline(store: Store, before: Outline | None = None) -> Outline:
    """All that is declared now. With an outline from `before`, definitions are read only if there are others."""
    with store.read() as tx:
        stamp = declared.declaration_stamp(tx, store.project)
        now = declared.stand_now(tx, store.project)
        paused = declared.paused_at(tx, store.project)
        if before is None or before.stamp != stamp:
            before = _drawn(tx, store.project, stamp, declared.sketches(tx, store.project))
        numbers = {number: name for number, name, *_ in now}
        suspects = [(one, before.assets.get(numbers[one])) for one in broken(tx, store.project) if one in numbers]
        failed = {one for one, spot in suspects if spot is not None and is_broken(tx, one, spot.divided)}
    spots = dict(before.assets)
    for number, name, updated_at, last in now:
        is_failed = number in failed
        state = PAUSED if number in paused else standing(last, made=updated_at is not None, broken=is_failed)
        spot = spots.get(name)
        if spot is not None and (spot.state != state or spot.updated_at != updated_at or spot.broken != is_failed):
            spots[name] = replace(spot, state=state, updated_at=updated_at, broken=is_failed)
    return replace(before, assets=spots)


def outline_at(store: Store, at: datetime) -> Outline:
    """All that was declared at a time, as the newest run of each stood then; which partitions had failed is not
    asked."""
    with store.read() as tx:
        found = declared.sketches(tx, store.project, at)
        known = _drawn(tx, store.project, (), found)
        stood, paused = declared.stood_at(tx, store.project, at), declared.paused_at(tx, store.project, at)
    spots: dict[str, Spot] = {}
    for one in found:
        then = stood.get(one.asset_id, Stood(state=None, succeeded_at=None))
        stands = standing(then.state, made=then.succeeded_at is not None, broken=False)
        state = PAUSED if one.asset_id in paused else stands
        spots[one.name] = replace(known.assets[one.name], state=state, updated_at=then.succeeded_at)
    return replace(known, assets=spots)


def _drawn(tx: Transaction, project: str, stamp: tuple[int | None, ...], found: Sequence[Sketch]) -> Outline:
    producers = {uri: one.name for one in found for uri in one.outputs}
    names = declared.dataset_names(tx, project)
    foreign: dict[str, str] = {}
    spots: dict[str, Spot] = {}
    readers: dict[str, list[str]] = {}
    for one in found:
        reads: set[str] = set()
        waits = waits_of(one.condition)
        for uri in {*one.inputs, *waits.uris, *waits.patterns}:
            name = producers.get(uri) or names.get(uri, uri)
            reads.add(name)
            if uri not in producers:
                foreign[name] = uri
        reads.discard(one.name)
        spots[one.name] = _spot(one, reads)
        for name in reads:
            readers.setdefault(name, []).append(one.name)
    by_name = {name: tuple(sorted(those)) for name, those in readers.items()}
    return Outline(assets=spots, foreign=foreign, readers=by_name, stamp=stamp)


def _spot(one: Sketch, reads: Collection[str]) -> Spot:
    return Spot(
        name=one.name,
        group=one.group,
        tags=one.tags,
        owners=one.owners,
        description=one.description,
        reads=tuple(sorted(reads)),
        state=NEVER_MADE,
        updated_at=None,
        divided=one.partitions,
    )
