"""Making a dataset's own URI equal to its head, for the outside world. Idempotent, and redone after a crash."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from time import sleep

from ....storage.errors import StorageFault
from ....storage.files.head import Standing, show, standing
from ....storage.manifest import Manifest
from ....storage.meta import leases, versions
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import Publish
from ..identity import gone, worker_name
from ..project.project import Project

_LEASE = timedelta(minutes=10)
_POLL = 0.05  # seconds between two looks at a lease that somebody else has
_SMALL = 1 << 20  # bytes that are copied in less time than a lease costs


def show_head(project: Project, uri: str) -> None:
    """The URI shows the head; nothing happens if it already does.

    Raises
    ------
    StorageFault: it cannot be written. The version is published all the same; the next materialization tries again.
    """
    while True:
        with project.store.read() as tx:
            head = versions.unshown_head(tx, project.ids.datasets[uri])
        if head is None or show_version(project, uri, head.version_id, head.manifest):
            return


def show_version(project: Project, uri: str, version_id: int, manifest: Manifest) -> bool:
    """The URI shows this version, if it is the head; False when it is not, or is no longer when it has been shown.

    Raises
    ------
    StorageFault: it cannot be written.
    """
    dataset_id = project.ids.datasets[uri]
    with project.store.write() as tx:
        if not _has_files(project, uri, manifest) or (manifest.size <= _SMALL and not project.place(uri).remote):
            # Quick enough to be done under the lock of the dataset's row, which is lease enough.
            if not versions.mark_shown(tx, dataset_id, version_id):
                return False
            _show(project, uri, manifest)
            return True
        if not versions.is_head(tx, dataset_id, version_id):
            return False
        mine = _acquire(tx, f"show/{dataset_id}")
    if mine:
        return _show_leased(project, uri, version_id, manifest)
    sleep(_POLL)
    return False


def _show_leased(project: Project, uri: str, version_id: int, manifest: Manifest) -> bool:
    """Show a version that takes its time, under the lease; False when there is a newer one by then."""
    dataset_id, done = project.ids.datasets[uri], False
    try:
        _show(project, uri, manifest)
        done = True
    finally:
        with project.store.write() as tx:
            done = done and versions.mark_shown(tx, dataset_id, version_id)
            leases.release(tx, f"show/{dataset_id}", holder=worker_name())
    return done


def _show(project: Project, uri: str, manifest: Manifest) -> None:
    if _has_files(project, uri, manifest):
        show(manifest, project.place(uri), dataset=project.graph.dataset_name(uri))


def _has_files(project: Project, uri: str, manifest: Manifest) -> bool:
    """Whether there is anything to show: data with files, of an asset that publishes to its URI."""
    producer = project.graph.producer[uri]
    return project.catalogue.assets[producer].policies.publish is Publish.COPY and manifest.token is None


def show_deleted(project: Project, heads: Iterable[versions.Head]) -> str:
    """A URI at which nothing stands any more shows its head again; a warning where that did not work.

    What others wrote there instead is left alone.
    """
    warnings: list[str] = []
    for head in heads:
        if not _has_files(project, head.uri, head.manifest):
            continue
        place = project.place(head.uri)
        if place.remote:
            continue  # a store is not asked: it would be two requests for each
        try:
            found = standing(head.manifest, place, read=True)
            if found is Standing.MISSING:
                show_version(project, head.uri, head.version_id, head.manifest)
            elif found is not Standing.SHOWN and _is_newest(project, head):
                warnings.append(
                    f"drift: {head.uri} is no longer the head {head.digest[:8]}: somebody else wrote there. No version "
                    f"is touched by it; delete {place.target} to have the head shown again."
                )
        except StorageFault as error:
            warnings.append(str(error))
    return "\n".join(warnings)


def _is_newest(project: Project, head: versions.Head) -> bool:
    with project.store.read() as tx:
        newest = versions.heads(tx, [head.dataset_id]).get(head.dataset_id)
    return newest is not None and newest.version_id == head.version_id


def show_all(project: Project) -> dict[str, str]:
    """Every URI that was left behind its head, by a crash or because it could not be written, shows it now.

    Returns asset name → why that did not work, where it did not: it is tried again by the next materialization.
    """
    with project.store.read() as tx:
        behind = versions.unshown(tx, project.name)
    warnings: dict[str, str] = {}
    for head in behind:
        producer = project.graph.producer.get(head.uri)
        if producer is None:
            continue
        try:
            show_head(project, head.uri)
        except StorageFault as error:
            warnings[producer] = f"{warnings[producer]}\n{error}" if producer in warnings else str(error)
    return warnings


def _acquire(tx: versions.Transaction, name: str) -> bool:
    """Take the lease, also from a holder that certainly no longer lives."""
    holder = leases.holder_of(tx, name)
    if holder is not None and holder != worker_name() and gone(holder):
        leases.release(tx, name, holder=holder)
    return leases.acquire(tx, name, holder=worker_name(), now=moment_of(tx), length=_LEASE)
