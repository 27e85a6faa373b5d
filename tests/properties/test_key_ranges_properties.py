"""`KeyRanges` against plain sets of numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.partitions.partition import Place
from penstock.assets.declare.partitions.ranges import KeyRanges

places = st.builds(
    lambda line, start, length: Place(line, start, start + length),
    st.sampled_from(["", "eu", "us"]),
    st.integers(-30, 30),
    st.integers(0, 9),
)
several = st.lists(places, max_size=12)


def numbers(found: KeyRanges) -> set[tuple[str, int]]:
    """Every number on every line that it holds."""
    return {(line, number) for line, start, end in found for number in range(start, end)}


def told(listed: list[Place]) -> set[tuple[str, int]]:
    """The same of the places that it was made of."""
    return {(line, number) for line, start, end in listed for number in range(start, end)}


@given(several, several)
def test_the_algebra_is_that_of_sets(one: list[Place], two: list[Place]) -> None:
    """Union, intersection and difference; and the form is one: equal sets are equal values."""
    first, second = KeyRanges.of(one), KeyRanges.of(two)
    assert numbers(first) == told(one)
    assert numbers(first.union(second)) == told(one) | told(two)
    assert numbers(first.intersect(second)) == told(one) & told(two)
    assert numbers(first.subtract(second)) == told(one) - told(two)
    assert first.union(second) == second.union(first) == KeyRanges.of([*one, *two])
    assert first.intersect(second) == second.intersect(first)
    assert first.subtract(second).union(first.intersect(second)) == first


@given(several, places)
def test_adding_and_asking(listed: list[Place], place: Place) -> None:
    """One place more is the union with it; it is contained exactly when all of its numbers are."""
    found = KeyRanges.of(listed)
    assert found.add(*place) == found.union(KeyRanges.of([place])) == KeyRanges.of([*listed, place])
    assert found.contains(place) == (told([place]) <= told(listed))
    assert found.add(*place).covers(*place)
    assert bool(found) == bool(told(listed))


@given(several)
def test_ranges_are_sorted_and_apart(listed: list[Place]) -> None:
    """Neighbours that touch are one range."""
    ranges = [*KeyRanges.of(listed)]
    assert ranges == sorted(ranges)
    assert len(ranges) == len(KeyRanges.of(listed))
    assert all(a.line != b.line or a.end < b.start for a, b in pairwise(ranges))


def test_a_year_of_hours_is_one_range() -> None:
    """Windows tile time: their places merge."""
    hours = KeyRanges.of(Place("", hour * 3600, hour * 3600 + 3600) for hour in range(8760))
    assert [*hours] == [Place("", 0, 8760 * 3600)]
    assert [*hours.subtract(KeyRanges.of([Place("", 7200, 10800)]))] == [
        Place("", 0, 7200),
        Place("", 10800, 8760 * 3600),
    ]
