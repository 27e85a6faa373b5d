"""How pools and rate limits stand: what is taken, by whom, and who waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...assets.declare.limits import RateLimit, limit_from_plain
from ...assets.declare.plain import policies_from_plain
from ...assets.declare.policies import Policies
from ...assets.run.dispatching import load_queue
from ...storage.meta.database.engine import Store
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.limits import arrivals
from ...storage.meta.past import history
from ...storage.rates import next_token


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLine:
    """One pool.

    Attributes
    ----------
    size: its slots, as the settings say; 0 where they do not name it.
    taken: how many are; at_work: by which assets.
    waiting: asset → how many of its runs that take slots of it wait for a worker, whatever else is in their way.
    """

    name: str
    size: int
    taken: int
    at_work: Mapping[str, int]
    waiting: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLine:
    """One rate limit that an asset names. `next_at`: when its next token comes; None: one can be taken now. `waiting`:
    asset → how many of its runs that take tokens of it wait for a worker."""

    name: str
    count: int
    per_seconds: float
    burst: int
    label: str
    next_at: datetime | None
    waiting: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLines:
    """The pools that settings size or runs take, and the rate limits that assets name; by name."""

    pools: tuple[PoolLine, ...] = ()
    rate_limits: tuple[RateLine, ...] = ()


def limits(store: Store, sizes: Mapping[str, int]) -> LimitLines:
    """How they stand, by the definitions that are registered; `sizes` of the pools as the settings say."""
    with store.read() as tx:
        now = moment_of(tx)
        stored = {one.name: one.definition.get("policies", {}) for one in history.declared_assets(tx, store.project)}

        def known(name: str) -> Policies | None:
            return policies_from_plain(stored[name]) if stored.get(name) else None

        queue = load_queue(tx, store.project, known, sizes, now)
        kept = arrivals(tx, store.project)
    taken: dict[str, Counter[str]] = {name: Counter() for name in sizes}
    for one in queue.active:
        if one.demand.pool is not None:
            taken.setdefault(one.demand.pool, Counter())[one.demand.asset] += one.runs * one.demand.slots
    in_pools: dict[str, Counter[str]] = {}
    by_rate: dict[str, Counter[str]] = {}
    for run in queue.waiting.values():
        if run.demand.pool is not None:
            in_pools.setdefault(run.demand.pool, Counter())[run.demand.asset] += 1
        for name in run.demand.limits:
            by_rate.setdefault(name, Counter())[run.demand.asset] += 1
    named: dict[str, RateLimit] = {}
    for policies in stored.values():
        for plain in policies.get("limits", ()):
            one = limit_from_plain(plain)
            named.setdefault(one.name, one)
    return LimitLines(
        pools=tuple(
            PoolLine(
                name=name,
                size=sizes.get(name, 0),
                taken=taken.get(name, Counter()).total(),
                at_work=_sorted(taken.get(name)),
                waiting=_sorted(in_pools.get(name)),
            )
            for name in sorted({*taken, *in_pools})
        ),
        rate_limits=tuple(_rate(named[name], kept.get(name), now, by_rate.get(name)) for name in sorted(named)),
    )


def _rate(limit: RateLimit, arrival: datetime | None, now: datetime, waiting: Counter[str] | None) -> RateLine:
    at = next_token(limit.rate, arrival, now)
    return RateLine(
        name=limit.name,
        count=limit.count,
        per_seconds=limit.per.total_seconds(),
        burst=limit.burst,
        label=limit.label,
        next_at=at if at > now else None,
        waiting=_sorted(waiting),
    )


def _sorted(counts: Counter[str] | None) -> dict[str, int]:
    return dict(sorted((counts or {}).items()))
