"""The graph of a project in outline: of each asset what a map of many of them needs, and which it reads.

Made for projects of 10,000 assets: definitions are read as they lie in the store, without being made into objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...storage.meta import pauses
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.partitions.states import broken
from ...storage.meta.past import declared
from ...storage.types import RunState
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
    divided: Mapping[str, Any] | None = None
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


def standing(last: RunState | None, *, made: bool, broken: bool) -> str:
    """How an asset stands: the state of its newest run, unless partitions of it failed, whichever run that was of.

    A run that was skipped found nothing to do: what was made before is up to date.

    >>> standing(RunState.SKIPPED, made=True, broken=False), standing(RunState.SUCCESS, made=True, broken=True)
    ('up to date', 'failed')
    """
    if broken:
        return RunState.FAILED.value
    if last is None:
        return NEVER_MADE
    return UP_TO_DATE if made and last is RunState.SKIPPED else last.value


def outline(store: Store, before: Outline | None = None) -> Outline:
    """All that is declared now. With an outline from `before`, definitions are read only if there are others."""
    with store.read() as tx:
        stamp = declared.declaration_stamp(tx, store.project)
        names = declared.declared_names(tx, store.project)
        states = declared.last_states(tx, store.project)
        paused = pauses.current(tx, list(names))
        if before is None or before.stamp != stamp:
            before = _declared(tx, store.project, stamp)
        failed = {one for one in broken(tx, store.project) if is_broken(tx, one, before.assets[names[one][0]].divided)}
    spots = dict(before.assets)
    for number, (name, updated_at) in names.items():
        stands = standing(states.get(number), made=updated_at is not None, broken=number in failed)
        now = (PAUSED if number in paused else stands, updated_at, number in failed)
        spot = spots.get(name)
        if spot is not None and (spot.state, spot.updated_at, spot.broken) != now:
            spots[name] = replace(spot, state=now[0], updated_at=now[1], broken=now[2])
    return replace(before, assets=spots)


def _declared(tx: Transaction, project: str, stamp: tuple[int | None, ...]) -> Outline:
    spots: dict[str, Spot] = {}
    uris: dict[str, set[str]] = {}
    producers: dict[str, str] = {}
    for asset, definition in declared.definitions_now(tx, project):
        spots[asset], uris[asset] = _spot(asset, definition), _uris(definition)
        producers.update(dict.fromkeys(definition["outputs"], asset))
    names = declared.dataset_names(tx, project)
    foreign: dict[str, str] = {}
    readers: dict[str, list[str]] = {}
    for asset, those in uris.items():
        reads: set[str] = set()
        for uri in those:
            name = producers.get(uri) or names.get(uri, uri)
            reads.add(name)
            if uri not in producers:
                foreign[name] = uri
        reads.discard(asset)
        spots[asset] = replace(spots[asset], reads=tuple(sorted(reads)))
        for name in reads:
            readers.setdefault(name, []).append(asset)
    by_name = {name: tuple(sorted(those)) for name, those in readers.items()}
    return Outline(assets=spots, foreign=foreign, readers=by_name, stamp=stamp)


def _spot(asset: str, definition: Mapping[str, Any]) -> Spot:
    policies = definition["policies"]
    return Spot(
        name=asset,
        group=policies["group"] or "",
        tags=tuple(policies["tags"]),
        owners=tuple(policies["owners"]),
        description=definition["description"],
        reads=(),
        state=NEVER_MADE,
        updated_at=None,
        divided=definition.get("partitions"),
    )


def _uris(definition: Mapping[str, Any]) -> set[str]:
    """What an asset reads and what its condition waits for."""
    found = {one["uri"] for one in definition["inputs"]}
    todo: list[Any] = [definition["condition"]]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            node: dict[str, Any] = part  # pyright: ignore[reportUnknownVariableType]  JSON
            if isinstance(uri := node.get("dataset"), str):
                found.add(uri)
            todo += node.values()
        elif isinstance(part, list):
            todo += part
    return found
