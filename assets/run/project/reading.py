"""A catalogue as it is read to plan and to make: what its assets read, by which mappings, and as which keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ...declare.catalogue import Asset, Catalogue, Input
from ...declare.conditions.leaves import dataset_leaves
from ...declare.partitions.appearing import dynamic_dimensions
from ...declare.partitions.mapping.mappings import Function
from ...declare.partitions.mapping.relation import Relation, relation
from ...declare.partitions.partition import Partitioning
from ...plan.graph import Graph
from .asking import Asked, asked
from .registering import Plain, definition_digest


class Reading:
    """What follows from a catalogue alone, worked out when it is asked for and kept for as long as the definitions are:
    opening a project again costs nothing of it."""

    def __init__(self, catalogue: Catalogue, mappings: Mapping[str, Function] | None = None) -> None:
        self.catalogue = catalogue
        self._mappings = mappings or {}
        self._asked: dict[str, Asked] = {}
        self._relations: dict[tuple[str, str], Relation] = {}
        self._waits: dict[str, Mapping[str, Relation]] = {}
        self._definitions: dict[str, str] = {}

    @cached_property
    def graph(self) -> Graph:
        """Who writes, reads and waits for what."""
        return Graph.of(self.catalogue)

    @cached_property
    def plain(self) -> Plain:
        """The catalogue as plain data, and what tells it from another one."""
        return Plain.of(self.catalogue)

    @cached_property
    def divided(self) -> frozenset[str]:
        """The assets that have partitions or read a dataset that has some."""
        datasets = self.catalogue.datasets
        return frozenset(
            asset.name
            for asset in self.catalogue.assets.values()
            if asset.partitions is not None or any(datasets[one.uri].partitions is not None for one in asset.inputs)
        )

    @cached_property
    def dynamic(self) -> Mapping[str, Partitioning]:
        """How the datasets are divided of which some keys are dynamic, by URI."""
        divided = ((uri, one.partitions) for uri, one in self.catalogue.datasets.items())
        return {uri: one for uri, one in divided if one is not None and dynamic_dimensions(one)}

    def relation(self, asset: Asset, one: Input) -> Relation:
        """What the keys of an input are for the asset."""
        found = self._relations.get((asset.name, one.parameter))
        if found is None:
            upstream = self.catalogue.datasets[one.uri].partitions
            found = relation(upstream, asset.partitions, one.mapping, functions=self._mappings)
            self._relations[asset.name, one.parameter] = found
        return found

    def relations(self, asset: Asset) -> Mapping[str, Relation]:
        """Dataset URI → what its keys are for the asset, of the datasets that its condition names: as the asset reads
        it, or else, where it does not or in several ways, as its condition says."""
        found = self._waits.get(asset.name)
        if found is None:
            inputs = {one.uri: one for one in asset.inputs}
            several = {one.uri for one in asset.inputs if one.mapping != inputs[one.uri].mapping}
            named = {leaf.uri: leaf for leaf in dataset_leaves(asset.condition) if not leaf.match}
            found = self._waits[asset.name] = {
                uri: self.relation(asset, inputs[uri])
                if uri in inputs and uri not in several
                else relation(
                    self.catalogue.datasets[uri].partitions,
                    asset.partitions,
                    leaf.mapping,
                    functions=self._mappings,
                )
                for uri, leaf in named.items()
            }
        return found

    def further(self, asset: Asset) -> Mapping[str, Relation]:
        """Dataset URI → what its keys are for the asset, of the datasets that it reads and does not wait for."""
        waits = self.relations(asset)
        return {one.uri: self.relation(asset, one) for one in asset.inputs if one.uri not in waits}

    def every_relation(self, asset: Asset) -> Mapping[str, Relation]:
        """The same of all that it waits for or reads."""
        return {**self.further(asset), **self.relations(asset)}

    def ways(self, asset: Asset) -> Mapping[str, tuple[Relation, ...]]:
        """Dataset URI → each way in which the asset waits for it or reads it: the keys of all of them may lack it."""
        found = {uri: [one] for uri, one in self.every_relation(asset).items()}
        for one in asset.inputs:
            found[one.uri].append(self.relation(asset, one))
        return {
            uri: tuple(each for at, each in enumerate(some) if each not in some[:at]) for uri, some in found.items()
        }

    def parameters(self, asset: Asset) -> Mapping[str, str]:
        """Dataset URI → a parameter that reads it as the asset waits for it, where one does."""
        waits = self.relations(asset)
        return {one.uri: one.parameter for one in asset.inputs if waits.get(one.uri) == self.relation(asset, one)}

    def definition(self, name: str) -> str:
        """The digest of the definition of an asset, as it is registered."""
        found = self._definitions.get(name)
        if found is None:
            found = self._definitions[name] = definition_digest(self.catalogue.assets[name], self.plain)
        return found

    def asked(self, name: str) -> Asked:
        """What the condition of an asset asks of the store."""
        found = self._asked.get(name)
        if found is None:
            found = self._asked[name] = asked(self.catalogue.assets[name])
        return found
