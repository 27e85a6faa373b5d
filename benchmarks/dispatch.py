"""How long it takes to choose which runs start next, in the pure part: 5,000 that wait, of 200 assets in ten groups,
eight pools and four rate limits. No database is opened."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from _figures import best_of, show

from penstock.assets.plan.dispatch import Demand, Limits, Waiting, Working, choose
from penstock.storage.rates import Rate

COUNT = 5_000
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def demands() -> list[Demand]:
    """What the runs of 200 assets take, made from a fixed seed."""
    draw = random.Random(3)
    return [
        Demand(
            asset=f"a{number}",
            group=draw.choice([None, *(f"g{one}" for one in range(9))]),
            priority=draw.choice([0, 0, 0, 10]),
            pool=draw.choice([None, *(f"p{one}" for one in range(8))]),
            slots=draw.choice([1, 1, 1, 2]),
            limits=tuple(sorted(draw.sample([f"r{one}" for one in range(4)], draw.choice([0, 0, 1, 2])))),
            most=draw.choice([1, 4, 100]),
        )
        for number in range(200)
    ]


def main() -> None:
    """Print the figures."""
    draw = random.Random(4)
    known = demands()
    waiting = [
        Waiting(f"run{number:05}", draw.choice(known), NOW - timedelta(seconds=draw.randrange(300)), f"k{number}")
        for number in range(COUNT)
    ]
    draw.shuffle(waiting)
    active = [Working(draw.choice(known), partition=f"w{number}") for number in range(16)]
    rates = {f"r{one}": Rate(interval=timedelta(seconds=1), burst=5) for one in range(4)}
    limits = Limits(pools={f"p{one}": 8 for one in range(8)}, rates=rates)
    for room, target in ((1, 10), (8, 10), (None, 20)):
        chosen = choose(waiting, active, limits, NOW, room)
        took = best_of(20, lambda room=room: choose(waiting, active, limits, NOW, room)) * 1e3
        many = "all that may" if room is None else f"room for {room}"
        show(f"of {COUNT} runs that wait, {many}: {len(chosen.runs)} chosen", took, "ms", target=target)


if __name__ == "__main__":
    main()
