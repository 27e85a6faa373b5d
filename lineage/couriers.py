"""Couriers: threads that serve one destination each, pass after pass, so that one that hangs delays no other.

What a pass does is given as a function: the relay sends lineage by it, others send what they have. A pass that fails is
told and tried again, later and later. Must never raise into whoever started it: what went wrong is told by `stop`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from types import TracebackType
from typing import Self

_FIRST_DELAY = timedelta(seconds=1)
_LONGEST_DELAY = timedelta(minutes=10)
_BUSY = 0.5
"""Seconds until it is looked again whether another process still serves the destination."""
_SHORT = 1.0
"""Seconds that the end waits for a destination that was down before."""


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
class Delivery:
    """How a relay served one destination; `error` is why the last pass failed, "" where it went well."""

    destination: str
    delivered: int
    refused: int
    error: str


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


class Courier(threading.Thread):
    """The thread that serves one destination.

    Parameters
    ----------
    kind, name: what the thread is called by; `name` is the destination's.
    once: one pass.
    close: what is open between passes is closed.
    is_down: whether the destination took nothing before this courier began; asked at the start.
    interval: seconds between two passes; None: the next comes when it is woken.
    patience: seconds that the end waits for it at most.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        once: Callable[[], Passed],
        *,
        close: Callable[[], None],
        is_down: Callable[[], bool] = bool,
        interval: float | None = 0.5,
        patience: float = inf,
    ) -> None:
        super().__init__(name=f"penstock-{kind}-{name}", daemon=True)
        self._destination = name
        self._once = once
        self._close = close
        self._is_down = is_down
        self._interval = interval
        self._patience = patience
        self._woken = threading.Event()
        self._asked_to_stop = threading.Event()
        self._deadline = inf
        self._failures = 0  # in a row, of the destination, whatever the event
        self._delivered = 0
        self._refused = 0
        self._error = ""
        self._down = False

    def start(self) -> None:
        """The destination is being served."""
        self._down = self._is_down()
        super().start()

    @property
    def patience(self) -> float:
        """Seconds that the end waits for it at most; few where it took nothing the last time it was asked, be it by
        another courier."""
        return min(self._patience, _SHORT) if self._down and not self._delivered else self._patience

    def ask_to_stop(self, deadline: float) -> None:
        """Send what is due, until `deadline` of the monotonic clock, then end."""
        self._deadline = deadline
        self._asked_to_stop.set()
        self._woken.set()

    def wake(self) -> None:
        """There may be something to send: the next pass comes now, unless the destination is down."""
        self._woken.set()

    def delivery(self) -> Delivery:
        """What was sent so far."""
        error = "no answer yet" if self.is_alive() and not self._error else self._error
        return Delivery(destination=self._destination, delivered=self._delivered, refused=self._refused, error=error)

    def run(self) -> None:
        """Pass after pass; while the destination is down, fewer and fewer."""
        wait = self._interval
        while True:
            (self._asked_to_stop if self._failures else self._woken).wait(wait)
            self._woken.clear()  # before it looks: what is written from now on is for the next pass
            stopping = self._asked_to_stop.is_set()
            if stopping and self._failures:  # it was down a moment ago: the next will try again
                break
            passed = self._passed()
            if stopping and not self._goes_on(passed):
                break
            wait = self._wait(passed)
        self._close()

    def _goes_on(self, passed: Passed) -> bool:
        """Whether another pass may empty the outbox in time."""
        if passed.busy:
            time.sleep(0.02)
        return (passed.more or passed.busy) and time.monotonic() < self._deadline

    def _passed(self) -> Passed:
        try:
            passed = self._once()
        except Exception as error:  # the store is locked or full: told by `stop`, and tried again
            passed = Passed(error=f"{type(error).__name__}: {error}")
        self._delivered += passed.delivered
        self._refused += passed.refused
        self._error = "another process is sending to it" if passed.busy else passed.error
        self._failures = self._failures + 1 if passed.error else 0
        return passed

    def _wait(self, passed: Passed) -> float | None:
        """Seconds until the next pass."""
        if passed.busy:
            return _BUSY
        if not passed.error:
            return 0.0 if passed.more else self._interval
        return max(_delay(self._failures, random.random()), passed.delay).total_seconds()  # noqa: S311


class Couriers:
    """Several couriers, from `start` to `stop`."""

    def __init__(self, couriers: Sequence[Courier]) -> None:
        self._couriers = list(couriers)

    def start(self) -> None:
        """The destinations are being served; costs a thread each."""
        for courier in self._couriers:
            courier.start()

    def wake(self) -> None:
        """There may be something to send; see `Courier.wake`."""
        for courier in self._couriers:
            courier.wake()

    def stop(self, drain_timeout: float = 5.0) -> list[Delivery]:
        """What was due has been sent, or `drain_timeout` seconds have passed, or its destination is down.

        For a destination that took nothing the last time it was asked, nobody waits longer than a second. What was not
        sent stays for the next. A request that still hangs is left behind.
        """
        begun = time.monotonic()
        deadlines = {courier: begun + min(drain_timeout, courier.patience) for courier in self._couriers}
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
