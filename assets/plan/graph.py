"""The graph of a catalogue: who writes, reads and waits for what. Built once; every question is a lookup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...storage.manifest import Column
from ...storage.types import Catchup
from ...storage.uri import matches
from ..declare.catalogue import Asset, Catalogue, Input
from ..declare.conditions.leaves import DatasetLeaf, Fresh, Stale
from ..declare.conditions.tree import leaves
from ..declare.policies import Each
from ..declare.ticks.timetables import Cron, Every, Timetable


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A checked catalogue with its edges.

    Attributes
    ----------
    producer: dataset URI → name of the asset that writes it; datasets that others write are not in it.
    waiting: dataset URI → names of the assets whose condition names it, or has a pattern that it matches.
    reading: dataset URI → names of the assets that take it as an input.
    leaves: asset name → URIs of the datasets in its condition, each once; of a pattern, the declared ones that match.
    timetables: asset name → timetables in its condition, each once; an asset without one is not in it.
    aging: dataset URI → names of the assets whose condition asks how old it is.
    staling: names of the assets whose condition asks how long ago they were made.
    observing: asset name → URIs of what others write in its condition and inputs; an asset without one is not in it.
    upstream, downstream: asset name → names one step away, by inputs and by conditions.
    depth: asset name → length of the longest path to it; what is deeper never feeds what is less deep.
    """

    catalogue: Catalogue
    producer: Mapping[str, str]
    waiting: Mapping[str, tuple[str, ...]]
    reading: Mapping[str, tuple[str, ...]]
    leaves: Mapping[str, tuple[str, ...]]
    timetables: Mapping[str, tuple[Timetable, ...]]
    aging: Mapping[str, tuple[str, ...]]
    staling: frozenset[str]
    observing: Mapping[str, tuple[str, ...]]
    upstream: Mapping[str, tuple[str, ...]]
    downstream: Mapping[str, tuple[str, ...]]
    depth: Mapping[str, int]

    @classmethod
    def of(cls, catalogue: Catalogue) -> Graph:
        """The graph of a catalogue; its cost is that of the edges."""
        assets = catalogue.assets.values()
        producer = {uri: asset.name for asset in assets for uri in asset.outputs}
        named: dict[str, tuple[str, ...]] = {}
        times: dict[str, tuple[Timetable, ...]] = {}
        waiting: dict[str, list[str]] = {}
        reading: dict[str, list[str]] = {}
        aging: dict[str, list[str]] = {}
        staling: list[str] = []
        observing: dict[str, tuple[str, ...]] = {}
        upstream: dict[str, tuple[str, ...]] = {}
        downstream: dict[str, list[str]] = {name: [] for name in catalogue.assets}
        for asset in assets:
            found = _leaves(asset, catalogue)
            named[asset.name] = tuple(found.uris)
            if found.times:
                times[asset.name] = tuple(found.times.values())
            if found.stale:
                staling.append(asset.name)
            for uri in found.ages:
                aging.setdefault(uri, []).append(asset.name)
            for uri in found.uris:
                waiting.setdefault(uri, []).append(asset.name)
            for one in asset.inputs:
                reading.setdefault(one.uri, []).append(asset.name)
            used = {*found.uris, *found.ages, *(one.uri for one in asset.inputs)}
            others = tuple(uri for uri in (*found.uris, *(one.uri for one in asset.inputs)) if uri not in producer)
            if others:
                observing[asset.name] = others
            upstream[asset.name] = tuple(sorted({producer[uri] for uri in used if uri in producer}))
            for need in upstream[asset.name]:
                downstream[need].append(asset.name)
        return cls(
            catalogue=catalogue,
            producer=producer,
            waiting={uri: tuple(names) for uri, names in waiting.items()},
            reading={uri: tuple(names) for uri, names in reading.items()},
            leaves=named,
            timetables=times,
            aging={uri: tuple(names) for uri, names in aging.items()},
            staling=frozenset(staling),
            observing=observing,
            upstream=upstream,
            downstream={name: tuple(names) for name, names in downstream.items()},
            depth=_depth(upstream, downstream),
        )

    def expected(self, one: Input) -> tuple[Column, ...]:
        """The columns that what is read must have: those of a dataset that others write, and those that its producer
        expects, which win. Of a dataset of ours its own columns are held when it is made."""
        theirs = () if one.uri in self.producer else self.catalogue.datasets[one.uri].columns or ()
        return tuple({column.name: column for column in (*theirs, *(one.expects or ()))}.values())

    def dataset_name(self, uri: str) -> str:
        """The handle of a dataset; of one that nobody declares, which a pattern has found, its URI."""
        dataset = self.catalogue.datasets.get(uri)
        return uri if dataset is None else dataset.name

    def goes_on(self, name: str) -> bool:
        """Whether one decision about an asset may leave the next to be made at once: it takes event by event, or makes
        up for several ticks, each with a run."""
        several = any(one.catchup not in (Catchup.LATEST, Catchup.NONE) for one in self.timetables.get(name, ()))
        return several or isinstance(self.catalogue.assets[name].policies.consume, Each)

    def reach(self, names: Iterable[str], edges: Mapping[str, tuple[str, ...]], steps: int | None = None) -> set[str]:
        """The names and everything within so many steps along `edges` (`upstream` or `downstream`)."""
        found = set(names)
        frontier = set(found)
        while frontier and steps != 0:
            frontier = {near for name in frontier for near in edges[name]} - found
            found |= frontier
            steps = None if steps is None else steps - 1
        return found

    def in_order(self, names: Iterable[str]) -> list[str]:
        """The names from the least deep to the deepest; among equals, by name."""
        return sorted(names, key=lambda name: (self.depth[name], name))

    def observed_above(self, names: Iterable[str]) -> list[str]:
        """URIs of the datasets that others write and that these assets, or what is upstream of them, use."""
        found: dict[str, None] = {}
        for name in self.in_order(self.reach(names, self.upstream) & self.observing.keys()):
            found.update(dict.fromkeys(self.observing[name]))
        return list(found)


