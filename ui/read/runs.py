"""Which runs there were, and everything about one of them: what it read, took, tried and published, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from ...assets.plan.reasons import Reason
from ...assets.run.identity import gone
from ...assets.run.progress import told_of
from ...storage.errors import typed
from ...storage.meta import omissions, outbox
from ...storage.meta import runs as rows
from ...storage.meta.attempts import Attempt, attempts_of
from ...storage.meta.database.engine import Store
from ...storage.meta.past import history
from ...storage.meta.past.history import Consumed, Publication
from ...storage.meta.past.naming import run_named
from ...storage.meta.runs import PinnedInput
from ...storage.types import AttemptOutcome, RunState
from .page import Page, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run in a list.

    `took` is how long its attempts worked, the time between them and those that were lost left out: nobody knows when
    their process went. None while it has not ended. `backfill_id`: the backfill that asked for it. `left_behind`: it
    has not ended, and its process, on this host, is gone. `left_out`: dataset → why, of the outputs that its producer
    said are not to be made.
    """

    id: str
    asset: str
    partition: str
    state: RunState
    reason: Reason
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    materialization_id: str | None
    error: Mapping[str, Any] | None
    took: timedelta | None = None
    backfill_id: str | None = None
    left_behind: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def told(self) -> str:
        """What its producer said of what it did not make."""
        return told_of(self.state, self.left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """One run with all that is known of it.

    Attributes
    ----------
    key, made_from: the run key and what it is the digest of (code, parameters, inputs, …).
    pins: the versions that it reads; consumed, ticks: what caused it.
    published: the events of its outputs.
    retry_at: when it is tried again, of one that waits for that.
    lineage: its OpenLineage events as they are sent, oldest first.
    """

    run: RunLine
    key: str
    made_from: Mapping[str, Any]
    nominal: tuple[datetime | None, datetime | None]
    pins: tuple[PinnedInput, ...]
    consumed: tuple[Consumed, ...]
    ticks: Mapping[str, datetime]
    attempts: tuple[Attempt, ...]
    published: tuple[Publication, ...]
    lineage: tuple[Mapping[str, Any], ...]
    retry_at: datetime | None = None


def error_text(error: Mapping[str, Any]) -> str:
    """A stored error as a sentence: with its type where user code raised it, without where penstock explains itself."""
    return typed(error["type"], error["message"]) if error.get("trace") else str(error["message"])


def line_of(
    run: rows.Run, attempts: Sequence[Attempt] = (), left_out: Mapping[str, str] = MappingProxyType({})
) -> RunLine:
    """A recorded run as a line; `attempts` are known of one that had several."""
    took = None if run.started_at is None or run.ended_at is None else run.ended_at - run.started_at
    if took is not None and len(attempts) > 1:
        worked = [
            one.ended_at - one.started_at
            for one in attempts
            if one.ended_at is not None and one.outcome is not AttemptOutcome.LOST
        ]
        took = sum(worked, timedelta())
    return RunLine(
        id=run.id,
        asset=run.asset,
        partition=run.partition,
        state=run.state,
        reason=Reason.from_plain(run.reason),
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        worker=run.worker,
        materialization_id=run.materialization_id,
        error=run.error,
        took=took,
        backfill_id=run.backfill_id,
        left_behind=run.ended_at is None and run.worker is not None and gone(run.worker),
        left_out=dict(left_out),
    )


def runs(
    store: Store,
    *,
    asset: str | None = None,
    partition: str | None = None,
    state: RunState | None = None,
    limit: int = 20,
    offset: int = 0,
) -> Page[RunLine]:
    """The runs, of one asset, one key or in one state if that is asked for, newest first."""
    with store.read() as tx:
        found = rows.recent(
            tx, store.project, asset=asset, partition=partition, state=state, limit=limit + 1, offset=offset
        )
        again = {run.id: attempts_of(tx, run.id) for run in found if run.attempts > 1}
        left_out = omissions.omitted_by(tx, [run.id for run in found])
    return cut(
        [line_of(run, again.get(run.id, ()), left_out.get(run.id, {})) for run in found], offset=offset, limit=limit
    )


def run(store: Store, part: str) -> RunDetail:
    """The run whose id is `part`, or begins or ends with it.

    Raises
    ------
    UsageError: there is no such run, or there are several; the hint names them.
    """
    with store.read() as tx:
        found = run_named(tx, store.project, part)
        run_id = found.id
        attempts = tuple(attempts_of(tx, run_id))
        return RunDetail(
            run=line_of(found, attempts, omissions.omitted_by(tx, [run_id]).get(run_id, {})),
            key=found.key,
            made_from=found.made_from,
            nominal=(found.nominal_start, found.nominal_end),
            pins=tuple(rows.pinned(tx, run_id)),
            consumed=tuple(history.consumed_by(tx, run_id)),
            ticks=history.ticks_of(tx, run_id),
            attempts=attempts,
            published=tuple(history.published_by(tx, run_id)),
            lineage=tuple(json.loads(body) for body in outbox.bodies(tx, run_id=run_id)),
            retry_at=found.retry_at if found.state is RunState.UP_FOR_RETRY else None,
        )
