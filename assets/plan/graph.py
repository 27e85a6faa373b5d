"""The graph of a catalogue: who writes, reads and waits for what. Built once; every question is a lookup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from ..declare.catalogue import Catalogue
from ..declare.conditions import dataset_leaves
from ..declare.timetables import Timetable, timetables


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A checked catalogue with its edges.

    Attributes
    ----------
    producer: dataset URI → name of the asset that writes it; datasets that others write are not in it.
    waiting: dataset URI → names of the assets whose condition names it.
    reading: dataset URI → names of the assets that take it as an input.
    leaves: asset name → URIs of the datasets in its condition, each once.
    timetables: asset name → timetables in its condition, each once; an asset without one is not in it.
    upstream, downstream: asset name → names one step away, by inputs and by conditions.
    depth: asset name → length of the longest path to it; what is deeper never feeds what is less deep.
    """

    catalogue: Catalogue
    producer: Mapping[str, str]
    waiting: Mapping[str, tuple[str, ...]]
    reading: Mapping[str, tuple[str, ...]]
    leaves: Mapping[str, tuple[str, ...]]
    timetables: Mapping[str, tuple[Timetable, ...]]
    upstream: Mapping[str, tuple[str, ...]]
    downstream: Mapping[str, tuple[str, ...]]
    depth: Mapping[str, int]

    @classmethod
    def of(cls, catalogue: Catalogue) -> Graph:
        """The graph of a catalogue; its cost is that of the edges."""
        assets = catalogue.assets.values()
        producer = {uri: asset.name for asset in assets for uri in asset.outputs}
        leaves = {
            asset.name: tuple(dict.fromkeys(leaf.uri for leaf in dataset_leaves(asset.condition))) for asset in assets
        }
        waiting: dict[str, list[str]] = {}
        reading: dict[str, list[str]] = {}
        upstream: dict[str, tuple[str, ...]] = {}
        downstream: dict[str, list[str]] = {name: [] for name in catalogue.assets}
        for asset in assets:
            for uri in leaves[asset.name]:
                waiting.setdefault(uri, []).append(asset.name)
            for one in asset.inputs:
                reading.setdefault(one.uri, []).append(asset.name)
            used = (*leaves[asset.name], *(one.uri for one in asset.inputs))
            upstream[asset.name] = tuple(dict.fromkeys(producer[uri] for uri in used if uri in producer))
            for need in upstream[asset.name]:
                downstream[need].append(asset.name)
        depth: dict[str, int] = {}
        for name in TopologicalSorter(upstream).static_order():
            depth[name] = 1 + max((depth[need] for need in upstream[name]), default=-1)
        return cls(
            catalogue=catalogue,
            producer=producer,
            waiting={uri: tuple(names) for uri, names in waiting.items()},
            reading={uri: tuple(names) for uri, names in reading.items()},
            leaves=leaves,
            timetables={asset.name: found for asset in assets if (found := timetables(asset.condition))},
            upstream=upstream,
            downstream={name: tuple(names) for name, names in downstream.items()},
            depth=depth,
        )

    def dataset_name(self, uri: str) -> str:
        """The handle of a dataset."""
        return self.catalogue.datasets[uri].name

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
        for name in self.in_order(self.reach(names, self.upstream)):
            used = (*self.leaves[name], *(one.uri for one in self.catalogue.assets[name].inputs))
            found.update(dict.fromkeys(uri for uri in used if uri not in self.producer))
        return list(found)
