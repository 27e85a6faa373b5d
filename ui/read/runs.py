"""Which runs there were, by what they are of and how they went: a page of them, counts, and when they were at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from ...assets.plan.reasons import Reason
from ...assets.run.identity import gone
from ...assets.run.progress import told_of
from ...storage.meta import omissions
from ...storage.meta import runs as rows
from ...storage.meta.attempts import Attempt, attempts_of
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.past import runlog
from ...storage.meta.past.naming import backfill_named, run_named
from ...storage.meta.past.runlog import Span, Wanted
from ...storage.types import RunState
from .failures import Failure
from .page import cut


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run in a list.

    `took` is how long its attempts worked, the time between them left out, and those of which nobody saw how their
    process went. None while it has not ended, or where that is so of all. `backfill_id`: the backfill that asked for
    it. `left_behind`: it has not ended, and its process, on this host, is gone. `left_out`: dataset → why, of the
    outputs that its producer said are not to be made.
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
    error: Failure | None
    took: timedelta | None = None
    backfill_id: str | None = None
    left_behind: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def told(self) -> str:
        """What its producer said of what it did not make."""
        return told_of(self.state, self.left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """A page of runs, newest first; `following` is the id behind which the next page begins, None on the last one."""

    items: tuple[RunLine, ...]
    offset: int = 0
    following: str | None = None

    @property
    def more(self) -> bool:
        """Whether there are older ones."""
        return self.following is not None


def line_of(
    run: rows.Run, attempts: Sequence[Attempt] = (), left_out: Mapping[str, str] = MappingProxyType({})
) -> RunLine:
    """A recorded run as a line; `attempts` are known of one that had several."""
    took = None if run.started_at is None or run.ended_at is None else run.ended_at - run.started_at
    if took is not None and len(attempts) > 1:
        worked = [spent for one in attempts if (spent := one.took) is not None]
        took = sum(worked, timedelta()) if worked else None
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
        error=None if run.error is None else Failure.of(run.error),
        took=took,
        backfill_id=run.backfill_id,
        left_behind=run.ended_at is None and run.worker is not None and gone(run.worker),
        left_out=dict(left_out),
    )


def runs(
    store: Store,
    wanted: Wanted | None = None,
    *,
    asset: str | None = None,
    state: RunState | None = None,
    limit: int = 20,
    offset: int = 0,
    before: str | None = None,
) -> Runs:
    """The runs that are wanted, all without it, newest first; or those of one asset, or in one state.

    Parameters
    ----------
    wanted: `backfill` may be as much of an id as is unique.
    before: the `following` of the page before: costs what is shown, wherever it lies. `offset` counts from there.

    Raises
    ------
    UsageError: there is no such backfill, or no such run to begin behind, or there are several.
    """
    wanted = wanted or Wanted()
    wanted = wanted if asset is None else replace(wanted, asset=asset)
    wanted = wanted if state is None else replace(wanted, states=frozenset({state}))
    with store.read() as tx:
        behind = None if before is None else run_named(tx, store.project, before).id
        asked = _whole(tx, store.project, wanted)
        found = runlog.runs_wanted(tx, store.project, asked, limit=limit + 1, before=behind, offset=offset)
        again = {run.id: attempts_of(tx, run.id) for run in found if run.attempts > 1}
        left_out = omissions.omitted_by(tx, [run.id for run in found])
    page = cut(
        [line_of(run, again.get(run.id, ()), left_out.get(run.id, {})) for run in found], offset=offset, limit=limit
    )
    return Runs(items=page.items, offset=offset, following=page.items[-1].id if page.more and page.items else None)


def run_line(store: Store, part: str) -> RunLine:
    """The run whose id is `part`, or begins or ends with it, in a line: what a list of runs says of it.

    Raises
    ------
    UsageError: there is no such run, or there are several; the hint names them.
    """
    with store.read() as tx:
        found = run_named(tx, store.project, part)
        left_out = omissions.omitted_by(tx, [found.id]).get(found.id, {})
        return line_of(found, attempts_of(tx, found.id), left_out)


def run_states(store: Store, wanted: Wanted | None = None) -> dict[RunState, int]:
    """How many of the runs that are wanted are in each state, whichever states are; without those of which there are
    none.

    Raises
    ------
    UsageError: there is no such backfill, or there are several.
    """
    with store.read() as tx:
        found = runlog.states_wanted(tx, store.project, _whole(tx, store.project, wanted))
    return {state: found[state] for state in RunState if state in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """When runs were at work.

    Attributes
    ----------
    since, at: from then until now.
    spans: newest first; one that has no end is at work.
    together: those of an asset and state that began in the same quarter of an hour are one span; None: each is one.
    left_out: whether there are more spans, older than these.
    """

    since: datetime
    at: datetime
    spans: tuple[Span, ...]
    together: timedelta | None
    left_out: bool


QUARTER = timedelta(minutes=15)


def timeline(
    store: Store, wanted: Wanted | None = None, *, last: timedelta = timedelta(days=1), limit: int = 300
) -> Timeline:
    """When the runs that are wanted were at work lately, in at most `limit` spans: of more runs, those of an asset that
    began in the same quarter of an hour are one. Of runs that were planned more than twice as long ago it tells none.

    Raises
    ------
    UsageError: there is no such backfill, or there are several.
    """
    with store.read() as tx:
        now = moment_of(tx)
        since = now - last
        asked = _whole(tx, store.project, wanted)
        planned = max(since - last, asked.since) if asked.since is not None else since - last
        asked = replace(asked, since=planned)
        found = runlog.spans(tx, store.project, asked, since=since, limit=limit + 1)
        together = None
        if len(found) > limit:
            together, seconds = QUARTER, int(QUARTER.total_seconds())
            found = runlog.spans_together(tx, store.project, asked, since=since, seconds=seconds, limit=limit + 1)
    return Timeline(since=since, at=now, spans=tuple(found[:limit]), together=together, left_out=len(found) > limit)


def _whole(tx: Transaction, project: str, wanted: Wanted | None) -> Wanted:
    """With the whole id of the backfill."""
    if wanted is None or wanted.backfill is None:
        return wanted or Wanted()
    return replace(wanted, backfill=backfill_named(tx, project, wanted.backfill).id)
