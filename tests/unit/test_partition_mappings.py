"""What keys of one partitioning mean in another: both ways, known answers, and what cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock import Cron, Daily, Dynamic, Hourly, Monthly, Static, Weekly, Windows
from penstock.assets.declare.partitions.mapping.mappings import (
    All,
    Computed,
    Fanned,
    KeyMapping,
    Last,
    Offset,
    RollUp,
    Table,
    mapping_from_plain,
    mapping_to_plain,
    without_code,
)
from penstock.assets.declare.partitions.mapping.relation import Relation, relation
from penstock.assets.declare.partitions.partition import NOTHING_KNOWN, Known, Partitioning, Place
from penstock.storage.errors import DatabaseFault, DefinitionError, UsageError
from penstock.storage.types import Fanout, Late

NEW_YORK, START = "America/New_York", "2024-01-01"
HOURS, DAYS = Hourly(start=START, tz=NEW_YORK), Daily(start=START, tz=NEW_YORK)
UTC_HOURS, UTC_DAYS = Hourly(start=START), Daily(start=START)
WEEKS, MONTHS = Weekly(start=START), Monthly(start=START)
REGIONS = Static("eu", "us", name="region")
CUSTOMERS = Dynamic(name="customer")
NOW = Known(keys={"customer": ("zoe", "adam")}, until=datetime(2024, 1, 9, 12, tzinfo=UTC))


def read(found: Relation, key: str, known: Known = NOTHING_KNOWN) -> list[str]:
    """The upstream keys that a key reads."""
    return list(found.read(key, known).walk())


def concerned(found: Relation, key: str, known: Known = NOTHING_KNOWN) -> list[str]:
    """The consumer keys that an upstream key concerns."""
    return list(found.concerned(key, known).walk())


@pytest.mark.parametrize(("day", "hours"), [("2024-03-10", 23), ("2024-11-03", 25), ("2024-11-04", 24)])
def test_a_day_reads_its_hours(day: str, hours: int) -> None:
    """As many as the local day has; one range of places, and a count."""
    found = relation(HOURS, DAYS)
    keys = found.read(day)
    assert keys.count == hours
    assert [*found.upstream.ranges(keys)] == [DAYS.place(day)]
    assert [concerned(found, key) for key in keys.walk()] == [[day]] * hours
    assert found.rollup == RollUp()


def test_a_month_reads_every_week_that_overlaps_it() -> None:
    """Also the one that ends in it and the one that begins in it; such a week concerns two months."""
    found = relation(WEEKS, MONTHS)
    assert read(found, "2024-02") == ["2024-W05", "2024-W06", "2024-W07", "2024-W08", "2024-W09"]
    assert concerned(found, "2024-W05") == ["2024-01", "2024-02"]
    assert concerned(found, "2024-W06") == ["2024-02"]


def test_a_day_of_kolkata_reads_25_hours_of_utc() -> None:
    """Its bounds lie within hours: both are read."""
    kolkata = Daily(start="2024-01-02", tz="Asia/Kolkata")
    assert relation(UTC_HOURS, kolkata).read("2024-01-05").count == 25


def test_dimensions_are_mapped_one_by_one() -> None:
    """One that the consumer lacks is rolled up, one that the upstream lacks is 'all'."""
    both = relation(HOURS * REGIONS, DAYS * REGIONS)
    assert both.read("2024-01-05|eu").count == 24
    assert concerned(both, "2024-01-05T07|us") == ["2024-01-05|us"]
    assert [*both.upstream.ranges(both.read("2024-01-05|us"))] == [Place("us", *DAYS.place("2024-01-05")[1:])]
    less = relation(HOURS * REGIONS, DAYS)
    assert less.read("2024-01-05").count == 48
    assert concerned(less, "2024-01-05T07|us") == ["2024-01-05"]
    more = relation(DAYS, DAYS * CUSTOMERS)
    assert concerned(more, "2024-01-05", NOW) == ["2024-01-05|zoe", "2024-01-05|adam"]
    assert read(more, "2024-01-05|zoe") == ["2024-01-05"]


def test_offset_goes_from_window_to_window() -> None:
    """The day before, also over a change of the clocks; before the first there is none."""
    found = relation(DAYS, DAYS, Offset(by=-1))
    assert (read(found, "2024-03-11"), concerned(found, "2024-03-10")) == (["2024-03-10"], ["2024-03-11"])
    assert read(found, "2024-01-01") == []
    regional = relation(DAYS * REGIONS, DAYS * REGIONS, Offset(by=2))
    assert read(regional, "2024-01-05|eu") == ["2024-01-07|eu"]


def test_last_is_what_was_over_at_the_end_of_the_window() -> None:
    """An hour reads the last day that was over at its end, whenever it is made; a region what is over now."""
    hourly = relation(DAYS, HOURS, Last())
    assert read(hourly, "2024-01-05T03") == ["2024-01-04"]
    assert read(hourly, "2024-01-05T23") == ["2024-01-05"]
    assert read(hourly, "2024-01-01T05") == []
    assert hourly.concerned("2024-01-05").count == 24
    regional = relation(UTC_DAYS, REGIONS, Last())
    assert read(regional, "eu", NOW) == ["2024-01-08"]
    assert concerned(regional, "2024-01-08", NOW) == ["eu", "us"]
    assert concerned(regional, "2024-01-07", NOW) == []
    assert read(relation(CUSTOMERS, None, Last()), "", NOW) == ["adam"]


def test_all_reads_everything_that_is_there() -> None:
    """And any of it concerns every key that is over."""
    found = relation(UTC_DAYS, REGIONS, All())
    assert found.read("eu", NOW).count == 8
    assert concerned(found, "2024-01-03", NOW) == ["eu", "us"]
    assert relation(REGIONS, UTC_DAYS, All()).concerned("eu", NOW).count == 8


def test_what_has_no_partitions_completes_every_one_and_starts_what_fanout_says() -> None:
    """None by itself, the last that is over, or all that are."""
    unsaid = relation(None, UTC_DAYS)
    assert (unsaid.completing, concerned(unsaid, "", NOW), read(unsaid, "2024-01-05")) == (True, [], [""])
    assert concerned(relation(None, UTC_DAYS, Fanned(to=Fanout.LATEST)), "", NOW) == ["2024-01-08"]
    assert relation(None, UTC_DAYS, Fanned(to=Fanout.ALL)).concerned("", NOW).count == 8
    both = relation(None, UTC_DAYS * REGIONS, Fanned(to=Fanout.LATEST))
    assert concerned(both, "", NOW) == ["2024-01-08|eu", "2024-01-08|us"]
    assert concerned(relation(None, CUSTOMERS, Fanned(to=Fanout.LATEST)), "", NOW) == ["adam"]


def test_any_key_counts_for_what_has_no_partitions() -> None:
    """It reads all of them."""
    found = relation(UTC_DAYS * REGIONS, None)
    assert concerned(found, "2024-01-05|eu") == [""]
    assert found.read("", NOW).count == 16
    assert not found.completing
    assert read(relation(None, None), "") == [""]


def test_a_table_and_a_function_say_the_same() -> None:
    """Forwards as they say, back by what they say of each; of several dimensions the one that is left."""
    countries = Static("de", "fr", "us", name="country")
    rows = {"eu": ("de", "fr"), "us": ("us",)}
    for mapping in (Table(rows=tuple(rows.items())), Computed(reference="r:f", call=rows.__getitem__)):
        found = relation(REGIONS, countries, mapping)
        assert (concerned(found, "eu"), read(found, "fr")) == (["de", "fr"], ["eu"])
        product = relation(DAYS * REGIONS, DAYS * countries, mapping)
        assert concerned(product, "2024-01-05|eu") == ["2024-01-05|de", "2024-01-05|fr"]
        assert read(product, "2024-01-05|us") == ["2024-01-05|us"]


def test_a_bound_function_is_looked_up() -> None:
    """It is a reference alone; what it raises comes through, what is no key is told, what is not there too."""
    bound = without_code(Computed(reference="r:f", call=lambda key: [key]))
    functions = {"r:f": lambda key: {"eu": ["us"], "us": [3]}[key]}
    found = relation(REGIONS, REGIONS, bound, functions=functions)  # type: ignore[arg-type]
    assert concerned(found, "eu") == ["us"]
    with pytest.raises(UsageError, match="gives 3 for 'us', which is no key"):
        found.concerned("us")
    with pytest.raises(UsageError, match="the mapping r:f is not there"):
        relation(REGIONS, REGIONS, bound).concerned("eu")
    raising = relation(REGIONS, REGIONS, bound, functions={"r:f": lambda _: 1 // 0})  # type: ignore[dict-item,return-value]
    with pytest.raises(ZeroDivisionError):
        raising.concerned("eu")


def test_a_hundred_thousand_keys_are_not_listed() -> None:
    """A year of minutes for one piece of news: one range of places, counted at once."""
    minutes = Windows(Cron("* * * * *"), start=START, end="2025-01-01")
    found = relation(None, minutes, Fanned(to=Fanout.ALL))
    keys = found.concerned("")
    assert keys.count == 366 * 1440
    assert len([*found.consumer.ranges(keys)]) == 1
    assert next(keys.walk(400_000)) == "2024-10-04T1840"


ASKED: list[tuple[Partitioning | None, Partitioning | None, KeyMapping | None, str]] = [
    (REGIONS, DAYS, None, "static region and daily in America/New_York have no dimension in common"),
    (DAYS, HOURS, None, "are divided differently"),
    (DAYS, UTC_DAYS, None, "are divided differently"),
    (REGIONS, Static("eu", "fr", name="region"), None, "are divided differently"),
    (REGIONS, REGIONS, Offset(by=1), "are not the same windows"),
    (HOURS, DAYS, Offset(by=1), "are not the same windows"),
    (DAYS, DAYS, RollUp(), "are the same keys"),
    (DAYS, HOURS, RollUp(late=Late.IGNORE), "has no finer windows of time"),
    (REGIONS, REGIONS, RollUp(after=timedelta(hours=6)), "are the same keys"),
    (REGIONS, CUSTOMERS, RollUp(after=timedelta(hours=6)), "have no dimension in common"),
    (DAYS, None, RollUp(), "needs a consumer with partitions"),
    (None, DAYS, Last(), "last: the dataset has no partitions"),
    (None, None, Fanned(to=Fanout.ALL), "both are without partitions"),
    (DAYS, DAYS, Fanned(to=Fanout.ALL), "fanout() is for a dataset without partitions"),
    (REGIONS, REGIONS, Table(rows=(("em", ("eu",)),)), "'em' is no key of region"),
    (REGIONS, REGIONS, Table(rows=(("eu", ("em",)),)), "'em' is no key of region"),
    (REGIONS * CUSTOMERS, REGIONS * CUSTOMERS, Table(rows=(("eu", ("us",)),)), "is not clear"),
    (UTC_HOURS, UTC_DAYS, RollUp(at_least=25), "at_least=25 is more than any window of daily in UTC can hold: 24"),
    (HOURS, DAYS, RollUp(at_least=26), "can hold: 25 of hourly in America/New_York"),
    (WEEKS, MONTHS, RollUp(at_least=7), "can hold: 6"),
    (UTC_HOURS * REGIONS, UTC_DAYS, RollUp(at_least=49), "can hold: 48"),
    (UTC_DAYS * REGIONS, UTC_DAYS, RollUp(at_least=3), "than a key of daily in UTC can hold: 2 of daily in UTC × "),
    (UTC_DAYS * REGIONS, REGIONS, RollUp(after=timedelta(hours=6)), "static region has no windows that end"),
    (UTC_DAYS * REGIONS, UTC_DAYS * REGIONS, RollUp(), "are the same keys"),
]


@pytest.mark.parametrize(("upstream", "consumer", "mapping", "message"), ASKED)
def test_what_cannot_be_is_told(
    upstream: Partitioning | None, consumer: Partitioning | None, mapping: KeyMapping | None, message: str
) -> None:
    """With what to write instead."""
    with pytest.raises(DefinitionError) as caught:
        relation(upstream, consumer, mapping)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("upstream", "consumer", "least"),
    [
        (HOURS, DAYS, 25),
        (UTC_HOURS, UTC_DAYS, 24),
        (HOURS * CUSTOMERS, DAYS, 999),
        (DAYS * REGIONS, DAYS, 2),
        (DAYS * CUSTOMERS, DAYS, 999),
        (DAYS * REGIONS, REGIONS, 999),
    ],
)
def test_what_some_window_holds_can_be_asked_for(upstream: Partitioning, consumer: Partitioning, least: int) -> None:
    """25 hours where a day has them once a year; any number of keys that nobody knows yet."""
    found = relation(upstream, consumer, RollUp(at_least=least))
    assert found.rollup == RollUp(at_least=least)


zones = st.sampled_from(["UTC", NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"])
kinds = st.sampled_from([Hourly, Daily, Weekly, Monthly])
partitionings = st.builds(
    lambda kind, zone, start, end, region: (
        kind(start=start, end=start + timedelta(days=end), tz=zone) * (REGIONS if region else CUSTOMERS)
    ),
    kinds,
    zones,
    st.dates(date(2011, 10, 1), date(2012, 3, 1)),
    st.integers(90, 130),
    st.booleans(),
)


@settings(max_examples=40)
@given(partitionings, partitionings, st.sampled_from([None, RollUp(), Last(), Offset(by=-2), All()]), st.data())
def test_both_directions_agree(
    upstream: Partitioning, consumer: Partitioning, mapping: KeyMapping | None, data: st.DataObject
) -> None:
    """A key concerns those that read it, and no other; counts and ranges are those of the keys."""
    try:
        found = relation(upstream, consumer, mapping)
    except DefinitionError:
        return
    known = Known(keys={"customer": ("zoe", "adam")})
    mine, theirs = consumer.select(None, None, known), upstream.select(None, None, known)
    key = mine.at(data.draw(st.integers(0, mine.count - 1)))
    reads = found.read(key, known)
    assert reads.count == len(list(reads.walk()))
    for one in list(reads.walk(0, 3)):
        assert found.concerned(one, known).index(key) is not None
    other = theirs.at(data.draw(st.integers(0, theirs.count - 1)))
    concerns = found.concerned(other, known)
    assert (concerns.index(key) is not None) == (reads.index(other) is not None)
    for one in concerns.walk(0, 3):
        assert consumer.fault(one, known) is None
        assert found.read(one, known).index(other) is not None


MAPPINGS = [
    RollUp(),
    RollUp(at_least=20, after=timedelta(hours=6), late=Late.COMPLETE),
    Offset(by=-1),
    Last(),
    All(),
    Table(rows=(("eu", ("de", "fr")),), dimension="region"),
    Computed(reference="regions:of", description="The countries of a region."),
    Fanned(to=Fanout.LATEST),
]


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda one: one.label)
def test_mappings_are_plain_data(mapping: KeyMapping) -> None:
    """Written and read back they are equal; a key or a word that is not known is refused."""
    plain = mapping_to_plain(mapping)
    assert mapping_from_plain(plain) == mapping
    with pytest.raises(DatabaseFault, match="does not know"):
        mapping_from_plain({**plain, "sometimes": 1})


@pytest.mark.parametrize("plain", [{"rollup": {"late": "soon"}}, {"rollup": {"most": 3}}, {"fanout": "some"}, {}])
def test_a_mapping_of_an_unknown_word_is_refused(plain: dict[str, object]) -> None:
    """What a newer penstock means by it is no guess."""
    with pytest.raises(DatabaseFault, match="does not know"):
        mapping_from_plain(plain)
