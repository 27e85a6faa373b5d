"""After a crash: runs whose process is gone are tried again with the same pins, or ended with a reason.

Only a process of this host can be known to be gone. Runs of other hosts are left to them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...lineage import events as openlineage
from ...lineage.facts import ErrorFacts
from ...storage.meta import events, materializations, runs
from ...storage.meta.engine import Transaction
from ...storage.types import AttemptOutcome, MaterializationState, ReasonKind, RunState
from ..plan.lifecycle import require
from ..plan.reasons import Reason
from .assignment import Assignment, resume
from .delivery import send
from .facts import dataset_facts, run_facts
from .identity import gone, now
from .project import Project
from .sweeping import sweep_outputs

MAX_LOST = 3
"""A run that lost so many workers fails for good: it may be what kills them."""


def left_behind(project: Project) -> dict[str, Reason]:
    """The assets of which a dead process left a run behind that `recover` would try again, and why it was made."""
    with project.store.read() as tx:
        left = _left(project, tx)
    return {
        run.asset: Reason(kind=ReasonKind.RETRY, detail=f"its process is gone; {Reason.from_plain(run.reason).text}")
        for run in left
        if run.attempts < MAX_LOST
    }


def recover(project: Project) -> list[Assignment]:
    """What dead processes left behind, ready to be tried again; what cannot be tried again is ended.

    A run is tried again with the same pins, unless its asset is gone or its code has changed: then it is ended, and
    its events are pending again as if it had never been.
    """
    with project.store.read() as tx:
        left = _left(project, tx)
        dead = [one.id for one in materializations.unfinished(tx, project.name) if gone(one.worker)]
    assignments: list[Assignment] = []
    for run in left:
        work = resume(project, run)
        if work is None or run.attempts >= MAX_LOST:
            _give_up(project, run, lost=run.attempts >= MAX_LOST)
        elif run.state is not RunState.RUNNING:
            assignments.append(work)
        elif _retry(project, run):
            assignments.append(work.again())
    if dead:
        with project.store.write() as tx:
            for one in dead:
                materializations.end(tx, id=one, state=MaterializationState.FAILED, held={}, now=now())
    return assignments


def _sweep(project: Project, run: runs.Run) -> None:
    """Nothing is left of what the dead attempt staged."""
    asset = project.catalogue.assets.get(run.asset)
    if asset is not None:
        sweep_outputs(project, asset, run.id)


def _left(project: Project, tx: Transaction) -> list[runs.Run]:
    """The runs that nobody is at any more, and those that wait to be tried again; oldest first."""
    unfinished = runs.unfinished(tx, project.name)
    owners = materializations.by_id(tx, {run.materialization_id for run in unfinished if run.materialization_id})
    return [run for run in unfinished if run.state is RunState.UP_FOR_RETRY or _abandoned(run, owners)]


def _abandoned(run: runs.Run, owners: Mapping[str, materializations.Materialization]) -> bool:
    """Whether nobody is at the run any more: its worker, or before it had one, the materialization that planned it."""
    if run.worker is not None:
        return gone(run.worker)
    owner = owners.get(run.materialization_id or "")
    return owner is not None and (owner.ended_at is not None or gone(owner.worker))


def release(project: Project, materialization_id: str) -> None:
    """Runs that a materialization planned and did not come to are canceled; their events are pending as before."""
    with project.store.read() as tx:
        left = [run for run in runs.unfinished(tx, project.name) if run.materialization_id == materialization_id]
    for run in left:
        if run.state is RunState.SCHEDULED:
            _end(project, run, RunState.CANCELED, "the materialization that planned it was stopped", fresh=True)


def _retry(project: Project, run: runs.Run) -> bool:
    """The lost attempt is over and the run waits for another; False when somebody else saw to it."""
    with project.store.write() as tx:
        if not runs.advance(tx, run.id, old=run.state, new=require(run.state, RunState.UP_FOR_RETRY)):
            return False
        runs.end_attempt(tx, run.id, number=run.attempts, outcome=AttemptOutcome.LOST, now=now())
        _sweep(project, run)  # before anybody else can claim it
    return True


def _give_up(project: Project, run: runs.Run, *, lost: bool) -> None:
    """End a run that cannot be tried again, and give its events back."""
    new = RunState.FAILED if run.state is RunState.RUNNING else RunState.CANCELED
    message = (
        f"its process ended without a word {run.attempts} times"
        if lost
        else "its process ended, and its code has changed since"
    )
    _end(project, run, new, message, fresh=not lost)


def _end(project: Project, run: runs.Run, new: RunState, message: str, *, fresh: bool) -> None:
    error = {"kind": "lost", "type": "WorkerLost", "message": message, "hint": "", "trace": "", "uri": None}
    moment = now()
    with project.store.write() as tx:
        if not runs.advance(tx, run.id, old=run.state, new=require(run.state, new), ended_at=moment, error=error):
            return
        if run.state is RunState.RUNNING:
            runs.end_attempt(tx, run.id, number=run.attempts, outcome=AttemptOutcome.LOST, now=moment)
            _sweep(project, run)
        events.give_back(tx, asset_id=run.asset_id, run_id=run.id, fresh=fresh)
        if run.attempts:
            _send_end(project, tx, run, new, message)


def _send_end(project: Project, tx: Transaction, run: runs.Run, state: RunState, message: str) -> None:
    """FAIL or ABORT of a run that had started; an asset that is no longer declared has nothing more to say."""
    asset = project.catalogue.assets.get(run.asset)
    if asset is None:
        return
    facts = run_facts(
        project,
        asset,
        run_id=run.id,
        parent=run.materialization_id,
        inputs={},
        outputs=tuple(dataset_facts(project, uri) for uri in asset.outputs),
        nominal=(run.nominal_start, run.nominal_end),
        parameters=run.made_from.get("parameters", {}),
        reason=run.reason["kind"],
        error=ErrorFacts(message=message),
    )
    moment = now()
    body = openlineage.fail(facts, moment) if state is RunState.FAILED else openlineage.abort(facts, moment)
    send(project, tx, run.id, body)
