"""What holds of every partitioning: keys, their places, their order, and counting without listing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import Cron, Daily, Dynamic, Every, Hourly, Monthly, Static, Weekly, Windows
from penstock.assets.declare.partitions.partition import Known, Partitioning, Place
from penstock.assets.declare.partitions.plain import partitioning_from_plain, partitioning_to_plain
from penstock.assets.declare.partitions.product import as_product
from penstock.assets.declare.partitions.ranges import KeyRanges
from penstock.storage.errors import UsageError

START, NOW = "2023-09-25", datetime(2024, 4, 20, 7, 30, tzinfo=UTC)
REGIONS = Static("eu", "us", "中国", "a b", name="region")
SUITE: Mapping[str, Partitioning] = {
    "hours of New York": Hourly(start=START, tz="America/New_York"),
    "hours of Lord Howe": Hourly(start=START, tz="Australia/Lord_Howe"),
    "days of New York": Daily(start=START, tz="America/New_York"),
    "days of Havana": Daily(start=START, tz="America/Havana"),
    "days of Samoa over the day that was left out": Daily(start="2011-12-01", end="2012-02-01", tz="Pacific/Apia"),
    "weeks": Weekly(start=START, tz="Asia/Kolkata"),
    "months until spring": Monthly(start=START, end="2024-04-01", tz="Europe/Berlin"),
    "crons": Windows(Cron("30 1,2 * * *", "0 6 * * 1-5", tz="America/New_York", fold="both"), start=START),
    "intervals": Windows(Every("36h"), start=START, tz="Europe/Berlin", name="shift"),
    "static": REGIONS,
    "dynamic": Dynamic(name="customer"),
    "days and regions": Daily(start=START, tz="America/New_York") * REGIONS,
    "regions and days": REGIONS * Weekly(start=START),
    "regions and customers": REGIONS * Dynamic(name="customer"),
    "three": Static("a", "b", name="kind") * Weekly(start=START) * Dynamic(name="customer"),
    "two windows": Monthly(start=START) * Weekly(start=START, name="seen"),
    "unpartitioned": as_product(None),
}
KNOWN = Known(keys={"customer": ("zoe", "adam", "müller & co")}, until=NOW)
everywhere = pytest.mark.parametrize("partitioning", SUITE.values(), ids=list(SUITE))


@everywhere
def test_keys_are_counted_as_they_are_walked(partitioning: Partitioning) -> None:
    """Forwards, backwards, by number and by key: one order, no key twice."""
    keys = partitioning.select(None, None, KNOWN)
    listed = list(keys.walk())
    assert isinstance(partitioning, Partitioning)
    assert keys.count == len(listed) == len(set(listed)) > 0
    assert list(keys.walk(backwards=True)) == listed[::-1]
    for index in {0, 1, len(listed) // 3, len(listed) - 1} & {*range(len(listed))}:
        assert keys.at(index) == listed[index]
        assert keys.index(listed[index]) == index
    for outside in (-1, len(listed)):
        with pytest.raises(IndexError):
            keys.at(outside)


@settings(max_examples=10)
@given(data=st.data())
@everywhere
def test_any_page_is_a_part_of_the_whole(partitioning: Partitioning, data: st.DataObject) -> None:
    """By numbers or from key to key, both ways; and only what a page holds is worked out."""
    keys = partitioning.select(None, None, KNOWN)
    listed = list(keys.walk())
    first = data.draw(st.integers(0, len(listed) - 1))
    last = data.draw(st.integers(first, len(listed) - 1))
    page = listed[first : last + 1]
    assert list(keys.walk(first, last + 1)) == page
    assert list(keys.walk(first, last + 1, backwards=True)) == page[::-1]
    assert list(islice(keys.walk(first), 3)) == listed[first : first + 3]
    between = partitioning.select(listed[first], listed[last], KNOWN)
    assert (between.count, list(between.walk())) == (len(page), page)
    assert list(between.walk(backwards=True)) == page[::-1]
    assert list(between.walk(1, 3)) == page[1:3]


@everywhere
def test_every_key_is_a_key_and_knows_its_neighbours(partitioning: Partitioning) -> None:
    """`following` and `preceding` walk the same way, and end where the keys end."""
    listed = list(partitioning.select(None, None, KNOWN).walk())[-60:]
    for one, after in pairwise(listed):
        assert partitioning.following(one, KNOWN) == after
        assert partitioning.preceding(after, KNOWN) == one
    assert partitioning.following(listed[-1], KNOWN) is None
    assert [partitioning.fault(key, KNOWN) for key in listed] == [None] * len(listed)


@everywhere
def test_a_place_is_of_one_key_alone(partitioning: Partitioning) -> None:
    """No two keys share a place, and from a place the key is found again."""
    listed = list(partitioning.select(None, None, KNOWN).walk())[-60:]
    places = [partitioning.place(key) for key in listed]
    assert len({*places}) == len(listed)
    timed = sum(one.timed for one in partitioning.dimensions)
    for key, place in zip(listed, places, strict=True):
        found = list(partitioning.within(place, KNOWN).walk())
        assert key in found
        assert timed > 1 or found == [key]
        partition = partitioning.partition(key)
        assert partition.key == key == "|".join(partition.parts.values())
        bounds = (partition.start and partition.start.timestamp(), partition.end and partition.end.timestamp())
        assert bounds == ((place.start, place.end) if timed else (None, None))


@settings(max_examples=10)
@given(data=st.data())
@everywhere
def test_ranges_of_a_line_are_told_one_after_the_other(partitioning: Partitioning, data: st.DataObject) -> None:
    """Between any bounds, met in order or not, with or without keys in them: the number, the first and the last of the
    keys that lie there."""
    keys = list(partitioning.select(None, None, KNOWN).walk())[-60:]
    place = partitioning.place(data.draw(st.sampled_from(keys)))
    on = sorted({bound for key in keys for bound in partitioning.place(key)[1:]})
    bounds = sorted(data.draw(st.lists(st.sampled_from(on) | st.integers(on[0] - 9, on[-1] + 9), min_size=2)))
    along, ranges = partitioning.along(place.line, KNOWN), list(pairwise(bounds))
    for start, end in data.draw(st.sampled_from((ranges, ranges[::2], ranges[::-1]))):
        found = list(partitioning.within(Place(place.line, start, end), KNOWN).walk())
        timed = sum(one.timed for one in partitioning.dimensions)
        assert along(start, end) == ((len(found), found[0], found[-1]) if found else None) or timed > 1
    assert partitioning.along("no such line|?|!", KNOWN)(0, 10**10) is None


@everywhere
def test_what_lies_in_a_range_is_counted_and_walked(partitioning: Partitioning) -> None:
    """The keys of each range of all places, together, are all keys; nothing lies on a line that is not there."""
    keys = partitioning.select(None, None, KNOWN)
    ranges = KeyRanges.of(as_product(partitioning).ranges(keys))
    single = KeyRanges.of(partitioning.place(key) for key in keys.walk())
    assert ranges == single
    if sum(one.timed for one in partitioning.dimensions) < 2:
        found = [partitioning.within(place, KNOWN) for place in ranges]
        assert sum(one.count for one in found) == keys.count
        assert sorted(key for one in found for key in one.walk()) == sorted(keys.walk())
    assert partitioning.within(Place("no such line|?|!", 0, 10**10), KNOWN).count == 0


@everywhere
@pytest.mark.parametrize(
    "wrong", ["nobody", "2024-13-45", "2024-02-30T99", "a/b", "|", " ", "2024-1-1|eu", "0000-01-01"]
)
def test_what_is_no_key_is_told_with_what_is(partitioning: Partitioning, wrong: str) -> None:
    """The text is named, and so is the next step; places of it there are none."""
    fault = partitioning.fault(wrong, KNOWN)
    assert fault is not None
    assert fault.kind in {"malformed", "outside"}
    assert fault.message
    assert fault.hint
    if fault.kind == "malformed":
        with pytest.raises(UsageError):
            partitioning.place(wrong)


@everywhere
def test_a_partitioning_is_plain_data(partitioning: Partitioning) -> None:
    """Written and read back it is equal, and has an equal hash."""
    again = partitioning_from_plain(partitioning_to_plain(partitioning))
    assert again == partitioning
    assert hash(again) == hash(partitioning)
    assert partitioning.label == again.label
