"""What the world outside does not see yet: heads that their own URI was not made equal to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...storage.meta import versions
from ...storage.meta.database.engine import Transaction
from ...storage.meta.partitions import heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A dataset, or a partition of it, at whose URI an older version stands, or none: a crash came in between, or the
    place could not be written. The next materialization makes it equal to the head, this version."""

    uri: str
    partition: str
    number: int
    digest: str
    published_at: datetime


def behind(tx: Transaction, project: str, *, dataset_id: int | None = None) -> tuple[Behind, ...]:
    """Those of a project, or of one dataset of it; partitions come last."""
    found = [*versions.unshown(tx, project), *heads.unshown_partitions(tx, project)]
    return tuple(
        Behind(uri=head.uri, partition=head.partition, number=head.number, digest=head.digest, published_at=head.at)
        for head in found
        if dataset_id in (None, head.dataset_id)
    )
