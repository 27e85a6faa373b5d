"""Sweeping: staging that no run needs and objects that no version names are removed from the roots of a project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ....storage.files.layout import Place, object_keys
from ....storage.files.remote import unwritable
from ....storage.files.sweep import Swept, sweep, sweep_run
from ....storage.meta import versions
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.past import history
from ....storage.settings import ProjectSettings
from ....storage.types import ValueKind
from ...declare.catalogue import Asset
from ..identity import now
from ..project.lying import place_of
from ..project.project import Project

GRACE = timedelta(hours=1)
"""Nothing younger is swept: what is being published right now is named by no row yet."""


def sweep_roots(
    store: Store, settings: ProjectSettings, *, older_than: timedelta = GRACE, dry_run: bool = False
) -> dict[str, Swept]:
    """Remove what crashes left behind; says how much that is, by root. With `dry_run` nothing is removed.

    Never done by itself: another metadata store may keep versions under the same root, and this one cannot know them.

    Raises
    ------
    StorageFault: something cannot be removed; what was removed before stays so.
    """
    with store.read() as tx:
        # Of what nobody declares somebody outside has told: nothing of it was ever kept, wherever its URI leads.
        known = [dataset for dataset in history.known_datasets(tx, store.project) if dataset.declaration]
        hollow = _without_files(tx, store.project, [dataset.id for dataset in known])
        live = {key for manifest in versions.live_manifests(tx) for key in object_keys(manifest)}
        active = history.unended(tx)
    places: dict[str, Place] = {}
    filled: set[str] = set()
    for uri in (dataset.uri for dataset in known):
        place = place_of(uri, settings)
        places.setdefault(place.root, place)
        if uri not in hollow and not unwritable(place.root):
            filled.add(place.root)
    return {
        root: sweep(
            root,
            live=live,
            active_runs=active,
            older_than=older_than,
            now=now(),
            dry_run=dry_run,
            storage_options=place.storage_options,
            cache=place.cache,
            bare=root not in filled,
        )
        for root, place in sorted(places.items())
    }


def _without_files(tx: Transaction, project: str, dataset_ids: Sequence[int]) -> set[str]:
    """URIs of data without files: their newest version says so, or the annotation of what makes them."""
    said = {head.uri for head in versions.heads(tx, dataset_ids).values() if head.manifest.token is not None}
    declared = (one.definition for one in history.declared_assets(tx, project))
    return said.union(*(each["outputs"] for each in declared if each["returns"] == ValueKind.OPAQUE))


def sweep_outputs(project: Project, asset: Asset, run_id: str, *, attempt: int | None = None) -> None:
    """Nothing that a run of the asset staged is left, or one attempt of it.

    Raises
    ------
    StorageFault: staging cannot be looked at or emptied.
    """
    for place in {place.local: place for place in map(project.place, asset.outputs)}.values():
        sweep_run(place, run_id, attempt=attempt)
