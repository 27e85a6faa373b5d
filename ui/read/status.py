"""How a project stands as a whole: its runs, what is under way or stuck, its database, its last materialization."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.plan.reasons import Reason
from ...assets.run.identity import gone
from ...assets.run.planning.partitions.keeping import held_of
from ...storage.meta import holds, leftovers, materializations, messages, outbox, parts
from ...storage.meta import runs as rows
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.database.migrate import Form, form
from ...storage.meta.messages import Unsent
from ...storage.meta.outbox import Undelivered
from ...storage.meta.partitions.holds import assets_held
from ...storage.meta.past import history
from ...storage.meta.progress import Advance, progress_of
from ...storage.meta.waiting_runs import held_by
from ...storage.settings import ProjectSettings
from ...storage.types import FINAL_STATES, MaterializationState, PartKind, PartState, RunState
from .behind import Behind, behind
from .commands import CommandLine, unfinished_commands
from .runs import RunLine, line_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterializationLine:
    """One materialization: what was asked for, and what it left undone and why. `left_behind`: it has not ended, and
    its process, on this host, is gone."""

    id: str
    state: MaterializationState
    worker: str
    selection: tuple[str, ...]
    held: Mapping[str, Reason]
    started_at: datetime
    ended_at: datetime | None
    left_behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLine:
    """A part of `penstock up`. `silent_for`: seconds since its last heartbeat; `gone`: its process, on this host, is no
    more, or nothing was heard of it for too long."""

    name: str
    kind: PartKind
    state: PartState
    doing: str
    problem: str
    started_at: datetime
    silent_for: float
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What a resource left over, set up at `at` for a run of the asset; `error`: why it could not be cleaned up, ""
    before the first try."""

    resource: str
    asset: str
    run_id: str
    at: datetime
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a project stands.

    Attributes
    ----------
    database: its URL without a password; form, revision: how its tables stand to this penstock.
    runs: how many there are in each state; states without any are left out.
    unfinished: runs that have not ended, oldest first: at work, waiting, or left behind by a crash.
    left_behind: ids of those whose process, on this host, is gone: the next materialization sees to them.
    undelivered: lineage events that have not arrived, by destination.
    unsent: what people have not been told, by destination.
    latest: the last materialization; None before the first.
    held: asset → why planners made no run of it, the newest answer.
    behind: the heads that do not stand at their own URI.
    parts: the schedulers, workers and relays that are at work.
    leftovers: what resources of workers that are gone left over.
    progress: how far runs at work say that they are, by id.
    asked: what was asked for in the app and is not over, in that order.
    counts: how many there are of what can be more than was asked for: `unfinished`, `left_behind`, `held`, `behind`,
        `leftovers`, `asked`.
    """

    project: str
    database: str
    form: Form
    revision: str | None
    runs: Mapping[RunState, int]
    unfinished: tuple[RunLine, ...]
    left_behind: tuple[str, ...]
    undelivered: tuple[Undelivered, ...]
    latest: MaterializationLine | None
    held: Mapping[str, Reason] = field(default_factory=dict[str, Reason])
    behind: tuple[Behind, ...] = ()
    parts: tuple[PartLine, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    progress: Mapping[str, Advance] = field(default_factory=dict[str, Advance])
    unsent: tuple[Unsent, ...] = ()
    asked: tuple[CommandLine, ...] = ()
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many there are of what `Status` has a part of."""

    unfinished: int
    left_behind: int
    held: int
    behind: int
    leftovers: int
    asked: int


