"""A project as it is registered: its definitions of now, read from the store. Loads no user code."""

from __future__ import annotations

from collections.abc import Iterator

from ....storage.meta.catalogue import ids
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.past import history
from ....storage.settings import ProjectSettings
from ...declare.catalogue import Asset, Catalogue
from ...declare.conditions.leaves import named_in
from ...declare.dataset import Dataset
from ...declare.plain import asset_from_plain, dataset_from_plain
from ..project.project import Project
from ..project.reading import Reading


def as_registered(store: Store, settings: ProjectSettings, tx: Transaction) -> Project:
    """The project with the definitions that were registered last; without functions, so nothing can be made in it.

    An asset that names a dataset which is not declared is left out: it is no part of what is registered as a whole.
    """
    known = ids(tx, store.project)
    declared = {one.uri: one for one in history.known_datasets(tx, store.project) if one.removed_at is None}
    datasets = {
        uri: dataset_from_plain(one.declaration) if one.declaration else Dataset(uri, name=one.name)
        for uri, one in declared.items()
    }
    found = [asset_from_plain(one.definition) for one in history.declared_assets(tx, store.project)]
    assets = {asset.name: asset for asset in found if all(uri in datasets for uri in _named(asset))}
    return Project(
        settings=settings,
        reading=Reading(Catalogue(assets=assets, datasets=datasets)),
        functions={},
        store=store,
        ids=known,
        environment={},
        parameters={},
    )


def _named(asset: Asset) -> Iterator[str]:
    yield from asset.outputs
    yield from (one.uri for one in asset.inputs)
    yield from (leaf.uri for leaf in named_in(asset.condition))
