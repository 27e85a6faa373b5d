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
from ....storage.meta.partitions import heads
from ....storage.types import Publish, RunState
from ...declare.partitions.paths import path_of
from ..identity import gone, worker_name
from ..planning.record import Recorded
from ..planning.snapshot import Snapshot
from ..progress import Outcome
from ..project.project import Project

_LEASE = timedelta(minutes=10)
_POLL = 0.05  # seconds between two looks at a lease that somebody else has
_SMALL = 1 << 20  # bytes that are copied in less time than a lease costs


def show_head(project: Project, uri: str, key: str = "") -> None:
    """The URI of a dataset, or of the partition with this key, shows the head; nothing happens if it already does.

    Raises
    ------
    StorageFault: it cannot be written. The version is published all the same; the next materialization tries again.
    """
    while True:
        with project.store.read() as tx:
            dataset_id = project.ids.datasets[uri]
            head = heads.unshown_partition(tx, dataset_id, key) if key else versions.unshown_head(tx, dataset_id)
        if head is None or show_version(project, uri, head.version_id, head.manifest, key):
            return


def _mark_shown(tx: versions.Transaction, dataset_id: int, version_id: int, key: str) -> bool:
    if key:
        return heads.mark_partition_shown(tx, dataset_id, key, version_id)
    return versions.mark_shown(tx, dataset_id, version_id)


def _is_head(tx: versions.Transaction, dataset_id: int, version_id: int, key: str) -> bool:
    if key:
        return heads.is_partition_head(tx, dataset_id, key, version_id)
    return versions.is_head(tx, dataset_id, version_id)


def _lease(dataset_id: int, key: str) -> str:
    return f"show/{dataset_id}/{key}" if key else f"show/{dataset_id}"


def show_version(project: Project, uri: str, version_id: int, manifest: Manifest, key: str = "") -> bool:
    """The URI shows this version, if it is the head; False when it is not, or is no longer when it has been shown.

    Raises
    ------
    StorageFault: it cannot be written.
    """
    dataset_id = project.ids.datasets[uri]
    with project.store.write() as tx:
        if not _has_files(project, uri, manifest) or (manifest.size <= _SMALL and not project.place(uri, key).remote):
            # Quick enough to be done under the lock of the dataset's row, which is lease enough.
            if not _mark_shown(tx, dataset_id, version_id, key):
                return False
            _show(project, uri, manifest, key)
            return True
        if not _is_head(tx, dataset_id, version_id, key):
            return False
        mine = _acquire(tx, _lease(dataset_id, key))
    if mine:
        return _show_leased(project, uri, version_id, manifest, key)
    sleep(_POLL)
    return False


def _show_leased(project: Project, uri: str, version_id: int, manifest: Manifest, key: str) -> bool:
    """Show a version that takes its time, under the lease; False when there is a newer one by then."""
    dataset_id, done = project.ids.datasets[uri], False
    try:
        _show(project, uri, manifest, key)
        done = True
    finally:
        with project.store.write() as tx:
            done = done and _mark_shown(tx, dataset_id, version_id, key)
            leases.release(tx, _lease(dataset_id, key), holder=worker_name())
    return done


def _show(project: Project, uri: str, manifest: Manifest, key: str) -> None:
    if _has_files(project, uri, manifest):
        show(manifest, project.place(uri, key), dataset=project.graph.dataset_name(uri))


def _has_files(project: Project, uri: str, manifest: Manifest) -> bool:
    """Whether there is anything to show: data with files, of an asset that publishes to its URI."""
    producer = project.graph.producer[uri]
    return project.catalogue.assets[producer].policies.publish is Publish.COPY and manifest.token is None


def show_deleted(project: Project, stand: Iterable[versions.Head]) -> str:
    """A URI at which nothing stands any more shows its head again; a warning where that did not work.

    What others wrote there instead is left alone.
    """
    warnings: list[str] = []
    for head in stand:
        if not _has_files(project, head.uri, head.manifest):
            continue
        place = project.place(head.uri, head.partition)
        if place.remote:
            continue  # a store is not asked: it would be two requests for each
        try:
            found = standing(head.manifest, place, read=True)
            if found is Standing.MISSING:
                show_version(project, head.uri, head.version_id, head.manifest, head.partition)
            elif found is not Standing.SHOWN and _stood_there(project, head):
                warnings.append(
                    f"drift: {shown_at(project, head)} is no longer the head {head.digest[:8]}: somebody else wrote "
                    f"there. No version is touched by it; delete {place.target} to have the head shown again."
                )
        except StorageFault as error:
            warnings.append(str(error))
    return "\n".join(warnings)


def skipped(project: Project, one: Recorded, snapshot: Snapshot) -> Outcome:
    """What became of a run that changes nothing: what it would have made is shown again where nothing stands."""
    planned = one.planned
    key, outputs = planned.partition, project.catalogue.assets[planned.asset].outputs
    heads = (snapshot.partitions.get((uri, key)) if key else snapshot.heads.get(uri) for uri in outputs)
    warning = show_deleted(project, (head for head in heads if head is not None))
    return Outcome(
        asset=planned.asset,
        run_id=one.id,
        state=RunState.SKIPPED,
        reason=planned.reason,
        warning=warning,
        partition=key,
    )


def shown_at(project: Project, head: versions.Head) -> str:
    """The identity of the place where a head is shown."""
    partitions = project.catalogue.datasets[head.uri].partitions
    return head.uri if partitions is None else path_of(head.uri, partitions, head.partition)


def _stood_there(project: Project, head: versions.Head) -> bool:
    """Whether this is the newest version and was put at its URI: not where that is behind, which is told otherwise."""
    number, key = head.dataset_id, head.partition
    with project.store.read() as tx:
        if key:
            found = heads.digests_of(tx, number, [key]).get(key)
            behind = heads.unshown_partition(tx, number, key)
        else:
            found = versions.heads(tx, [number]).get(number)
            behind = versions.unshown_head(tx, number)
    return found is not None and found.version_id == head.version_id and behind is None


def show_all(project: Project) -> dict[str, str]:
    """Every URI that was left behind its head, by a crash or because it could not be written, shows it now.

    Returns asset name → why that did not work, where it did not: it is tried again by the next materialization.
    """
    with project.store.read() as tx:
        behind = [*versions.unshown(tx, project.name), *heads.unshown_partitions(tx, project.name)]
    warnings: dict[str, str] = {}
    for head in behind:
        producer = project.graph.producer.get(head.uri)
        if producer is None:
            continue
        try:
            show_head(project, head.uri, head.partition)
        except StorageFault as error:
            warnings[producer] = f"{warnings[producer]}\n{error}" if producer in warnings else str(error)
    return warnings


def _acquire(tx: versions.Transaction, name: str) -> bool:
    """Take the lease, also from a holder that certainly no longer lives."""
    holder = leases.holder_of(tx, name)
    if holder is not None and holder != worker_name() and gone(holder):
        leases.release(tx, name, holder=holder)
    return leases.acquire(tx, name, holder=worker_name(), now=moment_of(tx), length=_LEASE)
