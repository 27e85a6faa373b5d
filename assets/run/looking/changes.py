"""What a look found at one place, a dataset or a partition of one, and how that is recorded.

observed        what is there now
judged          what that is, beside the head and the look before: pure
record_change   version, event and fingerprint
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ....storage.errors import MissingExtra, PenstockError, StorageFault, UsageError
from ....storage.files.layout import Place
from ....storage.files.objects import present
from ....storage.files.observe import Fingerprint, Observation, capture, observe
from ....storage.manifest import Manifest
from ....storage.meta import events, versions
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.heads import (
    PartitionAt,
    publish_partition,
    publish_partition_removal,
)
from ....storage.types import EventKind

NEW, UNCHANGED, NOT_THERE, UNSEEN = "new", "unchanged", "not there", "could not be looked at"
NOT_TOLD = "not told of yet"
"""What a look found, beside the kinds of events."""
CHANGED, REMOVED = EventKind.CHANGED.value, EventKind.REMOVED.value
EVENTS = frozenset({NEW, CHANGED, REMOVED})
"""What is an event."""
IN_VAIN = (StorageFault, MissingExtra, UsageError)
"""What a look raises that concerns one place: it itself, its server, the library for its protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was found, and what is to be recorded of it.

    Attributes
    ----------
    news: `NEW`, `CHANGED`, `REMOVED`, `UNCHANGED` or `NOT_THERE`.
    fingerprint: how it looks now; None where nothing is to be recorded, or it is gone.
    manifest: its content; None where the version is one that somebody told of, which is `version_id`.
    keep: whether its bytes are still to be kept as objects.
    held: whether they are, or are to be.
    """

    news: str
    fingerprint: Fingerprint | None = None
    manifest: Manifest | None = None
    version_id: int | None = None
    keep: bool = False
    held: bool = False

    @property
    def is_new(self) -> bool:
        """Whether there is anything to be recorded."""
        return self.fingerprint is not None or self.news == REMOVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """A partition.

    Attributes
    ----------
    counted: how many there are between two bounds of the line on which it lies.
    version_id: of its head by now; None where it has none.
    """

    at: PartitionAt
    counted: Callable[[int, int], int]
    version_id: int | None


def observed(
    look: Callable[[Fingerprint | None], Observation], before: versions.Observation | None, head: versions.Head | None
) -> Observation | None:
    """What is there now; None where nothing has to be, and nobody can look: somebody tells of the versions.

    Parameters
    ----------
    look: what is there, given the fingerprint of before.
    """
    known = None if before is None else Fingerprint.from_plain(before.fingerprint)
    try:
        return look(known)
    except IN_VAIN:
        if head is not None and head.manifest.token is not None:
            return None
        raise


def judged(
    head: versions.Head | None, before: versions.Observation | None, seen: Observation, *, copy: bool, there: bool
) -> Change:
    """What was found. What is there belongs to a version that somebody told of when it is nothing, or what was there at
    the first look after that.

    Parameters
    ----------
    copy: whether the bytes are to be kept.
    there: whether those of the head are.
    """
    plain = seen.fingerprint.to_plain()
    if head is not None and head.manifest.token is not None:
        if seen.manifest is None:
            return Change(news=UNCHANGED)
        if before is None or before.version_id != head.version_id:
            return Change(news=UNCHANGED, fingerprint=seen.fingerprint, version_id=head.version_id)
        if before.fingerprint == plain:
            return Change(news=UNCHANGED)
    if seen.manifest is None:
        return Change(news=NOT_THERE if head is None else REMOVED)
    same = head is not None and head.digest == seen.manifest.digest
    lacking = copy and not (same and there)
    if same and not lacking and before is not None and before.fingerprint == plain:
        return Change(news=UNCHANGED)
    news = UNCHANGED if same else NEW if head is None else CHANGED
    return Change(news=news, fingerprint=seen.fingerprint, manifest=seen.manifest, keep=lacking, held=copy)


def is_there(head: versions.Head | None, place: Place) -> bool:
    """Whether the bytes of a head are among our objects."""
    return head is not None and head.held and present(head.manifest, place)


def captured(change: Change, place: Place, dataset: str) -> Change:
    """The change with its bytes kept, if they are to be.

    Raises
    ------
    Moved: the place is no longer what was seen.
    """
    if not change.keep or change.manifest is None or change.fingerprint is None:
        return change
    kept = capture(change.manifest, place, fingerprint=change.fingerprint, dataset=dataset)
    return replace(change, fingerprint=kept.fingerprint, manifest=kept.manifest or change.manifest)


def record_change(
    tx: Transaction, dataset_id: int, change: Change, *, divided: Divided | None = None, now: datetime
) -> None:
    """The version, its event if the head is another one by now, and the fingerprint."""
    key = "" if divided is None else divided.at.key
    if change.news == REMOVED:
        if divided is None:
            events.publish_removal(tx, dataset_id=dataset_id, now=now)
        else:
            publish_partition_removal(tx, dataset_id=dataset_id, partition=divided.at, counted=divided.counted, now=now)
    if change.fingerprint is None:
        return
    version_id, manifest = change.version_id, change.manifest
    if manifest is not None:
        version_id = versions.keep_version(
            tx, dataset_id=dataset_id, manifest=manifest, held=change.held, now=now, partition=key
        )
        _publish(tx, dataset_id, version_id, manifest, divided=divided, now=now)
    plain = change.fingerprint.to_plain()
    versions.remember_observation(tx, dataset_id, fingerprint=plain, version_id=version_id, now=now, partition=key)


def _publish(
    tx: Transaction, dataset_id: int, version_id: int, manifest: Manifest, *, divided: Divided | None, now: datetime
) -> None:
    said = {"rows": manifest.rows, "size": manifest.size, "files": len(manifest.files)}
    if divided is None:
        head = versions.heads(tx, [dataset_id]).get(dataset_id)
        if head is None or head.version_id != version_id:
            events.publish_event(tx, dataset_id=dataset_id, version_id=version_id, run_id=None, metadata=said, now=now)
        return
    if divided.version_id != version_id:
        publish_partition(
            tx,
            dataset_id=dataset_id,
            partition=divided.at,
            version_id=version_id,
            run_id=None,
            metadata=said,
            now=now,
        )


def look_at(place: Place, dataset: str) -> Callable[[Fingerprint | None], Observation]:
    """A look at a place by itself."""
    return lambda known: observe(place, known, dataset=dataset)


def sentences(error: PenstockError) -> str:
    """What is wrong and the next step, in one line, each a sentence."""
    said = (" ".join(text.split()) for text in (error.message, error.hint) if text)
    return " ".join(text if text.endswith((".", "!", "?", "…")) else f"{text}." for text in said)
