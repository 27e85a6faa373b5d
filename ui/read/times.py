"""Times of questions about the past, as people write them."""

from __future__ import annotations

from datetime import datetime

from ...assets.run.explaining.earlier import time_of
from ...storage.meta.database.engine import Store, now


def moment_of(store: Store, given: str | None) -> datetime | None:
    """`2026-01-05T03:00Z`, or `-2h` for two hours ago; None for None and for nothing.

    Raises
    ------
    UsageError: it is no time, has no zone, or lies in the future.
    """
    if not given:
        return None
    with store.read() as tx:
        return time_of(given, now(tx))
