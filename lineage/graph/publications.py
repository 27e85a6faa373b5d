"""Which of the times that the same bytes were published is meant, and by which of them they were made. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ...storage.meta.past.makings import Published


def makings(published: Sequence[Published]) -> list[Published]:
    """Those publications of a version, of these in order, for which its bytes were written. What is not known to have
    been written was so when it was first told."""
    return [one for one in published if one.makes] or list(published[:1])


def making(published: Sequence[Published], number: int | None = None) -> Published | None:
    """By which of them a version came to be as it was published under a number: that one, or the one before that it
    tells again. Without a number the newest; None where there is none.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 1, 5, tzinfo=UTC)
    >>> made, again, anew = (Published(one, "", f"r{one}", at, makes=one != 2) for one in (1, 2, 3))
    >>> [making([made, again, anew], number).number for number in (1, 2, 3, None)]
    [1, 1, 3, 3]
    """
    found = makings(published)
    meant = [one for one in found if number is None or one.number <= number] or found[:1]
    return meant[-1] if meant else None
