"""`rerun`: a run that has ended is made again from the versions that it had pinned, by the code as it is now.

It is a run of its own, recorded with the reason; the one before stays as it is. What it publishes is the newest version
from then on, whatever was made since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...lineage.relay import Relay
from ...storage.errors import Bug, UsageError
from ...storage.meta import events, pending, runs, standing
from ...storage.meta.database.engine import Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.past.naming import run_named, run_title, short_name
from ...storage.types import (
    FINAL_STATES,
    Consume,
    ConsumptionOutcome,
    MaterializationState,
    ReasonKind,
    RunState,
)
from ..declare.definitions import Definitions
from ..declare.partitions.redividing import named_by
from ..plan.key import RunKey, run_key
from ..plan.lifecycle import require
from ..plan.reasons import Reason
from .api import Things, prepared
from .attempt.assignment import Assignment, begun, reads_the_same
from .attempt.delivery import destinations
from .attempt.repeating import attempts
from .identity import new_id
from .materialize import run_wave
from .notifying.notify import notifying
from .progress import Listener, Outcome, Result, Started, silent
from .project.project import Project, open_project
from .project.trial import Trial, for_good
from .recording import recorded
from .termination import Terminated, heeding_termination


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What came of making a run again.

    Attributes
    ----------
    of: the id of the run that was made again.
    outcome: of the new run.
    code_changed: whether its code, or what else it depends on beside its inputs, is another by now.
    wave: what its news made downstream; None where it published nothing, or that was not asked for.
    """

    of: str
    outcome: Outcome
    code_changed: bool
    wave: Result | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.outcome.state is RunState.SUCCESS and (self.wave is None or self.wave.ok)


def rerun(
    run_id: str,
    things: Things | Iterable[Things] | Definitions | None = None,
    *,
    only: bool = False,
    project_folder: str | Path | None = None,
    listener: Listener | None = None,
    **settings: Any,
) -> Rerun:
    """Make a run again, from the same versions of its inputs and with the same run parameters, whatever is newer by
    now; the code is that of now.

    Parameters
    ----------
    run_id: its id, or as much of its beginning or end as is unique.
    only: the run alone; what its news makes due downstream stays pending.
    things, project_folder, listener, settings: as `materialize` takes them.

    Raises
    ------
    UsageError: there is no such run, it has not ended, it was skipped, its asset is gone or reads other datasets by
        now, or is being made at this moment.

    >>> rerun("4f1a09c2").outcome.reason.text           # doctest: +SKIP
    'manual; rerun of run 4f1a09c2, from the same inputs'
    """
    known, definitions = prepared(things, project_folder, settings)
    with open_project(known, definitions) as project:
        try:
            return rerun_in(project, run_id, only=only, listener=listener)
        except Terminated as error:  # SIGTERM: an interrupt of the keyboard would end the process with another code
            raise SystemExit(error.exit_code) from error


def rerun_in(project: Project, part: str, *, only: bool = False, listener: Listener | None = None) -> Rerun:
    """`rerun` in an open project."""
    tell = listener or silent
    relay = Relay(project.store, destinations(project.settings))
    run, work = for_good(project, lambda trial: decided_again(trial, part), tell=tell)
    telling = notifying(project.store, project.settings)
    with heeding_termination(), relay, telling, recorded(project, [run.asset]) as one:
        work = replace(work, materialization_id=one.id)
        with project.store.write() as tx:
            record_again(tx, run, work)
        tell(Started(asset=run.asset, run_id=work.run_id, reason=work.reason, partition=run.partition))
        outcome = attempts(project, work, rerun=True, tell=tell)
        if outcome is None:
            raise UsageError(
                f"run {work.run_id} was ended, or taken over, by somebody else while it waited to be tried again",
                hint=f"`penstock runs {work.run_id}` shows what became of it.",
            )
        tell(outcome)
        if outcome.state is not RunState.SUCCESS:
            one.state = MaterializationState.FAILED
    wave = None
    if outcome.made and not only:
        wave = run_wave(project, (), news=[made.uri for made in outcome.made], listener=listener)
    return Rerun(of=run.id, outcome=outcome, code_changed=differs(run, work.made_from), wave=wave)


def decided_again(trial: Trial, part: str) -> tuple[runs.Run, Assignment]:
    """The run that is meant, and the assignment of the new one.

    Raises
    ------
    UsageError: there is no such run, it cannot be made again, or its asset, or this partition of it, is being made.
    """
    run = run_named(trial.tx, trial.project.name, part)
    work = _again(trial, run)
    _require_free(trial.tx, run, work)
    return run, work


def _again(trial: Trial, run: runs.Run) -> Assignment:
    """The assignment of the new run.

    Raises
    ------
    UsageError: it cannot be made again; the hint says what can be done instead.
    """
    project, name = trial.project, run_title(run)
    if run.state not in FINAL_STATES:
        raise UsageError(
            f"{name} is {run.state}: it has not ended", hint="Wait for its end; a run of a dead process is tried again."
        )
    if not run.made_from:
        raise UsageError(
            f"{name} was {run.state}: it pinned nothing, and there is nothing to be made again",
            hint=f"`penstock materialize {run.asset} --force` makes it from what is newest.",
        )
    work = begun(project, trial.tx, run)
    if work is None:
        raise UsageError(f"the asset of {name} is not declared any more", hint="Declare it, or make what it became.")
    if not reads_the_same(work, run):
        raise UsageError(
            f"asset {run.asset} reads other datasets by now than {name} did",
            hint=f"`penstock materialize {run.asset}` makes it from what is newest.",
        )
    _require_partition(run, work)
    key = _key(project, run, work)
    changed = (ReasonKind.CODE_CHANGED,) if differs(run, key.parts) else ()
    detail = f"rerun of run {short_name(run.id)}, from the same inputs"
    return replace(
        work,
        run_id=new_id(),
        state=RunState.SCHEDULED,
        attempt=1,
        reason=Reason(kind=ReasonKind.MANUAL, also=changed, detail=detail),
        made_from=key.parts,
        backfill_id=None,
    )


