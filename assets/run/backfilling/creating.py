"""Asking for a backfill: what it would make, and recording it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ....storage.errors import UsageError
from ....storage.meta import runs
from ....storage.meta.backfills import backfills
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.partitions.ranges import on_line
from ....storage.meta.partitions.states import failed_partitions
from ....storage.meta.past.naming import short_name
from ....storage.types import BackfillState, Propagate, Reprocess
from ...declare.partitions.partition import Known, Partitioning, Place
from ...declare.partitions.ranges import KeyRanges
from ...plan.backfills.choosing import Facts, choose
from ...plan.backfills.counting import Counts, Stand, counts
from ...plan.backfills.frontier import Item
from ...plan.backfills.scope import Part, known_in, overlaps, scope_to_plain
from ...plan.preview import Foreseen, preview
from ...plan.state import Request
from ..identity import new_id
from ..looking.sources import look, tell_looked
from ..planning.snapshot import AskedPartitions, load
from ..progress import Listener, Looked, silent
from ..project.project import Project
from ..project.trial import Trial, for_good, on_trial
from .chunks import AT_ONCE, chunk_from
from .scoping import partitionings, scope_of
from .terms import Terms, terms_from, terms_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for.

    Attributes
    ----------
    names: the selected assets; those without partitions are no part of it.
    keys: as `materialize` takes them: `"2026-01-01..2026-01-31"`.
    backwards: the newest windows first.
    max_active_runs: so many runs of it may be active at once; None: as many as are planned together.
    """

    names: Sequence[str]
    keys: str
    reprocess: Reprocess = Reprocess.MISSING
    propagate: Propagate = Propagate.NONE
    backwards: bool = False
    max_active_runs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a backfill would do.

    Attributes
    ----------
    counts: by asset, upstream first.
    foreseen: what would become of the first partitions that are not left alone, in the order in which they would be
        made, with reasons.
    left_out: selected assets that have no partitions.
    looked: what was found at the datasets that others write.
    """

    counts: Mapping[str, Counts]
    foreseen: tuple[Foreseen, ...]
    left_out: tuple[str, ...] = field(default=())
    looked: tuple[Looked, ...] = field(default=())

    @property
    def total(self) -> int:
        """How many partitions it is of."""
        return sum(one.total for one in self.counts.values())

    @property
    def look(self) -> int:
        """How many of them would be looked at: made, skipped where nothing has changed, or held back."""
        return sum(one.look for one in self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A backfill that was recorded; `look` is how many of its partitions are to be looked at, as things stood then."""

    backfill: Backfill
    look: int


def create(project: Project, asked: Asked, *, listener: Listener | None = None) -> Created:
    """Record a backfill, and register the definitions, in one transaction; it is running from now on, and whoever works
    on it makes its partitions.

    Raises
    ------
    UsageError: the selection cannot be read, or is of no partitions; another backfill that has not ended is of some of
        these partitions.
    """
    return for_good(project, lambda trial: create_with(trial, asked), tell=listener or silent, writing=True)


def create_with(trial: Trial, asked: Asked) -> Created:
    """`create` in a transaction, in which the definitions are registered."""
    project, tx, backfill_id = trial.project, trial.tx, new_id()
    moment = moment_of(tx)
    known, scope = _scope(trial, asked, moment)
    stand = _counts(project, tx, scope, asked.reprocess, known).values()
    backfills.begin(
        tx,
        id=backfill_id,
        project=project.name,
        selection=asked.names,
        keys=asked.keys,
        scope=scope_to_plain(scope, project.ids.assets),
        total=sum(one.total for one in stand),
        reprocess=asked.reprocess,
        propagate=asked.propagate,
        backwards=asked.backwards,
        max_active_runs=asked.max_active_runs,
        now=moment,
    )
    found = backfills.backfill(tx, backfill_id)
    assert found is not None, "it was recorded in this very transaction"
    return Created(backfill=found, look=sum(one.look for one in stand))


def foresee_backfill(project: Project, asked: Asked, *, limit: int = 20) -> Preview:
    """What a backfill would do: counts, and the first `limit` partitions that it would not leave alone, in their order.
    Looks at what others write, as the backfill does once it is recorded; writes nothing.

    Raises
    ------
    UsageError: as `create`.
    """
    assets, looked = project.catalogue.assets, look(project, _observed(project, asked), record=False)
    with on_trial(project, writing=bool(looked.unrecorded)) as trial:
        project, tx = trial.project, trial.tx
        moment = moment_of(tx)
        known, scope = _scope(trial, asked, moment)
        terms = terms_from(scope, propagate=asked.propagate, backwards=asked.backwards)
        tell_looked(project, tx, looked, now=moment)  # behind the scope: what is asked for is asked for before the look
        return Preview(
            counts=_counts(project, tx, scope, asked.reprocess, known),
            foreseen=tuple(_foreseen(project, tx, asked, terms, known=known, limit=limit)),
            left_out=tuple(name for name in asked.names if assets[name].partitions is None),
            looked=looked.looked,
        )


def _observed(project: Project, asked: Asked) -> list[str]:
    """What others write of all that may be part of it."""
    graph = project.graph
    within = asked.propagate is Propagate.WITHIN
    return graph.observed_above(graph.in_order(graph.reach(asked.names, graph.downstream)) if within else asked.names)


