"""One attempt of one run, from the claim to the publication. Read `attempt` top to bottom: it is the order that counts.

    claim by compare-and-set, START in the outbox            one transaction
    read inputs at the pinned versions, call the producer
    stage what it gave, hashing on the way
    see that observed inputs are still what was pinned
    keep the bytes as objects                                durable, but nobody knows of them
    version, event, edges, state, COMPLETE in the outbox     one transaction: published
    make the URI equal to the head                           redone after a crash

A crash before the publication leaves staging and perhaps orphaned objects to sweep; a crash after it loses nothing.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ...lineage import events as openlineage
from ...lineage.facts import DatasetFacts, ErrorFacts
from ...storage.errors import PenstockError, ProducerError, StorageFault
from ...storage.files.objects import keep
from ...storage.files.observe import Fingerprint, still
from ...storage.files.staging import Staged, stage
from ...storage.files.sweep import sweep_run
from ...storage.manifest import Manifest
from ...storage.meta import catalogue as rows
from ...storage.meta import edges, events, outbox, runs, versions
from ...storage.meta.engine import Transaction
from ...storage.types import AttemptOutcome, EventKind, RunState, ValueKind
from ..plan.lifecycle import require
from .assignment import Assignment
from .delivery import addresses
from .facts import dataset_facts, run_facts
from .identity import now, worker_name
from .producing import InputMoved, call, context_of, inputs_of, opaque_of, outputs_of, parameters_of, require_kind
from .progress import Made, Outcome
from .project import Project
from .showing import show_head, show_version
from .sources import fingerprint_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One output, ready to be published; `staged` is None for data without files."""

    uri: str
    manifest: Manifest
    staged: Staged | None
    metadata: Mapping[str, Any]


def attempt(project: Project, work: Assignment, *, anew: bool = False) -> Outcome | None:
    """Try the run once, to its end; None when another worker was faster to claim it.

    Whatever goes wrong becomes the stored error of a failed run. KeyboardInterrupt and SystemExit cancel the run and
    go on. With `anew`, the caller plans the run again if an observed input moved: its news is then as fresh as before.
    """
    begun = perf_counter()
    if not claim(project, work):
        return None
    results: list[Result] = []
    seen: dict[str, Fingerprint] = {}
    try:
        made = _make(project, work, seen, results)
    except BaseException as error:
        _discard(project, work, results)
        if not isinstance(error, Exception):
            end(project, work, RunState.CANCELED, describe(error))
            raise
        # What a producer makes of a file that was overwritten under its hands is no fault of the producer.
        fault = describe(_moved(project, seen) or error)
        end(project, work, RunState.FAILED, fault, fresh=anew and fault["uri"] is not None)
        return _outcome(work, RunState.FAILED, begun, error=fault)
    return _outcome(work, RunState.SUCCESS, begun, made=made, warning=_show(project, results, made))


def _make(project: Project, work: Assignment, seen: dict[str, Fingerprint], results: list[Result]) -> tuple[Made, ...]:
    """The steps between the claim and the outcome; `seen` and `results` grow for those who clean up."""
    seen.update(_fingerprints(project, work))
    produce(project, work, seen, results)
    moved = _moved(project, seen)
    if moved is not None:
        raise moved
    for result in results:
        if result.staged is not None:
            keep(result.staged)
    return publish(project, work, results)


def _discard(project: Project, work: Assignment, results: Sequence[Result]) -> None:
    """Nothing of the attempt is left in staging: neither what was staged nor what the producer wrote itself."""
    for result in results:
        if result.staged is not None:
            result.staged.discard()
    for uri in work.asset.outputs:
        sweep_run(project.place(uri), work.run_id)


def _show(project: Project, results: Sequence[Result], made: Sequence[Made]) -> str:
    """Make each URI equal to its head; a warning where that did not work: it is published all the same."""
    warnings: list[str] = []
    for result, one in zip(results, made, strict=True):
        try:
            if not show_version(project, result.uri, one.version_id, result.manifest):
                show_head(project, result.uri)
        except StorageFault as error:
            warnings.append(str(error))
    return "\n".join(warnings)


