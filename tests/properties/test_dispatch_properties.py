"""Properties of choosing who starts next, over random histories in which runs arrive, start and end."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.plan.dispatch import Demand, Limits, Waiting, Working, choose
from penstock.storage.rates import Rate, after_token, next_token

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
POOLS = {"gpu": 3, "net": 1}
RATES = {"api": Rate(interval=timedelta(seconds=7)), "mail": Rate(interval=timedelta(seconds=3), burst=2)}
PATIENCE = timedelta(seconds=60)


@st.composite
def demands(draw: st.DrawFn) -> list[Demand]:
    """What the runs of a few assets take, each within what there is."""
    found: list[Demand] = []
    for number in range(draw(st.integers(1, 6))):
        pool = draw(st.sampled_from([None, *POOLS]))
        found.append(
            Demand(
                asset=f"a{number}",
                group=draw(st.sampled_from([None, "g", "h"])),
                priority=draw(st.sampled_from([0, 0, 5])),
                pool=pool,
                slots=1 if pool is None else draw(st.integers(1, POOLS[pool])),
                limits=tuple(sorted(draw(st.sets(st.sampled_from([*RATES]))))),
                most=draw(st.integers(1, 3)),
            )
        )
    return found


class Shop:
    """Runs that wait and are at work, and a clock: what a store and its workers are to `choose`."""

    def __init__(self) -> None:
        self.now, self.count = START, 0
        self.waiting: dict[str, Waiting] = {}
        self.working: dict[str, Waiting] = {}
        self.arrivals: dict[str, datetime] = {}
        self.taken: defaultdict[str, list[datetime]] = defaultdict(list)

    def arrive(self, demand: Demand, partition: str = "") -> str:
        """A run begins to wait."""
        self.count += 1
        run = Waiting(f"r{self.count:04}", demand, self.now, partition)
        self.waiting[run.run_id] = run
        return run.run_id

    def limits(self) -> Limits:
        """What there is."""
        return Limits(pools=POOLS, rates=RATES, arrivals=self.arrivals)

    def active(self) -> list[Working]:
        """What is at work."""
        return [Working(run.demand, partition=run.partition) for run in self.working.values()]

    def start(self, room: int | None = None) -> tuple[str, ...]:
        """What is chosen starts."""
        chosen = choose(self.waiting.values(), self.active(), self.limits(), self.now, room, patience=PATIENCE)
        assert room is None or len(chosen.runs) <= room
        assert not set(chosen.runs) & set(chosen.held)
        for run_id in chosen.runs:
            run = self.working[run_id] = self.waiting.pop(run_id)
            for name in run.demand.limits:
                assert next_token(RATES[name], self.arrivals.get(name), self.now) == self.now
                self.arrivals[name] = after_token(RATES[name], self.arrivals.get(name), self.now)
                self.taken[name].append(self.now)
        if room is None:
            assert chosen.held.keys() == self.waiting.keys()  # each with its reason
        return chosen.runs

    def slots(self, pool: str) -> int:
        """How many of a pool are taken."""
        return sum(run.demand.slots for run in self.working.values() if run.demand.pool == pool)

    def check(self) -> None:
        """Nothing is over-full, and nothing too fast."""
        assert all(self.slots(pool) <= size for pool, size in POOLS.items())
        active = Counter((run.demand.asset, run.partition) for run in self.working.values())
        most = {run.demand.asset: run.demand.most for run in self.working.values()}
        assert all(number <= most[asset] for (asset, _), number in active.items())
        for name, moments in self.taken.items():
            rate = RATES[name]
            for first, begun in enumerate(moments):
                for number, moment in enumerate(moments[first:], 1):
                    assert number <= rate.burst + (moment - begun) / rate.interval


STEPS = st.lists(
    st.tuples(st.sampled_from(["arrive", "arrive", "start", "end", "wait"]), st.integers(0, 1000)), max_size=40
)


@given(demands(), STEPS)
def test_no_limit_is_ever_exceeded(known: list[Demand], steps: list[tuple[str, int]]) -> None:
    """Whatever comes, starts and ends in whichever order: pools, assets, rates."""
    shop = Shop()
    for step, number in steps:
        if step == "arrive":
            shop.arrive(known[number % len(known)], f"k{number % 3}")
        elif step == "start":
            shop.start(room=None if number % 3 == 0 else number % 4)
        elif step == "end" and shop.working:
            shop.working.pop(sorted(shop.working)[number % len(shop.working)])
        elif step == "wait":
            shop.now += timedelta(milliseconds=number * 20)
        shop.check()


def could_start(shop: Shop, run: Waiting) -> bool:
    """Whether anything is in the way of a run, worked out in the plainest way."""
    demand = run.demand
    mine = [one for one in shop.working.values() if (one.demand.asset, one.partition) == (demand.asset, run.partition)]
    fits = demand.pool is None or shop.slots(demand.pool) + demand.slots <= POOLS[demand.pool]
    tokens = all(next_token(RATES[name], shop.arrivals.get(name), shop.now) <= shop.now for name in demand.limits)
    return len(mine) < demand.most and fits and tokens


@given(demands(), STEPS)
def test_nothing_that_could_start_is_held(known: list[Demand], steps: list[tuple[str, int]]) -> None:
    """As long as nobody has waited so long that a pool is kept for them."""
    shop = Shop()
    for step, number in steps:
        if step == "arrive":
            shop.arrive(known[number % len(known)], f"k{number % 3}")
        elif step == "end" and shop.working:
            shop.working.pop(sorted(shop.working)[number % len(shop.working)])
        elif step == "wait":
            shop.now += timedelta(milliseconds=number)
            shop.waiting = {key: run._replace(since=shop.now) for key, run in shop.waiting.items()}
        else:
            shop.start()
            assert not [run for run in shop.waiting.values() if could_start(shop, run)]


@given(demands(), STEPS)
def test_room_takes_the_first_of_those_that_may_start(known: list[Demand], steps: list[tuple[str, int]]) -> None:
    """What is chosen with less room is the beginning of what is chosen with more; one by one it is the same."""
    shop = Shop()
    for step, number in steps:
        if step == "arrive":
            shop.arrive(known[number % len(known)], f"k{number % 3}")
        shop.now += timedelta(milliseconds=number * 5)
    whole = choose(shop.waiting.values(), [], shop.limits(), shop.now, patience=PATIENCE).runs
    for room in range(len(whole) + 1):
        assert choose(shop.waiting.values(), [], shop.limits(), shop.now, room, patience=PATIENCE).runs == whole[:room]


@given(demands(), STEPS, st.randoms(use_true_random=False))
def test_the_order_in_which_runs_are_given_does_not_matter(
    known: list[Demand], steps: list[tuple[str, int]], draw: random.Random
) -> None:
    """Neither of those that wait nor of those at work."""
    shop = Shop()
    for step, number in steps:
        if step == "end":
            shop.start(room=2)
        else:
            shop.arrive(known[number % len(known)], f"k{number % 3}")
        shop.now += timedelta(milliseconds=number * 5)

    def mixed(things: Iterable[Waiting] | Iterable[Working]) -> list[object]:
        several: list[object] = list(things)
        draw.shuffle(several)
        return several

    first = choose(shop.waiting.values(), shop.active(), shop.limits(), shop.now, patience=PATIENCE)
    other = choose(mixed(shop.waiting.values()), mixed(shop.active()), shop.limits(), shop.now, patience=PATIENCE)
    assert other == first


@given(demands(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_nobody_starves(known: list[Demand], chosen: int, draw: random.Random) -> None:
    """A run starts although others of its priority come without end, and take all that becomes free at once."""
    known = [demand._replace(priority=0) for demand in known]
    shop = Shop()
    for _ in range(6):
        shop.arrive(draw.choice(known), f"k{shop.count}")
    shop.start()
    mine = shop.arrive(known[chosen % len(known)], "mine")
    for _ in range(400):
        if mine not in shop.waiting:
            return
        for demand in known:
            shop.arrive(demand, f"k{shop.count}")
        for run_id in sorted(shop.working):
            if draw.random() < 0.4:
                del shop.working[run_id]
                shop.start(room=2)
        shop.now += timedelta(seconds=2)
        shop.start(room=2)
        for run_id in [key for key in sorted(shop.waiting) if key != mine][40:]:
            del shop.waiting[run_id]  # canceled: the property is about who is older than those that come
    raise AssertionError(f"{mine} has waited for {shop.now - START}: {known}")
