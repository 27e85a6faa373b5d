"""What becomes of a key when a dataset is divided otherwise than it was. Pure."""

from __future__ import annotations

from ....storage.errors import UsageError
from .appearing import appeared
from .partition import Known, Partitioning


def what_becomes_of(key: str, before: Partitioning, now: Partitioning) -> str:
    """What a key is by another definition: `kept`, `shifted` or `left`.

    >>> from penstock import Daily, Hourly
    >>> days, there = Daily(start="2026-01-01"), Daily(start="2026-01-01", tz="Asia/Kolkata")
    >>> what_becomes_of("2026-01-05", days, there), what_becomes_of("2026-01-05", days, Hourly(start="2026-01-01"))
    ('shifted', 'left')
    >>> what_becomes_of("2026-01-05", Hourly(start="2026-01-01"), days)
    'kept'
    """
    try:
        there = now.place(key)
        named = {name: tuple(keys) for name, keys in appeared(now, [there.line]).items()}
        if now.fault(key, Known(keys=named)) is not None:
            return "left"
    except UsageError:
        return "left"
    try:
        return "kept" if before.place(key) == there else "shifted"
    except UsageError:  # it was left by the definition before, and is a partition again
        return "kept"