def claim(project: Project, work: Assignment) -> bool:
    """Make the run `running` and ours, and write its START; False when it is no longer where we believed it to be."""
    moment, worker = now(), worker_name()
    # Rendered before the transaction: the write lock is held for the rows alone.
    body = openlineage.start(_facts(project, work, _intended(project, work)), moment) if work.attempt == 1 else None
    with project.store.write() as tx:
        state = work.state
        if state in (RunState.SCHEDULED, RunState.UP_FOR_RETRY):
            if not runs.advance(tx, work.run_id, old=state, new=require(state, RunState.QUEUED)):
                return False
            state = RunState.QUEUED
        claimed = runs.advance(
            tx,
            work.run_id,
            old=state,
            new=require(state, RunState.RUNNING),
            worker=worker,
            attempts=work.attempt,
            **({"started_at": moment} if work.attempt == 1 else {}),
        )
        if not claimed:
            return False
        runs.begin_attempt(tx, work.run_id, number=work.attempt, worker=worker, now=moment)
        if body is not None:
            _send(project, tx, work.run_id, body)
    return True


def produce(project: Project, work: Assignment, seen: Mapping[str, Fingerprint], results: list[Result]) -> None:
    """Call the producer and stage each output as it comes; `results` grows, so that a failure can discard them."""
    inputs = inputs_of(project, work, seen)
    parameters = parameters_of(project, work)
    context = context_of(project, work, parameters)
    value = call(project, work, {**inputs, **parameters}, context)
    for uri, given in outputs_of(project, work.asset, value):
        kind = require_kind(work.asset, uri, given)
        if kind is ValueKind.OPAQUE:
            manifest, said = opaque_of(work.asset, uri, given)
            results.append(Result(uri=uri, manifest=manifest, staged=None, metadata=said))
            continue
        staged = stage(
            given,
            kind=kind,
            place=project.place(uri),
            run_id=work.run_id,
            dataset=project.graph.dataset_name(uri),
            allow_pickle=project.settings.values.allow_pickle,
        )
        results.append(Result(uri=uri, manifest=staged.manifest, staged=staged, metadata={}))
    if not results:
        raise ProducerError(
            f"asset {work.asset.name}: its producer gave none of its {len(work.asset.outputs)} outputs",
            hint="Yield at least one penstock.Output(name, value).",
        )
    for number, result in enumerate(results):
        said = {"rows": result.manifest.rows, "size": result.manifest.size, "files": len(result.manifest.files)}
        results[number] = Result(
            uri=result.uri,
            manifest=result.manifest,
            staged=result.staged,
            metadata={**said, **result.metadata, **context.said},
        )


def publish(project: Project, work: Assignment, results: list[Result]) -> tuple[Made, ...]:
    """Record versions, events, edges, the run's success and its COMPLETE in one transaction.

    Raises
    ------
    ProducerError: the run is no longer ours (it was canceled); nothing is published.
    """
    moment = now()
    asset_id = project.ids.assets[work.asset.name]
    made: list[Made] = []
    written: list[DatasetFacts] = []
    version_ids: list[int] = []
    with project.store.write() as tx:
        if not runs.advance(
            tx, work.run_id, old=RunState.RUNNING, new=require(RunState.RUNNING, RunState.SUCCESS), ended_at=moment
        ):
            raise ProducerError(
                f"run {work.run_id} of {work.asset.name} was ended by somebody else; nothing is published"
            )
        for result in results:
            dataset_id, digest = project.ids.datasets[result.uri], result.manifest.digest
            version_id = versions.keep_version(
                tx, dataset_id=dataset_id, manifest=result.manifest, held=True, now=moment, digest=digest
            )
            event = events.publish_event(
                tx,
                dataset_id=dataset_id,
                version_id=version_id,
                run_id=work.run_id,
                metadata=result.metadata,
                now=moment,
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
                    rows=result.manifest.rows,
                    size=result.manifest.size,
                )
            )
        edges.record_edges(
            tx,
            run_id=work.run_id,
            outputs=version_ids,
            inputs=[head.version_id for head in work.inputs.values()],
        )
        rows.record_success(tx, asset_id=asset_id, run_id=work.run_id, now=moment)
        runs.end_attempt(tx, work.run_id, number=work.attempt, outcome=AttemptOutcome.SUCCESS, now=moment)
        _send(project, tx, work.run_id, openlineage.complete(_facts(project, work, tuple(written)), moment))
    return tuple(made)


