"""How an attempt ends: its outputs are published, or its run fails or is canceled. One transaction each.

A version exists from the moment its row exists. What becomes of the run, of the events it took and of its lineage is
in the same transaction: there is no moment at which they contradict each other.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ....lineage import events as openlineage
from ....lineage.facets import LONGEST_MESSAGE, clipped
from ....lineage.facts import DatasetFacts, ErrorFacts, RunFacts
from ....storage.errors import PenstockError, ProducerError, stops, typed, worded
from ....storage.files.durable import small_object
from ....storage.files.root import known_root
from ....storage.files.staging import Staged
from ....storage.manifest import Manifest
from ....storage.masking import masked
from ....storage.meta import agenda, edges, events, omissions, pauses, runs, versions
from ....storage.meta import catalogue as rows
from ....storage.meta.attempts import end_attempt
from ....storage.meta.backfills.suppressing import suppress_again
from ....storage.meta.database.bell import Topic, ring
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.failing import AGAIN
from ....storage.meta.partitions import agenda as of_partitions
from ....storage.meta.partitions.heads import PartitionAt, publish_partition
from ....storage.meta.past.history import rows_of
from ....storage.meta.progress import forget_progress
from ....storage.meta.runs import Fence
from ....storage.meta.unsynced import note
from ....storage.types import AttemptOutcome, EventKind, OnError, RunState
from ....storage.uri import without_credentials
from ...declare.policies import Each, Policies
from ...plan.lifecycle import require
from ..backfilling.suppressing import suppress_news
from ..identity import worker_name
from ..notifying.announcing import About, Announcer
from ..progress import Made
from ..project.durable import Waiting
from ..project.project import Project
from .assignment import Assignment
from .delivery import send
from .facts import dataset_facts, facts_of
from .fencing import fence_of, lost_to
from .producing import InputMoved
from .retry_after import asked_to_wait
from .timing import TimedOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """One output, ready to be published; `staged` is None for data without files."""

    uri: str
    manifest: Manifest
    staged: Staged | None
    metadata: Mapping[str, Any]


def publish(
    project: Project,
    work: Assignment,
    results: Sequence[Produced],
    *,
    left_out: Mapping[str, str] = MappingProxyType({}),
    at: datetime | None = None,
    said_progress: bool = True,
) -> tuple[Made, ...]:
    """Record versions, events, edges, the run's success and its COMPLETE in one transaction, and with them the bytes of
    small outputs, which need not be on the disk before. `left_out`: URI → why, of outputs that are not made;
    `said_progress`: whether it may have said how far it is.

    Raises
    ------
    ProducerError: the run is no longer ours (it was canceled, or given to another attempt); nothing is published.
    """
    asset_id = project.ids.assets[work.asset.name]
    made: list[Made] = []
    written: list[DatasetFacts] = []
    version_ids: list[int] = []
    unsynced: list[Waiting] = []
    small = [result.staged.place for result in results if result.staged is not None and result.staged.small is not None]
    roots = {place.hidden: known_root(place.hidden) for place in small}  # before the lock: the first time it is made
    with project.store.write() as tx:
        moment = at or moment_of(tx)
        new = require(RunState.RUNNING, RunState.SUCCESS)
        if not runs.advance(tx, work.run_id, old=RunState.RUNNING, new=new, fence=fence_of(work), ended_at=moment):
            raise lost_to(project, work)
        for result in results:
            dataset_id, digest = project.ids.datasets[result.uri], result.manifest.digest
            version_id = versions.keep_version(
                tx,
                dataset_id=dataset_id,
                manifest=result.manifest,
                held=True,
                now=moment,
                digest=digest,
                partition=work.partition,
            )
            if result.staged is not None and (content := result.staged.small) is not None:
                place = result.staged.place
                row = note(tx, version_id, root=roots[place.hidden], holder=worker_name(), content=content)
                unsynced.append(Waiting(row, version_id, small_object(result.manifest, place)))
            event = _publish_one(tx, work, result, dataset_id=dataset_id, version_id=version_id, now=moment)
            if work.backfill_id is not None:
                suppress_news(
                    project, tx, work.backfill_id, result.uri, work.partition, event_id=event.event_id, now=moment
                )
            version_ids.append(version_id)
            change = None if event.kind is EventKind.CONFIRMED else "created" if event.first else "overwritten"
            written.append(dataset_facts(project, result.uri, result.manifest, change=change))
            made.append(
                Made(
                    dataset=project.graph.dataset_name(result.uri),
                    uri=result.uri,
                    version_id=version_id,
                    digest=digest,
                    kind=event.kind,
                    partition=work.partition,
                    rows=rows_of(result.manifest.rows, result.metadata),
                    size=result.manifest.size,
                )
            )
        edges.record_edges(
            tx,
            run_id=work.run_id,
            outputs=version_ids,
            inputs=[head.version_id for head in work.read],
        )
        omissions.omit(tx, work.run_id, {project.ids.datasets[uri]: why for uri, why in left_out.items()})
        if said_progress:
            forget_progress(tx, work.run_id)
        rows.record_success(tx, asset_id=asset_id, run_id=work.run_id, now=moment)
        end_attempt(tx, work.run_id, number=work.attempt, outcome=AttemptOutcome.SUCCESS, now=moment)
        about = About(
            asset=work.asset.name,
            asset_id=asset_id,
            partition=work.partition,
            run_id=work.run_id,
            attempt=work.attempt,
        )
        project.announcer.succeeded(tx, about, now=moment)
        _wake(tx, asset_id, work.partition, work.asset.policies)  # what waited for its end can be planned
        send(project, tx, work.run_id, openlineage.complete(facts_of(project, work, tuple(written)), moment))
    project.unsynced += unsynced
    return tuple(made)


def _publish_one(
    tx: Transaction, work: Assignment, result: Produced, *, dataset_id: int, version_id: int, now: datetime
) -> events.Published:
    """The event of one output, or of its partition that was made."""
    partitions = work.asset.partitions
    if partitions is None:
        return events.publish_event(
            tx, dataset_id=dataset_id, version_id=version_id, run_id=work.run_id, metadata=result.metadata, now=now
        )
    line, start, end = partitions.place(work.partition)
    return publish_partition(
        tx,
        dataset_id=dataset_id,
        partition=PartitionAt(key=work.partition, line=line, start=start, end=end),
        version_id=version_id,
        run_id=work.run_id,
        metadata=result.metadata,
        now=now,
    )


def skip(project: Project, work: Assignment, why: str, *, at: datetime | None = None) -> bool:
    """End the run as its producer asked: nothing is published, what it took is consumed, and a row of failures is over.
    False when it had ended already.

    Lineage hears ABORT: a COMPLETE would be taken for a new version of the outputs that its START names.
    """
    asset_id = project.ids.assets[work.asset.name]
    facts = facts_of(project, work, error=ErrorFacts(message=typed("Skip", why), trace=None))
    with project.store.write() as tx:
        moment, new = at or moment_of(tx), require(RunState.RUNNING, RunState.SKIPPED)
        if not runs.advance(tx, work.run_id, old=RunState.RUNNING, new=new, fence=fence_of(work), ended_at=moment):
            return False
        omissions.omit(tx, work.run_id, {project.ids.datasets[uri]: why for uri in work.asset.outputs})
        end_attempt(tx, work.run_id, number=work.attempt, outcome=AttemptOutcome.SKIPPED, now=moment)
        pauses.forgive(tx, asset_id)
        _wake(tx, asset_id, work.partition, work.asset.policies)
        send(project, tx, work.run_id, openlineage.abort(facts, moment))
    return True


_WAITING = frozenset({RunState.SCHEDULED, RunState.UP_FOR_RETRY})
"""What fails from there has waited too long, as in a queue: it passes through it."""
_OUTCOMES = {RunState.FAILED: AttemptOutcome.FAILED, RunState.CANCELED: AttemptOutcome.CANCELED}


def end(
    project: Project,
    work: Assignment,
    state: RunState,
    error: Mapping[str, Any],
    *,
    fresh: bool = False,
    at: datetime | None = None,
    old: RunState = RunState.RUNNING,
) -> bool:
    """End the run without a publication, with what follows for its events and its asset; see `close`. False when it had
    ended already, or was no longer at this attempt. One that never began says nothing in lineage."""
    facts = facts_at_the_end(project, work, error) if work.attempt else None
    with project.store.write() as tx:
        moment = at or moment_of(tx)
        ended = close(
            tx,
            run_id=work.run_id,
            asset_id=project.ids.assets[work.asset.name],
            attempt=work.attempt,
            old=old,
            new=state,
            outcome=_OUTCOMES[state],
            error=error,
            policies=work.asset.policies,
            fresh=fresh,
            now=moment,
            partition=work.partition,
            fence=fence_of(work) if old is RunState.RUNNING else Fence(work.attempt, None),
            asset=work.asset.name,
            announcer=project.announcer,
        )
        if ended and facts is not None:
            send(project, tx, work.run_id, last_word(facts, state, moment))
    return ended


def close(
    tx: Transaction,
    *,
    run_id: str,
    asset_id: int,
    attempt: int,
    old: RunState,
    new: RunState,
    outcome: AttemptOutcome,
    error: Mapping[str, Any],
    policies: Policies | None,
    fresh: bool,
    now: datetime,
    partition: str = "",
    fence: Fence | None = None,
    exit_code: int | None = None,
    signal: int | None = None,
    asset: str = "",
    announcer: Announcer | None = None,
) -> bool:
    """A run ends without a publication, and so does its attempt if it was at work. False, with nothing written, when
    somebody else saw to it, or the attempt is another than `fence` says. `exit_code` and `signal` are how the process
    of an attempt ended that was lost.

    Its events go back, completing only unless `fresh`: then it is as if the run had never been, and its partition is on
    the agenda again. Otherwise, under `each`, they stay with it. An asset that failed too often in a row pauses itself,
    and so does one that stops at an error under `each`. With an `announcer` people are told of it.
    """
    through = require(old, RunState.QUEUED) if new is RunState.FAILED and old in _WAITING else old
    new = require(through, new)
    stored = {**error, AGAIN: True} if fresh and new is RunState.FAILED else {**error}
    if not runs.advance(tx, run_id, old=old, new=new, fence=fence, ended_at=now, error=stored):
        return False
    forget_progress(tx, run_id)
    if old is RunState.RUNNING:
        end_attempt(
            tx, run_id, number=attempt, outcome=outcome, now=now, error=error, exit_code=exit_code, signal=signal
        )
    mode = None if policies is None else policies.consume
    returned, paused = 0, ""
    if fresh or not isinstance(mode, Each):
        returned = events.give_back(tx, asset_id=asset_id, run_id=run_id, fresh=fresh)
    elif mode.on_error is OnError.STOP and pauses.has_taken(tx, run_id):
        why = f"it stops at an error: run {run_id} {new.value}: {error['message']}"
        paused = why if pauses.begin(tx, asset_id, why=why, now=now, failed=True, run_id=run_id) else ""
    count = pauses.count_failure(tx, asset_id) if new is RunState.FAILED and not fresh else 0
    limit = None if policies is None else policies.pause_after
    if count and limit is not None and count >= limit:
        why = f"{count} failed in a row, the last was run {run_id}: {error['message'] or error['type']}"
        paused = why if pauses.begin(tx, asset_id, why=why, now=now, failed=True) else paused
    if announcer is not None:
        about = About(asset=asset, asset_id=asset_id, partition=partition, run_id=run_id, attempt=attempt)
        _announce(tx, announcer, about, error=error, count=count, paused=paused, now=now)
    if partition and fresh and returned:
        suppress_again(tx, run_id)
        of_partitions.enter(tx, asset_id, [of_partitions.single(partition)])
    _wake(tx, asset_id, partition, policies)
    return True


def _announce(
    tx: Transaction,
    announcer: Announcer,
    about: About,
    *,
    error: Mapping[str, Any],
    count: int,
    paused: str,
    now: datetime,
) -> None:
    """People are told of a failure, `count` in a row, and of the pause that it brought, if it did."""
    if count:
        announcer.failed(tx, about, error=error, count=count, now=now)
    if paused:
        announcer.paused(tx, about, why=paused, now=now)


def _wake(tx: Transaction, asset_id: int, partition: str, policies: Policies | None) -> None:
    """A planner has to look at the asset, and at the partition if that waited for the end of its run; workers, where
    slots have become free."""
    if policies is not None and policies.pool is not None:
        ring(tx, Topic.WORKER)
    if partition:
        of_partitions.wake_partition(tx, asset_id, partition)
    agenda.wake(tx, [asset_id])


def facts_at_the_end(project: Project, work: Assignment, error: Mapping[str, Any]) -> RunFacts:
    """What lineage says of a run that published nothing: what it had pinned and what went wrong."""
    message = typed(error["type"], error["message"])
    return facts_of(project, work, error=ErrorFacts(message=message, trace=error["trace"] or None))


def last_word(facts: RunFacts, state: RunState, moment: datetime) -> bytes:
    """FAIL or ABORT of a run."""
    return openlineage.abort(facts, moment) if state is RunState.CANCELED else openlineage.fail(facts, moment)


def describe(error: BaseException) -> dict[str, Any]:
    """An error as stored: our own say what to do; the user's show their trace from the producer on. `classes` are the
    names of its class and of those that it is derived from, `retry_after` is when a server wants to be called again. Of
    a text without end the beginning is kept, of a trace the end."""
    ours = isinstance(error, PenstockError)
    kind = "canceled" if stops(error) else ProducerError.kind
    message = f"the producer called sys.exit({error.code!r})" if isinstance(error, SystemExit) else worded(error)
    described = {
        "kind": error.kind if isinstance(error, PenstockError) else kind,
        "type": type(error).__name__,
        "message": without_credentials(error.message if isinstance(error, PenstockError) else message),
        "hint": error.hint if isinstance(error, PenstockError) else "",
        "trace": "" if ours else without_credentials(_trace(error)),
    }
    kept = masked(described)
    return {
        **kept,
        "message": clipped(kept["message"], longest=LONGEST_MESSAGE),
        "trace": clipped(kept["trace"], end=True),
        "uri": error.uri if isinstance(error, InputMoved) else None,
        "classes": masked([f"{one.__module__}.{one.__qualname__}" for one in type(error).__mro__[:-1]]),
        "retry_after": asked_to_wait(error),
    }


def stopped(why: str) -> dict[str, Any]:
    """The stored error of a run that nobody was at, and that was ended for this reason."""
    return {"kind": "lost", "type": "WorkerLost", "message": why, **_NOTHING_MORE}


def timed_out(why: str) -> dict[str, Any]:
    """The stored error of a run one of whose clocks has run out."""
    return describe(TimedOut(why))


_NOTHING_MORE: Mapping[str, Any] = {"hint": "", "trace": "", "uri": None, "classes": [], "retry_after": None}


def _trace(error: BaseException) -> str:
    """The traceback from the first line on that is not ours."""
    theirs = error.__traceback__
    while theirs is not None and theirs.tb_frame.f_code.co_filename.startswith(_OURS):
        theirs = theirs.tb_next
    return "".join(traceback.format_exception(type(error), error, theirs or error.__traceback__)).strip()


_OURS = str(Path(__file__).parents[2]) + "/"
