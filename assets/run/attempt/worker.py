"""One attempt of one run, from the claim to the publication. Read `attempt` top to bottom: it is the order that counts.

    claim by compare-and-set, START in the outbox            one transaction
    read inputs at the pinned versions, call the producer
    stage what it gave, hashing on the way
    see that observed inputs are still what was pinned
    keep the bytes as objects                                durable unless small, but nobody knows of them
    version, event, edges, state, COMPLETE in the outbox     one transaction: published; bytes of small objects with it
    make the URI equal to the head                           redone after a crash
    bring small objects to the disk                          together, every so often; made good after a crash

A crash before the publication leaves staging and perhaps orphaned objects to sweep; a crash after it loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from types import MappingProxyType
from typing import Any

from ....lineage import events as openlineage
from ....lineage.facets import LONGEST_MESSAGE, clipped
from ....storage.errors import MissingExtra, ProducerError, StorageFault, stops
from ....storage.files.objects import altered, keep, stamps
from ....storage.files.observe import Fingerprint, is_gone, still
from ....storage.masking import mask
from ....storage.meta import runs
from ....storage.meta.attempts import begin_attempt
from ....storage.meta.database.engine import now as moment_of
from ....storage.types import RunState, ValueKind
from ...declare.values import Skip
from ...plan.lifecycle import require
from ...plan.retry import Again
from ..identity import worker_name
from ..looking.sources import fingerprint_of, fingerprint_told
from ..progress import Listener, Made, Outcome, silent
from ..project.durable import MANY, secure
from ..project.project import Project
from .assignment import Assignment
from .capturing import kept_elsewhere, kept_inline
from .delivery import send
from .facts import facts_of
from .failing import fail, is_prevented
from .fencing import lost_to
from .making import Making, produce
from .producing import READ_ANEW, Fingerprints, InputMoved
from .publication import Produced, describe, end, publish, skip
from .reporting import Reporting
from .showing import show_head, show_version
from .sweeping import sweep_outputs
from .timing import timed
from .torn import torn


def attempt(
    project: Project,
    work: Assignment,
    *,
    anew: bool = False,
    rerun: bool = False,
    claimed: Callable[[], None] | None = None,
    tell: Listener = silent,
    captured: bool = False,
    patient: bool = False,
) -> Outcome | None:
    """Try the run once, to its end; None when another worker was faster to claim it, or it was given up. `claimed` is
    called once it is ours.

    Whatever goes wrong becomes the stored error of the attempt, after which the run is to be tried again (`again` of
    the outcome says when) or has failed. KeyboardInterrupt cancels the run and goes on. With `anew`, the caller plans
    the run again if an observed input moved: its news is then as fresh as before. A `rerun`, or a further attempt, was
    pinned long ago: observed inputs are looked at before anything is read. `tell` is told how far the producer says
    that it is. `captured`: whoever started this process keeps what it writes; else what the producer prints and logs in
    this thread is kept here. `patient`: a full disk, or a store that is away, fails no run; it is tried again until
    that is over.
    """
    begun = perf_counter()
    if not claim(project, work):
        return None
    making = Making()
    seen: dict[tuple[str, str], Fingerprint] = {}
    keeping = kept_elsewhere if captured else kept_inline
    try:
        if claimed is not None:
            claimed()
        with keeping(project, work) as log:
            reporting = Reporting(project, work, log.aside(tell))
            made, left_out = _make(project, work, seen, making, reporting, old=rerun or work.attempt > 1)
    except BaseException as error:
        # First the run is ended: whatever goes wrong while cleaning up, nobody may wait for it.
        if stops(error):
            end(project, work, RunState.CANCELED, describe(error))
            _discard(project, work, making.results)
            raise
        cause = _cause(project, work, seen, error)
        if isinstance(cause, Skip):
            return _skipped(project, work, clipped(mask(cause.reason), longest=LONGEST_MESSAGE), making, begun)
        fault = describe(cause)
        if anew and fault["uri"] is not None:
            fault["hint"] = READ_ANEW
        prevented = patient and is_prevented(cause)
        after = fail(project, work, fault, fresh=anew and fault["uri"] is not None, prevented=prevented)
        if after is None:
            fault = describe(lost_to(project, work))
        again = after if isinstance(after, Again) else None
        state = RunState.FAILED if again is None else RunState.UP_FOR_RETRY
        warning = _joined(*making.told, _discard(project, work, making.results))
        return _outcome(project, work, state, begun, error=fault, warning=warning, again=again)
    left = "" if work.asset.context is None else _discard(project, work, ())  # under `ctx.output`, and not returned
    results = making.results
    warnings = (_show(project, results, made), _left_out(project, results), left, _secure(project), log.fault)
    warning = _joined(*making.told, *warnings)
    return _outcome(project, work, RunState.SUCCESS, begun, made=made, warning=warning, left_out=left_out)


def _make(
    project: Project,
    work: Assignment,
    seen: dict[tuple[str, str], Fingerprint],
    making: Making,
    reporting: Reporting,
    *,
    old: bool,
) -> tuple[tuple[Made, ...], Mapping[str, str]]:
    """The steps between the claim and the outcome; `seen` and `making` grow for those who clean up. What was
    published, and what was left out, URI → why."""
    seen.update(_fingerprints(project, work))
    if old and (moved := _moved(project, seen)) is not None:
        raise _moved_since(project, moved.uri, moved.partition)
    lent = _lent(project, work)
    try:
        with timed(project, work):
            left_out = produce(project, work, seen, making, reporting)
    finally:
        reporting.close()
        _require_unharmed(project, work, lent)
    moved = _moved(project, seen)
    if moved is not None:
        raise moved
    for result in making.results:
        if result.staged is not None:
            keep(result.staged)
    said = reporting.recorded or work.attempt > 1
    return publish(project, work, making.results, left_out=left_out, said_progress=said), left_out


def _skipped(project: Project, work: Assignment, why: str, making: Making, begun: float) -> Outcome:
    """What comes of an attempt whose producer skipped all that it makes."""
    ours = skip(project, work, why)
    warning = _joined(*making.told, _discard(project, work, making.results))
    if not ours:
        fault = describe(lost_to(project, work))
        return _outcome(project, work, RunState.FAILED, begun, error=fault, warning=warning)
    left_out = dict.fromkeys(work.asset.outputs, why)
    return _outcome(project, work, RunState.SKIPPED, begun, warning=warning, left_out=left_out)


Lent = Mapping[str, tuple[tuple[int, int], ...]]


def _lent(project: Project, work: Assignment) -> Lent:
    """The objects that are handed out as paths, by parameter, as they look now: nothing but manners keeps a producer
    that runs as root from writing to them."""
    paths = {one.parameter for one in work.asset.inputs if one.kind is ValueKind.PATH}
    return {
        parameter: stamps(head.manifest, project.place(head.uri, head.partition))
        for parameter, head in work.inputs.items()
        if parameter in paths and head.held
    }


def _require_unharmed(project: Project, work: Assignment, lent: Lent) -> None:
    """No producer has written to what it was lent.

    Raises
    ------
    ProducerError: it has. What it wrote to is no longer among the objects: that version is missing and made again.
    """
    heads = [(work.inputs[parameter], before) for parameter, before in lent.items()]
    harmed = [
        project.graph.dataset_name(head.uri)
        for head, before in heads
        if altered(head.manifest, project.place(head.uri, head.partition), before)
    ]
    if harmed:
        raise ProducerError(
            f"asset {work.asset.name} wrote to its input {', '.join(harmed)}: versions are immutable",
            hint="Copy what is to be changed. The damaged version counts as missing: materialize what makes it.",
        )


def _cause(project: Project, work: Assignment, seen: Fingerprints, error: BaseException) -> BaseException:
    """What went wrong: what a producer makes of a file that was overwritten under its hands, or is torn, is no fault
    of its own."""
    if isinstance(error, InputMoved):
        return error
    try:
        return _moved(project, seen) or torn(project, work, seen, error) or error
    except (StorageFault, MissingExtra):  # nobody can tell any more
        return error


def _discard(project: Project, work: Assignment, results: Sequence[Produced]) -> str:
    """Nothing of the attempt is left in staging, neither what was staged nor what the producer wrote itself; a warning
    where that did not work: `penstock clean` removes it later."""
    try:
        for result in results:
            if result.staged is not None:
                result.staged.discard()
        sweep_outputs(project, work.asset, work.run_id, attempt=work.attempt)
    except (StorageFault, OSError) as error:
        return str(error)
    return ""


def _left_out(project: Project, results: Sequence[Produced]) -> str:
    """A warning of the empty folders that no version has, lest a tool that expects one fail later."""
    told: list[str] = []
    for one in results:
        empty = () if one.staged is None else one.staged.left_out
        if empty:
            folders = ", ".join(empty[:6]) + (" …" if len(empty) > 6 else "")
            told.append(
                f"{project.graph.dataset_name(one.uri)} is without the empty folder{'s'[: len(empty) - 1]} {folders}: "
                "a version is its files. Put a file into what has to be there."
            )
    return "\n".join(told)


def _show(project: Project, results: Sequence[Produced], made: Sequence[Made]) -> str:
    """Make each URI equal to its head; a warning where that did not work: it is published all the same."""
    warnings: list[str] = []
    for result, one in zip(results, made, strict=True):
        try:
            if not show_version(project, result.uri, one.version_id, result.manifest, one.partition):
                show_head(project, result.uri, one.partition)
        except StorageFault as error:
            warnings.append(str(error))
    return "\n".join(warnings)


def _secure(project: Project) -> str:
    """Bring small objects to the disk where many wait for it; a warning where that did not work."""
    try:
        if len(project.unsynced) >= MANY:
            secure(project.store, project.unsynced)
    except StorageFault as error:
        return str(error)
    return ""


def claim(project: Project, work: Assignment, *, at: datetime | None = None) -> bool:
    """Make the run `running` and ours, and write its START; False when it is no longer where we believed it to be.
    `at`: when, unless it is now; as `publish` and `end` take it too."""
    worker = worker_name()
    facts = facts_of(project, work) if work.attempt == 1 else None  # before the lock: they take longest
    state = work.state
    if state in (RunState.SCHEDULED, RunState.UP_FOR_RETRY):  # nobody waits in a queue here: it passes through
        state = require(state, RunState.QUEUED)
    with project.store.write() as tx:
        moment = at or moment_of(tx)
        claimed = runs.advance(
            tx,
            work.run_id,
            old=work.state,
            new=require(state, RunState.RUNNING),
            fence=runs.Fence(work.attempt - 1, None),
            worker=worker,
            attempts=work.attempt,
            **({"started_at": moment} if work.attempt == 1 else {}),
        )
        if not claimed:
            return False
        begin_attempt(tx, work.run_id, number=work.attempt, worker=worker, now=moment)
        if facts is not None:
            send(project, tx, work.run_id, openlineage.start(facts, moment))
    return True


def _fingerprints(project: Project, work: Assignment) -> dict[tuple[str, str], Fingerprint]:
    """How the observed inputs looked when their pinned versions were taken, by URI and key."""
    found: dict[tuple[str, str], Fingerprint] = {}
    for head in work.read:
        if head.held:
            continue
        if head.manifest.token is not None:
            told = None if head.uri in project.graph.producer else fingerprint_told(project, head)
            if told is not None:
                found[head.uri, head.partition] = told
            continue
        seen = fingerprint_of(project, head)
        if seen is None:
            raise _moved_since(project, head.uri, head.partition)
        found[head.uri, head.partition] = seen
    return found


def _moved(project: Project, seen: Fingerprints) -> InputMoved | None:
    """The first observed input that is no longer what was pinned."""
    for (uri, key), fingerprint in seen.items():
        if not still(fingerprint, project.place(uri, key)):
            return InputMoved(uri, f"{project.graph.dataset_name(uri)} {key}".rstrip(), partition=key)
    return None


def _moved_since(project: Project, uri: str, key: str) -> InputMoved:
    """That an observed input was overwritten, or deleted, before anything was read of it."""
    name = f"{project.graph.dataset_name(uri)} {key}".rstrip()
    since = "deleted" if is_gone(project.place(uri, key)) else "overwritten"
    return InputMoved(uri, name, partition=key, since=since)


def _joined(*warnings: str) -> str:
    return "\n".join(filter(None, warnings))


def _outcome(
    project: Project,
    work: Assignment,
    state: RunState,
    begun: float,
    *,
    made: tuple[Made, ...] = (),
    error: Mapping[str, Any] | None = None,
    warning: str = "",
    left_out: Mapping[str, str] = MappingProxyType({}),
    again: Again | None = None,
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
        partition=work.partition,
        left_out={project.graph.dataset_name(uri): why for uri, why in left_out.items()},
        again=again,
    )
