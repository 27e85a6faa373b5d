"""Outbox → destinations: at least once, in order per run and destination, without ever holding up a run.

A run's events are rows of the metadata store, written in the run's own transactions. The relay reads what is due, sends
it, and marks it; each destination has a thread, so that one that hangs delays no other. A crash between sending and
marking sends an event twice, with the same run id, type and time, which is how a consumer knows it.

Must never raise into a materialization: what went wrong is kept with the event and told by `stop`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from ..storage.errors import DatabaseFault
from ..storage.meta import leases, outbox
from ..storage.meta.database.engine import Store, Transaction
from ..storage.meta.database.engine import now as moment_of
from .couriers import Courier, Couriers, Passed, next_try
from .transports import PATIENCE, Destination, HttpTransport, Outcome, Receipt, Transport, open_transport

BATCH = 500
"""Events that one pass takes at most; they are marked in one transaction."""

_MARGIN = 3.0  # seconds that a lease outlasts the slowest pass; only a crash leaves one standing at the end of a pass


def relay_once(
    store: Store,
    transport: Transport,
    *,
    clock: Callable[[Transaction], datetime] = moment_of,
    draw: Callable[[], float] = random.random,
    limit: int = BATCH,
) -> Passed:
    """What was due for the transport's destination is sent, in order, and marked.

    One pass at a time serves a destination, whatever the number of processes: a lease sees to it. The pass ends at the
    first event that has to be postponed; one that is refused for good is buried, and the next one sent.

    Raises
    ------
    DatabaseFault: the store cannot be read or written; nothing is lost, something may be sent twice.
    """
    name = transport.name
    with store.read() as tx:
        if not outbox.due(tx, destination=name, now=clock(tx), limit=1):
            return Passed()
    lease, holder = f"relay:{name}", uuid4().hex
    length = timedelta(seconds=2 * transport.timeout + PATIENCE + _MARGIN)
    with store.write() as tx:
        if not leases.acquire(tx, lease, holder=holder, now=clock(tx), length=length):
            return Passed(busy=True)
    try:
        with store.read() as tx:  # not in the transaction above: whoever publishes would wait for it
            parcels = outbox.due(tx, destination=name, now=clock(tx), limit=limit)
        receipts = transport.deliver([parcel.body for parcel in parcels])
    except BaseException:
        with store.write() as tx:
            leases.release(tx, lease, holder=holder)
        raise
    with store.write() as tx:
        passed = _marked(tx, name, parcels, receipts, now=clock(tx), jitter=draw(), full=len(parcels) == limit)
        leases.release(tx, lease, holder=holder)
    return passed


def _marked(
    tx: Transaction,
    name: str,
    parcels: Sequence[outbox.Parcel],
    receipts: Sequence[Receipt],
    *,
    now: datetime,
    jitter: float,
    full: bool,
) -> Passed:
    """What became of each parcel is written down; those without a receipt stay as they were."""
    answered = list(zip(parcels, receipts, strict=False))
    delivered = [parcel.id for parcel, receipt in answered if receipt.outcome is Outcome.DELIVERED]
    refused = [(parcel, receipt) for parcel, receipt in answered if receipt.outcome is Outcome.REFUSED]
    outbox.mark_delivered(tx, delivered, destination=name, at=now)
    for parcel, receipt in refused:
        outbox.bury(tx, parcel.id, destination=name, error=receipt.error)
    counts = Passed(delivered=len(delivered), refused=len(refused))
    if not answered or answered[-1][1].outcome is not Outcome.POSTPONED:
        return replace(counts, more=full or len(receipts) < len(parcels))
    parcel, receipt = answered[-1]
    until = max(next_try(parcel.attempts + 1, now, jitter=jitter), now + (receipt.retry_after or timedelta()))
    outbox.postpone(tx, parcel.id, destination=name, until=until, error=receipt.error)
    return replace(counts, error=receipt.error, delay=until - now)


class Relay(Couriers):
    """Serves destinations in the background, from `start` to `stop`.

    Parameters
    ----------
    store: the metadata store with the outbox.
    destinations: where to send; an event goes to those that it was addressed to when it was written.
    interval: seconds between two looks at the outbox; None: it is looked at when `wake` is called.

    >>> with Relay(store, [FileDestination(name="events", path=Path("events.ndjson"))]):  # doctest: +SKIP
    ...     materialize()
    """

    def __init__(self, store: Store, destinations: Sequence[Destination], *, interval: float | None = 0.5) -> None:
        super().__init__([_courier(store, open_transport(one), interval) for one in destinations])


def _courier(store: Store, transport: Transport, interval: float | None) -> Courier:
    return Courier(
        "relay",
        transport.name,
        partial(relay_once, store, transport),
        close=transport.close,
        is_down=partial(_is_down, store, transport),
        interval=interval,
    )


def _is_down(store: Store, transport: Transport) -> bool:
    """Whether a relay before this one could not send something, or was left in the middle of a request."""
    if isinstance(transport, HttpTransport):  # a file answers at once, whatever it answers
        with suppress(DatabaseFault), store.read() as tx:  # locked or full: the first pass tells it
            return outbox.is_waiting(tx, destination=transport.name)
    return False
