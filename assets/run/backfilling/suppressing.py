"""What the events of a backfill may start, and by whom.

`all`: they are news like any other. `none` and `within`: each is linked as suppressed for every consumer that waits for
it, asset or partition, in the transaction that publishes it. So no planner takes one, whenever it looks and however
many there are. What lies within is started by the backfill alone, as a part of its scope: after what it reads, and by
runs of its own, whose events are kept from others likewise. Such a run takes what was suppressed and what it reads.

What the backfill leaves of that, because it is being made by somebody else or lacks what the backfill does not make, is
given its news back when the backfill moves on; of a partition that it has not come to nothing is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ....storage.meta import agenda
from ....storage.meta.backfills.suppressing import suppress, unsuppress, waiting_for
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.agenda import enter, single
from ....storage.types import Propagate
from ...declare.partitions.partition import Known
from ...plan.backfills.frontier import Item
from ..project.project import Project
from .terms import terms_by_id


def suppress_news(
    project: Project, tx: Transaction, backfill_id: str, uri: str, key: str, *, event_id: int, now: datetime
) -> None:
    """An event that a run of this backfill has just published of a partition starts nothing but what it may."""
    terms = terms_by_id(project, tx, backfill_id)
    if terms.propagate is Propagate.ALL:
        return
    known = Known(until=now, keys=terms.named)
    numbers = [number for number in waiting_for(tx, project.ids.datasets[uri]) if number in project.names]
    consumers = (
        (number, one) for number in numbers for one in _consumers(project, project.names[number], uri, key, known)
    )
    suppress(tx, list(consumers), event_id, now=now)


def _consumers(project: Project, name: str, uri: str, key: str, known: Known) -> Iterator[str]:
    """The partitions of an asset that news of a key concerns; "" for an asset without partitions."""
    asset = project.catalogue.assets[name]
    if asset.partitions is None:
        yield ""
        return
    found = project.reading.every_relation(asset).get(uri)
    if found is not None:
        yield from found.concerned(key, known).walk()


def give_news_back(project: Project, tx: Transaction, backfill_id: str, left: Iterable[Item]) -> None:
    """What a backfill has suppressed for these partitions, of which it makes no run, is news like any other: planners
    look at them."""
    found = [(project.ids.assets[name], key) for name, key in left]
    found = [(number, key) for number, key in found if unsuppress(tx, backfill_id, number, key)]
    for number, key in found:
        enter(tx, number, [single(key)])
    agenda.wake(tx, sorted({number for number, _ in found}))
