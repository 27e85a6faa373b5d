"""What people are to be told, written down in the transaction in which it happens: if that is undone, so is this.

Whatever is noted is without secrets: it is kept, sent and shown. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ....storage.errors import typed
from ....storage.meta import failing, notifications
from ....storage.meta.database.engine import Transaction
from ....storage.meta.notifications import NewNotification
from ....storage.meta.runs import Run
from ....storage.meta.ticks import missed_before
from ....storage.types import NotificationKind as Kind
from ....storage.uri import without_credentials
from .hearing import Hearers


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What something happened to: an asset or a partition of it, at an attempt of a run where there was one."""

    asset: str
    asset_id: int
    partition: str = ""
    run_id: str = ""
    attempt: int = 0


class Announcer:
    """Notes what happens for those who are to hear of it; does nothing, and reads nothing, where nobody is.

    Parameters
    ----------
    hearers: who is told of what.
    mask: takes secrets out of a text.
    """

    def __init__(self, hearers: Hearers, *, mask: Callable[[str], str] = str) -> None:
        self._hearers = hearers
        self._mask = mask

    def failed(self, tx: Transaction, it: About, *, error: Mapping[str, Any], count: int, now: datetime) -> None:
        """A run failed for good; `count` runs of the asset in a row, with it."""
        if not self._hearers.of(it.asset, Kind.FAILED):
            return
        since = failing.failing_since(tx, it.asset_id, it.partition, but=it.run_id)
        said = {**_worded(error), "count": count, "since": _text(since), "run": it.run_id, "attempt": it.attempt}
        self._note(tx, Kind.FAILED, it, said, about=it.run_id, how=str(error["type"]), now=now)

    def succeeded(self, tx: Transaction, it: About, *, now: datetime) -> None:
        """A run succeeded: that is told where the one before it had failed, of the same partition if it has one."""
        told = self._hearers.of(it.asset, Kind.RECOVERED)
        since = failing.failing_since(tx, it.asset_id, it.partition, but=it.run_id) if told else None
        if since is None:
            return
        said = {"since": _text(since), "run": it.run_id, "attempt": it.attempt}
        self._note(tx, Kind.RECOVERED, it, said, about=it.run_id, now=now, told=told)

    def retrying(
        self, tx: Transaction, run: Run, *, next_at: datetime | None, error: Mapping[str, Any], now: datetime
    ) -> None:
        """The attempt `run.attempts` of a run is over, and another follows at `next_at`; None: as soon as a worker is
        free. To be called in the transaction that makes the run `up_for_retry`."""
        it = About(asset=run.asset, asset_id=run.asset_id, partition=run.partition)
        said = {**_worded(error), "next_at": _text(next_at), "run": run.id, "attempt": run.attempts}
        about = f"{run.id}/{run.attempts}"
        self._note(tx, Kind.RETRY, it, {**said, "worker": run.worker}, about=about, how=str(error["type"]), now=now)

    def late(self, tx: Transaction, it: About, *, label: str, deadline: datetime, why: str, now: datetime) -> None:
        """A deadline passed, and there was no run, for this reason. To be called once that is recorded.

        It is as late as the one before it, unless something has met that since: how, is the first of them.
        """
        told = self._hearers.of(it.asset, Kind.LATE)
        if not told:
            return
        said = {"deadline": deadline.isoformat(), "error": why}
        about, before = _of_deadline(label, deadline), missed_before(tx, it.asset_id, label, deadline)
        for one in told:
            known = None
            if before is not None:
                known = notifications.how_of(tx, one, Kind.LATE, it.asset_id, _of_deadline(label, before))
            how = known or deadline.isoformat()
            self._note(tx, Kind.LATE, it, said, about=about, how=how, now=now, told=[one])

    def paused(self, tx: Transaction, it: About, *, why: str, now: datetime) -> None:
        """An asset paused itself, after this run."""
        self._note(tx, Kind.PAUSED, it, {"error": why, "run": it.run_id}, about=it.run_id, now=now)

    def _note(
        self,
        tx: Transaction,
        kind: Kind,
        it: About,
        said: Mapping[str, Any],
        *,
        about: str,
        now: datetime,
        how: str = "",
        told: list[str] | None = None,
    ) -> None:
        for destination in self._hearers.of(it.asset, kind) if told is None else told:
            new = NewNotification(
                destination=destination,
                kind=kind,
                asset_id=it.asset_id,
                partition=it.partition,
                about=about,
                how=how,
                said={key: self._clean(value) for key, value in said.items() if value is not None},
            )
            notifications.note(tx, new, now=now)

    def _clean(self, value: Any) -> Any:
        """A text as it may be kept and sent."""
        return self._mask(without_credentials(value)) if isinstance(value, str) else value


def _of_deadline(label: str, at: datetime) -> str:
    return f"{label} {at.isoformat()}"


def _worded(error: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": typed(error["type"], error["message"])}


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
