"""Which of the runs that wait start next: `choose`. Values in, values out; it must never ask a clock or a store.

The order, in which each run starts if nothing is in its way:

1. priority, the higher first. It is strict: as long as enough of a higher one comes, lower ones wait.
2. what is overdue: it has waited `patience`, and of its group nothing is at work that asks for the same (the same pool
   and the same rate limits). The oldest first.
3. fair share: the group of which the fewest slots are at work, a run without a pool counting as one; no group is a
   group. What is chosen counts at once.
4. age, then id.

A run that has waited `patience` and finds its pool too full keeps what is free of it: nobody behind it takes slots of
that pool, nor the tokens that it needs, until there is room for it. So a run that takes many slots is not starved by
those that take few; one run at a time keeps a pool.

Otherwise nothing that could start is held: what is in the way of one run is in the way of it alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

from ...storage.rates import Rate, after_token, next_token
from ...storage.types import ReasonKind
from .reasons import Reason

PATIENCE = timedelta(minutes=1)
"""After so long a run is not passed over any more."""


class Demand(NamedTuple):
    """What the runs of one asset take. `limits`: the names of its rate limits, sorted. `most`: how many of its runs may
    be active at once, of one with partitions those of one key."""

    asset: str
    group: str | None = None
    priority: int = 0
    pool: str | None = None
    slots: int = 1
    limits: tuple[str, ...] = ()
    most: int = 1


class Waiting(NamedTuple):
    """A run that waits, since when, and what it takes."""

    run_id: str
    demand: Demand
    since: datetime
    partition: str = ""


class Working(NamedTuple):
    """So many runs of an asset, of one of its keys, are queued or running."""

    demand: Demand
    runs: int = 1
    partition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What there is.

    Attributes
    ----------
    pools: pool → its slots.
    rates: rate limit → its rate.
    arrivals: rate limit → its theoretical arrival time, where a token was ever taken: see `storage/rates.py`.
    """

    pools: Mapping[str, int] = field(default_factory=dict[str, int])
    rates: Mapping[str, Rate] = field(default_factory=dict[str, Rate])
    arrivals: Mapping[str, datetime] = field(default_factory=dict[str, datetime])


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What starts, and why the rest does not.

    Attributes
    ----------
    runs: ids, in the order in which they start.
    held: id → why it waits on; what there is no room for is not among them.
    next_at: when the first token comes of those that runs wait for, if nothing else is in their way; None: none does.
    """

    runs: tuple[str, ...]
    held: Mapping[str, Reason]
    next_at: datetime | None = None


def choose(
    waiting: Iterable[Waiting],
    active: Iterable[Working],
    limits: Limits,
    now: datetime,
    room: int | None = None,
    *,
    patience: timedelta = PATIENCE,
) -> Chosen:
    """Which runs start now.

    Parameters
    ----------
    room: so many can be taken at most; None: as many as may.
    patience: after it, a run is not passed over any more.

    >>> at = datetime(2026, 1, 5, 10)
    >>> embed = Demand("embed", pool="gpu", most=2)
    >>> found = choose([Waiting("a", embed, at), Waiting("b", embed, at, "k")], [], Limits(pools={"gpu": 1}), at)
    >>> found.runs, found.held["b"].text
    (('a',), 'at concurrency limit; pool gpu: 1 of 1 slots')
    """
    desk = _Desk(active, limits, now)
    levels: defaultdict[int, list[Waiting]] = defaultdict(list)
    for run in waiting:
        levels[run.demand.priority].append(run)
    for priority in sorted(levels, reverse=True):
        desk.serve(levels[priority], room, patience)
    return Chosen(runs=tuple(desk.runs), held=desk.held, next_at=desk.next_at)


Kind = tuple[str | None, str | None, tuple[str, ...]]
"""Group, pool and rate limits: what competes for the same."""


def _kind(demand: Demand) -> Kind:
    return (demand.group, demand.pool, demand.limits)


def _age(run: Waiting) -> tuple[datetime, str]:
    return (run.since, run.run_id)


class _Desk:
    """What is left of everything, while one run after the other is served."""

    def __init__(self, active: Iterable[Working], limits: Limits, now: datetime) -> None:
        self.limits, self.now = limits, now
        self.runs: list[str] = []
        self.held: dict[str, Reason] = {}
        self.next_at: datetime | None = None
        self.taken: Counter[str] = Counter()  # pool → slots
        self.share: Counter[str | None] = Counter()  # group → slots
        self.at_work: Counter[tuple[str, str]] = Counter()  # asset and key → runs
        self.kinds: Counter[Kind] = Counter()
        self.arrivals = dict(limits.arrivals)
        self.kept: dict[str, Waiting] = {}  # pool → who keeps what is free of it
        self.known: dict[Demand, Reason] = {}  # reasons are alike for many
        self.tokens: dict[str, datetime] = {}
        for one in active:
            self._count(one.demand, one.partition, one.runs)

    def _count(self, demand: Demand, partition: str, runs: int) -> None:
        slots = demand.slots * runs if demand.pool is not None else runs
        if demand.pool is not None:
            self.taken[demand.pool] += slots
        self.share[demand.group] += slots
        self.at_work[demand.asset, partition] += runs
        self.kinds[_kind(demand)] += runs

    def serve(self, level: list[Waiting], room: int | None, patience: timedelta) -> None:
        """The runs of one priority."""
        self.since = self.now - patience  # who waits longer has waited enough
        level.sort(key=_age)
        queues = self._overdue(level)
        for run in queues.pop(0):
            if not self._ask(run, room):
                return
        heap = [(self.share[queue[0].demand.group], *_age(queue[0]), 0, queue) for queue in queues]
        heapify(heap)
        while heap:
            _, _, _, place, queue = heap[0]
            if not self._ask(queue[place], room):
                return
            place += 1
            if place == len(queue):
                heappop(heap)
            else:
                heapreplace(heap, (self.share[queue[0].demand.group], *_age(queue[place]), place, queue))

    def _overdue(self, level: list[Waiting]) -> list[list[Waiting]]:
        """First those that are overdue, then the others of each group; all by age."""
        first: dict[Kind, Waiting] = {}
        groups: defaultdict[str | None, list[Waiting]] = defaultdict(list)
        for run in level:
            groups[run.demand.group].append(run)
            if run.since <= self.since and (kind := _kind(run.demand)) not in first and not self.kinds[kind]:
                first[kind] = run
        ids = {run.run_id for run in first.values()}
        others = ([run for run in queue if run.run_id not in ids] if ids else queue for queue in groups.values())
        return [[*first.values()], *(queue for queue in others if queue)]

    def _ask(self, run: Waiting, room: int | None) -> bool:
        """Start it, or hold it; False when nobody can be taken any more."""
        if room is not None and len(self.runs) >= room:
            return False
        reason = self._in_the_way(run)
        if reason is not None:
            self.held[run.run_id] = reason
            return True
        self.runs.append(run.run_id)
        self._count(run.demand, run.partition, 1)
        self._take_tokens(run.demand)
        self.known.clear()
        return True

    def _take_tokens(self, demand: Demand) -> None:
        for name in demand.limits:
            self.arrivals[name] = after_token(self.limits.rates[name], self.arrivals.get(name), self.now)
            self.tokens.pop(name, None)

    def _in_the_way(self, run: Waiting) -> Reason | None:
        demand = run.demand
        if self.at_work[demand.asset, run.partition] >= demand.most:
            return _limit(f"{self.at_work[demand.asset, run.partition]} of {demand.most} active")
        known = self.known.get(demand)
        if known is not None and (run.since > self.since or demand.pool is None or demand.pool in self.kept):
            return known
        late = self._token(demand)
        if not self._fits(demand):
            reason = self._full(demand)
            if late is None and run.since <= self.since and demand.pool not in self.kept:
                self._keep(run)
        elif late is not None:
            name, at = late
            self.next_at = at if self.next_at is None else min(self.next_at, at)
            reason = _limit(f"rate limit {name}: next at {self._shown(at)}")
        else:
            return None
        self.known[demand] = reason
        return reason

    def _fits(self, demand: Demand) -> bool:
        pool = demand.pool
        if pool is None:
            return True
        return pool not in self.kept and self.taken[pool] + demand.slots <= self.limits.pools.get(pool, 0)

    def _full(self, demand: Demand) -> Reason:
        pool, size = demand.pool or "", self.limits.pools.get(demand.pool or "", 0)
        said = f"pool {pool}: {self.taken[pool]} of {size} slots"
        if self.taken[pool] + demand.slots <= size:
            return _limit(f"{said}, the rest is kept for {self.kept[pool].demand.asset}")
        return _limit(said if demand.slots == 1 or self.taken[pool] >= size else f"{said}, it takes {demand.slots}")

    def _keep(self, run: Waiting) -> None:
        """What is free of its pool is for this run, and a token of each of its limits."""
        assert run.demand.pool is not None
        self.kept[run.demand.pool] = run
        self._take_tokens(run.demand)
        self.known.clear()

    def _token(self, demand: Demand) -> tuple[str, datetime] | None:
        """The limit of which the next token comes last, and when; None where each has one now."""
        last: tuple[str, datetime] | None = None
        for name in demand.limits:
            at = self.tokens.get(name)
            if at is None:
                at = next_token(self.limits.rates[name], self.arrivals.get(name), self.now)
                self.tokens[name] = at
            if at > self.now and (last is None or at > last[1]):
                last = (name, at)
        return last

    def _shown(self, at: datetime) -> str:
        """`10:00:03 UTC`, rounded up to a second; with the day where that is another."""
        up = at.replace(microsecond=0) + timedelta(seconds=at.microsecond > 0)
        return f"{up:%H:%M:%S} UTC" if up.date() == self.now.date() else f"{up:%Y-%m-%d %H:%M:%S} UTC"


def _limit(detail: str) -> Reason:
    return Reason(kind=ReasonKind.AT_LIMIT, detail=detail)
