"""Sweeping a project: staging that no run needs and objects that no version names are removed from its roots."""

from __future__ import annotations

from datetime import timedelta

from ...storage.files.layout import object_keys
from ...storage.files.sweep import Swept, sweep
from ...storage.meta import runs, versions
from .identity import now
from .project import Project

GRACE = timedelta(hours=1)
"""Nothing younger is swept: what is being published right now is named by no row yet."""


def sweep_project(project: Project, *, older_than: timedelta = GRACE, dry_run: bool = False) -> Swept:
    """Remove what a crash left behind; says how many files and bytes that are. With `dry_run` nothing is removed.

    Raises
    ------
    StorageFault: something cannot be removed; what was removed before stays so.
    """
    # Who is at work is asked before which objects are live: a run that ends in between has published by then.
    with project.store.read() as tx:
        at_work = {run.id for run in runs.unfinished(tx, project.name)}
    with project.store.read() as tx:
        live = {key for manifest in versions.live_manifests(tx) for key in object_keys(manifest)}
    total = Swept()
    places = {project.place(uri).root: project.place(uri) for uri in project.catalogue.datasets}
    for root, place in sorted(places.items()):
        swept = sweep(
            root,
            live=live,
            active_runs=at_work,
            older_than=older_than,
            now=now(),
            dry_run=dry_run,
            storage_options=place.storage_options,
            cache=place.cache,
        )
        total.add(swept.files, swept.bytes)
    return total
