"""Narrowed leaves: sums that are folded event by event are those of a plain list, in whatever order they come."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock import Cron, Dataset, meta
from penstock.assets.declare.conditions.leaves import DatasetLeaf
from penstock.assets.plan.narrow import Waiting, first_in_line, narrowed, turn
from penstock.assets.plan.state import HeadState, LeafState
from penstock.storage.types import EventKind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOURLY = Cron("0 * * * *")
D = Dataset("d.csv")


def waiting(number: int, kind: EventKind, minutes: int, fresh: bool, metadata: dict[str, Any]) -> Waiting:
    """A pending event; the ids of its version and of itself follow from its number. Some arrived an hour late."""
    at = NOON + timedelta(minutes=minutes)
    head = None
    if kind is not EventKind.REMOVED:
        head = HeadState(version_id=number * 10, event_id=number * 100, number=number, digest=f"{number}", at=at)
    arrived = at + timedelta(hours=1) if number % 3 == 0 else None
    return Waiting(number=number, kind=kind, at=at, fresh=fresh, metadata=metadata, head=head, arrived_at=arrived)


def arrival(event: Waiting) -> datetime:
    """When it was there."""
    return event.arrived_at or event.at


METADATA = st.one_of(st.just({}), st.fixed_dictionaries({"rows": st.one_of(st.integers(-2, 2), st.just("many"))}))
EVENTS = st.lists(
    st.builds(
        waiting,
        st.integers(1, 99),
        st.sampled_from(EventKind),
        st.integers(-90, 30),
        st.booleans(),
        METADATA,
    ),
    max_size=9,
    unique_by=lambda event: event.number,
)
LEAVES = st.builds(
    DatasetLeaf,
    uri=st.just("d.csv"),
    confirmed=st.booleans(),
    removal=st.booleans(),
    predicate=st.sampled_from([None, meta("rows") > 0, meta("rows").one_of(-1, 2)]),
    timetable=st.sampled_from([None, HOURLY]),
)


def counts(leaf: DatasetLeaf, event: Waiting) -> bool:
    """Whether it does, said another way."""
    rows = event.metadata.get("rows")
    met = leaf.predicate is None or (
        isinstance(rows, int) and (rows in (-1, 2) if "in" in str(leaf.predicate) else rows > 0)
    )
    return met and (leaf.timetable is None or event.at >= NOON) and (event.kind == EventKind.REMOVED) == leaf.removal


@given(leaf=LEAVES, events=EVENTS)
def test_the_sums_are_those_of_a_list(leaf: DatasetLeaf, events: list[Waiting]) -> None:
    """Counts, times, pin, and why the newest does not count; it is 12:30, the last tick was at noon."""
    found = narrowed(leaf, iter(events), NOON + timedelta(minutes=30))
    if not events:
        assert found is None
        return
    assert found is not None
    count = [event for event in events if counts(leaf, event)]
    fresh = [event.kind for event in count if event.fresh]
    kinds = [event.kind for event in count]
    heads = [event.head for event in count if event.head is not None]
    started = [arrival(event) for event in count if event.fresh and event.kind is not EventKind.CONFIRMED]
    asked = [event for event in events if (event.kind is EventKind.REMOVED) == leaf.removal]
    newest = max(asked, key=lambda event: event.number, default=None)
    assert (found.unmet == "") == (newest is None or newest in count)
    assert found == LeafState(
        count=len(count) - kinds.count(EventKind.REMOVED),
        newest=max(event.number for event in events),
        causes=fresh.count(EventKind.CHANGED),
        confirmed=fresh.count(EventKind.CONFIRMED),
        changed=kinds.count(EventKind.CHANGED),
        removed=kinds.count(EventKind.REMOVED),
        removals=fresh.count(EventKind.REMOVED),
        newest_at=max((event.at for event in count), default=None),
        arrived_at=max(map(arrival, count), default=None),
        oldest_at=min(started, default=None),
        upto=len(events),
        pin=max(heads, key=lambda head: head.number, default=None),
        unmet=found.unmet,
    )


MANY = st.lists(LEAVES, min_size=1, max_size=3, unique_by=lambda leaf: leaf.label)


def starts(leaves: list[DatasetLeaf], event: Waiting) -> bool:
    """Whether it may start a run."""
    kinds = ({EventKind.CHANGED, EventKind.CONFIRMED} if leaf.confirmed else {EventKind.CHANGED} for leaf in leaves)
    return event.fresh and any(
        event.kind in several and counts(leaf, event) for leaf, several in zip(leaves, kinds, strict=True)
    )


@given(leaves=MANY, events=EVENTS)
def test_under_each_one_event_has_its_turn(leaves: list[DatasetLeaf], events: list[Waiting]) -> None:
    """The oldest that counts for a leaf and may start a run; what is pending before it is taken along. Without one, all
    that is pending can complete."""
    events = sorted(events, key=lambda event: event.number)
    queue = {D.uri: LeafState(count=len(events), newest=99, causes=0)}
    line = first_in_line({D.uri: turn(leaves, iter(events), NOON + timedelta(minutes=30))}, queue)
    mine = [event for event in events if starts(leaves, event)]
    if not mine:
        assert line.leaves == queue
        return
    alone, first = line.leaves[D.uri], mine[0]
    assert (alone.count, alone.newest, alone.pin) == (1, first.number, first.head)
    assert alone.upto == sum(event.number <= first.number for event in events)
    assert alone.arrived_at == max(arrival(e) for e in events if any(counts(leaf, e) for leaf in leaves))
    assert (alone.causes, alone.confirmed) == ((1, 0) if first.kind is EventKind.CHANGED else (0, 1))
    for leaf in leaves:
        if leaf.selective and not leaf.removal:
            assert (line.narrowed[leaf.label] == alone) == counts(leaf, first)
            assert (line.narrowed[leaf.label].unmet == "") == counts(leaf, first)
            assert line.narrowed[leaf.label].count == counts(leaf, first)


@given(leaves=MANY, several=st.dictionaries(st.sampled_from("abc"), EVENTS, max_size=3))
def test_the_datasets_of_a_pattern_form_one_line(leaves: list[DatasetLeaf], several: dict[str, list[Waiting]]) -> None:
    """The turn is that of the event that arrived first of those that are next in their datasets; with it go, of each
    other dataset, the events that lie before it in the line, up to the first that may start a run itself."""
    ordered = {uri: sorted(events, key=lambda event: event.number) for uri, events in several.items()}
    turns = {uri: turn(leaves, iter(events), NOON + timedelta(minutes=30)) for uri, events in ordered.items()}
    queue = {uri: LeafState(count=len(events), newest=99, causes=0) for uri, events in ordered.items()}
    line = first_in_line(turns, queue)
    nexts = {uri: [event for event in events if starts(leaves, event)] for uri, events in ordered.items()}
    if not any(nexts.values()):
        assert (line.leaves, line.ahead) == (queue, {})
        return
    place = min((arrival(mine[0]), uri) for uri, mine in nexts.items() if mine)
    assert list(line.leaves) == [place[1]]
    for uri, events in ordered.items():
        passed: list[int] = []
        for event in events:
            if uri == place[1] or starts(leaves, event) or (arrival(event), uri) > place:
                break
            passed.append(event.number)
        found = line.ahead.get(uri)
        assert ([] if found is None else [found.upto, found.newest]) == ([len(passed), passed[-1]] if passed else [])


def test_a_leaf_is_pinned_to_the_newest_that_counts() -> None:
    """0.95 and then 0.4: the accurate one, and why the newest is not it."""
    leaf = D.where(meta("accuracy") > 0.9)
    events = [
        waiting(number, EventKind.CHANGED, number, True, {"accuracy": accuracy})
        for number, accuracy in enumerate((0.2, 0.95, 0.4), 1)
    ]
    assert isinstance(leaf, DatasetLeaf)
    found = narrowed(leaf, events, NOON)
    assert found is not None
    assert (found.count, found.causes, found.newest, found.upto) == (1, 1, 3, 3)
    assert found.pin == events[1].head
    assert found.unmet == "accuracy is 0.4, not > 0.9"


def test_fifty_thousand_events_cost_the_memory_of_one() -> None:
    """They are folded as they come."""
    leaf = D.where(meta("rows") > 0)
    assert isinstance(leaf, DatasetLeaf)
    events = (waiting(number, EventKind.CHANGED, number, True, {"rows": number}) for number in range(1, 50_001))
    tracemalloc.start()
    found = narrowed(leaf, events, NOON)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None
    assert found.count == 50_000
    assert peak < 100_000
