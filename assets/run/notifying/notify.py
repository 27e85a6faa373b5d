"""What waits to be told → messages → destinations: at least once, in order for each destination, never in the way of a
run.

A message is composed, sent and marked, one after the other, each destination by a courier of its own. While one is on
its way no other is composed: what happens meanwhile is told by the next, so that a destination which was away for a day
is not told a thousand times when it comes back.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from ....lineage.couriers import Courier, Couriers, Passed, next_try
from ....lineage.transports import Outcome, Receipt
from ....storage.errors import DatabaseFault, PenstockError, SettingsFault
from ....storage.meta import leases, messages, notifications
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.notifications import NotificationDestination
from ....storage.settings import ProjectSettings
from ....storage.types import NotificationKind
from ...plan.messages import Fact, message
from ...plan.notifying import Happening, Rate, Subject, Told, next_message
from .hearing import address
from .notifier import TIMEOUT, Notifier, open_notifier
from .outgoing import Outgoing

PATIENCE = 1.5
"""Seconds that the end of a materialization waits for what is to be told."""
GIVES_UP = timedelta(days=1)
"""A message that could not be delivered for so long is buried: those that come after it have to have their turn."""
_MARGIN = 40.0  # seconds that a lease outlasts a try


def notifying(store: Store, settings: ProjectSettings, *, interval: float | None = 0.5) -> Couriers:
    """Couriers that tell people, from `start` to `stop`; none where settings name nobody. `interval`: as a relay has
    it."""
    return Couriers([_courier(Teller(store, settings, name), interval) for name in settings.values.notifications])


def _courier(teller: Teller, interval: float | None) -> Courier:
    return Courier(
        "notify",
        teller.address,
        teller.once,
        close=teller.close,
        is_down=teller.is_down,
        interval=interval,
        patience=PATIENCE,
    )


class Teller:
    """Tells one destination.

    Parameters
    ----------
    store: the metadata store.
    settings, name: those of the project, and which destination of them.
    clock, draw: what time it is, and a number from [0, 1].
    """

    def __init__(
        self,
        store: Store,
        settings: ProjectSettings,
        name: str,
        *,
        clock: Callable[[Transaction], datetime] = moment_of,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.address = address(settings, name)
        self._store = store
        self._settings = settings
        self._destination: NotificationDestination = settings.values.notifications[name]
        self._clock = clock
        self._draw = draw
        self._opened: tuple[str, Notifier] | None = None
        self._looked: tuple[int | None, datetime | None] = (None, None)

    def once(self) -> Passed:
        """The next message is sent, if one is due.

        Raises
        ------
        DatabaseFault: the store cannot be read or written; nothing is lost, something may be sent twice.
        """
        with self._store.read() as tx:
            if not self._is_due(tx):
                return Passed()
        lease, holder = f"notify:{self.address}", uuid4().hex
        with self._store.write() as tx:
            now = self._clock(tx)
            if not leases.acquire(tx, lease, holder=holder, now=now, length=timedelta(seconds=TIMEOUT + _MARGIN)):
                return Passed(busy=True)
            it = messages.pending(tx, self.address) or self._composed(tx, now)
            if it is None or it.next_at > now:
                leases.release(tx, lease, holder=holder)
                return Passed()
        try:
            receipt = self._sent(it)
        except BaseException:
            with self._store.write() as tx:
                leases.release(tx, lease, holder=holder)
            raise
        with self._store.write() as tx:
            passed = self._marked(tx, it, receipt, self._clock(tx))
            leases.release(tx, lease, holder=holder)
        return passed

    def is_down(self) -> bool:
        """Whether the destination did not take the message that waits for it."""
        try:
            with self._store.read() as tx:
                it = messages.pending(tx, self.address)
        except DatabaseFault:  # the first pass tells it
            return False
        return it is not None and it.attempts > 0

    def close(self) -> None:
        """Nothing is open."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def _is_due(self, tx: Transaction) -> bool:
        """Whether there is something to send, or to decide, that was not there at the last look."""
        now, it = self._clock(tx), messages.pending(tx, self.address)
        if it is not None:
            return it.next_at <= now
        newest, (seen, until) = notifications.newest_waiting(tx, self.address), self._looked
        return newest is not None and (newest != seen or (until is not None and until <= now))

    def _composed(self, tx: Transaction, now: datetime) -> messages.Message | None:
        """The next message, of what waits; None where nothing is to be told yet."""
        waiting = notifications.waiting(tx, self.address)
        rate, repeat = Rate(*self._destination.rate), self._destination.quiet
        last = messages.last_told(tx, self.address, now - repeat)
        found = next_message(
            [Happening(id=one.id, subject=Subject(one.kind, one.asset, one.how)) for one in waiting],
            Told(
                sent=messages.sent_since(tx, self.address, now - rate.per),
                last={Subject(*subject): at for subject, at in last.items()},
            ),
            at_most=rate,
            repeat=repeat,
            now=now,
        )
        self._looked = (waiting[-1].id if waiting else None, found.at)
        if not found.groups:
            return None
        facts = {
            one.id: Fact(kind=one.kind, asset=one.asset, partition=one.partition, at=one.at, said=one.said)
            for one in waiting
        }
        text = message(self._settings.project, [[facts[one] for one in group] for group in found.groups])
        ids = [one for group in found.groups for one in group]
        messages.compose(
            tx, ids, destination=self.address, kind=text.kind, subject=text.subject, body=text.body, now=now
        )
        self._looked = (None, None)
        return messages.pending(tx, self.address)

    def _sent(self, it: messages.Message) -> Receipt:
        return sent(
            self._notifier,
            Outgoing(
                id=it.id,
                project=self._settings.project,
                destination=it.destination,
                at=it.at,
                kind=it.kind,
                count=it.count,
                subject=it.subject,
                body=it.body,
            ),
        )

    def _notifier(self) -> Notifier:
        """That of the address, which may be another one by now."""
        url = url_of(self._destination)
        if self._opened is None or self._opened[0] != url:
            self.close()
            self._opened = (url, open_notifier(url, self._settings.folder))
        return self._opened[1]

    def _marked(self, tx: Transaction, it: messages.Message, receipt: Receipt, now: datetime) -> Passed:
        if receipt.outcome is Outcome.DELIVERED:
            messages.deliver(tx, it.id, at=now)
            return Passed(delivered=1, more=True)
        given_up = receipt.outcome is Outcome.POSTPONED and now - it.at >= GIVES_UP
        if given_up or receipt.outcome is Outcome.REFUSED:
            error = f"not delivered within a day: {receipt.error}" if given_up else receipt.error
            messages.bury(tx, it.id, error=error)
            return Passed(refused=1, more=True)
        until = max(next_try(it.attempts + 1, now, jitter=self._draw()), now + (receipt.retry_after or timedelta()))
        messages.postpone(tx, it.id, until=until, error=receipt.error)
        return Passed(error=receipt.error, delay=until - now)


