"""From what somebody selects to the partitions that a backfill is of, by asset: worked out over ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ....storage.meta.database.engine import Transaction
from ....storage.types import Propagate
from ...declare.catalogue import Asset
from ...declare.partitions.partition import Known, Partitioning
from ...declare.partitions.product import as_product
from ...declare.partitions.ranges import KeyRanges
from ...plan.backfills.reaching import concerned_by, read_by, whole, within_times
from ...plan.backfills.scope import Part
from ..project.keys import chosen_keys, readers
from ..project.project import Project

_NOTHING = KeyRanges({})


def scope_of(
    project: Project, tx: Transaction, names: Sequence[str], text: str, *, propagate: Propagate, now: datetime
) -> tuple[Known, dict[str, Part]]:
    """What is known, and the scope of a backfill of these assets, upstream first.

    The selection says the keys of the assets that no other selected one reads; of the others they are those that are
    read. With `within` the partitions downstream that their news concerns, and that lie within the windows that are
    asked for, are part of it. Assets without partitions are not.

    Raises
    ------
    UsageError: the selection cannot be read, or none of the assets has partitions.
    """
    assets, graph = project.catalogue.assets, project.graph
    known, chosen = chosen_keys(project, tx, names, text, now)
    divided = [name for name in graph.in_order(names) if assets[name].partitions is not None]
    asked: dict[str, KeyRanges] = {}
    for name in reversed(divided):
        keys = chosen.get(name)
        if keys is not None:
            product = as_product(assets[name].partitions)
            asked[name] = whole(product, product.ranges(keys), known)
        else:
            below = readers(assets, name, divided)
            asked[name] = _read(project, name, {reader: asked[reader] for reader in below}, known)
    started = _started(project, asked, known) if propagate is Propagate.WITHIN else {}
    everything = {**asked, **started}
    divided_so = partitionings(project)
    scope = {
        name: Part(asked=everything[name], divided=divided_so[name], news=name in started)
        for name in project.graph.in_order(name for name, ranges in everything.items() if ranges)
    }
    return known, scope


def _read(project: Project, name: str, below: Mapping[str, KeyRanges], known: Known) -> KeyRanges:
    """The partitions of an asset that these of its readers read."""
    outputs, found = project.catalogue.assets[name].outputs, _NOTHING
    for reader, ranges in below.items():
        asset = project.catalogue.assets[reader]
        for one in asset.inputs:
            if one.uri in outputs:
                found = found.union(read_by(project.reading.relation(asset, one), ranges, known))
    return found


def _started(project: Project, asked: Mapping[str, KeyRanges], known: Known) -> dict[str, KeyRanges]:
    """The partitions that nobody asked for, that wait for what is asked for, and that lie within its windows."""
    graph, assets = project.graph, project.catalogue.assets
    limits = _NOTHING
    for ranges in asked.values():
        limits = limits.union(ranges)
    found: dict[str, KeyRanges] = {}
    for name in graph.in_order(graph.reach(asked, graph.downstream)):
        asset = assets[name]
        if name in asked or asset.partitions is None:
            continue
        places = _concerned(project, asset, {**asked, **found}, known)
        places = within_times(as_product(asset.partitions), places, limits)
        if kept := whole(as_product(asset.partitions), places, known):
            found[name] = kept
    return found


def _concerned(project: Project, asset: Asset, news: Mapping[str, KeyRanges], known: Known) -> KeyRanges:
    """The partitions of an asset that news of these concerns, where its condition waits for it."""
    found = _NOTHING
    for one in asset.inputs:
        ranges = news.get(project.graph.producer.get(one.uri, ""))
        if ranges is not None and one.uri in project.graph.leaves[asset.name]:
            found = found.union(concerned_by(project.reading.relation(asset, one), ranges, known))
    return found


def partitionings(project: Project) -> dict[str, Partitioning]:
    """How each asset with partitions is divided."""
    assets = project.catalogue.assets.values()
    return {asset.name: asset.partitions for asset in assets if asset.partitions is not None}