def _scope(trial: Trial, asked: Asked, now: datetime) -> tuple[Known, dict[str, Part]]:
    """What is known, and what is asked for.

    Raises
    ------
    UsageError: as `create`.
    """
    _require_limit(asked.max_active_runs)
    project, tx = trial.project, trial.tx
    known, scope = scope_of(project, tx, asked.names, asked.keys, propagate=asked.propagate, now=now)
    _require_any(asked, scope)
    _require_alone(project, tx, scope, known)
    return known, scope


def _require_limit(most: object) -> None:
    """A program may give anything."""
    if most is not None and (not isinstance(most, int) or isinstance(most, bool)):
        raise UsageError(
            f"max_active_runs={most!r} is of type {type(most).__name__}, and is a whole number",
            hint="Write e.g. max_active_runs=4, or leave it out.",
        )
    if most is not None and most < 1:
        raise UsageError(
            f"a backfill with max_active_runs={most} would make nothing",
            hint="Write a number of at least 1, or leave it out.",
        )


def _require_any(asked: Asked, scope: Mapping[str, Part]) -> None:
    if not scope:
        raise UsageError(
            f"the selection {asked.keys!r} is of no partitions of {', '.join(asked.names)}",
            hint="`penstock partitions ASSET` shows which there are; a window is there once it is over.",
        )


def _require_alone(project: Project, tx: Transaction, scope: Mapping[str, Part], known: Known) -> None:
    """No backfill that has not ended is of any of these partitions."""
    divided = partitionings(project)
    for row in backfills.unfinished(tx, project.name):
        for shared in overlaps(scope, terms_of(project, row).scope, divided, known):
            more = f" and {shared.count - len(shared.keys):,} more" if shared.count > len(shared.keys) else ""
            state = "paused" if row.state is BackfillState.PAUSED else "running"
            raise UsageError(
                f"backfill {short_name(row.id)}, which is {state}, is already of {shared.asset} "
                f"{', '.join(shared.keys)}{more}",
                hint="Wait until it has ended, ask for other partitions, or cancel it: "
                f"`penstock backfill cancel {short_name(row.id)}`.",
            )


def _counts(
    project: Project, tx: Transaction, scope: Mapping[str, Part], reprocess: Reprocess, known: Known
) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for name, part in scope.items():
        partitions = project.catalogue.assets[name].partitions
        assert partitions is not None, name
        stand = _stand(project, tx, name, part)
        found[name] = counts(partitions, part, stand, reprocess, known_in(partitions, part.asked, known))
    return found


_MANY = 1_000_000
_SOUGHT = 10_000
"""Among so many partitions the first that would be made are sought."""


def _stand(project: Project, tx: Transaction, name: str, part: Part) -> Stand:
    number, made = project.ids.assets[name], KeyRanges({})
    for uri in project.catalogue.assets[name].outputs:
        dataset = project.ids.datasets[uri]
        there = (one for place in part.asked for one in on_line(tx, dataset, *place))
        made = made.union(KeyRanges.of(Place(one.line, one.start, one.end) for one in there))
    return Stand(
        made=made,
        failed=failed_partitions(tx, number, limit=_MANY),
        active=runs.active_partitions(tx, number),
    )


def _foreseen(
    project: Project, tx: Transaction, asked: Asked, terms: Terms, *, known: Known, limit: int
) -> list[Foreseen]:
    """What would become of the first partitions that would not be left alone."""
    order = _first_to_make(project, tx, asked, terms, known=known, limit=limit)
    keys: dict[str, list[str]] = {}
    for name, key in order:
        keys.setdefault(name, []).append(key)
    names = [name for name in terms.scope if name in keys]
    forced = asked.reprocess is Reprocess.ALL
    snapshot = load(
        project,
        tx,
        names,
        partitions=AskedPartitions(keys=keys, named=terms.named),
        requests={
            name: Request(nonce="dry run" if forced and not terms.scope[name].news else None, backfill=True)
            for name in names
        },
    )
    found = preview(project.graph, snapshot.state, snapshot.at)
    return sorted(found, key=lambda one: order[one.asset, one.partition])


def _first_to_make(
    project: Project, tx: Transaction, asked: Asked, terms: Terms, *, known: Known, limit: int
) -> dict[Item, int]:
    """The first partitions that would not be left alone → their places in the order in which they are made; sought
    among as many as that costs little."""
    assets = project.catalogue.assets
    stands = {name: _stand(project, tx, name, part) for name, part in terms.scope.items()}
    found: list[Item] = []
    cursor, looked, size = None, 0, limit
    while len(found) < limit and looked < _SOUGHT:
        chunk = chunk_from(project, terms, known, cursor, limit=size)
        if chunk is None:
            break
        wanted = {
            (name, key)
            for name, some in chunk.keys.items()
            for key in _to_make(asked, terms.scope[name], assets[name].partitions, some, stands[name])
        }
        found += (item for item in chunk.reads if item in wanted)
        cursor, looked, size = chunk.cursor, looked + len(chunk.reads), max(limit, AT_ONCE)
    return {item: place for place, item in enumerate(found[:limit])}


def _to_make(
    asked: Asked, part: Part, partitions: Partitioning | None, keys: Sequence[str], stand: Stand
) -> Sequence[str]:
    """Which of these keys of an asset would not be left alone."""
    assert partitions is not None, "a backfill is of assets with partitions"
    made = {key for key in keys if stand.made.contains(partitions.place(key))}
    facts = Facts(made=made, failed=stand.failed, active=stand.active)
    return choose(keys, asked.reprocess, facts, news=part.news).make
