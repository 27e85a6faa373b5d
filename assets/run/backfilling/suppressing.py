"""What the events of a backfill may start: the others that wait for them are linked as suppressed, in the transaction
that publishes.

`none`: every consumer is linked, asset or partition. `within`: every one but the partitions that the backfill itself
makes, of those that its news starts. `all`: nobody is; they are news like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ....storage.meta.backfills.suppressing import suppress, waiting_for
from ....storage.meta.database.engine import Transaction
from ....storage.types import Propagate
from ...declare.partitions.partition import Known
from ..project.project import Project
from .terms import Terms, terms_by_id


def suppress_news(
    project: Project, tx: Transaction, backfill_id: str, uri: str, key: str, *, event_id: int, now: datetime
) -> None:
    """An event that a run of this backfill has just published of a partition starts nothing but what it may."""
    terms = terms_by_id(project, tx, backfill_id)
    if terms.propagate is Propagate.ALL:
        return
    told = _News(project=project, terms=terms, uri=uri, key=key, known=Known(until=now, keys=terms.named))
    numbers = [number for number in waiting_for(tx, project.ids.datasets[uri]) if number in project.names]
    consumers = [(number, one) for number in numbers for one in told.consumers(project.names[number])]
    suppress(tx, consumers, event_id, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """A partition of a dataset that a backfill has published."""

    project: Project
    terms: Terms
    uri: str
    key: str
    known: Known

    def consumers(self, name: str) -> Iterator[str]:
        """The partitions of an asset that it is not to start; "" for an asset without partitions."""
        asset = self.project.catalogue.assets[name]
        if asset.partitions is None:
            yield ""
            return
        part = self.terms.scope.get(name) if self.terms.propagate is Propagate.WITHIN else None
        found = self.project.reading.every_relation(asset).get(self.uri)
        for one in () if found is None else found.concerned(self.key, self.known).walk():
            if part is None or not part.news or not part.asked.contains(asset.partitions.place(one)):
                yield one
