"""Which keys there are, and which of them a selection of assets asks for: its own, and those that they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ....storage.errors import UsageError, named, stops
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.ranges import lines_of
from ...declare.catalogue import Asset
from ...declare.partitions.appearing import appeared
from ...declare.partitions.mapping.relation import Relation
from ...declare.partitions.named import Dynamic
from ...declare.partitions.partition import SEPARATOR, Keys, Known, Partitioning
from ...declare.partitions.product import as_product
from ...declare.partitions.selection import dynamic_keys_named, selected
from .project import Project


def known_at(
    project: Project, tx: Transaction, now: datetime, *, named: Mapping[str, Iterable[str]] | None = None
) -> Known:
    """What is known at an instant: windows that are over, and the dynamic keys of which something is made, in the order
    of their texts; with those that somebody names. Costs the lines of datasets that have dynamic keys."""
    found: dict[str, set[str]] = {name: set(keys) for name, keys in (named or {}).items()}
    for uri, partitions in project.reading.dynamic.items():
        for name, keys in appeared(partitions, lines_of(tx, project.ids.datasets[uri])).items():
            found.setdefault(name, set()).update(keys)
    return Known(until=now, keys={name: tuple(sorted(keys)) for name, keys in found.items()})


def asked_keys(
    project: Project, tx: Transaction, names: Sequence[str], text: str | None, now: datetime
) -> tuple[Known, dict[str, tuple[str, ...]]]:
    """What is known, and asset name → its keys that are to be made, in order, of the assets with partitions.

    The selection says the keys of those that no other of these assets reads; of the others they are the ones that are
    read. Without a selection there are none.

    Raises
    ------
    UsageError: the selection cannot be read, or none of the assets has partitions.
    """
    assets = project.catalogue.assets
    divided = [name for name in project.graph.in_order(names) if assets[name].partitions is not None]
    if text is None:
        return known_at(project, tx, now), dict.fromkeys(divided, ())
    known, chosen = chosen_keys(project, tx, names, text, now)
    found: dict[str, tuple[str, ...]] = {}
    for name in reversed(divided):
        keys = chosen.get(name)
        read = readers(assets, name, divided)
        found[name] = _read(project, read, found, name, known) if keys is None else tuple(keys.walk())
    return known, {name: found[name] for name in divided}


def chosen_keys(
    project: Project, tx: Transaction, names: Sequence[str], text: str, now: datetime
) -> tuple[Known, dict[str, Keys]]:
    """What is known, and asset name → the keys that a selection says, of those of the assets with partitions that no
    other of them reads.

    Raises
    ------
    UsageError: the selection cannot be read, or none of the assets has partitions.
    """
    assets = project.catalogue.assets
    divided = [name for name in project.graph.in_order(names) if assets[name].partitions is not None]
    if not divided:
        raise UsageError(
            f"no asset of the selection has partitions, and the keys {text!r} are asked for",
            hint="Leave --partitions out, or select an asset that has some: `penstock list`.",
        )
    targets = [name for name in divided if not readers(assets, name, divided)]
    named: dict[str, list[str]] = {}
    for name in targets:
        for dimension, keys in dynamic_keys_named(text, _partitions(assets[name])).items():
            named.setdefault(dimension, []).extend(keys)
    known = known_at(project, tx, now, named=named)
    alone = len(targets) == 1
    return known, {name: _selected(name, text, _partitions(assets[name]), known, alone=alone) for name in targets}


def in_order(partitions: Partitioning, keys: Iterable[str]) -> list[str]:
    """Keys in the order of the definition, those that it does not have left out; dynamic ones by their texts."""
    product = as_product(partitions)
    split = [parts for key in keys if (parts := product.split(key)) is not None]
    parts_of = {
        one.name: tuple(sorted({parts[place] for parts in split}))
        for place, one in enumerate(product.dimensions)
        if isinstance(one, Dynamic)
    }
    everything = partitions.select(None, None, Known(keys=parts_of))
    places = {key: everything.index(key) for key in map(SEPARATOR.join, split)}
    found = {key: place for key, place in places.items() if place is not None}
    return sorted(found, key=found.__getitem__)


def keys_read(relation: Relation, key: str, known: Known) -> tuple[list[str], str]:
    """The upstream keys that a key reads, in order; or why a mapping of the project does not tell them."""
    try:
        return list(relation.read(key, known).walk()), ""
    except BaseException as error:  # whatever a function of the user raises becomes a stored reason
        if stops(error):
            raise
        return [], f"its mapping raised {named(error)}"


def _selected(name: str, text: str, partitions: Partitioning, known: Known, *, alone: bool) -> Keys:
    try:
        return selected(text, partitions, known)
    except UsageError as error:
        if alone:
            raise
        raise UsageError(
            f"asset {name}: {error.message}", hint=f"{error.hint} Or select fewer assets: --select.".strip()
        ) from error


def readers(assets: Mapping[str, Asset], name: str, divided: Sequence[str]) -> list[str]:
    """Those of the assets that read what this one writes."""
    outputs = set(assets[name].outputs)
    return [one for one in divided if any(used.uri in outputs for used in assets[one].inputs)]


def _read(
    project: Project, readers: Sequence[str], found: Mapping[str, tuple[str, ...]], name: str, known: Known
) -> tuple[str, ...]:
    """The keys of an asset that the keys of its readers read, as far as they can be made."""
    asset = project.catalogue.assets[name]
    partitions, keys, relations = _partitions(asset), dict[str, None](), 0
    for reader in (project.catalogue.assets[name] for name in readers):
        for used in reader.inputs:
            if used.uri in asset.outputs:
                relation, relations = project.reading.relation(reader, used), relations + 1
                for key in found[reader.name]:
                    keys |= dict.fromkeys(keys_read(relation, key, known)[0])
    there = [key for key in keys if partitions.fault(key, known) is None]
    return tuple(in_order(partitions, there) if relations > 1 else there)


def _partitions(asset: Asset) -> Partitioning:
    assert asset.partitions is not None, asset.name
    return asset.partitions
