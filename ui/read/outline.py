"""The graph of a project in outline: of each asset what a map of many of them needs, and which it reads.

Made for projects of 10,000 assets: definitions are read as they lie in the store, without being made into objects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...storage.meta import pauses
from ...storage.meta.database.engine import Store
from ...storage.meta.past import history

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
    """All that is declared now: assets by name, and of the datasets that others write the URI by name."""

    assets: Mapping[str, Spot]
    foreign: Mapping[str, str]

    def readers(self) -> dict[str, tuple[str, ...]]:
        """What reads each asset or dataset, by name, sorted."""
        found: dict[str, list[str]] = {}
        for spot in self.assets.values():
            for one in spot.reads:
                found.setdefault(one, []).append(spot.name)
        return {name: tuple(sorted(readers)) for name, readers in found.items()}


def outline(store: Store) -> Outline:
    """All that is declared now."""
    with store.read() as tx:
        declared = history.declared_assets(tx, store.project)
        datasets = history.known_datasets(tx, store.project)
        numbers = [one.id for one in declared]
        states = history.last_states(tx, store.project)
        paused = pauses.current(tx, numbers)
    producers = {uri: one.name for one in declared for uri in one.definition["outputs"]}
    names = {one.uri: one.name for one in reversed(datasets)}
    foreign: dict[str, str] = {}
    spots: dict[str, Spot] = {}
    for one in declared:
        reads: set[str] = set()
        for uri in _uris(one.definition):
            name = producers.get(uri) or names.get(uri, uri)
            reads.add(name)
            if uri not in producers:
                foreign[name] = uri
        spots[one.name] = _spot(one, reads - {one.name}, PAUSED if one.id in paused else states.get(one.id, NEVER_MADE))
    return Outline(assets=spots, foreign=foreign)


def _spot(one: history.Declared, reads: Collection[str], state: str) -> Spot:
    policies = one.definition["policies"]
    return Spot(
        name=one.name,
        group=policies["group"] or "",
        tags=tuple(policies["tags"]),
        owners=tuple(policies["owners"]),
        description=one.definition["description"],
        reads=tuple(sorted(reads)),
        state=state,
        updated_at=one.succeeded_at,
    )


def _uris(definition: Mapping[str, Any]) -> set[str]:
    """What an asset reads and what its condition waits for."""
    found = {one["uri"] for one in definition["inputs"]}
    todo: list[Any] = [definition["condition"]]
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            if isinstance(uri := part.get("dataset"), str):
                found.add(uri)
            todo += part.values()
        elif isinstance(part, list):
            todo += part
    return found
