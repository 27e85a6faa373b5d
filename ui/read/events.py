"""What was published, and what became of it: a page of events, newest first."""

from __future__ import annotations

from ...storage.meta.database.engine import Store
from ...storage.meta.past.eventlog import Event, recent_events
from ...storage.meta.past.eventlog import Link as Link
from .page import Page, cut
from .references import dataset_of


def events(
    store: Store,
    dataset: str | None = None,
    *,
    unmatched: bool = False,
    limit: int = 20,
    offset: int = 0,
    before: int | None = None,
) -> Page[Event]:
    """The events of a dataset (name, URI or asset), or of all; with `unmatched`, of those that nobody declares.

    Parameters
    ----------
    before: the id of an event: the page begins with the one before it, and costs what is shown, wherever it lies.
        `offset` counts from there.

    Raises
    ------
    UsageError: there is no such dataset.
    """
    with store.read() as tx:
        known = None if dataset is None else dataset_of(tx, store.project, dataset).id
        found = recent_events(
            tx,
            store.project,
            dataset_id=known,
            unmatched=unmatched,
            limit=limit + 1,
            offset=offset,
            before=before,
        )
    return cut(found, offset=offset, limit=limit)