def status(store: Store, *, limit: int = 100, only: Collection[str] | None = None) -> Status:
    """How the project of this store stands, all of it as of one instant; of what can be long the first `limit`. Of what
    planners held, that of the assets in `only`."""
    state, revision = form(store)
    with store.read() as tx:
        counts = rows.count_by_state(tx, store.project)
        unfinished = tuple(line_of(run) for run in rows.unfinished(tx, store.project, limit=limit))
        left = [one for worker, those in held_by(tx, store.project).items() if gone(worker) for one in those]
        late = behind(tx, store.project)
        held = {name: why for name, why in _held(tx, store.project).items() if only is None or name in only}
        leftover, asked = _leftovers(tx, store.project), unfinished_commands(tx, store.project)
        return Status(
            project=store.project,
            database=store.shown_url,
            form=state,
            revision=revision,
            runs={one: counts[one] for one in RunState if one in counts},
            unfinished=unfinished,
            left_behind=tuple(left[:limit]),
            undelivered=_undelivered(tx, store.project),
            latest=next((_line(one) for one in materializations.latest(tx, store.project)), None),
            held=dict(islice(held.items(), limit)),
            behind=late[:limit],
            parts=_parts(tx, store.project),
            leftovers=leftover[:limit],
            progress=progress_of(tx, [run.id for run in unfinished if run.state is RunState.RUNNING]),
            unsent=tuple(messages.unsent(tx, store.project)),
            asked=asked[:limit],
            counts=Counts(
                unfinished=sum(many for one, many in counts.items() if one not in FINAL_STATES),
                left_behind=len(left),
                held=len(held),
                behind=len(late),
                leftovers=len(leftover),
                asked=len(asked),
            ),
        )


def _parts(tx: Transaction, project: str) -> tuple[PartLine, ...]:
    moment = moment_of(tx)
    found = ((one, max(0.0, (moment - one.beat_at).total_seconds())) for one in parts.parts_of(tx, project))
    return tuple(
        PartLine(
            name=one.name,
            kind=one.kind,
            state=one.state,
            doing=one.doing,
            problem=one.problem,
            started_at=one.started_at,
            silent_for=silent,
            gone=gone(one.name) or silent > parts.SILENT,
        )
        for one, silent in found
    )


def _leftovers(tx: Transaction, project: str) -> tuple[Leftover, ...]:
    return tuple(
        Leftover(resource=one.resource, asset=one.asset, run_id=one.run_id, at=one.at, error=one.error)
        for one in leftovers.left(tx, project)
        if not one.worker or gone(one.worker)
    )


def _held(tx: Transaction, project: str) -> dict[str, Reason]:
    """Asset → why planners made no run of it; of one with partitions, what those wait for that are held."""
    found = {one.asset: Reason.from_plain(one.reason) for one in holds.held(tx, project)}
    divided = assets_held(tx)
    for one in history.declared_assets(tx, project) if divided else ():
        plain = one.definition.get("partitions")
        if one.id in divided and one.name not in found and plain is not None:
            reason = held_of(tx, one.id, partitioning_from_plain(plain))
            found |= {} if reason is None else {one.name: reason}
    return dict(sorted(found.items()))


def undelivered(store: Store) -> tuple[Undelivered, ...]:
    """The lineage events of this project that have not arrived, by destination."""
    with store.read() as tx:
        return _undelivered(tx, store.project)


def waiting(store: Store, settings: ProjectSettings, destination: str | None = None) -> dict[str, int]:
    """How many lineage events merely wait, by destination, of those that the settings name, or of one of them, with or
    without the project before its name: the next materialization sends them."""
    prefix = f"{store.project}/"
    wanted = None if destination is None else prefix + destination.removeprefix(prefix)
    names = {f"{prefix}{name}" for name in settings.destinations}
    return {
        one.destination: one.pending
        for one in undelivered(store)
        if one.pending and one.destination in names and wanted in (None, one.destination)
    }


def _undelivered(tx: Transaction, project: str) -> tuple[Undelivered, ...]:
    """Destinations are called `project/name`, for projects may share a database."""
    return tuple(one for one in outbox.undelivered(tx) if one.destination.startswith(f"{project}/"))


def _line(one: materializations.Materialization) -> MaterializationLine:
    return MaterializationLine(
        id=one.id,
        state=one.state,
        worker=one.worker,
        selection=tuple(one.selection),
        held={name: Reason.from_plain(plain) for name, plain in one.held.items()},
        started_at=one.started_at,
        ended_at=one.ended_at,
        left_behind=one.ended_at is None and gone(one.worker),
    )
