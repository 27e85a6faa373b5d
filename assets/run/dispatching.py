"""Handing out the runs that wait: `claim_next` moves those that may start to one worker, in the caller's transaction.

Which ones they are is decided by `assets/plan/dispatch.py`; this only loads what it goes by and writes down what it
says. It must never call a producer: that is the attempt, which begins where this ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ...storage.errors import Bug
from ...storage.meta import catalogue, runs
from ...storage.meta.database.engine import Transaction
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.dispatching import WaitingRun, unended, unended_of
from ...storage.meta.limits import arrivals, take
from ...storage.types import RunState
from ..declare.limits import RateLimit
from ..declare.plain import policies_from_plain
from ..declare.policies import Policies
from ..plan.dispatch import Chosen, Demand, Limits, Waiting, Working, choose
from ..plan.lifecycle import require
from .project.project import Project


def claim_next(project: Project, tx: Transaction, worker: str, room: int) -> list[str]:
    """The runs that this worker is to execute now, in the order in which they start: queued, and its own.

    Parameters
    ----------
    tx: a write transaction; what is chosen is taken, with its tokens, when that commits.
    worker: its name, as `identity.worker_name` gives it.
    room: how many runs it can take at most.
    """
    return list(claim(project, tx, worker=worker, room=room).runs)


def claim(
    project: Project, tx: Transaction, *, worker: str, room: int, ahead: int = 0, seen: Seen | None = None
) -> Chosen:
    """The same, with when the next token comes of those that others wait for: when to look again if nothing ends
    before.

    Parameters
    ----------
    ahead: so many more are taken, for which there will be room in a moment, of those that share nothing that is scarce.
    seen: what a look had found before this transaction, which keeps everybody else from writing. As long as that
        stands for the chosen ones, it is gone by; else there is another look.
    """
    if seen is None or not _stands(tx, seen):
        seen = look(project, tx, room=room, ahead=ahead)
    queue, moment = seen.queue, moment_of(tx)
    for run_id in seen.chosen.runs:
        run, demand = queue.rows[run_id], queue.waiting[run_id].demand
        for name in demand.limits:
            if not take(tx, project.name, name, queue.limits.rates[name], now=moment).taken:
                raise Bug(f"run {run_id} was chosen to start, and rate limit {name} has no token")
        queued = require(run.state, RunState.QUEUED)
        if not runs.advance(tx, run_id, old=run.state, new=queued, worker=worker):
            raise Bug(f"run {run_id} left {run.state} within a write transaction")
    return seen.chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What waited at one moment, and who was to start."""

    queue: Queue
    chosen: Chosen


def look(project: Project, tx: Transaction, *, room: int, ahead: int = 0) -> Seen:
    """Who would start now; nothing is taken. Costs what waits."""
    moment = moment_of(tx)
    queue = queue_of(project, tx, moment)
    chosen = queue.choose(moment, room, ahead)
    while strange := _of_other_code(project, tx, queue, chosen):
        queue = queue.without(strange)
        chosen = queue.choose(moment, room, ahead)
    return Seen(queue=queue, chosen=chosen)


def _stands(tx: Transaction, seen: Seen) -> bool:
    """Whether those who were chosen still wait, and nothing that they share with others has changed: they ask for no
    pool and no rate limit, and of their assets just as many runs are at work."""
    queue, chosen = seen.queue, seen.chosen.runs
    if any(demand.pool is not None or demand.limits for demand in (queue.waiting[one].demand for one in chosen)):
        return False
    assets = {queue.rows[one].asset_id: queue.rows[one].asset for one in chosen}
    waiting, at_work = unended_of(tx, assets)
    names = {*assets.values()}
    before = {(one.demand.asset, one.partition): one.runs for one in queue.active if one.demand.asset in names}
    return waiting.issuperset(chosen) and before == {(assets[one], key): many for (one, key), many in at_work.items()}


