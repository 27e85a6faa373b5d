"""One run, with everything that is known of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...assets.declare.plain import policies_from_plain
from ...assets.declare.policies import Policies
from ...assets.plan.reasons import Reason
from ...assets.run.dispatching import load_queue
from ...storage.manifest import Column, columns_from_plain
from ...storage.meta import attempts as tries
from ...storage.meta import omissions, outbox
from ...storage.meta import runs as rows
from ...storage.meta.catalogue import definition_at
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.outbox import Way
from ...storage.meta.past import history, tracing
from ...storage.meta.past.history import Consumed, Publication
from ...storage.meta.past.naming import run_named
from ...storage.meta.progress import Advance, progress_of
from ...storage.meta.runs import PinnedInput
from ...storage.types import AttemptOutcome, Json, RunState
from .failures import Failure
from .runs import RunLine, line_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try; `outcome` is None while it is under way. `exit_code` and `signal` say how its process ended, where that
    is known of one that was lost. `took`: how long it worked; None while it does, and where nobody saw how its process
    ended."""

    number: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error: Failure | None = None
    exit_code: int | None = None
    signal: int | None = None
    took: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEvent:
    """An OpenLineage event, `body` as it is sent, and to whom."""

    kind: str
    at: datetime
    body: Mapping[str, Json]
    sent: tuple[Way, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The code that made it: a commit of a repository and the file in it, "" where that was not known."""

    commit: str
    repository: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInput:
    """An input in a run key: the digest of its pinned version, what its annotation means (`json dict`, `lazy_frame`; ""
    where it means nothing), and the columns that it has to have."""

    digest: str
    form: str
    expected: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOutput:
    """An output in a run key: its suffix, what its annotation means, and its columns."""

    suffix: str
    form: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFrom:
    """What a run key is the digest of.

    Attributes
    ----------
    code: the code fingerprint.
    parameters: run parameter → value.
    inputs: input parameter → what was read; outputs: URI → what is written.
    environment: Python and distributions → version.
    probe: the fingerprint of a source; None where it is none.
    nonce: what makes the key differ from every other; None where nobody asked for that.
    """

    code: str
    parameters: Mapping[str, Json]
    inputs: Mapping[str, KeyInput]
    outputs: Mapping[str, KeyOutput]
    environment: Mapping[str, str]
    partition: str
    probe: str | None
    nonce: str | None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> MadeFrom | None:
        """The parts that are stored so, of which older ones lack some; None of a run that was skipped as it was
        planned, and keeps none."""
        if not stored:
            return None
        forms: Mapping[str, Mapping[str, str]] = stored.get("forms", {})
        read, written = forms.get("inputs", {}), forms.get("outputs", {})
        expected: Mapping[str, list[list[str]]] = stored.get("expected", {})
        inputs: Mapping[str, str] = stored.get("inputs", {})
        outputs: Mapping[str, tuple[str, list[list[str]]]] = stored.get("outputs", {})
        return cls(
            code=stored.get("code", ""),
            parameters=stored.get("parameters", {}),
            inputs={
                name: KeyInput(
                    digest=digest, form=read.get(name, ""), expected=columns_from_plain(expected.get(name)) or ()
                )
                for name, digest in inputs.items()
            },
            outputs={
                uri: KeyOutput(suffix=suffix, form=written.get(uri, ""), columns=columns_from_plain(columns) or ())
                for uri, (suffix, columns) in outputs.items()
            },
            environment=stored.get("environment", {}),
            partition=stored.get("partition", ""),
            probe=stored.get("probe"),
            nonce=stored.get("nonce"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """One run with all that is known of it.

    Attributes
    ----------
    key, made_from: the run key and what it is the digest of (code, parameters, inputs, …); None of one that was skipped
        as it was planned.
    parameters: name → value.
    pins: the versions that it reads; consumed, ticks: what caused it.
    published: the events of its outputs.
    retry_at: when it is tried again, of one that waits for that.
    lineage: its OpenLineage events, oldest first, and where they stand.
    progress: how far it says that it is; None where it did not.
    waits_for: what is in the way of one that waits for a worker; None: nothing but that there is none, or it does not
        wait.
    code: None before its first lineage event, and where its file lies in no repository.
    shared: those of the names of what it read and made that several datasets have.
    """

    run: RunLine
    key: str
    made_from: MadeFrom | None
    nominal: tuple[datetime | None, datetime | None]
    pins: tuple[PinnedInput, ...]
    consumed: tuple[Consumed, ...]
    ticks: Mapping[str, datetime]
    attempts: tuple[Attempt, ...]
    published: tuple[Publication, ...]
    lineage: tuple[LineageEvent, ...]
    retry_at: datetime | None = None
    progress: Advance | None = None
    waits_for: Reason | None = None
    code: Code | None = None
    shared: Collection[str] = ()

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Name → value of its run parameters."""
        return {} if self.made_from is None else self.made_from.parameters

    def called(self, one: PinnedInput | Publication) -> str:
        """The name of the dataset of what it read or made; its URI where several datasets have that name."""
        name = one.name if isinstance(one, PinnedInput) else one.dataset
        return one.uri if name in self.shared else name

    def reference(self, one: PinnedInput | Publication) -> str:
        """What means this publication and no other, of what it read or made: `chunks@3`."""
        return f"{self.called(one)}@{one.number}"


def run(store: Store, part: str, *, pools: Mapping[str, int] | None = None) -> RunDetail:
    """The run whose id is `part`, or begins or ends with it.

    Parameters
    ----------
    pools: their sizes, as the settings say; without them nothing is said of what it waits for.

    Raises
    ------
    UsageError: there is no such run, or there are several; the hint names them.
    """
    with store.read() as tx:
        found = run_named(tx, store.project, part)
        run_id = found.id
        attempts = tries.attempts_of(tx, run_id)
        lineage = _lineage(tx, run_id)
        read, made = rows.pinned(tx, run_id), history.published_by(tx, run_id)
        names = {*(one.name for one in read), *(one.dataset for one in made)}
        at_work = found.state is RunState.RUNNING
        waits = pools is not None and found.state in (RunState.SCHEDULED, RunState.UP_FOR_RETRY)
        return RunDetail(
            run=line_of(found, attempts, omissions.omitted_by(tx, [run_id]).get(run_id, {})),
            key=found.key,
            made_from=MadeFrom.of(found.made_from),
            nominal=(found.nominal_start, found.nominal_end),
            pins=tuple(read),
            consumed=tuple(history.consumed_by(tx, run_id)),
            ticks=history.ticks_of(tx, run_id),
            attempts=tuple(_attempt(one) for one in attempts),
            published=tuple(made),
            lineage=lineage,
            retry_at=found.retry_at if found.state is RunState.UP_FOR_RETRY else None,
            progress=progress_of(tx, [run_id]).get(run_id) if at_work else None,
            waits_for=_waits_for(tx, store.project, run_id, pools) if waits and pools is not None else None,
            code=next((code for one in lineage if (code := _code(one.body)) is not None), None),
            shared=tracing.shared_names(tx, store.project, names),
        )


def _attempt(one: tries.Attempt) -> Attempt:
    return Attempt(
        number=one.number,
        worker=one.worker,
        started_at=one.started_at,
        ended_at=one.ended_at,
        outcome=one.outcome,
        error=None if one.error is None else Failure.of(one.error),
        exit_code=one.exit_code,
        signal=one.signal,
        took=one.took,
    )


def _lineage(tx: Transaction, run_id: str) -> tuple[LineageEvent, ...]:
    found: list[LineageEvent] = []
    for raw, ways in outbox.told_of(tx, run_id):
        body: Mapping[str, Any] = json.loads(raw)
        at = datetime.fromisoformat(body["eventTime"])
        found.append(LineageEvent(kind=body["eventType"], at=at, body=body, sent=ways))
    return tuple(found)


def _code(event: Mapping[str, Any]) -> Code | None:
    facet = event["job"].get("facets", {}).get("sourceCodeLocation")
    if facet is None:
        return None
    return Code(commit=facet.get("version") or "", repository=facet.get("repoUrl") or "", path=facet.get("path") or "")


def _waits_for(tx: Transaction, project: str, run_id: str, pools: Mapping[str, int]) -> Reason | None:
    """By the definitions that are registered."""
    now = moment_of(tx)
    numbers = {one.name: one.id for one in history.declared_assets(tx, project)}

    def known(name: str) -> Policies | None:
        body = definition_at(tx, numbers[name], now) if name in numbers else None
        return policies_from_plain(body["policies"]) if body and "policies" in body else None

    return load_queue(tx, project, known, pools, now).choose(now).held.get(run_id)
