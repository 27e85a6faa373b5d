"""Which of the times that the same bytes were published is meant, and by which of them they were made. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...storage.meta.past.makings import Published


@dataclass(frozen=True)
class Publications:
    """The times that a version was published, in order: there may be very many.

    Attributes
    ----------
    told: all of them.
    makings: those for which its bytes were written. What is not known to have been written was so when it was first
        told.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 1, 5, tzinfo=UTC)
    >>> found = Publications.of([Published(one, "", f"r{one}", at, one != 2, 10 * one) for one in (1, 2, 3)])
    >>> [found.making(number).number for number in (1, 2, 3, None)]
    [1, 1, 3, 3]
    >>> found.told_by(20).number, found.by_run["r3"].number
    (1, 3)
    """

    told: Sequence[Published] = ()
    makings: tuple[Published, ...] = ()

    @classmethod
    def of(cls, told: Sequence[Published]) -> Publications:
        """These, in order."""
        return cls(told, tuple(one for one in told if one.makes) or tuple(told[:1]))

    def making(self, number: int | None = None) -> Published | None:
        """By which of them the version came to be as it was published under a number: that one, or the one before that
        it tells again. Without a number the newest; None where there is none."""
        if not self.makings:
            return None
        until = len(self.makings) if number is None else bisect_right(self.makings, number, key=_number)
        return self.makings[max(until, 1) - 1]

    def told_by(self, event: int) -> Published | None:
        """By which of them the version came to be as an event published it, like `making`."""
        if not self.makings:
            return None
        return self.makings[max(bisect_right(self.makings, event, key=_event), 1) - 1]

    @cached_property
    def by_run(self) -> Mapping[str, Published]:
        """The makings, by the run that each is of."""
        return {one.run_id: one for one in self.makings if one.run_id is not None}

    def numbered(self, number: int) -> Published | None:
        """The one with this number; None where there is none."""
        place = bisect_left(self.told, number, key=_number)
        return next((one for one in self.told[place : place + 1] if one.number == number), None)


def _number(one: Published) -> int:
    return one.number


def _event(one: Published) -> int:
    return one.event