def _of_other_code(project: Project, tx: Transaction, queue: Queue, chosen: Chosen) -> set[str]:
    """The runs of those assets of which some were chosen that were planned with another code: they cannot be tried
    here. Whoever has that code takes them, or gives them up."""

    def strange(ids: Iterable[str]) -> set[str]:
        planned = runs.made_from(tx, [*ids])
        codes = {one: project.catalogue.assets[queue.rows[one].asset].code for one in planned}
        return {one for one, made_from in planned.items() if made_from.get("code") != codes[one]}

    some = {queue.rows[run_id].asset for run_id in strange(chosen.runs)}
    return strange(one.id for one in queue.rows.values() if one.asset in some) if some else set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits for workers and what is at work, as `choose` takes it.

    Attributes
    ----------
    rows, waiting: by run id.
    active: with runs that somebody makes inline: they take slots, and ask nobody for them.
    named: the rate limits of the assets that are concerned, by name.
    """

    rows: Mapping[str, WaitingRun]
    waiting: Mapping[str, Waiting]
    active: tuple[Working, ...]
    limits: Limits
    named: Mapping[str, RateLimit]

    def choose(self, now: datetime, room: int | None = None, ahead: int = 0) -> Chosen:
        """Who starts; with `room` None all for whom there is only a worker missing. Those that are taken `ahead` ask
        for no pool and no rate limit."""
        if room is None or not ahead:
            return choose(self.waiting.values(), self.active, self.limits, now, room)
        chosen = choose(self.waiting.values(), self.active, self.limits, now, room + ahead)
        demands = {one: self.waiting[one].demand for one in chosen.runs[room:]}
        more = (one for one, demand in demands.items() if demand.pool is None and not demand.limits)
        return replace(chosen, runs=(*chosen.runs[:room], *more))

    def without(self, run_ids: Iterable[str]) -> Queue:
        """The same, as if these did not wait."""
        out = {*run_ids}
        return Queue(
            rows={key: one for key, one in self.rows.items() if key not in out},
            waiting={key: one for key, one in self.waiting.items() if key not in out},
            active=self.active,
            limits=self.limits,
            named=self.named,
        )


def queue_of(project: Project, tx: Transaction, now: datetime) -> Queue:
    """The queue of a project, by the definitions that are loaded here; runs of other assets do not wait for us."""
    assets = project.catalogue.assets

    def known(name: str) -> Policies | None:
        return assets[name].policies if name in assets else None

    return load_queue(tx, project.name, known, project.settings.values.pools, now)


def load_queue(
    tx: Transaction, project: str, known: Callable[[str], Policies | None], pools: Mapping[str, int], now: datetime
) -> Queue:
    """The queue of a project.

    Parameters
    ----------
    known: asset → its policies; None where nobody here knows it: then its runs do not wait for us, and those at work
        take what its registered definition says.
    pools: their sizes.
    """
    waiting, at_work = unended(tx, project, now)
    demands: dict[str, Demand | None] = {}
    named: dict[str, RateLimit] = {}
    for name in dict.fromkeys([*(one.asset for one in waiting), *(one.asset for one in at_work)]):
        policies = known(name)
        demands[name] = None if policies is None else demand_of(name, policies)
        for limit in () if policies is None else policies.limits:
            named.setdefault(limit.name, limit)
    asked = {
        row.id: Waiting(row.id, wanted, row.since, row.partition)
        for row in waiting
        if (wanted := demands[row.asset]) is not None
    }
    active: list[Working] = []
    for one in at_work:
        taken = demands[one.asset]
        if taken is None:
            taken = demands[one.asset] = _registered(tx, one.asset, one.asset_id, now)
        active.append(Working(taken, one.runs, one.partition))
    rates = {name: limit.rate for name, limit in named.items()}
    limits = Limits(pools=pools, rates=rates, arrivals=arrivals(tx, project) if rates else {})
    rows = {row.id: row for row in waiting if row.id in asked}
    return Queue(rows=rows, waiting=asked, active=tuple(active), limits=limits, named=named)


def _registered(tx: Transaction, name: str, asset_id: int, now: datetime) -> Demand:
    """What the runs of an asset take that is registered and not known here."""
    body = catalogue.definition_at(tx, asset_id, now)
    return demand_of(name, policies_from_plain(body["policies"]) if body and "policies" in body else Policies())


def demand_of(name: str, policies: Policies) -> Demand:
    """What the runs of an asset take."""
    pool = policies.pool
    return Demand(
        asset=name,
        group=policies.group,
        priority=policies.priority,
        pool=None if pool is None else pool.pool,
        slots=1 if pool is None else pool.slots,
        limits=tuple(limit.name for limit in policies.limits),
        most=policies.max_active_runs,
    )


def waits_for(project: Project, tx: Transaction, name: str, partition: str | None = None) -> list[str]:
    """What is in the way of the runs of an asset that wait, or of one of its keys, in sentences; the oldest first."""
    moment = moment_of(tx)
    queue = queue_of(project, tx, moment)
    own = [row for row in queue.rows.values() if row.asset == name and partition in (None, row.partition)]
    if not own:
        return []
    held = queue.choose(moment).held
    told: list[str] = []
    for row in sorted(own, key=lambda row: (row.since, row.id))[:_SHOWN]:
        about = f"run {row.id[:8]}" + (f" of {row.partition}" if row.partition else "")
        since = f"has waited for a worker since {row.since:%Y-%m-%d %H:%M:%S} UTC"
        reason = held.get(row.id)
        told.append(f"Its {about} {since}" + (f": {reason.text}." if reason else "; nothing else is in its way."))
    if len(own) > _SHOWN:
        told.append(f"{len(own) - _SHOWN:,} more of its runs wait.")
    return told


_SHOWN = 4