def _require_partition(run: runs.Run, work: Assignment) -> None:
    """The run is of a partition that its asset has still, or of an asset that has none.

    Raises
    ------
    UsageError: it is none any more, or its key means another window.
    """
    asset, key, why = work.asset, run.partition, ""
    if asset.partitions is None:
        why = f"{asset.name} has no partitions any more" if key else ""
    elif not key:
        why = f"{asset.name} is {asset.partitions.label} by now, and the run is of no partition"
    elif (fault := asset.partitions.fault(key, named_by(asset.partitions, key))) is not None:
        why = fault.message
    elif (window := asset.partitions.partition(key)) and (window.start, window.end) != (
        run.nominal_start,
        run.nominal_end,
    ):
        why = f"{key!r} means another window in {asset.partitions.label} than it did when the run was made"
    if why:
        raise UsageError(
            f"{run_title(run)} cannot be made again: the definition of {asset.name} is another by now, and {why}",
            hint=f"`penstock partitions {asset.name}` shows which there are, `penstock materialize {asset.name}"
            f"{' --partitions KEY' if asset.partitions is not None else ''}` makes what there is.",
        )


def _key(project: Project, run: runs.Run, work: Assignment) -> RunKey:
    return run_key(
        work.asset,
        project.graph,
        parameters=run.made_from.get("parameters", {}),
        inputs=run.made_from.get("inputs", {}),
        probe=run.made_from.get("probe"),
        environment=project.environment,
        partition=run.partition,
    )


_CODE = ("v", "code", "outputs", "expected", "environment")
"""The parts of a run key that are neither what was read nor what somebody said."""


def differs(run: runs.Run, parts: Mapping[str, Any]) -> bool:
    """Whether the code, or what else a run depends on beside its inputs, is another in these parts of a key."""
    return any(run.made_from.get(part) != parts.get(part) for part in _CODE)


def record_again(tx: Transaction, run: runs.Run, work: Assignment) -> None:
    """The new run with its pins, and with the events that these cover.

    Raises
    ------
    UsageError: the asset, or this partition of it, is being made, since a moment ago.
    """
    number, key = run.asset_id, RunKey(asset=run.asset, parts=work.made_from)
    _require_free(tx, run, work)
    pins = tuple(
        runs.Pin(
            parameter=parameter,
            dataset_id=head.dataset_id,
            version_id=head.version_id,
            event_id=head.event_id,
            partition=head.partition,
        )
        for parameter, heads in _heads(work).items()
        for head in heads
    )
    new = runs.NewRun(
        id=work.run_id,
        asset_id=number,
        state=require(None, work.state),
        key=key.digest,
        reason=work.reason.to_plain(),
        made_from=work.made_from,
        pins=pins,
        nominal_start=run.nominal_start,
        nominal_end=run.nominal_end,
        partition=run.partition,
    )
    moment = moment_of(tx)
    runs.insert_runs(tx, [new], materialization_id=work.materialization_id, now=moment)
    if not events.consume(tx, _covered(tx, work, number), now=moment):
        raise Bug(f"what {run_title(run)} had pinned is no longer pending, within one transaction")


def _require_free(tx: Transaction, run: runs.Run, work: Assignment) -> None:
    """As many runs may be active as are, and one more.

    Raises
    ------
    UsageError: they may not.
    """
    number, limit = run.asset_id, work.asset.policies.max_active_runs
    if run.partition:
        active = runs.active_among(tx, number, [run.partition]).get(run.partition, 0)
    else:
        active = standing.courses(tx, [number])[number].active
    if active >= limit:
        raise UsageError(
            f"{run.asset} {run.partition}".rstrip() + f" is being made: {active} of {limit} runs are active",
            hint="Wait for its end: `penstock runs --state running`.",
        )


def _heads(work: Assignment) -> dict[str, list[Any]]:
    single = {parameter: [head] for parameter, head in work.inputs.items()}
    return {**single, **{parameter: list(heads.values()) for parameter, heads in work.several.items()}}


def _covered(tx: Transaction, work: Assignment, asset_id: int) -> list[events.Claim]:
    """What is pending up to the pins has been seen, as by hand: of datasets without partitions, under `batch` and
    `latest`."""
    mode = work.asset.policies.consume
    if work.partition or mode not in (Consume.BATCH, Consume.LATEST):
        return []
    claims: dict[int, events.Claim] = {}
    for head in work.inputs.values():
        count = 0 if head.partition else pending.count_up_to(tx, asset_id, head.dataset_id, head.number)
        if count:
            claims[head.dataset_id] = events.Claim(
                asset_id=asset_id,
                dataset_id=head.dataset_id,
                up_to=head.number,
                expected=count,
                run_id=work.run_id,
                outcome=ConsumptionOutcome.RUN,
                about=head.number if mode is Consume.LATEST else None,
            )
    return list(claims.values())
