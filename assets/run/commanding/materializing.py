"""An asset that somebody asked for, and what it reads, recorded run by run for workers: what `penstock materialize`
plans, without making it here.

A step plans what nothing before it is left of, on one snapshot, and records it with what remains in one transaction.
Between two steps the runs are made; what waits for them by its own condition is planned as ever. It is over once
everything is planned and a worker has begun the last of it: what is given up before that, because the code changed, is
planned anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ....storage.errors import UsageError
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.waiting_runs import stands
from ....storage.types import CommandState, ReasonKind, RunState
from ...declare.partitions.selection import selection_text
from ...plan.planner import Plan, plan
from ...plan.reasons import Reason
from ...plan.selection import select as selected
from ...plan.state import Request
from ..api import require_reached, typed_parameters
from ..attempt.showing import skipped
from ..looking.sources import look, probe, unreadable
from ..planning.record import Record, record
from ..planning.refusing import Refusals, fault, refused_alone
from ..planning.snapshot import AskedPartitions, load
from ..project.keys import asked_keys
from .at_once import selection_of
from .claiming import Claim
from .remaining import Remaining

_AT_ONCE = 200
"""So many partitions of an asset are planned in one step."""
_MOST = 10_000
"""So many may be asked for: they stand in the row of the command. A backfill keeps ranges."""
_KEPT = 200
"""So many ids of runs, and reasons, are kept of what was made and what was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the arguments mean now."""

    names: tuple[str, ...]
    keys: Mapping[str, tuple[str, ...]]
    named: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Mapping[str, Any]]
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What has been made so far: the first of the runs, and of the reasons for what was not; all are counted."""

    runs: tuple[str, ...] = ()
    planned: int = 0
    skipped: int = 0
    held: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    held_count: int = 0

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready; the class takes it back."""
        return {
            "runs": list(self.runs),
            "planned": self.planned,
            "skipped": self.skipped,
            "held": dict(self.held),
            "held_count": self.held_count,
        }

    @classmethod
    def of(cls, claim: Claim) -> _Outcome:
        """That of a command that is at work."""
        plain = claim.command.outcome
        return cls(
            runs=tuple(plain["runs"]),
            planned=plain["planned"],
            skipped=plain["skipped"],
            held=plain["held"],
            held_count=plain["held_count"],
        )

    def with_held(self, reasons: Mapping[str, Reason]) -> _Outcome:
        """And these were not made."""
        more = {title: reason.to_plain() for title, reason in reasons.items()}
        kept = dict([*self.held.items(), *more.items()][:_KEPT])
        return replace(self, held=kept, held_count=self.held_count + len(more))

    def with_runs(self, recorded: Record) -> _Outcome:
        """And these are recorded."""
        ids = (*self.runs, *(one.id for one in recorded.runs))[:_KEPT]
        skips = sum(one.planned.state is RunState.SKIPPED for one in recorded.runs)
        return replace(self, runs=ids, planned=self.planned + len(recorded.runs), skipped=self.skipped + skips)


def materialize(claim: Claim) -> bool:
    """One step; whether the next can follow at once."""
    asked = _asked(claim)
    if claim.command.state is CommandState.WAITING:
        _begin(claim, asked)
        return True
    before, outcome = Remaining.from_plain(claim.command.remaining or {}), _Outcome.of(claim)
    with claim.project.store.read() as tx:
        stand = stands(tx, list(before.runs))
    remaining = before.after(stand)
    if not remaining.wanted:
        if all(stand[run_id].begun for run_id in remaining.runs):
            with claim.project.store.write() as tx:
                _end(claim, tx, outcome)
        return False
    ready = _ready(claim, remaining)
    if ready and _plan(claim, asked, remaining, ready, outcome):
        return True
    if remaining != before:
        with claim.project.store.write() as tx:
            claim.go_on(tx, remaining=remaining.to_plain(), outcome=outcome.to_plain())
    return False


def _asked(claim: Claim) -> _Asked:
    """What the arguments mean.

    Raises
    ------
    UsageError: they name what is not there, or more than can be asked for so.
    """
    project, given = claim.project, claim.command.arguments
    names = selected(project.graph, [selection_of(claim)])
    parameters = typed_parameters(project, given.get("parameters") or {})
    require_reached(project, names, parameters, only=True)
    text = given.get("partitions")
    with project.store.read() as tx:
        known, keys = asked_keys(project, tx, names, None if text is None else selection_text(text), moment_of(tx))
    if (count := sum(map(len, keys.values()))) > _MOST:
        raise UsageError(
            f"{count:,} partitions are asked for, and at most {_MOST:,} can be at once",
            hint=f"A backfill of {claim.command.about} makes as many as there are.",
        )
    named = {dimension: tuple(several) for dimension, several in known.keys.items()}
    return _Asked(names=tuple(names), keys=keys, named=named, parameters=parameters, force=bool(given.get("force")))


def _begin(claim: Claim, asked: _Asked) -> None:
    """Look at what others write, and write down what is to be made."""
    project = claim.project
    found = look(project, project.graph.observed_above(asked.names))
    blocked = {name: why for name, why in unreadable(project, found).items() if name in asked.names}
    remaining = Remaining(
        wanted={name: tuple(asked.keys.get(name, ())) for name in asked.names if name not in blocked},
        failed=tuple(blocked),
        fallen={uri: tuple(keys) for uri, keys in found.unseen.items()},
    )
    with project.store.write() as tx:
        claim.go_on(tx, remaining=remaining.to_plain(), outcome=_Outcome().with_held(blocked).to_plain())


def _ready(claim: Claim, remaining: Remaining) -> list[str]:
    """The assets of which nothing is left that they read or wait for, and that nobody wants who asked before."""
    graph = claim.project.graph
    open_ones = {*claim.taken, *remaining.wanted, *(asset for asset, _ in remaining.runs.values())}
    return [
        name
        for name in graph.in_order(remaining.wanted)
        if name not in claim.taken and not open_ones & ({*graph.reach([name], graph.upstream)} - {name})
    ]


def _plan(claim: Claim, asked: _Asked, remaining: Remaining, ready: list[str], outcome: _Outcome) -> bool:
    """Plan these assets, of those with partitions some keys, and record it with what remains; whether that is less."""
    project, refusals = claim.project, Refusals()
    probed = probe(project, ready)
    names = [name for name in ready if name not in probed.failures]
    keys = {name: remaining.wanted[name][:_AT_ONCE] for name in names if remaining.wanted[name]}
    while True:
        with project.store.read() as tx:
            snapshot = load(
                project,
                tx,
                names,
                requests={name: Request(nonce=claim.command.key if asked.force else None) for name in names},
                failed=remaining.failed,
                probes=probed.fingerprints,
                parameters=asked.parameters,
                partitions=AskedPartitions(keys=keys, named=asked.named, failed=remaining.fallen),
            )
        decided = _worded(claim, plan(project.graph, snapshot.state, snapshot.at))
        step = _Step(claim=claim, asked=asked, keys=keys, decided=decided, failures=probed.failures)
        if not step.moves:
            return False

        def then(tx: Transaction, recorded: Record, step: _Step = step) -> None:
            step.note(tx, remaining, outcome, recorded)

        recorded = record(project, decided, snapshot, materialization_id=None, now=snapshot.at, then=then)
        if recorded is not None:
            break
        if refusals.endless(decided):
            raise fault(refused_alone(project, decided, snapshot))
    for one in recorded.runs:
        if one.planned.state is RunState.SKIPPED:
            skipped(project, one, snapshot)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What a plan does with a command."""

    claim: Claim
    asked: _Asked
    keys: Mapping[str, tuple[str, ...]]
    decided: Plan
    failures: Mapping[str, Reason]

    @property
    def late(self) -> set[tuple[str, str]]:
        """What has as many active runs as it may: it is planned when one has ended."""
        return {(one.asset, one.partition) for one in self.decided.held if one.reason.kind is ReasonKind.AT_LIMIT}

    @property
    def moves(self) -> bool:
        """Whether anything is decided."""
        decided = self.decided
        return bool(self.failures or decided.runs or decided.confirmations) or len(decided.held) > len(self.late)

    def note(self, tx: Transaction, remaining: Remaining, outcome: _Outcome, recorded: Record) -> None:
        """What remains, and what was made, is written down in the transaction that records the runs."""
        held = [one for one in self.decided.held if (one.asset, one.partition) not in self.late]
        reasons = {f"{one.asset} {one.partition}".rstrip(): one.reason for one in held}
        for one in held:
            if one.reason.kind is ReasonKind.UPSTREAM_FAILED:
                remaining = remaining.but(one.asset, one.partition)
        for name in self.failures:
            remaining = remaining.but(name, "")
        new = {one.id: one.planned for one in recorded.runs if one.planned.state is RunState.SCHEDULED}
        runs = {run_id: (planned.asset, planned.partition) for run_id, planned in new.items()}
        remaining = replace(remaining, wanted=self._wanted(remaining), runs={**remaining.runs, **runs})
        outcome = outcome.with_held({**reasons, **self.failures}).with_runs(recorded)
        self.claim.go_on(tx, remaining=remaining.to_plain(), outcome=outcome.to_plain())

    def _wanted(self, remaining: Remaining) -> dict[str, tuple[str, ...]]:
        """What is still to be planned: the keys whose turn has not come, then those that have to wait."""
        done = {one.asset for one in (*self.decided.runs, *self.decided.confirmations, *self.decided.held)}
        found: dict[str, tuple[str, ...]] = {}
        for name, keys in remaining.wanted.items():
            if name in self.keys:
                late = tuple(key for key in self.keys[name] if (name, key) in self.late)
                if rest := (*keys[len(self.keys[name]) :], *late):
                    found[name] = rest
            elif (name not in done or (name, "") in self.late) and name not in self.failures:
                found[name] = keys
        return found


