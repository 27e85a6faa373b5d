"""What is true of every backfill: its order, what it reads over ranges, and which partitions it makes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Cron, Daily, Dynamic, Hourly, Monthly, Static, Weekly, Windows
from penstock.assets.declare.partitions.mapping.mappings import KeyMapping, Last, Offset, RollUp, Table
from penstock.assets.declare.partitions.mapping.relation import relation
from penstock.assets.declare.partitions.partition import Known, Partitioning
from penstock.assets.declare.partitions.product import as_product
from penstock.assets.declare.partitions.ranges import KeyRanges
from penstock.assets.declare.partitions.redividing import what_becomes_of
from penstock.assets.plan.backfills.choosing import Facts, choose
from penstock.assets.plan.backfills.counting import Stand, counts
from penstock.assets.plan.backfills.frontier import Frontier
from penstock.assets.plan.backfills.lasting import lasting
from penstock.assets.plan.backfills.lifecycle import FINAL, TRANSITIONS, allowed, require
from penstock.assets.plan.backfills.order import Walk, together
from penstock.assets.plan.backfills.reaching import concerned_by, read_by
from penstock.assets.plan.backfills.scope import Part, known_in, overlaps, scope_from_plain, scope_to_plain
from penstock.storage.errors import DatabaseFault, UsageError
from penstock.storage.types import BackfillState, Reprocess, RunState

BERLIN = {"tz": "Europe/Berlin"}
DAYS = Daily(start="2026-03-20", end="2026-04-10", **BERLIN)
REGIONS = Static("us", "eu", "asia", name="region")
DIVIDED: tuple[Partitioning, ...] = (DAYS, REGIONS, DAYS * REGIONS, REGIONS * DAYS)
NOW = Known()


def keys_of(partitions: Partitioning) -> list[str]:
    """All of its keys, in the order of the definition."""
    return list(partitions.select(None, None, NOW).walk())


def places(partitions: Partitioning, keys: Any) -> KeyRanges:
    """Where keys lie."""
    return KeyRanges.of(partitions.place(key) for key in keys)


@given(data=st.data(), partitions=st.sampled_from(DIVIDED), backwards=st.booleans())
def test_a_walk_goes_through_everything_once_from_anywhere(
    data: st.DataObject, partitions: Partitioning, backwards: bool
) -> None:
    """By windows, those of one window in the order of the definition; after any key come those behind it."""
    everything = keys_of(partitions)
    chosen = data.draw(st.sets(st.sampled_from(everything)))
    walk = Walk(partitions=partitions, ranges=places(partitions, chosen), known=NOW, backwards=backwards)
    expected = sorted(chosen, key=lambda key: (partitions.place(key).start, everything.index(key)), reverse=backwards)
    assert list(walk.after()) == expected
    for place, key in enumerate(expected):
        assert list(walk.after(key)) == expected[place + 1 :]


@given(data=st.data(), backwards=st.booleans())
def test_assets_are_gone_through_together(data: st.DataObject, backwards: bool) -> None:
    """Everything once, each asset in its own order, one turn after the other; and the rest from wherever it stopped."""
    weeks = Weekly(start="2026-03-01", end="2026-05-01", **BERLIN)
    divided = dict(zip("abcde", (DAYS, weeks, REGIONS * DAYS, REGIONS, DAYS), strict=True))
    chosen = {name: data.draw(st.sets(st.sampled_from(keys_of(one)), min_size=1)) for name, one in divided.items()}
    walks = {
        name: Walk(partitions=one, ranges=places(one, chosen[name]), known=NOW, backwards=backwards)
        for name, one in divided.items()
    }
    everything = list(together(walks, {}))
    turns = [walks[name].turn(key) for name, key in everything]
    assert turns == sorted(turns)
    for name, walk in walks.items():
        assert [key for one, key in everything if one == name] == list(walk.after())
    ends = [divided[name].place(key).end for name, key in everything if name in "abe"]
    starts = [divided[name].place(key).start for name, key in everything if name in "abe"]
    assert starts == sorted(starts, reverse=True) if backwards else ends == sorted(ends)
    stop = data.draw(st.integers(0, len(everything)))
    last = dict(everything[:stop])
    assert list(together(walks, last)) == everything[stop:]
    for place, (name, key) in enumerate(everything):
        assert (name in last and walks[name].reaches(key, last[name])) == (place < stop)


@given(data=st.data())
def test_a_frontier_gives_everything_once_behind_what_it_reads(data: st.DataObject) -> None:
    """However many are taken at a time, in whichever order they end, and if some are given back: what is taken reads
    nothing that is not seen to, and is of one asset, the first that can be planned among them."""
    items = [(data.draw(st.sampled_from("abc")), str(number)) for number in range(data.draw(st.integers(1, 12)))]
    reads = {item: data.draw(st.lists(st.sampled_from(items[:place] or [None]))) for place, item in enumerate(items)}
    reads = {item: [one for one in above if one is not None] for item, above in reads.items()}
    frontier, going, done = Frontier(reads), list[tuple[str, str]](), list[tuple[str, str]]()
    while not frontier.over:
        ready = [one for one in items if one not in [*going, *done] and {*reads[one]} <= {*done}]
        assert frontier.first == (ready[0] if ready else None)
        if ready and (not going or data.draw(st.booleans())):
            most = data.draw(st.integers(1, 3))
            name, keys = frontier.take(most)
            assert [(name, key) for key in keys] == [one for one in ready if one[0] == ready[0][0]][:most]
            back = data.draw(st.integers(1, len(keys)))
            frontier.give_back(name, keys[back:])
            going += [(name, key) for key in keys[:back]]
        else:
            one = going.pop(data.draw(st.integers(0, len(going) - 1)))
            assert frontier.comes_first(one) == (not ready or items.index(one) < items.index(ready[0]))
            frontier.see_to(one[0], [one[1]])
            done.append(one)
    assert sorted(done) == sorted(items)
    assert frontier.place(("z", "")) == -1


RELATIONS: tuple[tuple[Partitioning, Partitioning, KeyMapping | None], ...] = (
    (DAYS, DAYS, None),
    (Hourly(start="2026-03-25", end="2026-04-02", **BERLIN), DAYS, None),
    (DAYS, Weekly(start="2026-03-01", end="2026-05-01", **BERLIN), None),
    (Weekly(start="2026-03-01", end="2026-05-01"), Monthly(start="2026-03-01", end="2026-05-01"), RollUp()),
    (DAYS, DAYS, Offset(by=-1)),
    (DAYS, DAYS, Offset(by=3)),
    (Daily(start="2026-03-28", end="2026-04-02", **BERLIN), DAYS, None),
    (Monthly(start="2026-01-01", end="2026-05-01", **BERLIN), DAYS, Last()),
    (DAYS * REGIONS, DAYS, None),
    (DAYS * REGIONS, REGIONS * DAYS, None),
    (REGIONS, DAYS * REGIONS, None),
    (REGIONS, Static("de", "fr", name="country"), Table(rows=(("us", ("de",)), ("eu", ("de", "fr"))))),
)


@pytest.mark.parametrize("case", RELATIONS, ids=lambda case: f"{case[0].label} for {case[1].label}, {case[2]}")
@given(data=st.data())
def test_what_is_read_over_ranges_is_what_each_key_reads(case: Any, data: st.DataObject) -> None:
    """And so it is with what is concerned; windows that are not over are in neither."""
    upstream, consumer, mapping = case
    found = relation(upstream, consumer, mapping)
    until = data.draw(st.sampled_from([None, DAYS.partition("2026-03-29").end, DAYS.partition("2026-04-03").end]))
    known = Known(until=until)
    for one, other, reached, ranges in (
        (consumer, upstream, found.read, read_by),
        (upstream, consumer, found.concerned, concerned_by),
    ):
        there = list(one.select(None, None, known).walk())
        low = data.draw(st.integers(0, max(0, len(there) - 1)))
        high = data.draw(st.integers(low, len(there)))
        chosen = there[low:high]
        told = ranges(found, places(one, chosen), known)
        single = {key for given in chosen for key in reached(given, known).walk() if other.fault(key, known) is None}
        assert {key for place in told for key in as_product(other).within(place, known).walk()} == single


@given(data=st.data(), reprocess=st.sampled_from(Reprocess), news=st.booleans())
def test_what_is_chosen_is_what_was_counted(data: st.DataObject, reprocess: Reprocess, news: bool) -> None:
    """Each key is in one of the four; a preview counts over ranges what is chosen key by key."""
    everything = keys_of(DAYS)
    some = st.sets(st.sampled_from(everything))
    asked, made, failed, active = data.draw(some), data.draw(some), data.draw(some), data.draw(some)
    choice = choose(sorted(asked), reprocess, Facts(made=made, failed=failed, active=active), news=news)
    assert sorted([*choice.make, *choice.spared]) == sorted(asked)
    stand = Stand(made=places(DAYS, made), failed=failed, active=active)
    counted = counts(DAYS, Part(asked=places(DAYS, asked), divided=DAYS, news=news), stand, reprocess, NOW)
    assert (counted.total, counted.look) == (len(asked), len(choice.make))
    spared = [list(choice.spared.values()).count(why) for why in ("active", "failed", "made")]
    assert spared == [counted.active, counted.failed, counted.made]


@given(state=st.sampled_from(RunState), reprocess=st.sampled_from(Reprocess), news=st.booleans())
def test_what_was_seen_to_is_done(state: RunState, reprocess: Reprocess, news: bool) -> None:
    """Whatever came of it, a run that was called off aside: after a crash the rest alone is made."""
    choice = choose(["1"], reprocess, Facts(own={"1": state}), news=news)
    if state is RunState.CANCELED:
        assert choice.make == ("1",)
    else:
        assert not choice.make
        assert choice.done + choice.wait == ("1",)


@given(data=st.data())
def test_overlapping_backfills_are_told_apart(data: st.DataObject) -> None:
    """What both are of is found, with its first keys and how many there are; what is apart is not."""
    some = st.sets(st.sampled_from(keys_of(DAYS)), min_size=1)
    one, two = data.draw(some), data.draw(some)
    scopes = [{"daily": Part(asked=places(DAYS, keys), divided=DAYS)} for keys in (one, two)]
    found = list(overlaps(*scopes, {"daily": DAYS}, NOW))
    both = sorted(one & two)
    assert [(shared.count, shared.keys) for shared in found] == ([(len(both), tuple(both[:3]))] if both else [])


@given(data=st.data())
def test_a_scope_comes_back_from_its_plain_form(data: st.DataObject) -> None:
    """Under the names that its assets have by then; one that is gone is left out."""
    asked = places(DAYS, data.draw(st.sets(st.sampled_from(keys_of(DAYS)), min_size=1)))
    scope = {"up": Part(asked=asked, divided=DAYS), "down": Part(asked=asked, divided=DAYS, news=True)}
    plain = scope_to_plain(scope, {"up": 3, "down": 4})
    assert scope_from_plain(plain, {3: "renamed", 4: "down"}, {}) == {"renamed": scope["up"], "down": scope["down"]}
    assert scope_from_plain(plain, {4: "down"}, {}) == {"down": scope["down"]}
    with pytest.raises(DatabaseFault, match="form 2"):
        scope_from_plain({**plain, "v": 2}, {}, {})
    for one in plain["assets"]:
        del one["divided"]  # as it was written before it was kept
    assert scope_from_plain(plain, {3: "up", 4: "down"}, {"up": DAYS}) == {"up": scope["up"]}


def test_the_plain_form_of_a_scope_is_what_is_stored() -> None:
    """It is read by every later penstock: changed only with a new version of the form and a migration."""
    asked = places(DAYS, ["2026-03-28", "2026-03-29"])
    scope = {"daily": Part(asked=asked, divided=DAYS, news=True)}
    assert scope_to_plain(scope, {"daily": 7}) == {
        "v": 1,
        "assets": [
            {
                "id": 7,
                "asked": [["", 1774652400, 1774821600]],
                "news": True,
                "divided": {
                    "daily": {
                        "start": "2026-03-19T23:00:00+00:00",
                        "tz": "Europe/Berlin",
                        "name": "day",
                        "end": "2026-04-09T22:00:00+00:00",
                    }
                },
            }
        ],
    }


OTHERWISE: tuple[Partitioning, ...] = (
    *DIVIDED,
    Hourly(start="2026-03-20", end="2026-04-10", **BERLIN),
    Daily(start="2026-03-25", end="2026-04-02", **BERLIN),
    Daily(start="2026-03-20", end="2026-04-10"),
    Windows(Cron("0 0 * * *", tz="Europe/Berlin"), start="2026-03-20", end="2026-04-10"),
    Windows(Cron("0 0,12 * * *", tz="Europe/Berlin"), start="2026-03-20", end="2026-04-10"),
    Windows(Cron("0 0,12,18 * * *", tz="Europe/Berlin"), start="2026-03-20", end="2026-04-10"),
    Static("eu", "africa", name="region"),
    Dynamic(name="region"),
    DAYS * Static("asia", "us", name="region"),
)


@given(data=st.data(), before=st.sampled_from(OTHERWISE), now=st.sampled_from([*OTHERWISE, None]))
def test_nothing_that_was_asked_for_is_widened(
    data: st.DataObject, before: Partitioning, now: Partitioning | None
) -> None:
    """However a definition changes: what is left are keys that were asked for and that mean the same still; they are
    gone through by either definition alike, and with what is gone they are all that was asked for."""
    known = Known(keys={"region": ("eu", "us", "asia")})
    some = st.sets(st.sampled_from(list(before.select(None, None, known).walk())), min_size=1)
    asked = data.draw(some)
    found = lasting(Part(asked=places(before, asked), divided=before), now)
    same = {key for key in asked if now is not None and what_becomes_of(key, before, now) == "kept"}
    for one in (before, now) if now is not None else (before,):
        there = known_in(one, found.kept, Known())
        assert {*Walk(partitions=one, ranges=found.kept, known=there).after()} == same
    assert found.count == len(asked - same)


@given(old=st.sampled_from(BackfillState), new=st.sampled_from(BackfillState))
def test_the_lifecycle_is_its_table(old: BackfillState, new: BackfillState) -> None:
    """What may not be is refused, with where the backfill stands; nothing leaves a final state."""
    assert {*TRANSITIONS} == {None, *BackfillState} - FINAL
    if allowed(old, new):
        assert old not in FINAL
        assert require("4f1a", old, new) is new
    else:
        with pytest.raises(UsageError, match="backfill 4f1a cannot be "):
            require("4f1a", old, new)


def test_a_hundred_thousand_windows_are_one_range() -> None:
    """Hours of years that read each other are worked out from the first and the last, key for key the same."""
    years = Hourly(start="2010-01-01", end="2022-01-01")
    days = Daily(start="2010-01-01", end="2022-01-01")
    asked = KeyRanges.of(days.select().windows.place(key) for key in ("2010-01-01", "2021-12-31"))
    whole = KeyRanges.of([(line, ranges[0][0], ranges[-1][1]) for line, ranges in asked.lines.items()])
    read = read_by(relation(years, days), whole, NOW)
    assert len(read) == 1
    assert sum(as_product(years).within(place).count for place in read) == years.select().count == 105192
