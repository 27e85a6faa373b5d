"""Which versions a dataset had: every publication, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from ...storage.meta.database.engine import Store
from ...storage.meta.past import history
from ...storage.meta.past.history import Known, Publication
from .behind import Behind, behind
from .page import Page, cut
from .references import dataset_of


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