def _worded(claim: Claim, decided: Plan) -> Plan:
    """The plan, in which the reason of each run says who asked."""

    def said(reason: Reason) -> Reason:
        return replace(reason, detail="; ".join(filter(None, (reason.detail, claim.detail))))

    runs = (replace(one, reason=said(one.reason)) if one.state is RunState.SCHEDULED else one for one in decided.runs)
    return replace(decided, runs=tuple(runs))


def _end(claim: Claim, tx: Transaction, outcome: _Outcome) -> None:
    """It is carried out; refused, where nothing of it could be made."""
    if outcome.planned or not outcome.held:
        claim.end(tx, **outcome.to_plain(), said=_said(outcome))
        return
    title, plain = next(iter(outcome.held.items()))
    reason = Reason.from_plain(plain)
    more = f", and {outcome.held_count - 1} more" if outcome.held_count > 1 else ""
    message = f"{title} is not made: {reason.text}{more}"
    error = {"kind": "held", "message": message, "hint": _HINTS.get(reason.kind, "")}
    claim.end(tx, CommandState.REFUSED, **outcome.to_plain(), error=error)


_HINTS = {
    ReasonKind.NO_VERSION: "Ask for what it reads as well: `penstock materialize +ASSET`.",
    ReasonKind.WAITING: "`penstock why ASSET` says what it waits for; of an asset with partitions, say which keys.",
    ReasonKind.UPSTREAM_FAILED: "`penstock runs` shows what failed.",
}


def _said(outcome: _Outcome) -> str:
    runs = outcome.planned - outcome.skipped
    parts = [
        f"{runs:,} run{'s'[: runs != 1]} for workers" if runs else "",
        f"{outcome.skipped:,} unchanged" if outcome.skipped else "",
        f"{outcome.held_count:,} held" if outcome.held_count else "",
    ]
    return ", ".join(filter(None, parts)) or "there was nothing to make"