_OUTCOMES = {RunState.FAILED: AttemptOutcome.FAILED, RunState.CANCELED: AttemptOutcome.CANCELED}


def end(project: Project, work: Assignment, state: RunState, error: Mapping[str, Any], *, fresh: bool = False) -> bool:
    """End the run without a publication: its events go back, completing only unless `fresh`; False when it had ended
    already."""
    moment = now()
    facts = _facts(
        project,
        work,
        _intended(project, work),
        error=ErrorFacts(message=f"{error['type']}: {error['message']}", trace=error["trace"] or None),
    )
    render = openlineage.abort if state is RunState.CANCELED else openlineage.fail
    with project.store.write() as tx:
        ended = runs.advance(
            tx,
            work.run_id,
            old=RunState.RUNNING,
            new=require(RunState.RUNNING, state),
            ended_at=moment,
            error=dict(error),
        )
        if not ended:
            return False
        runs.end_attempt(tx, work.run_id, number=work.attempt, outcome=_OUTCOMES[state], now=moment)
        events.give_back(tx, asset_id=project.ids.assets[work.asset.name], run_id=work.run_id, fresh=fresh)
        _send(project, tx, work.run_id, render(facts, moment))
    return True


def describe(error: BaseException) -> dict[str, Any]:
    """An error as stored: our own say what to do; the user's show their trace from the producer on."""
    ours = isinstance(error, PenstockError)
    kind = ProducerError.kind if isinstance(error, Exception) else "canceled"
    return {
        "kind": error.kind if isinstance(error, PenstockError) else kind,
        "type": type(error).__name__,
        "message": error.message if isinstance(error, PenstockError) else str(error),
        "hint": error.hint if isinstance(error, PenstockError) else "",
        "trace": "" if ours else _trace(error),
        "uri": error.uri if isinstance(error, InputMoved) else None,
    }


def _trace(error: BaseException) -> str:
    """The traceback from the first line on that is not ours."""
    theirs = error.__traceback__
    while theirs is not None and theirs.tb_frame.f_code.co_filename.startswith(_OURS):
        theirs = theirs.tb_next
    return "".join(traceback.format_exception(type(error), error, theirs or error.__traceback__)).strip()


_OURS = str(Path(__file__).parent.parent.parent) + "/assets/"


def _fingerprints(project: Project, work: Assignment) -> dict[str, Fingerprint]:
    """How the observed inputs looked when their pinned versions were taken."""
    found: dict[str, Fingerprint] = {}
    for head in work.inputs.values():
        if head.held or head.manifest.token is not None:
            continue
        seen = fingerprint_of(project, head.uri, version_id=head.version_id)
        if seen is None:
            raise InputMoved(head.uri, project.graph.dataset_name(head.uri))
        found[head.uri] = seen
    return found


def _moved(project: Project, seen: Mapping[str, Fingerprint]) -> InputMoved | None:
    """The first observed input that is no longer what was pinned."""
    for uri, fingerprint in seen.items():
        if not still(fingerprint, project.place(uri)):
            return InputMoved(uri, project.graph.dataset_name(uri))
    return None


def _intended(project: Project, work: Assignment) -> tuple[DatasetFacts, ...]:
    return tuple(dataset_facts(project, uri) for uri in work.asset.outputs)


def _facts(project: Project, work: Assignment, outputs: tuple[DatasetFacts, ...], *, error: ErrorFacts | None = None):
    return run_facts(
        project,
        work.asset,
        run_id=work.run_id,
        parent=work.materialization_id,
        inputs={head.uri: head.manifest for head in work.inputs.values()},
        outputs=outputs,
        nominal=work.nominal,
        parameters=work.made_from.get("parameters", {}),
        reason=work.reason.kind,
        error=error,
    )


def _send(project: Project, tx: Transaction, run_id: str, body: bytes) -> None:
    outbox.append(tx, run_id=run_id, body=body, at=now(), destinations=addresses(project.settings))


def _outcome(
    work: Assignment,
    state: RunState,
    begun: float,
    *,
    made: tuple[Made, ...] = (),
    error: Mapping[str, Any] | None = None,
    warning: str = "",
) -> Outcome:
    return Outcome(
        asset=work.asset.name,
        run_id=work.run_id,
        state=state,
        reason=work.reason,
        made=made,
        seconds=perf_counter() - begun,
        error=error,
        warning=warning,
    )