def _leaves(asset: Asset, catalogue: Catalogue) -> _Leaves:
    """What a condition is about: one walk through it."""
    found = _Leaves()
    for leaf in leaves(asset.condition):
        if isinstance(leaf, DatasetLeaf) and leaf.match:
            known = (uri for uri in catalogue.datasets if uri not in asset.outputs and matches(leaf.uri, uri))
            found.uris |= dict.fromkeys(known)
        elif isinstance(leaf, DatasetLeaf):
            found.uris[leaf.uri] = None
        elif isinstance(leaf, Cron | Every):
            found.times[leaf.label] = leaf
        elif isinstance(leaf, Fresh):
            found.ages[leaf.uri] = None
        else:
            found.stale = found.stale or isinstance(leaf, Stale)
    return found


@dataclass(slots=True)
class _Leaves:
    """What a condition waits for, its timetables, what it asks the age of, each once; and if it asks for staleness."""

    uris: dict[str, None] = field(default_factory=dict[str, None])
    times: dict[str, Timetable] = field(default_factory=dict[str, Timetable])
    ages: dict[str, None] = field(default_factory=dict[str, None])
    stale: bool = False


def _depth(upstream: Mapping[str, tuple[str, ...]], downstream: Mapping[str, list[str]]) -> dict[str, int]:
    """The length of the longest path to each; there is no cycle."""
    missing = {name: len(needs) for name, needs in upstream.items()}
    ready = [name for name, count in missing.items() if count == 0]
    depth = dict.fromkeys(ready, 0)
    for name in ready:
        below = depth[name] + 1
        for near in downstream[name]:
            if depth.get(near, 0) < below:
                depth[near] = below
            missing[near] -= 1
            if missing[near] == 0:
                ready.append(near)
    return depth
