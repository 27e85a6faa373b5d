"""Loading how partitions stand, and what a consumer reads of datasets that have partitions: key by key, as far as they
are asked for. Costs the keys that are made and those that they read, not those that there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ....storage.meta import runs
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.heads import Digested, digests_of, partition_heads_of
from ....storage.meta.versions import Head
from ...declare.catalogue import Asset
from ...declare.partitions.mapping.relation import Relation
from ...declare.partitions.partition import Known
from ...plan.partitions.standing import least_of
from ...plan.state import AssetState, HeadState, PartitionsRead
from ..project.keys import in_order, keys_read
from ..project.project import Project
from .presence import presence

Failed = Mapping[str, Collection[str]]
"""Asset name → keys that failed a moment ago; URI of a dataset that others write → those that cannot be looked at."""

Standing = tuple[dict[str, AssetState], dict[tuple[str, str], Head]]


def load_partitions(
    project: Project,
    tx: Transaction,
    asset: Asset,
    whole: AssetState,
    keys: Sequence[str],
    *,
    known: Known,
    failed: Failed,
) -> Standing:
    """How these partitions of an asset stand, by key, in the order of the keys; and their heads, by URI and key.

    `whole`: how the asset stands, of which what concerns every partition is taken.
    """
    number = project.ids.assets[asset.name]
    heads = {uri: partition_heads_of(tx, project.ids.datasets[uri], keys) for uri in asset.outputs}
    made = {uri: {key: one for key, one in found.items() if one.made_for is None} for uri, found in heads.items()}
    newest: dict[str, str] = {}
    for found in made.values():
        for key, one in found.items():
            if one.run_id is not None:
                newest[key] = max(one.run_id, newest.get(key, ""))  # run ids sort by age
    made_from = runs.made_from(tx, sorted(set(newest.values())))
    active = runs.active_among(tx, number, keys)
    reads = load_reads(project, tx, asset, keys, known=known, failed=failed)
    unmade = replace(whole, leaves={}, active=0, made_from=None, complete=False, present=True, unseen="", reads={})
    there = {key for found in made.values() for key in found}
    states: dict[str, AssetState] = {}
    for key in keys:
        if key not in there and key not in active and not reads[key]:
            states[key] = unmade
            continue
        before = made_from.get(newest.get(key, ""))
        seen = presence(project, (found[key].head for found in made.values() if key in found))
        states[key] = replace(
            unmade,
            active=active.get(key, 0),
            # Without the nonce of a forced run, which no later key repeats.
            made_from=None if before is None else {name: part for name, part in before.items() if name != "nonce"},
            complete=before is not None,
            present=seen.present,
            unseen=seen.unseen,
            reads=reads[key],
        )
    return states, {(uri, key): one.head for uri, found in made.items() for key, one in found.items()}


def load_reads(
    project: Project, tx: Transaction, asset: Asset, keys: Sequence[str], *, known: Known, failed: Failed
) -> dict[str, dict[str, PartitionsRead]]:
    """Key → input parameter → what it reads, of the datasets that have partitions. An asset without partitions has the
    one key ""."""
    found: dict[str, dict[str, PartitionsRead]] = {key: {} for key in keys}
    for one in asset.inputs:
        if project.catalogue.datasets[one.uri].partitions is None:
            continue
        relation = project.reading.relation(asset, one)
        for key, read in load_read(project, tx, one.uri, relation, keys, known=known, failed=failed).items():
            found[key][one.parameter] = read
    return found


def load_read(
    project: Project,
    tx: Transaction,
    uri: str,
    relation: Relation,
    keys: Sequence[str],
    *,
    known: Known,
    failed: Failed,
) -> dict[str, PartitionsRead]:
    """Key → what it reads of one dataset that has partitions."""
    fallen = failed.get(project.graph.producer.get(uri, uri), ())
    if relation.open:
        return dict.fromkeys(keys, _all_that_is_made(project, tx, uri, fallen))
    asked = {key: keys_read(relation, key, known) for key in keys}
    wanted = list({one: None for read, _ in asked.values() for one in read})
    there = digests_of(tx, project.ids.datasets[uri], wanted)
    found: dict[str, PartitionsRead] = {}
    for key, (wants, fault) in asked.items():
        read = _read(relation, key, wants, there=there, known=known, failed=fallen)
        found[key] = replace(read, fault=fault) if fault else read
    return found


def _all_that_is_made(project: Project, tx: Transaction, uri: str, failed: Collection[str]) -> PartitionsRead:
    partitions = project.catalogue.datasets[uri].partitions
    assert partitions is not None, uri
    there = digests_of(tx, project.ids.datasets[uri])
    heads = {key: head_state(there[key]) for key in in_order(partitions, there)}
    return PartitionsRead(heads=heads, open=True, failed=tuple(failed))


def _read(
    relation: Relation,
    key: str,
    wanted: Sequence[str],
    *,
    there: Mapping[str, Digested],
    known: Known,
    failed: Collection[str],
) -> PartitionsRead:
    heads = {one: head_state(there[one]) for one in wanted if one in there}
    return PartitionsRead(
        heads=heads,
        single=relation.single,
        lacking=tuple(one for one in wanted if one not in there),
        least=least_of(relation, key, known.until),
        failed=tuple(one for one in wanted if one in failed),
    )


def head_state(one: Digested | Head) -> HeadState:
    """A head, or that of a partition, as planning knows it."""
    return HeadState(version_id=one.version_id, event_id=one.event_id, number=one.number, digest=one.digest, at=one.at)
