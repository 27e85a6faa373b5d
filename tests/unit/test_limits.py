"""Pools, priorities and rate limits as they are written, and what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import DefinitionError, Definitions, RateLimit, Slots, asset, defaults
from penstock.assets.declare.limiting import unsized
from penstock.assets.declare.limits import limit_from_plain, limit_to_plain, slots_from_plain, slots_to_plain
from penstock.assets.declare.plain import asset_from_plain, asset_to_plain
from penstock.storage.errors import DatabaseFault
from penstock.storage.rates import AHEAD, Rate, after_token, next_token

OPENAI = RateLimit("openai", "60/min")
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def declared(**policies: Any) -> Any:
    """An asset with these policies."""

    @asset("vectors.json", **policies)
    def vectors() -> list[int]:
        return []

    return vectors


def faults_of(*things: Any) -> list[str]:
    """What is wrong with these."""
    return [fault.message for fault in Definitions(*things).check()]


@pytest.mark.parametrize(
    ("text", "count", "per"),
    [
        ("60/min", 60, timedelta(minutes=1)),
        ("10/s", 10, timedelta(seconds=1)),
        (" 5 / 30s ", 5, timedelta(seconds=30)),
        ("1000/day", 1000, timedelta(days=1)),
        ("3/1h30m", 3, timedelta(minutes=90)),
    ],
)
def test_a_rate_is_so_many_in_so_long(text: str, count: int, per: timedelta) -> None:
    """With a unit, or with any duration."""
    limit = RateLimit("api", text)
    assert (limit.count, limit.per, limit.burst) == (count, per, 1)


@pytest.mark.parametrize("text", ["60", "0/min", "60/fortnight", "-1/s", "60/min/s", 60, None, "60/0s"])
def test_what_is_no_rate_is_refused_with_one_that_is(text: Any) -> None:
    """The sentence names what was found and what to write."""
    with pytest.raises(DefinitionError, match="is no rate") as caught:
        RateLimit("api", text)
    assert '"60/min"' in caught.value.hint


def test_the_time_between_two_tokens_is_never_too_short() -> None:
    """Seven a second are not a whole number of microseconds apart: rounded up."""
    assert RateLimit("api", "7/s").rate.interval == timedelta(microseconds=142_858)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RateLimit("", "1/s"), "name='' is no name"),
        (lambda: RateLimit("api", "1/s", burst=0), "burst=0 is no number"),
        (lambda: RateLimit("api", "1/s", bursts=3), "bursts= is not a keyword of RateLimit"),
        (lambda: Slots("gpu", 0), "slots=0 is no number"),
        (lambda: Slots("gpu", slot=2), "slot= is not a keyword of Slots"),
    ],
)
def test_what_is_written_wrongly_is_refused(make: Any, said: str) -> None:
    """With the thing, what was found and what is expected."""
    with pytest.raises(DefinitionError, match=said):
        make()


def test_a_pool_is_a_name_or_slots() -> None:
    """A name takes one slot; what an asset says goes before `defaults`."""
    with defaults(pool="embedding", priority=3, limits=OPENAI):
        one, other = declared(), declared(pool=Slots("gpu", 2), priority=-1, limits=[])
    assert (one.policies.pool, one.policies.priority, one.policies.limits) == (Slots("embedding", 1), 3, (OPENAI,))
    assert (other.policies.pool, other.policies.priority, other.policies.limits) == (Slots("gpu", 2), -1, ())
    assert declared(limits=[RateLimit("b", "1/s"), RateLimit("a", "1/s")]).policies.limits[0].name == "a"


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({"pool": 4}, "pool=4 is no pool"),
        ({"pool": " "}, "pool=' ' is no pool"),
        ({"priority": "high"}, "priority='high' is no whole number"),
        ({"priority": True}, "priority=True is no whole number"),
        ({"limits": ["openai"]}, "limits has 'openai', which is no rate limit"),
        ({"limits": "openai"}, "limits has 'openai', which is no rate limit"),
        ({"limits": [OPENAI, OPENAI]}, "limits names 'openai' twice"),
    ],
)
def test_wrong_policies_are_told_with_the_others(policies: dict[str, Any], said: str) -> None:
    """As faults of their asset."""
    (message,) = faults_of(declared(**policies))
    assert message.startswith(f"asset vectors: {said}")


def test_a_rate_limit_is_one_for_all_that_name_it() -> None:
    """Two rates by one name are told at the second asset."""

    @asset("other.json", limits=[RateLimit("openai", "10/s", burst=2)])
    def other() -> list[int]:
        return []

    (message,) = faults_of(declared(limits=[OPENAI]), other)
    assert message == (
        "asset other: rate limit 'openai' is 10 in 1s, 2 at once here, and 60 in 1m at asset vectors: it is one, which "
        "they share"
    )
    assert not faults_of(declared(limits=[OPENAI]))


def test_a_pool_that_nobody_sized_and_one_that_is_too_small_are_told() -> None:
    """With where it is asked, and what the settings say."""
    catalogue = Definitions(declared(pool=Slots("gpu", 2))).resolve()
    (fault,) = unsized(catalogue, {"net": 3})
    assert fault.message == "asset vectors: its pool 'gpu' has no size; the settings size: net (3)"
    assert fault.hint == "Say in the settings how many slots it has: [pools] gpu = 4."
    assert fault.where is not None
    assert fault.where.file == __file__
    (fault,) = unsized(catalogue, {"gpu": 1})
    assert fault.message == "asset vectors: a run takes 2 slots of pool 'gpu', which has 1"
    assert not [*unsized(catalogue, {"gpu": 2})]


def test_a_definition_without_limits_is_stored_as_before() -> None:
    """So that nothing counts as another definition because penstock was upgraded."""
    plain = asset_to_plain(Definitions(declared()).resolve().assets["vectors"])
    assert not {"pool", "priority", "limits"} & plain["policies"].keys()


@given(st.text(min_size=1).filter(str.strip), st.integers(1, 10**6), st.integers(1, 10**12), st.integers(1, 1000))
def test_limits_and_slots_come_back_from_their_plain_form(name: str, count: int, micros: int, burst: int) -> None:
    """Without loss."""
    limit = RateLimit(name, "1/s", burst=burst)
    object.__setattr__(limit, "count", count)
    object.__setattr__(limit, "per", timedelta(microseconds=micros))
    assert limit_from_plain(limit_to_plain(limit)) == limit
    assert slots_from_plain(slots_to_plain(Slots(name, count))) == Slots(name, count)


def test_what_a_newer_penstock_wrote_of_them_is_no_guess() -> None:
    """An unknown key is refused."""
    plain = asset_to_plain(Definitions(declared(pool="gpu", limits=OPENAI)).resolve().assets["vectors"])
    for key in ("pool", "limits"):
        changed = {**plain["policies"], key: {"pool": "x", "slots": 1, "new": 1}}
        changed["limits"] = [{**limit_to_plain(OPENAI), "new": 1}] if key == "limits" else []
        changed["pool"] = changed["pool"] if key == "pool" else {"pool": "gpu", "slots": 1}
        with pytest.raises(DatabaseFault, match="'new'"):
            asset_from_plain({**plain, "policies": changed})


@given(
    st.integers(1, 10_000_000),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 20_000_000), st.booleans()), max_size=30),
)
def test_tokens_never_come_faster_than_the_rate(interval: int, burst: int, steps: list[tuple[int, bool]]) -> None:
    """In no span more than the burst and what the rate gives, whether somebody waits for them or takes them in time."""
    rate = Rate(interval=timedelta(microseconds=interval), burst=burst)
    arrival, now, taken = None, NOW, list[datetime]()
    for pause, ahead in steps:
        now += timedelta(microseconds=pause)
        at = next_token(rate, arrival, now)
        assert at >= now
        if at <= now + (AHEAD if ahead else timedelta(0)):
            arrival = after_token(rate, arrival, now)
            taken.append(at)
    taken.sort()
    for first, begun in enumerate(taken):
        for number, moment in enumerate(taken[first:], 1):
            assert number <= burst + (moment - begun) / rate.interval


def test_a_clock_that_is_set_back_keeps_nobody_waiting_for_long() -> None:
    """What was kept by the clock of before cannot have come about by taking tokens: one can be taken at once."""
    rate = Rate(interval=timedelta(seconds=1), burst=3)
    arrival = after_token(rate, None, NOW + timedelta(hours=1))
    assert next_token(rate, arrival, NOW) == NOW
    arrival = after_token(rate, arrival, NOW)
    assert next_token(rate, arrival, NOW) == NOW + timedelta(seconds=1)


def test_none_is_neither_a_policy_nor_a_length() -> None:
    """Both are left out, or said: `retries=0`, `Timeouts()`."""

    @asset("a.json", retries=None, timeout=None)  # pyright: ignore[reportArgumentType]
    def a() -> int:
        return 1

    assert {fault.message for fault in Definitions(a).check()} == {
        "asset a: retries=None is no retry policy",
        "asset a: timeout=None is no length of time",
    }
