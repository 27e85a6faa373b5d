"""Timetables: known answers where the clocks change, and what holds of every tick."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.ticks.timetables import Cron, Every, Timetable
from penstock.storage.errors import DefinitionError

# Each a day on which the clocks of a zone change: forwards or back, by an hour, half an hour, three hours, a day.
CHANGES = {
    "Europe/Berlin": ("2023-03-26", "2023-10-29"),
    "America/New_York": ("2024-03-10", "2024-11-03"),
    "Australia/Lord_Howe": ("2023-10-01", "2024-04-07"),
    "America/Santiago": ("2023-04-02", "2023-09-03"),
    "Africa/Casablanca": ("2024-03-10", "2024-04-14"),
    "Antarctica/Casey": ("2010-03-05", "2023-03-09"),
    "Asia/Pyongyang": ("2015-08-15", "2018-05-05"),
    "Pacific/Apia": ("2011-12-30", "2012-04-01"),
    "Asia/Kolkata": ("2024-01-01",),
    "UTC": ("2024-02-29",),
}
EXPRESSIONS = {  # expression → (minutes, hours); an hour field of `*` ticks in both of two equal hours
    "0 * * * *": ({0}, None),
    "*/30 * * * *": ({0, 30}, None),
    "0 2 * * *": ({0}, {2}),
    "30 2 * * *": ({30}, {2}),
    "0 0 * * *": ({0}, {0}),
    "45 23,1,2,3 * * *": ({45}, {23, 1, 2, 3}),
}
instants = st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)) | st.builds(  # noqa: DTZ001
    lambda day, seconds: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=seconds),
    st.sampled_from([day for days in CHANGES.values() for day in days]),
    st.integers(-50_000, 140_000),
)
crons = st.builds(
    lambda expression, tz: Cron(expression, tz=tz),
    st.sampled_from([*EXPRESSIONS, "@weekly", "@monthly", "15 3 * * 1-5", "0 12 1 */3 *", "0 0 29 2 *"]),
    st.sampled_from(list(CHANGES)),
)
timetables = crons | st.builds(Every, st.timedeltas(timedelta(seconds=1), timedelta(days=400)))


def utc(text: str) -> datetime:
    """`2023-03-25T01:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(timetable: Timetable, after: datetime, count: int) -> list[datetime]:
    """So many ticks after an instant, one call each."""
    found: list[datetime] = []
    for _ in range(count):
        tick = timetable.next(found[-1] if found else after)
        assert tick is not None
        found.append(tick)
    return found


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2023-03-24T12:00", ["2023-03-25T01:00", "2023-03-26T01:00", "2023-03-27T00:00"]),
        ("2023-10-27T12:00", ["2023-10-28T00:00", "2023-10-29T01:00", "2023-10-30T01:00"]),
    ],
)
def test_two_in_the_morning_ticks_once_a_day_where_it_is_missing_and_where_it_is_twice(
    after: str, expected: list[str]
) -> None:
    """In Zurich, 02:00 that is left out becomes 03:00, and of two the second one ticks."""
    assert ticks(Cron("0 2 * * *", tz="Europe/Zurich"), utc(after), 3) == [utc(tick) for tick in expected]


def test_every_hour_ticks_in_both_of_two_equal_hours() -> None:
    """In Berlin on the day that has 25 hours, 02:00 summer time and 02:00 winter time both tick."""
    found = ticks(Cron("0 * * * *", tz="Europe/Berlin"), utc("2023-10-28T21:30"), 5)
    assert [tick.astimezone(ZoneInfo("Europe/Berlin")).isoformat() for tick in found] == [
        "2023-10-29T00:00:00+02:00",
        "2023-10-29T01:00:00+02:00",
        "2023-10-29T02:00:00+02:00",
        "2023-10-29T02:00:00+01:00",
        "2023-10-29T03:00:00+01:00",
    ]


def test_every_hour_ticks_once_for_the_hour_that_is_missing() -> None:
    """In Berlin on the day that has 23 hours, 03:00 is both the shifted 02:00 and itself, and ticks once."""
    found = ticks(Cron("0 * * * *", tz="Europe/Berlin"), utc("2023-03-25T23:30"), 3)
    assert found == [utc("2023-03-26T00:00"), utc("2023-03-26T01:00"), utc("2023-03-26T02:00")]


def test_a_gap_of_half_an_hour_shifts_by_half_an_hour() -> None:
    """On Lord Howe Island 02:00 becomes 02:30."""
    zone = ZoneInfo("Australia/Lord_Howe")
    found = ticks(Cron("0 2 * * *", tz="Australia/Lord_Howe"), utc("2023-09-30T00:00"), 1)
    assert found[0].astimezone(zone).isoformat() == "2023-10-01T02:30:00+11:00"


def test_a_day_that_was_left_out_shifts_onto_the_next() -> None:
    """Samoa skipped 2011-12-30: its hours tick on the 31st, together with those of that day, each instant once."""
    found = ticks(Cron("0 * * * *", tz="Pacific/Apia"), utc("2011-12-30T08:30"), 24)
    assert found == [utc("2011-12-30T09:00") + timedelta(hours=number) for number in range(24)]


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        ("@hourly", "2024-02-28T06:00"),
        ("@daily", "2024-02-29T00:00"),
        ("@weekly", "2024-03-03T00:00"),
        ("@monthly", "2024-03-01T00:00"),
        ("@yearly", "2025-01-01T00:00"),
        ("0 0 29 2 *", "2024-02-29T00:00"),
        (" 0   6 * *  * ", "2024-02-28T06:00"),
    ],
)
def test_aliases_and_rare_days(alias: str, expected: str) -> None:
    """An alias stands for five fields; spaces do not matter; a leap day is found."""
    cron = Cron(alias)
    assert cron.next(utc("2024-02-28T05:17")) == utc(expected)
    assert cron.previous(utc(expected) + timedelta(seconds=59)) == utc(expected)


def test_a_leap_day_is_found_over_a_century_without_one() -> None:
    """2100 has no leap day: the last tick is eight years ago, the next one years away."""
    cron = Cron("0 0 29 2 *")
    assert cron.previous(utc("2104-02-28T00:00")) == utc("2096-02-29T00:00")
    assert cron.next(utc("2096-02-29T00:00")) == utc("2104-02-29T00:00")


@pytest.mark.parametrize("wrong", ["", "* * * *", "0 0 * * * *", "60 * * * *", "0 0 32 2 *", "@reboot", "at noon"])
def test_what_is_no_cron_expression_is_told(wrong: str) -> None:
    """Too few fields, seconds, numbers out of range: the expression is named, the form shown."""
    with pytest.raises(DefinitionError, match="is not a cron expression") as caught:
        Cron(wrong)
    assert repr(wrong) in caught.value.message
    assert "minute hour day month weekday" in caught.value.hint


def test_a_day_that_never_comes_has_no_tick() -> None:
    """30 February is written well enough; that an asset waits for it is told when its definitions are checked."""
    never = Cron("0 0 30 2 *")
    assert never.next(utc("2024-02-28T00:00")) is None
    assert never.previous(utc("2024-03-02T00:00")) is None


@pytest.mark.parametrize("wrong", ["Europe/Zürich", "CEST+1", "", "../UTC", "Europe", "/etc/localtime"])
def test_a_zone_that_is_not_there_is_told(wrong: str) -> None:
    """Whatever the time zone database cannot give is one error that names it."""
    with pytest.raises(DefinitionError, match="no such time zone") as caught:
        Cron("0 3 * * *", tz=wrong)
    assert repr(wrong) in caught.value.message


@pytest.mark.parametrize("wrong", ["0s", "-1h", "soon", timedelta(0)])
def test_an_interval_is_a_positive_duration(wrong: str | timedelta) -> None:
    """`Every` refuses what would tick for ever at once."""
    with pytest.raises(DefinitionError):
        Every(wrong)


def test_an_interval_counts_from_1970() -> None:
    """Two processes that never met agree on the ticks of `Every("6h")`."""
    every = Every("6h")
    assert every.previous(utc("2026-01-01T07:00")) == utc("2026-01-01T06:00")
    assert every.previous(utc("2026-01-01T06:00")) == utc("2026-01-01T06:00")
    assert every.next(utc("2026-01-01T06:00")) == utc("2026-01-01T12:00")


def test_labels_are_identities_that_people_can_read() -> None:
    """Equal timetables have equal labels, different ones do not."""
    assert Cron("0  3 * * *", tz="Europe/Berlin").label == "cron 0 3 * * * Europe/Berlin"
    assert Every("90m").label == Every(timedelta(hours=1.5)).label == "every 1h30m"
    assert Every("0.5ms").label != Every("0.6ms").label


@given(timetable=timetables, at=instants)
def test_next_and_previous_agree(timetable: Timetable, at: datetime) -> None:
    """Ticks are aware and UTC; the last at or before a tick is that tick, and nothing lies between the two."""
    last, coming = timetable.previous(at), timetable.next(at)
    assert last is not None
    assert coming is not None
    assert last <= at < coming
    assert last.tzinfo is UTC
    assert coming.tzinfo is UTC
    assert timetable.previous(coming) == coming
    assert timetable.previous(last) == last
    assert timetable.next(last) == coming
    assert timetable.previous(coming - timedelta(microseconds=1)) == last


@pytest.mark.parametrize("zone", list(CHANGES))
@pytest.mark.parametrize("expression", ["30 2 * * *", "15 */6 * * *"])
def test_ticks_only_move_forwards(expression: str, zone: str) -> None:
    """Over months or years no tick comes twice or before the one before it, and none is far from the next."""
    after = utc(CHANGES[zone][0]) - timedelta(days=30)
    found = ticks(Cron(expression, tz=zone), after, 2 * 365)
    assert all(timedelta(0) < later - earlier <= timedelta(hours=49) for earlier, later in pairwise(found))


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
@pytest.mark.parametrize("expression", list(EXPRESSIONS))
def test_every_tick_around_a_change_of_the_clocks(expression: str, zone: str, day: str) -> None:
    """They are exactly those that looking at a clock every five minutes finds, with the rules for gaps and folds."""
    minutes, hours = EXPRESSIONS[expression]
    begin, end = utc(day) - timedelta(hours=14), utc(day) + timedelta(hours=26)
    expected = looking_at_the_clock(ZoneInfo(zone), minutes, hours, begin, end)
    cron = Cron(expression, tz=zone)
    found: list[datetime] = []
    tick = cron.next(begin)
    while tick is not None and tick <= end:
        found.append(tick)
        tick = cron.next(tick)
    assert found == expected


def looking_at_the_clock(
    zone: ZoneInfo, minutes: set[int], hours: set[int] | None, begin: datetime, end: datetime
) -> list[datetime]:
    """The rules once more, without knowing how a time zone is asked: by looking at a clock."""
    shown = clock(zone, begin - timedelta(hours=26), end + timedelta(hours=26))
    found: set[datetime] = set()
    wall, last = min(shown), max(shown)
    before = shown[wall][0]
    while wall <= last:
        seen = shown.get(wall)
        if seen is not None:
            before = seen[-1]
        if wall.minute in minutes and (hours is None or wall.hour in hours):
            if seen is None:  # read on the clock as it went before the gap
                found.add(before + (wall - before.astimezone(zone).replace(tzinfo=None)))
            else:
                found.update(seen if hours is None else seen[-1:])
        wall += timedelta(minutes=5)
    return sorted(moment for moment in found if begin < moment <= end)


@cache
def clock(zone: ZoneInfo, begin: datetime, end: datetime) -> dict[datetime, list[datetime]]:
    """What the clock on the wall shows, every five minutes, and when; no zone here changes by less than that."""
    shown: dict[datetime, list[datetime]] = {}
    while begin <= end:
        shown.setdefault(begin.astimezone(zone).replace(tzinfo=None), []).append(begin)
        begin += timedelta(minutes=5)
    return shown
