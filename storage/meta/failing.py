"""Since when an asset, or a partition of it, fails."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, bindparam, select, text

from ..types import RunState
from .database.engine import Transaction
from .database.prepared import Prepared
from .runs import EXECUTED, OF_PARTITION, runs

AGAIN = "again"
"""In the stored error of a failed run: it was planned again as if it had never been, and is no failure of its asset."""
_AT_MOST = 1000  # failures in a row that are looked at: of those planned again there are few


def _last_success(which: str) -> Select[tuple[str]]:
    """The last run that succeeded; of those whose index serves."""
    return (
        select(runs.c.id)
        .where(
            runs.c.asset_id == bindparam("b_asset"),
            runs.c.partition == bindparam("b_partition"),
            runs.c.state == RunState.SUCCESS.value,
            runs.c.id != bindparam("b_but"),
            text(f"({which})"),
        )
        .order_by(*((runs.c.created_at.desc(),) if which == EXECUTED else ()), runs.c.id.desc())
        .limit(1)
    )


def _failing(which: str) -> Prepared:
    """The runs that failed after one, oldest first; ids are in the order of their making."""
    return Prepared(
        select(runs.c.ended_at, runs.c.error)
        .where(
            runs.c.asset_id == bindparam("b_asset"),
            runs.c.partition == bindparam("b_partition"),
            runs.c.state == RunState.FAILED.value,
            runs.c.id != bindparam("b_but"),
            runs.c.id > bindparam("b_after"),
            text(f"({which})"),
        )
        .order_by(runs.c.id)
        .limit(_AT_MOST)
    )


_SUCCESS = {which: Prepared(_last_success(which)) for which in (EXECUTED, OF_PARTITION)}
_FAILING = {which: _failing(which) for which in (EXECUTED, OF_PARTITION)}


def failing_since(tx: Transaction, asset_id: int, partition: str, *, but: str) -> datetime | None:
    """When the first run failed after the last that succeeded, of an asset, or of a partition; None where none did. The
    run `but` is left out: it is the one that has just ended."""
    which = OF_PARTITION if partition else EXECUTED
    given = {"b_asset": asset_id, "b_partition": partition, "b_but": but}
    success = _SUCCESS[which].first(tx, given)
    rows = _FAILING[which].rows(tx, {**given, "b_after": "" if success is None else success[0]})
    return next((ended_at for ended_at, error in rows if AGAIN not in (error or ())), None)
