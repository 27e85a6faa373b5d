"""Which versions a dataset had: every publication, newest first; and what was said of some."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...storage.meta.database.engine import Store
from ...storage.meta.past import history, tracing
from ...storage.meta.past.history import Known, Publication
from ...storage.meta.past.makings import Named
from .behind import Behind, behind
from .page import Page, cut
from .references import dataset_of
from .tracing import Traced


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """A dataset, and a page of what was published of it; `confirmed` repeats the version before it. `behind` are its
    heads that do not stand at their URI."""

    dataset: Known
    page: Page[Publication]
    behind: tuple[Behind, ...] = ()


def versions(
    store: Store,
    text: str,
    *,
    partition: str | None = None,
    limit: int = 20,
    offset: int = 0,
    before: int | None = None,
) -> Versions:
    """The publications of the dataset that `text` names (name, URI or asset), or of one partition of it, newest first.

    Parameters
    ----------
    before: a number: the page begins with the one before it, and costs what is shown, wherever it lies. `offset` counts
        from there.

    Raises
    ------
    UsageError: there is no such dataset.
    """
    with store.read() as tx:
        dataset = dataset_of(tx, store.project, text)
        found = history.publications(tx, dataset.id, partition=partition, limit=limit + 1, offset=offset, before=before)
        late = behind(tx, store.project, dataset_id=dataset.id)
    shown = tuple(one for one in late if partition in (None, one.partition))
    return Versions(dataset=dataset, page=cut(found, offset=offset, limit=limit), behind=shown)


def numbered(store: Store, text: str, number: int) -> Publication | None:
    """The publication of the dataset that `text` names with this number; None where there is none with a version.

    Raises
    ------
    UsageError: there is no such dataset.
    """
    with store.read() as tx:
        found = history.publication(tx, dataset_of(tx, store.project, text).id, number)
    return found if found is not None and found.version_id is not None else None


def metadata_of(store: Store, those: Collection[Traced]) -> list[Mapping[str, Any]]:
    """What was said of each of these versions when it was published so."""
    named = [Named(one.version.id, one.number) for one in those]
    with store.read() as tx:
        found = tracing.metadata_of(tx, named)
    return [found.get(one, {}) for one in named]


def own_metadata(metadata: Mapping[str, Any], *, rows: int | None, size: int | None) -> dict[str, Any]:
    """What was said of a version beyond what was counted of it, which every version has.

    >>> own_metadata({"rows": 3, "size": 16, "files": 1, "accuracy": 0.93}, rows=3, size=16)
    {'accuracy': 0.93}
    """
    counted = {"rows": rows, "size": size, "files": metadata.get("files") if size else 0}
    return {name: one for name, one in metadata.items() if name not in counted or one != counted[name]}
