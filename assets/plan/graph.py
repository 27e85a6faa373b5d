"""The graph of a catalogue: who writes, reads and waits for what. Built once; every question is a lookup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

from ..declare.catalogue import Asset, Catalogue
from ..declare.conditions import dataset_leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A checked catalogue with its edges.

    Attributes
    ----------
    producer: dataset URI → name of the asset that writes it; datasets that others write are not in it.
    waiting: dataset URI → names of the assets whose condition names it.
    upstream, downstream: asset name → names one step away, by inputs and by conditions.
    depth: asset name → length of the longest path to it; what is deeper never feeds what is less deep.
    """

    catalogue: Catalogue
    producer: Mapping[str, str]
    waiting: Mapping[str, tuple[str, ...]]
    upstream: Mapping[str, tuple[str, ...]]
    downstream: Mapping[str, tuple[str, ...]]
    depth: Mapping[str, int]

    @classmethod
    def of(cls, catalogue: Catalogue) -> Graph:
        """The graph of a catalogue; its cost is that of the edges."""
        producer = {uri: asset.name for asset in catalogue.assets.values() for uri in asset.outputs}
        waiting: dict[str, list[str]] = {}
        upstream: dict[str, tuple[str, ...]] = {}
        downstream: dict[str, list[str]] = {name: [] for name in catalogue.assets}
        for asset in catalogue.assets.values():
            leaves = dict.fromkeys(leaf.uri for leaf in dataset_leaves(asset.condition))
            for uri in leaves:
                waiting.setdefault(uri, []).append(asset.name)
            needs = dict.fromkeys(producer[uri] for uri in (*leaves, *_inputs(asset)) if uri in producer)
            upstream[asset.name] = tuple(needs)
            for need in needs:
                downstream[need].append(asset.name)
        depth: dict[str, int] = {}
        for name in TopologicalSorter(upstream).static_order():
            depth[name] = 1 + max((depth[need] for need in upstream[name]), default=-1)
        return cls(
            catalogue=catalogue,
            producer=producer,
            waiting={uri: tuple(names) for uri, names in waiting.items()},
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
            asset = self.catalogue.assets[name]
            leaves = (leaf.uri for leaf in dataset_leaves(asset.condition))
            found.update(dict.fromkeys(uri for uri in (*leaves, *_inputs(asset)) if uri not in self.producer))
        return list(found)


def _inputs(asset: Asset) -> tuple[str, ...]:
    return tuple(one.uri for one in asset.inputs)
