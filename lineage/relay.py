"""Outbox → destinations: at least once, in order per run and destination, without ever holding up a run.

A run's events are rows of the metadata store, written in the run's own transactions. The relay reads what is due, sends
it, and marks it; each destination has a thread, so that one that hangs delays no other. A crash between sending and
marking sends an event twice, with the same run id, type and time, which is how a consumer knows it.

Must never raise into a materialization: what went wrong is kept with the event and told by `stop`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import uuid4

from ..storage.errors import DatabaseFault
from ..storage.meta import leases, outbox
from ..storage.meta.database.engine import Store, Transaction
from ..storage.meta.database.engine import now as moment_of
from .transports import PATIENCE, Destination, HttpTransport, Outcome, Receipt, Transport, open_transport

BATCH = 500
"""Events that one pass takes at most; they are marked in one transaction."""

_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=10)
_SHORT = 1.0
"""Seconds that the end of a relay waits for a destination that was down before."""
_MARGIN = 3.0  # seconds that a lease outlasts the slowest pass; only a crash leaves one standing at the end of a pass


def next_try(attempts: int, now: datetime, *, jitter: float) -> datetime:
    """When to try again after `attempts` failures (1 after the first), `jitter` being drawn from [0, 1].

    The delay doubles from 1 s to 10 min and is then shortened by up to half, so that many do not come back at once.

    >>> next_try(3, datetime(2026, 1, 1), jitter=0.0), next_try(3, datetime(2026, 1, 1), jitter=1.0)
    (datetime.datetime(2026, 1, 1, 0, 0, 2), datetime.datetime(2026, 1, 1, 0, 0, 4))
    """
    return now + _delay(attempts, jitter)


def _delay(attempts: int, jitter: float) -> timedelta:
    doubled = _FIRST_DELAY * 2 ** min(max(attempts, 1) - 1, 20)
    return min(doubled, _LONGEST_DELAY) * (0.5 + 0.5 * jitter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What one pass did.

    Attributes
    ----------
    more: as much again may be due at once.
    busy: another process serves the destination just now.
    error: why the destination did not take an event, and `delay`: how long to stay away from it.
    """

    delivered: int = 0
    refused: int = 0
    more: bool = False
    busy: bool = False
    error: str = ""
    delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a relay served one destination; `error` is why the last pass failed, "" where it went well."""

    destination: str
    delivered: int
    refused: int
    error: str


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


class Relay:
    """Serves destinations in the background, from `start` to `stop`.

    Parameters
    ----------
    store: the metadata store with the outbox.
    destinations: where to send; an event goes to those that it was addressed to when it was written.
    interval: seconds between two looks at the outbox.

    >>> with Relay(store, [FileDestination(name="events", path=Path("events.ndjson"))]):  # doctest: +SKIP
    ...     materialize()
    """

    def __init__(self, store: Store, destinations: Sequence[Destination], *, interval: float = 0.5) -> None:
        self._couriers = [_Courier(store, open_transport(destination), interval) for destination in destinations]

    def start(self) -> None:
        """The destinations are being served; costs a thread each."""
        for courier in self._couriers:
            courier.start()

    def stop(self, drain_timeout: float = 5.0) -> list[Delivery]:
        """What was due has been sent, or `drain_timeout` seconds have passed, or its destination is down.

        For a destination that took nothing the last time it was asked, nobody waits longer than a second. What was not
        sent stays in the outbox for the next relay. A request that still hangs is left behind.
        """
        begun = time.monotonic()
        deadlines = {
            courier: begun + (min(drain_timeout, _SHORT) if courier.was_down else drain_timeout)
            for courier in self._couriers
        }
        for courier, deadline in deadlines.items():
            courier.ask_to_stop(deadline)
        for courier, deadline in deadlines.items():
            if courier.ident is not None:
                courier.join(max(0.0, deadline - time.monotonic()))
        return self.deliveries()

    def deliveries(self) -> list[Delivery]:
        """How each destination was served so far."""
        return [courier.delivery() for courier in self._couriers]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Courier(threading.Thread):
    """The thread that serves one destination."""

    def __init__(self, store: Store, transport: Transport, interval: float) -> None:
        super().__init__(name=f"penstock-relay-{transport.name}", daemon=True)
        self._store = store
        self._transport = transport
        self._interval = interval
        self._asked_to_stop = threading.Event()
        self._deadline = float("inf")
        self._failures = 0  # in a row, of the destination, whatever the event
        self._delivered = 0
        self._refused = 0
        self._error = ""
        self._down = False

    def start(self) -> None:
        """The destination is being served."""
        if isinstance(self._transport, HttpTransport):  # a file answers at once, whatever it answers
            with suppress(DatabaseFault), self._store.read() as tx:  # locked or full: the first pass tells it
                # A relay before this one could not send it, or was left in the middle of a request.
                self._down = outbox.is_waiting(tx, destination=self._transport.name)
        super().start()

    @property
    def was_down(self) -> bool:
        """Whether it took nothing the last time it was asked, be it by another relay."""
        return self._down and not self._delivered

    def ask_to_stop(self, deadline: float) -> None:
        """Send what is due, until `deadline` of the monotonic clock, then end."""
        self._deadline = deadline
        self._asked_to_stop.set()

    def delivery(self) -> Delivery:
        """What was sent so far."""
        error = "no answer yet" if self.is_alive() and not self._error else self._error
        return Delivery(destination=self._transport.name, delivered=self._delivered, refused=self._refused, error=error)

    def run(self) -> None:
        """Pass after pass; while the destination is down, fewer and fewer."""
        wait = self._interval
        while True:
            stopping = self._asked_to_stop.wait(wait)
            if stopping and self._failures:  # it was down a moment ago: the next relay will try again
                break
            passed = self._passed()
            if stopping and not self._goes_on(passed):
                break
            wait = self._wait(passed)
        self._transport.close()

    def _goes_on(self, passed: Passed) -> bool:
        """Whether another pass may empty the outbox in time."""
        if passed.busy:
            time.sleep(0.02)
        return (passed.more or passed.busy) and time.monotonic() < self._deadline

    def _passed(self) -> Passed:
        try:
            passed = relay_once(self._store, self._transport)
        except Exception as error:  # the store is locked or full: told by `stop`, and tried again
            passed = Passed(error=f"{type(error).__name__}: {error}")
        self._delivered += passed.delivered
        self._refused += passed.refused
        self._error = "another process is sending to it" if passed.busy else passed.error
        self._failures = self._failures + 1 if passed.error else 0
        return passed

    def _wait(self, passed: Passed) -> float:
        """Seconds until the next pass."""
        if not passed.error:
            return 0.0 if passed.more else self._interval
        return max(_delay(self._failures, random.random()), passed.delay).total_seconds()  # noqa: S311
