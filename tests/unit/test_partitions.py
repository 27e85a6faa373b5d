"""Partitions: known answers where clocks change and calendars turn, stable places, and what cannot be declared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Cron, Daily, Dynamic, Every, Hourly, Monthly, Static, Weekly, Windows
from penstock.assets.declare.faults import collecting
from penstock.assets.declare.partitions.partition import Known, Partitioning
from penstock.assets.declare.partitions.product import Product
from penstock.assets.declare.ticks.counting import count
from penstock.storage.errors import DefinitionError

NEW_YORK, LORD_HOWE = "America/New_York", "Australia/Lord_Howe"


def utc(text: str) -> datetime:
    """`2026-01-05T06:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def keys(partitioning: Partitioning, first: str | None = None, last: str | None = None) -> list[str]:
    """The keys from one to another."""
    return list(partitioning.select(first, last).walk())


def length(windows: Windows, key: str) -> timedelta:
    """How long a window is."""
    one = windows.partition(key)
    assert one.start
    assert one.end
    return one.end - one.start


@pytest.mark.parametrize(("day", "hours"), [("2024-03-10", 23), ("2024-11-03", 25), ("2024-03-11", 24)])
def test_a_local_day_has_the_hours_that_it_has(day: str, hours: int) -> None:
    """In New York 23 when the clocks go forward, 25 when they go back."""
    days, hourly = Daily(start="2024-01-01", tz=NEW_YORK), Hourly(start="2024-01-01", tz=NEW_YORK)
    assert length(days, day) == timedelta(hours=hours)
    place = days.place(day)
    assert hourly.within(place).count == hours


def test_an_hour_that_is_twice_has_its_offset_in_both_keys() -> None:
    """And the hour that is missing is no key; the nearest is told."""
    hourly = Hourly(start="2024-01-01", tz=NEW_YORK)
    assert keys(hourly, "2024-11-03T00", "2024-11-03T02") == [
        "2024-11-03T00",
        "2024-11-03T01-0400",
        "2024-11-03T01-0500",
        "2024-11-03T02",
    ]
    assert keys(hourly, "2024-03-10T01", "2024-03-10T03") == ["2024-03-10T01", "2024-03-10T03"]
    for wrong, near in [("2024-03-10T02", "2024-03-10T03"), ("2024-11-03T01", "2024-11-03T01-0400")]:
        fault = hourly.fault(wrong)
        assert fault is not None
        assert (fault.kind, fault.hint) == ("outside", f"The nearest is {near}.")


def test_half_hours_of_lord_howe() -> None:
    """Of the hour whose beginning is left out half is there; that in which the clocks go back is an hour and a half."""
    hourly = Hourly(start="2023-09-01", tz=LORD_HOWE)
    assert length(hourly, "2023-10-01T02") == timedelta(minutes=30)
    assert length(hourly, "2024-04-07T01") == timedelta(hours=1.5)
    assert length(Daily(start="2023-09-01", tz=LORD_HOWE), "2023-10-01") == timedelta(hours=23.5)
    assert hourly.containing(utc("2024-04-06T15:15")) == "2024-04-07T01"


def test_days_of_kolkata_begin_half_past_six() -> None:
    """India is five and a half hours ahead."""
    one = Daily(start="2026-01-01", tz="Asia/Kolkata").partition("2026-01-05")
    assert (one.start, one.end) == (utc("2026-01-04T18:30"), utc("2026-01-05T18:30"))
    assert one.parts == {"day": "2026-01-05"}


def test_a_day_without_midnight_begins_where_the_gap_ends() -> None:
    """In Havana at one o'clock; a midnight that is twice begins the day the first time; Samoa had no 30 December."""
    havana = Daily(start="2012-01-01", tz="America/Havana")
    local = [havana.partition(day).start for day in ("2012-04-01", "2012-11-04")]
    assert [at.astimezone(ZoneInfo("America/Havana")).isoformat() for at in local if at] == [
        "2012-04-01T01:00:00-04:00",
        "2012-11-04T00:00:00-04:00",
    ]
    assert length(havana, "2012-11-04") == timedelta(hours=25)
    samoa = Daily(start="2011-12-01", tz="Pacific/Apia")
    assert keys(samoa, "2011-12-29", "2011-12-31") == ["2011-12-29", "2011-12-31"]


def test_leap_days_iso_weeks_and_months() -> None:
    """29 February is there when it is; a year has 53 weeks or 52; weeks begin on Monday."""
    days = Daily(start="2023-01-01")
    assert (days.fault("2024-02-29"), days.fault("2023-02-29") is None) == (None, False)
    weeks = Weekly(start="2020-01-01")
    assert keys(weeks, "2020-W52", "2021-W01") == ["2020-W52", "2020-W53", "2021-W01"]
    assert weeks.partition("2026-W01").start == utc("2025-12-29T00:00")
    assert weeks.fault("2021-W53") is not None
    assert length(Monthly(start="2024-01-01"), "2024-02") == timedelta(days=29)


def test_windows_of_a_cron_and_of_an_interval() -> None:
    """Keys are wall time, with seconds and an offset where they are needed."""
    cron = Windows(Cron("*/30 * * * *", tz=NEW_YORK), start="2024-11-03")
    assert keys(cron, "2024-11-03T0030", "2024-11-03T0200") == [
        "2024-11-03T0030",
        "2024-11-03T0100-0400",
        "2024-11-03T0130-0400",
        "2024-11-03T0100-0500",
        "2024-11-03T0130-0500",
        "2024-11-03T0200",
    ]
    every = Windows(Every("90s"), start="2026-01-05", name="slot")
    assert list(islice(every.select().walk(), 3)) == ["2026-01-05T0000", "2026-01-05T000130", "2026-01-05T0003"]
    assert every.fault("2026-01-05T000100") is not None


def test_ten_years_of_five_minutes_are_paged_anywhere() -> None:
    """More than a million windows, none of which is listed."""
    windows = Windows(Cron("*/5 * * * *"), start="2016-01-01", end="2026-01-01").select()
    assert windows.count == 1_052_064
    assert list(windows.walk(700_000, 700_003)) == ["2022-08-27T1320", "2022-08-27T1325", "2022-08-27T1330"]
    assert next(windows.walk(backwards=True)) == "2025-12-31T2355"
    assert windows.index("2022-08-27T1320") == 700_000


class Stepped(Cron):
    """A cron that tells how often it was asked for a tick."""

    asked = 0

    def next(self, moment: datetime) -> datetime | None:
        """As of the cron."""
        Stepped.asked += 1
        return super().next(moment)

    def previous(self, moment: datetime) -> datetime | None:
        """As of the cron."""
        Stepped.asked += 1
        return super().previous(moment)


def test_single_windows_in_a_row_cost_a_step_each() -> None:
    """Who tells a page of a thousand stretches of one window each walks along them, and searches none for itself."""
    windows = Windows(Stepped("*/5 * * * *"), start="2016-01-01", end="2026-01-01")
    some = list(windows.select().walk(400_000, 401_000))
    places = [windows.place(key) for key in some]
    Stepped.asked = 0
    along = windows.along("", Known(until=utc("2025-01-01T00:00")))
    assert [along(start, end) for _, start, end in places] == [(1, key, key) for key in some]
    assert Stepped.asked <= 1_001


def test_which_window_is_over() -> None:
    """A window is closed at its end, not before."""
    days = Daily(start="2026-01-01", end="2026-01-04")
    assert days.closed(utc("2026-01-01T23:59")) is None
    assert days.closed(utc("2026-01-02T00:00")) == "2026-01-01"
    assert days.closed(utc("2026-09-01T00:00")) == "2026-01-03"
    assert days.containing(utc("2026-01-03T12:00")) == "2026-01-03"
    assert days.containing(utc("2026-01-04T00:00")) is None
    assert days.containing(utc("2025-12-31T12:00")) is None
    fault = days.fault("2026-01-03", Known(until=utc("2026-01-03T12:00")))
    assert fault is not None
    assert fault.kind == "future"
    assert "its window ends at 2026-01-04T00:00+00:00" in fault.message
    assert fault.hint == "The last one that is over is 2026-01-02."


def test_the_end_is_not_included_and_the_first_window_begins_at_the_start() -> None:
    """A start within a window begins with the next one; an end within one ends with the one before."""
    assert keys(Weekly(start="2026-01-01", end="2026-01-25")) == ["2026-W02", "2026-W03"]
    assert keys(Daily(start="2026-01-01T00:00", end="2026-01-03")) == ["2026-01-01", "2026-01-02"]
    berlin = timezone(timedelta(hours=1))
    assert Daily(start=datetime(2026, 1, 1, tzinfo=berlin), tz="Europe/Berlin").first == utc("2025-12-31T23:00")
    assert Daily(start=date(2026, 1, 1)) == Daily(start="2026-01-01")
    assert Daily(start="2026-01-01") != Weekly(start="2026-01-01")


@given(
    st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.integers(0, 4000), st.sampled_from([NEW_YORK, LORD_HOWE, "UTC"])
)
def test_a_place_outlives_its_definition(start: date, number: int, zone: str) -> None:
    """Another start or end, more or fewer keys, another order: the places stay."""
    first = Hourly(start=start, tz=zone)
    key = first.select().at(number)
    other = Hourly(start=date(1980, 1, 1), end=date(2040, 1, 1), tz=zone)
    assert other.place(key) == first.place(key)
    one, two = Static("a", "b", "c"), Static("c", "x", "b")
    assert (first * one).place(f"{key}|b") == (other * two).place(f"{key}|b")
    assert one.place("b") == two.place("b")


@given(
    st.sampled_from([NEW_YORK, LORD_HOWE, "America/Havana", "Pacific/Apia", "Africa/Casablanca"]),
    st.integers(1970, 2035),
)
def test_windows_tile_time(zone: str, year: int) -> None:
    """Over a year the hours are the days are the months: neither a gap between them nor an overlap."""
    begin, end = f"{year}-01-01", f"{year + 1}-01-01"
    hours, days, months = (one(start=begin, end=end, tz=zone) for one in (Hourly, Daily, Monthly))
    assert hours.select().count == count(hours.timetable, hours.first, days.until or days.first)
    assert [*hours.select().ranges()] == [*days.select().ranges()] == [*months.select().ranges()]
    assert sum(hours.within(days.place(day)).count for day in days.select().walk()) == hours.select().count


WRONG: dict[str, Callable[[], Any]] = {
    "Daily: tz='Mars/Base': no such time zone": lambda: Daily(start="2026-01-01", tz="Mars/Base"),
    "Daily: start='soon' is no date": lambda: Daily(start="soon"),
    "Daily: start=5 is no date": lambda: Daily(start=5),  # type: ignore[arg-type]
    "has no zone": lambda: Daily(start=datetime(2026, 1, 1)),  # noqa: DTZ001
    "lies in the year 9026": lambda: Daily(start="9026-01-01"),
    "Weekly: no window lies between start='2026-01-05' and end='2026-01-01'": lambda: Weekly(
        start="2026-01-05", end="2026-01-01"
    ),
    "Monthly: no window lies between": lambda: Monthly(start="2026-01-02", end="2026-02-01"),
    "name='a b' cannot name a dimension": lambda: Hourly(start="2026-01-01", name="a b"),
    "zone= is not a keyword of Hourly": lambda: Hourly(start="2026-01-01", zone="UTC"),  # type: ignore[call-arg]
    "Windows got '@daily', which is no timetable": lambda: Windows("@daily", start="2026-01-01"),  # type: ignore[arg-type]
    "is no whole number of seconds": lambda: Windows(Every("500ms"), start="2026-01-01"),
    "tz='UTC' is another zone": lambda: Windows(Cron("@daily", tz=NEW_YORK), start="2026-01-01", tz="UTC"),
    "has no tick after": lambda: Windows(Cron("0 0 30 2 *"), start="2026-01-01"),
    "the key 'a/b' has a slash in it": lambda: Static("eu", "a/b"),
    "has a backslash in it": lambda: Static("a\\b"),
    "the key 'a|b' has a `|`": lambda: Static("a|b"),
    "the key 'a,b' has a comma": lambda: Static("a,b"),
    "the key '1..2' has `..`": lambda: Static("1..2"),
    "means a folder": lambda: Static("."),
    "begins or ends with a blank": lambda: Static(" eu"),
    "has a control character": lambda: Static("a\x07b"),
    "is not in composed form": lambda: Static("u\u0308ber"),
    "has 201 characters": lambda: Static("x" * 201),
    "the key '' is empty": lambda: Static(""),
    "the key 7 is no text": lambda: Static(7),  # type: ignore[arg-type]
    "the key 'all' means something else": lambda: Static("all"),
    "Static() has no keys": Static,
    "the key 'eu' is there twice": lambda: Static("eu", "eu"),
    "Dynamic: name='' cannot name": lambda: Dynamic(name=""),
    "two dimensions of a product are called 'key'": lambda: Static("a") * Static("b"),
    "partitions are multiplied by 3": lambda: Static("a") * 3,  # type: ignore[operator]
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_declared_wrongly_is_told(message: str) -> None:
    """At once, or collected with something usable in its place; and the next step with it."""
    with pytest.raises(DefinitionError) as caught:
        WRONG[message]()
    assert message in str(caught.value)
    assert caught.value.hint
    with collecting() as faults:
        stands_in = WRONG[message]()
    assert [message in fault.message for fault in faults] == [True]
    assert stands_in.dimensions
    assert stands_in.label


@given(st.text(max_size=30) | st.sampled_from(["ключ", "a.b", "x=1", "é", "日本", "%41", "a{b}", "..", "last:7"]))
def test_a_text_is_a_key_or_is_told(text: str) -> None:
    """What `Static` takes, its dimension knows as its key; what it refuses is malformed everywhere."""
    with collecting() as faults:
        static = Static(text)
    assert (static.fault(text) is None) == (not faults)
    dynamic = Dynamic(name="who").fault(text)
    assert dynamic is not None
    assert (dynamic.kind == "malformed") == bool(faults)


def test_a_product_of_products_is_flat() -> None:
    """`a * (b * c)` and `(a * b) * c` are one partitioning."""
    a, b, c = Daily(start="2026-01-01"), Static("x", "y", name="b"), Dynamic(name="c")
    assert a * (b * c) == (a * b) * c == Product((a, b, c))
    assert (a * b * c).place("2026-01-05|x|who").line == "x|who"
    assert (b * a * c).place("x|2026-01-05|who").line == "x|who"
    assert (b * c).place("x|who") == ("x|who", 0, 1)
    twice = a * Hourly(start="2026-01-01")
    assert twice.place("2026-01-05|2026-01-01T07") == ("2026-01-01T07", *a.place("2026-01-05")[1:])


def test_a_hundred_thousand_dynamic_keys_are_asked_one_by_one() -> None:
    """Each answer is a look-up: the order is made once for what is known."""
    known = Known(keys={"customer": [f"c{number}" for number in range(100_000)]})
    customers = Daily(start="2026-01-01", end="2027-01-01") * Dynamic(name="customer")
    keys = customers.select(None, None, known)
    assert keys.count == 36_500_000
    assert [keys.index(key) for key in keys.walk(20_000_000, 20_000_200)] == list(range(20_000_000, 20_000_200))
    assert all(customers.fault(key, known) is None for key in keys.walk(36_499_000))
