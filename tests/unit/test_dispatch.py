"""Who starts next, and what those are told who do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from penstock.assets.plan.dispatch import PATIENCE, Demand, Limits, Waiting, Working, choose
from penstock.storage.rates import Rate
from penstock.storage.types import ReasonKind

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
LONG = NOW - PATIENCE
MANY = 100


def waits(name: str, demand: Demand, since: datetime = NOW) -> Waiting:
    """A run that waits, of a key of its own."""
    return Waiting(name, demand, since, name)


def test_the_higher_priority_goes_first_then_age_then_id() -> None:
    """Whatever the ids are; of equal age the smaller id."""
    low, high = Demand("low", most=MANY), Demand("high", priority=10, most=MANY)
    waiting = [
        waits("d", low),
        waits("b", low, NOW - timedelta(seconds=1)),
        waits("c", low),
        waits("a", high),
        waits("z", high, NOW - timedelta(seconds=1)),
    ]
    assert choose(waiting, [], Limits(), NOW).runs == ("z", "a", "b", "c", "d")


def test_groups_share_what_becomes_free() -> None:
    """One with a thousand runs that came before does not keep out one with two; what is chosen counts at once."""
    many, few = Demand("many", group="bulk", most=MANY), Demand("few", group="small", most=MANY)
    alone = Demand("alone", most=MANY)
    waiting = [waits(f"a{number}", many, NOW - timedelta(seconds=30)) for number in range(9)]
    waiting += [waits("b1", few), waits("b2", few), waits("c1", alone)]
    assert choose(waiting, [], Limits(), NOW, 6).runs == ("a0", "b1", "c1", "a1", "b2", "a2")
    busy = [Working(many, runs=3)]
    assert choose(waiting, busy, Limits(), NOW, 4).runs == ("b1", "c1", "b2", "a0")


def test_slots_count_for_the_share_of_a_group() -> None:
    """A run that takes four slots weighs as much as four that take one."""
    big, small = Demand("big", group="a", pool="gpu", slots=4), Demand("small", group="b", pool="gpu", most=MANY)
    waiting = [waits("a2", big), *(waits(f"b{number}", small) for number in range(6))]
    chosen = choose(waiting, [Working(big)], Limits(pools={"gpu": 12}), NOW, 5)
    assert chosen.runs == ("b0", "b1", "b2", "b3", "a2")


def test_a_held_run_is_told_what_is_in_its_way() -> None:
    """Each by the words of the closed list, with the pool, its asset's limit, or when the next token comes."""
    embed, train = Demand("embed", pool="embedding", most=MANY), Demand("train", pool="gpu", slots=2)
    ask, single = Demand("ask", limits=("openai",), most=MANY), Demand("single")
    limits = Limits(
        pools={"embedding": 4, "gpu": 3},
        rates={"openai": Rate(interval=timedelta(seconds=3))},
        arrivals={"openai": NOW + timedelta(seconds=2.5)},
    )
    busy = [Working(embed, runs=4), Working(Demand("other", pool="gpu"), runs=2), Working(single, partition="d")]
    chosen = choose([waits("a", embed), waits("b", train), waits("c", ask), waits("d", single)], busy, limits, NOW)
    assert chosen.runs == ()
    assert {one.kind for one in chosen.held.values()} == {ReasonKind.AT_LIMIT}
    assert {run: one.detail for run, one in chosen.held.items()} == {
        "a": "pool embedding: 4 of 4 slots",
        "b": "pool gpu: 2 of 3 slots, it takes 2",
        "c": "rate limit openai: next at 10:00:03 UTC",
        "d": "1 of 1 active",
    }
    assert chosen.next_at == NOW + timedelta(seconds=2.5)


def test_a_run_that_takes_many_slots_is_kept_what_is_free_once_it_has_waited() -> None:
    """Before, smaller ones that fit go past it; afterwards none does, though a slot stays empty for a while."""
    big, small = Demand("big", pool="gpu", slots=3), Demand("small", pool="gpu", most=MANY)
    busy, limits = [Working(Demand("other", pool="gpu"))], Limits(pools={"gpu": 3})
    assert choose([waits("big", big), waits("s", small)], busy, limits, NOW).runs == ("s",)
    chosen = choose([waits("big", big, LONG), waits("s", small)], busy, limits, NOW)
    assert chosen.runs == ()
    assert chosen.held["big"].detail == "pool gpu: 1 of 3 slots, it takes 3"
    assert chosen.held["s"].detail == "pool gpu: 1 of 3 slots, the rest is kept for big"
    assert choose([waits("big", big, LONG), waits("s", small)], [], limits, NOW).runs == ("big",)


def test_a_pool_is_not_kept_for_a_run_that_waits_for_something_else() -> None:
    """Its token, or another run of its asset, may take long: others go past it."""
    small = waits("s", Demand("small", pool="gpu"))
    late = Demand("late", pool="gpu", slots=3, limits=("api",))
    limits = Limits(
        pools={"gpu": 3}, rates={"api": Rate(interval=timedelta(hours=1))}, arrivals={"api": NOW + timedelta(minutes=9)}
    )
    other = Working(Demand("other", pool="gpu"))
    assert choose([waits("a", late, LONG), small], [other], limits, NOW).runs == ("s",)
    same = Waiting("a", late._replace(limits=()), LONG, "key")
    busy = [Working(same.demand._replace(pool=None), partition="key")]
    assert choose([same, small], busy, limits, NOW).runs == ("s",)


def test_a_higher_priority_takes_what_a_lower_one_is_kept() -> None:
    """Priorities are strict."""
    big, urgent = Demand("big", pool="gpu", slots=3), Demand("urgent", pool="gpu", priority=1)
    busy = [Working(Demand("other", pool="gpu"))]
    assert choose([waits("a", big, LONG), waits("b", urgent)], busy, Limits(pools={"gpu": 3}), NOW).runs == ("b",)


def test_a_group_that_is_busy_elsewhere_gets_its_turn() -> None:
    """Its share alone would leave a run of another pool behind a group that has less at work for as long as it has."""
    train, fetch = Demand("train", group="a", pool="gpu"), Demand("fetch", group="a", pool="net", most=MANY)
    other = Demand("other", group="b", pool="net", most=MANY)
    busy, limits = [Working(train, runs=8)], Limits(pools={"gpu": 8, "net": 1})
    assert choose([waits("a", fetch), waits("b", other)], busy, limits, NOW).runs == ("b",)
    assert choose([waits("a", fetch, LONG), waits("b", other)], busy, limits, NOW).runs == ("a",)


def test_tokens_go_in_order_and_a_burst_at_once() -> None:
    """Three of five after a pause; the others are told when theirs may come first."""
    ask = Demand("ask", limits=("openai",), most=MANY)
    limits = Limits(rates={"openai": Rate(interval=timedelta(seconds=1), burst=3)})
    chosen = choose([waits(name, ask) for name in "abcde"], [], limits, NOW)
    assert chosen.runs == ("a", "b", "c")
    assert chosen.next_at == NOW + timedelta(seconds=1)


def test_a_token_of_another_day_is_told_with_its_day() -> None:
    """Times alone would mislead."""
    ask = Demand("ask", limits=("mail",))
    limits = Limits(rates={"mail": Rate(interval=timedelta(days=1))}, arrivals={"mail": NOW + timedelta(hours=20)})
    assert choose([waits("a", ask)], [], limits, NOW).held["a"].detail == (
        "rate limit mail: next at 2026-01-06 06:00:00 UTC"
    )
