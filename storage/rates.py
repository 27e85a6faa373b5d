"""Rates, and when the next token of one comes: the generic cell rate algorithm (GCRA, ITU-T I.371), pure.

A token is taken for each start. All that is kept of a rate is one instant, its theoretical arrival time: when the next
token would come if each of those that were taken had come exactly in its turn. It must never ask a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something may start.

    Attributes
    ----------
    interval: between two tokens; above zero.
    burst: how many may be taken at once after a pause; at least 1. In any span of time no more than
        `burst + span / interval` are taken.
    """

    interval: timedelta
    burst: int = 1


AHEAD = timedelta(seconds=2)
"""By so much a token may be taken before its time, by somebody who waits for it then."""


def next_token(rate: Rate, arrival: datetime | None, now: datetime) -> datetime:
    """From when on the next token may be taken; `now` where it may be at once.

    Parameters
    ----------
    arrival: the theoretical arrival time that is kept; None before the first token.

    >>> ten = datetime(2026, 1, 5, 10)
    >>> next_token(Rate(interval=timedelta(seconds=1)), ten + timedelta(seconds=3), ten + timedelta(seconds=2))
    datetime.datetime(2026, 1, 5, 10, 0, 3)
    """
    known = _believed(rate, arrival, now)
    return now if known is None else max(now, known - (rate.burst - 1) * rate.interval)


def after_token(rate: Rate, arrival: datetime | None, now: datetime) -> datetime:
    """The theoretical arrival time to keep once the next token was taken.

    >>> ten = datetime(2026, 1, 5, 10)
    >>> after_token(Rate(interval=timedelta(seconds=1), burst=5), None, ten)
    datetime.datetime(2026, 1, 5, 10, 0, 1)
    """
    known = _believed(rate, arrival, now)
    return max(now, known or now) + rate.interval


def _believed(rate: Rate, arrival: datetime | None, now: datetime) -> datetime | None:
    """What is kept, where taking tokens can have brought it there. Further ahead it was kept by a clock that has been
    set back since, or of a slower rate: nobody may wait for that, and it counts as if the last token had just come."""
    if arrival is None or arrival <= now + AHEAD + rate.burst * rate.interval:
        return arrival
    return now + (rate.burst - 1) * rate.interval
