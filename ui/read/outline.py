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
from ...storage.meta.past import declared

PAUSED, NEVER_MADE = "paused", "never made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """An asset on the map.

    Attributes
    ----------
    reads: the assets, and the datasets that no asset writes, which it reads or waits for; by name, sorted.
    state: `paused`, the state of its newest run, or `never made`.
    updated_at: when a run of it last succeeded.
    """

    name: str
    group: str
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    description: str
    reads: tuple[str, ...]
    state: str
    updated_at: datetime | None


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


def outline(store: Store, before: Outline | None = None) -> Outline:
    """All that is declared now. With an outline from `before`, definitions are read only if there are others."""
    with store.read() as tx:
        stamp = declared.declaration_stamp(tx, store.project)
        names = declared.declared_names(tx, store.project)
        states = declared.last_states(tx, store.project)
        paused = pauses.current(tx, list(names))
        if before is None or before.stamp != stamp:
            before = _declared(tx, store.project, stamp)
    spots = dict(before.assets)
    for number, (name, updated_at) in names.items():
        state = PAUSED if number in paused else states.get(number, NEVER_MADE)
        spot = spots.get(name)
        if spot is not None and (spot.state, spot.updated_at) != (state, updated_at):
            spots[name] = replace(spot, state=state, updated_at=updated_at)
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