def send_again(store: Store, names: Iterable[str]) -> dict[str, int]:
    """What these destinations had refused for good, or not taken for a day, is on its way again: how many messages."""
    with store.write() as tx:
        return {one: messages.dig_up(tx, f"{store.project}/{one}", now=moment_of(tx)) for one in names}


def try_out(settings: ProjectSettings, name: str, *, now: datetime) -> Receipt:
    """What comes of one message to a destination, sent at once and kept nowhere."""
    body = f"This is a test: {name} is told of project {settings.project}.\n\nNothing happened."
    outgoing = Outgoing(
        id=None,
        project=settings.project,
        destination=address(settings, name),
        at=now,
        kind=NotificationKind.RECOVERED,
        count=0,
        subject=f"{settings.project}: a test",
        body=body,
    )
    opened: list[Notifier] = []

    def notifier() -> Notifier:
        opened.append(open_notifier(url_of(settings.values.notifications[name]), settings.folder))
        return opened[0]

    try:
        return sent(notifier, outgoing)
    finally:
        for one in opened:
            one.close()


def sent(opened: Callable[[], Notifier], outgoing: Outgoing) -> Receipt:
    """What became of a message: whatever goes wrong with the destination postpones it."""
    try:
        return opened().send(outgoing)
    except PenstockError as error:
        return Receipt(outcome=Outcome.POSTPONED, error=f"{error.message}. {error.hint}".removesuffix(" "))
    except Exception as error:  # a library or a plug-in: its text may repeat the address
        return Receipt(outcome=Outcome.POSTPONED, error=f"the notifier raised {type(error).__name__}")


def url_of(destination: NotificationDestination) -> str:
    """The address; looked up in the environment at each message, so that it can be changed.

    Raises
    ------
    SettingsFault: the variable that should hold it is not set.
    """
    if destination.url is not None:
        return destination.url.get_secret_value()
    assert destination.url_env is not None, "it is validated"
    found = os.environ.get(destination.url_env, "")
    if not found:
        raise SettingsFault(f"the environment variable {destination.url_env} of its address is not set")
    return found
