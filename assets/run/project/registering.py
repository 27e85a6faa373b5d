"""Registering a catalogue: what is declared becomes what the store knows. If it already is, that costs a read.

Whatever makes runs registers. Whoever only asks what would be made does so on trial: see `trial.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from ....storage.manifest import canonical_json, digest_of
from ....storage.meta import catalogue as rows
from ....storage.meta import registration
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.subscribing import Begins, Former
from ....storage.types import OnRegister
from ...declare.catalogue import Asset, Catalogue
from ...declare.conditions.leaves import DatasetLeaf, dataset_leaves
from ...declare.plain import asset_to_plain, dataset_to_plain
from ...declare.policies import Each
from ...plan.narrow import Waiting, beginning
from .redivided import divided_before, redivide


@dataclass(frozen=True, slots=True)
class Plain:
    """A catalogue as plain data: assets by name, datasets by URI, and what tells it from another one."""

    assets: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]
    digest: str

    @classmethod
    def of(cls, catalogue: Catalogue) -> Plain:
        """That of a catalogue."""
        assets = {asset.name: asset_to_plain(asset) for asset in catalogue.assets.values()}
        datasets = {dataset.uri: dataset_to_plain(dataset) for dataset in catalogue.datasets.values()}
        return cls(assets, datasets, _digest([_placeless(rows.values()) for rows in (assets, datasets)]))


def register(store: Store, catalogue: Catalogue, *, plain: Plain | None = None, at: datetime | None = None) -> rows.Ids:
    """Make what is registered equal to the catalogue, from now on or as of `at`; reads only when it already is.
    `plain` is `Plain.of` it, where that is known."""
    plain = plain or Plain.of(catalogue)
    with store.read() as tx:
        found = registered(tx, store.project, plain)
    if found is not None:
        return found
    with store.write() as tx:
        return register_in(tx, store.project, catalogue, plain, at=at or moment_of(tx))


def registered(tx: Transaction, project: str, plain: Plain) -> rows.Ids | None:
    """Under which ids a catalogue is registered; None where another one is, or none."""
    return rows.ids(tx, project) if rows.registered_digest(tx, project) == plain.digest else None


def register_in(tx: Transaction, project: str, catalogue: Catalogue, plain: Plain, *, at: datetime) -> rows.Ids:
    """Make what is registered equal to the catalogue as of `at`, in this write transaction."""
    producer = {uri: asset.name for asset in catalogue.assets.values() for uri in asset.outputs}
    before = divided_before(tx, project)
    divided = {uri: before[number] for uri, number in rows.every_dataset(tx, project).items() if number in before}
    found = registration.register(
        tx,
        project,
        digest=plain.digest,
        wanted_datasets=[
            registration.DatasetDeclaration(
                uri=uri,
                name=catalogue.datasets[uri].name,
                producer=producer.get(uri),
                declaration=one,
                aliases=catalogue.datasets[uri].aliases,
            )
            for uri, one in plain.datasets.items()
        ],
        wanted_assets=[_declaration(asset, plain, divided) for asset in catalogue.assets.values()],
        now=at,
    )
    redivide(tx, catalogue, found, before)
    return found


def definition_digest(asset: Asset, plain: Plain) -> str:
    """What tells the definition of an asset from another one. Of one with partitions, with those of what it waits for
    and reads: which keys an event concerns follows from both."""
    rows = _placeless([plain.assets[asset.name]])
    if asset.partitions is not None:
        divided = {uri: plain.datasets[uri].get("partitions") for uri in _upstream(asset, plain)}
        rows.append({uri: partitions for uri, partitions in divided.items() if partitions is not None})
    return _digest(rows)


def known_before(tx: Transaction, project: str, catalogue: Catalogue) -> rows.Ids:
    """The ids that a catalogue that is not registered will have for certain: those of the datasets of which something
    may be known, under their URIs or former ones."""
    there = rows.every_dataset(tx, project)
    spellings = {uri: (uri, *one.aliases) for uri, one in catalogue.datasets.items()}
    found = {uri: next((one for one in several if one in there), None) for uri, several in spellings.items()}
    return rows.Ids(assets={}, datasets={uri: there[one] for uri, one in found.items() if one is not None})


def _upstream(asset: Asset, plain: Plain) -> list[str]:
    """The URIs of the datasets that an asset waits for or reads, in order."""
    named = {*_awaited(asset), *(one.uri for one in asset.inputs)}
    return sorted(uri for uri in named if uri in plain.datasets)


def _awaited(asset: Asset) -> tuple[str, ...]:
    """The URIs in the condition of an asset that are no patterns."""
    return tuple(dict.fromkeys(leaf.uri for leaf in dataset_leaves(asset.condition) if not leaf.match))


def _declaration(asset: Asset, plain: Plain, divided: Mapping[str, Mapping[str, Any]]) -> registration.AssetDeclaration:
    """`divided`: URI → how a dataset was divided by its former definition."""
    leaves = list(dataset_leaves(asset.condition))
    mode, keyed = asset.policies.consume, asset.partitions is not None
    return registration.AssetDeclaration(
        name=asset.name,
        previously=asset.previously,
        digest=definition_digest(asset, plain),
        body=plain.assets[asset.name],
        waits_for=_awaited(asset),
        patterns=tuple(dict.fromkeys(leaf.uri for leaf in leaves if leaf.match)),
        removals=tuple(dict.fromkeys(leaf.uri for leaf in leaves if leaf.removal)),
        timetables=tuple(asset.timetables),
        each=mode.uri if isinstance(mode, Each) else None,
        builds=asset.policies.on_register is OnRegister.BUILD,
        begins=partial(_beginning, leaves) if not keyed and any(leaf.selective for leaf in leaves) else None,
        keyed=keyed,
        asks_otherwise=partial(_asks_otherwise, asset, plain, divided) if keyed else None,
    )


_ASKED_BY = ("condition", "partitions", "inputs", "policies")
"""What of a definition says which events start which partitions, and what they need; the code does not."""


def _asks_otherwise(
    asset: Asset, plain: Plain, divided: Mapping[str, Mapping[str, Any]], former: Mapping[str, Any]
) -> bool:
    """Whether other events start its partitions than by its former definition, or the same start others."""
    now = plain.assets[asset.name]
    if any(former.get(one) != now.get(one) for one in _ASKED_BY):
        return True
    return any(plain.datasets[uri].get("partitions") != divided.get(uri) for uri in _upstream(asset, plain))


def _beginning(leaves: Sequence[DatasetLeaf], builds: bool) -> Begins:
    """With which event of a dataset a condition of these leaves begins."""

    def begins(uri: str, events: Iterator[Former], now: datetime) -> int | None:
        about = [leaf for leaf in leaves if leaf.is_about(uri)]
        waiting = (
            Waiting(number=one.number, kind=one.kind, at=one.at, fresh=builds, metadata=one.metadata) for one in events
        )
        return beginning(about, waiting, now, builds=builds)

    return begins


def _digest(rows: object) -> str:
    try:
        return digest_of(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS))
    except TypeError:  # integers beyond 64 bits
        return digest_of(canonical_json(rows))


def _placeless(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Without file and line: a comment higher up, another file or another checkout is no other definition.

    So the place that is kept with a definition is where it stood when it took this form. Nothing reads it as where it
    stands now: that is what the code itself says.
    """
    return [{key: value for key, value in row.items() if key != "location"} for row in rows]
