"""What can be wrong with the partitions of a catalogue: each rule yields the faults that it finds. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from .....storage.errors import DefinitionError
from ....code.annotations import Signature
from ...asset import AssetFunction
from ...catalogue import Asset, Catalogue
from ...conditions.leaves import DatasetLeaf, dataset_leaves
from ...dataset import Dataset
from ...faults import Fault
from ..paths import placeholders, shares_place
from .dimensions import Rule
from .mappings import KeyMapping, RollUp
from .relation import Relation, relation


def in_one_place(datasets: Iterable[Dataset]) -> Iterator[Fault]:
    """A partition of one dataset lies where another dataset, or a partition of it, lies, or in the folder of it."""
    known = {one.uri: one for one in datasets}
    uris = sorted(known)
    for outer in known.values():
        if not placeholders(outer.uri) or outer.partitions is None:
            continue
        above = outer.uri.partition("{")[0].rpartition("/")[0]
        for uri in uris[bisect_left(uris, above) :]:
            if not uri.startswith(above):
                break
            inner = known[uri]
            if inner is not outer and _shared(inner, outer):
                folder = "in the folder of a partition" if outer.uri.endswith("/") else "where a partition lies"
                yield Fault(
                    kind="nested_dataset",
                    message=f"dataset {inner.uri} may lie {folder} of dataset {outer.uri} ({outer.location})",
                    hint="Move one of them, so that no key leads to the other's place.",
                    where=inner.location,
                )


def _shared(inner: Dataset, outer: Dataset) -> bool:
    if (
        inner.partitions is not None
        and inner.uri > outer.uri
        and shares_place(outer.uri, outer.partitions, inner.uri, inner.partitions)
    ):
        return len(outer.uri.split("/")) != len(inner.uri.split("/"))  # else told from the other side
    return shares_place(inner.uri, inner.partitions, outer.uri, outer.partitions)


def misused(one: AssetFunction, form: Signature) -> Iterator[Fault]:
    """A producer asks for a partition, and its asset has none."""
    if form.partition is not None and one.partitions is None:
        yield Fault(
            kind="no_partitions",
            message=f"asset {one.name}: parameter {form.partition!r} takes the partition, and it has no partitions",
            hint='Say how it is divided, e.g. partitions=Daily(start="2026-01-01"); or take the parameter out.',
            where=one.location,
        )


def unrelated(catalogue: Catalogue, declared: Mapping[str, AssetFunction]) -> Iterator[Fault]:
    """What a key of a dataset means for an asset is said in several ways, in none that can be, or is not clear."""
    for asset in catalogue.assets.values():
        yield from _contradicting(asset)
        yield from _taken_for_another(asset, declared[asset.name], catalogue)
        yield from _keyed_in_vain(asset, catalogue)
        done: set[tuple[str, KeyMapping | None]] = set()
        for uri, mapping in (*_read(asset), *_waited_for(asset)):
            dataset = catalogue.datasets.get(uri)
            if dataset is None or (uri, mapping) in done:
                continue
            done.add((uri, mapping))
            try:
                relation(dataset.partitions, asset.partitions, mapping)
            except DefinitionError as error:
                yield Fault(
                    kind="mapping",
                    message=f"asset {asset.name}: of {uri} {error.message}",
                    hint=error.hint,
                    where=asset.location,
                )


def _contradicting(asset: Asset) -> Iterator[Fault]:
    """One dataset has one mapping in a condition, and an input of it the same where it says one."""
    waited = {uri: mapping for uri, mapping in reversed([*_waited_for(asset)]) if mapping is not None}
    for uri, mapping in dict.fromkeys([*_waited_for(asset), *_read(asset)]):  # each once
        first = waited.get(uri)
        if first is not None and mapping is not None and mapping != first:
            yield Fault(
                kind="mapping",
                message=f"asset {asset.name}: what keys of {uri} mean is said twice, {first.label} and {mapping.label}",
                hint="Say one of them, at the condition or at the input.",
                where=asset.location,
            )


def _taken_for_another(asset: Asset, one: AssetFunction, catalogue: Catalogue) -> Iterator[Fault]:
    """What is plain takes the mapping that is said elsewhere, unless it means other keys by itself: then nobody could
    tell which of the two is meant."""
    bound, written = dataset_leaves(asset.condition), dataset_leaves(one.on)  # one tree: leaf by leaf
    plain = {leaf.uri: leaf.mapping for leaf, said in zip(bound, written, strict=True) if said.mapping is None}
    for uri, mapping in plain.items():
        if mapping is not None and _means_another(asset, uri, mapping, catalogue):
            yield Fault(
                kind="mapping",
                message=f"asset {asset.name}: on= names {uri} as it is and {mapping.label}, which are other keys; a "
                "dataset is waited for in one way",
                hint="Keep one of them in on=. The plain one leaves the other to the input that reads it so: on=daily, "
                'inputs={"today": daily, "before": daily.offset(-1)}.',
                where=asset.location,
            )
    said = {name: given.mapping for name, given in one.inputs.items() if isinstance(given, DatasetLeaf)}
    spelled = {other.uri: other.parameter for other in asset.inputs if said.get(other.parameter) is not None}
    for other in asset.inputs:
        uri, mapping = other.uri, other.mapping
        silent = said.get(other.parameter) is None and uri in spelled
        if silent and mapping is not None and uri not in plain and _means_another(asset, uri, mapping, catalogue):
            yield Fault(
                kind="mapping",
                message=f"asset {asset.name}: parameter {other.parameter!r} takes {uri} as it is and "
                f"{spelled[uri]!r} {mapping.label}, which are other keys; on= says {mapping.label} of both",
                hint="Name the dataset in on= without it: then each parameter reads what it says. Or leave it out at "
                f"{spelled[uri]!r}, if both are to read the same.",
                where=asset.location,
            )


def _means_another(asset: Asset, uri: str, mapping: KeyMapping, catalogue: Catalogue) -> bool:
    """Whether the dataset means keys of its own where no mapping is said, and these are others."""
    upstream = catalogue.datasets[uri].partitions
    try:
        alone, mapped = (relation(upstream, asset.partitions, each) for each in (None, mapping))
    except DefinitionError:
        return False  # it means nothing by itself; or the mapping cannot be, which is told
    return _rules(alone) != _rules(mapped)


def _rules(found: Relation) -> list[Rule]:
    """How each dimension is related; how much of a roll-up is enough is no other key."""
    return [RollUp() if isinstance(pair.rule, RollUp) else pair.rule for pair in found.pairs]


def _keyed_in_vain(asset: Asset, catalogue: Catalogue) -> Iterator[Fault]:
    for one in asset.inputs:
        dataset = catalogue.datasets.get(one.uri)
        if one.key_column is not None and dataset is not None and dataset.partitions is None:
            yield Fault(
                kind="no_partitions",
                message=f"asset {asset.name}: {one.uri} has no partitions, and keyed() asks for them",
                hint="Leave keyed() out.",
                where=asset.location,
            )
        declared = () if dataset is None else dataset.columns or ()
        if one.key_column is not None and one.key_column in {column.name for column in declared}:
            yield Fault(
                kind="column_mismatch",
                message=f"asset {asset.name}: parameter {one.parameter!r} takes {one.uri}, which declares a column "
                f"{one.key_column!r}, and keyed({one.key_column!r}) is to add one of that name",
                hint=f"Choose another: keyed({f'{one.key_column}_key'!r}).",
                where=asset.location,
            )


def _read(asset: Asset) -> Iterator[tuple[str, KeyMapping | None]]:
    return ((one.uri, one.mapping) for one in asset.inputs)


def _waited_for(asset: Asset) -> Iterator[tuple[str, KeyMapping | None]]:
    return ((leaf.uri, leaf.mapping) for leaf in dataset_leaves(asset.condition) if not leaf.match)
