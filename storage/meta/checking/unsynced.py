"""Checks: the bytes that the database keeps of versions are theirs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from ...manifest import Manifest, digest_of
from ..catalogue import datasets
from ..database.engine import Transaction
from ..unsynced import unsynced
from ..versions import versions
from .check import Check, Found

_KEPT = (
    select(unsynced.c.id, datasets.c.name, versions.c.id, versions.c.manifest, versions.c.held, unsynced.c.content)
    .join(versions, versions.c.id == unsynced.c.version_id)
    .join(datasets, datasets.c.id == versions.c.dataset_id)
    .execution_options(yield_per=50)
)


def _kept(tx: Transaction) -> Iterator[Found]:
    for row, name, version_id, plain, held, content in tx.execute(_KEPT):
        files = Manifest.from_plain(plain).files
        digests = [one.digest for one in files]
        if not held or digest_of(content) not in digests:
            yield Found(
                f"the bytes kept in row {row} of unsynced, of version {version_id} of {name}",
                f"{len(content)} bytes with the digest {digest_of(content)[:12]}"
                + ("" if held else ", of a version that is not held"),
                f"those of a file of the version: {', '.join(one[:12] for one in digests) or 'it has none'}",
            )


CHECKS = (
    Check(name="unsynced", rule="Bytes that are kept until they are on the disk are of their version.", find=_kept),
)
