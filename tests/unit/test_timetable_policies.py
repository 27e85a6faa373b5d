"""Policies of timetables: gaps, folds, calendars, several expressions; their labels and their plain form."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.declare.conditions.plain import condition_from_plain, condition_to_plain
from penstock.assets.declare.ticks.timetables import Cron, Every
from penstock.storage.errors import DatabaseFault, DefinitionError, UsageError

NIGHT = datetime(2023, 3, 25, 12, tzinfo=UTC)  # the one before Berlin's clocks go from 02:00 to 03:00
AUTUMN = datetime(2023, 10, 28, 12, tzinfo=UTC)  # the one before they go from 03:00 back to 02:00


def local(cron: Cron, after: datetime, count: int = 1) -> list[str]:
    """So many ticks as the clocks of the zone show them: `26T03:30+02`."""
    found: list[str] = []
    for _ in range(count):
        tick = cron.next(after)
        assert tick is not None
        shown = tick.astimezone(ZoneInfo(cron.tz))
        found.append(f"{shown:%dT%H:%M}{shown.isoformat()[-6:-3]}")
        after = tick
    return found


@pytest.mark.parametrize(("gap", "tick"), [("shift", "26T03:30+02"), ("end", "26T03:00+02"), ("skip", "27T02:30+02")])
def test_a_time_that_is_left_out_ticks_as_the_gap_policy_says(gap: str, tick: str) -> None:
    """Half past two on the night without it: half an hour behind the gap, at its end, or not at all."""
    assert local(Cron("30 2 * * *", tz="Europe/Berlin", gap=gap), NIGHT) == [tick]


@pytest.mark.parametrize(
    ("fold", "shown"),
    [
        ("second", ["29T02:30+01", "30T02:30+01"]),
        ("first", ["29T02:30+02", "30T02:30+01"]),
        ("both", ["29T02:30+02", "29T02:30+01"]),
    ],
)
def test_a_time_that_is_shown_twice_ticks_as_the_fold_policy_says(fold: str, shown: list[str]) -> None:
    """Half past two on the night that has it twice."""
    assert local(Cron("30 2 * * *", tz="Europe/Berlin", fold=fold), AUTUMN, 2) == shown


@pytest.mark.parametrize("fold", ["second", "first", "both"])
@pytest.mark.parametrize("hours", ["*", "*/1"])
def test_every_hour_that_passes_ticks_whatever_the_fold_policy_says(hours: str, fold: str) -> None:
    """An hour field that begins with `*` means the hours that pass, not what they are called; `0-23` obeys."""
    after = AUTUMN + timedelta(hours=11, minutes=30)
    found = local(Cron(f"0 {hours} * * *", tz="Europe/Berlin", fold=fold), after, 3)
    assert found == ["29T02:00+02", "29T02:00+01", "29T03:00+01"]
    named = local(Cron("0 0-23 * * *", tz="Europe/Berlin", fold="first"), after, 2)
    assert named == ["29T02:00+02", "29T03:00+01"]


def test_a_rare_time_that_is_shown_twice_is_found_from_between_its_occurrences() -> None:
    """The same clock time comes once more, or has been, though the next one that it names is a year away."""
    cron = Cron("30 2 29 10 *", tz="Europe/Berlin", fold="both")
    first = datetime(2023, 10, 29, 0, 30, tzinfo=UTC)
    assert cron.next(first) == cron.next(first + timedelta(minutes=15)) == first + timedelta(hours=1)
    assert cron.previous(first + timedelta(minutes=45)) == first
    assert cron.next(first + timedelta(hours=1)) == datetime(2024, 10, 29, 1, 30, tzinfo=UTC)


def test_all_that_a_gap_leaves_out_ticks_once_at_its_end() -> None:
    """Four times that do not exist and the one at which the gap ends are one tick; with "shift" they are spread."""
    quarters = Cron("*/15 2,3 * * *", tz="Europe/Berlin", gap="end")
    assert local(quarters, NIGHT, 2) == ["26T03:00+02", "26T03:15+02"]
    assert local(Cron("*/15 2 * * *", tz="Europe/Berlin", gap="end"), NIGHT, 2) == ["26T03:00+02", "27T02:00+02"]
    assert local(Cron("*/15 2 * * *", tz="Europe/Berlin"), NIGHT, 2) == ["26T03:00+02", "26T03:15+02"]


def test_a_day_that_the_date_line_left_out() -> None:
    """Samoa had no 30 December 2011: its noon is shifted by a day, moved to the first instant of the 31st, or left."""
    before = datetime(2011, 12, 30, 1, tzinfo=UTC)  # 15:00 on the 29th
    shown = {gap: local(Cron("0 12 * * *", tz="Pacific/Apia", gap=gap), before, 2) for gap in ("shift", "end", "skip")}
    assert shown == {
        "shift": ["31T12:00+14", "01T12:00+14"],
        "end": ["31T00:00+14", "31T12:00+14"],
        "skip": ["31T12:00+14", "01T12:00+14"],
    }


def test_a_shifted_tick_may_lie_in_the_next_year() -> None:
    """Kiribati left out the last day of 1994: what is shifted by a day is found from both sides of new year."""
    cron = Cron("30 18 31 12 *", tz="Pacific/Kiritimati")
    tick = datetime(1995, 1, 1, 4, 30, tzinfo=UTC)
    assert cron.next(datetime(1994, 12, 31, 11, tzinfo=UTC)) == tick
    assert cron.next(tick - timedelta(minutes=1)) == cron.previous(tick + timedelta(days=300)) == tick


def test_several_expressions_tick_at_the_times_of_each() -> None:
    """Six and six on working days, nine at weekends; an instant that two of them name ticks once."""
    cron = Cron("0 6,18 * * 1-5", "0 9 * * sat,sun", "0 18 * * 5")
    friday = datetime(2026, 1, 9, 7, tzinfo=UTC)
    assert local(cron, friday, 4) == ["09T18:00+00", "10T09:00+00", "11T09:00+00", "12T06:00+00"]
    assert cron.previous(datetime(2026, 1, 10, tzinfo=UTC)) == datetime(2026, 1, 9, 18, tzinfo=UTC)


def test_days_of_the_calendar_are_left_out() -> None:
    """Weekdays, days of every year and dates, of the zone: its 24th begins on the 23rd of UTC."""
    cron = Cron("30 0 * * *", tz="Europe/Berlin", calendar=["sat", "Sunday", "12-24", "2026-12-25", date(2026, 12, 28)])
    assert local(cron, datetime(2026, 12, 22, 12, tzinfo=UTC), 3) == ["23T00:30+01", "29T00:30+01", "30T00:30+01"]
    assert cron.previous(datetime(2026, 12, 28, 12, tzinfo=UTC)) == datetime(2026, 12, 22, 23, 30, tzinfo=UTC)
    assert local(cron, datetime(2030, 12, 23, 12, tzinfo=UTC)) == ["25T00:30+01"]


def test_what_is_shifted_counts_for_the_day_that_is_named() -> None:
    """In Santiago midnight of 2023-09-03 is left out; that day is named, whenever the tick comes."""
    name = "America/Santiago"
    assert local(Cron("0 0 * * *", tz=name), datetime(2023, 9, 2, 12, tzinfo=UTC)) == ["03T01:00-03"]
    off = Cron("0 0 * * *", tz=name, calendar="2023-09-03")
    assert local(off, datetime(2023, 9, 2, 12, tzinfo=UTC)) == ["04T00:00-03"]


def test_a_calendar_that_leaves_nothing_has_no_tick() -> None:
    """All weekdays, or the only day of an expression; a date alone only takes that year."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for never in (
        Cron("0 3 * * *", calendar=["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
        Cron("0 0 25 12 *", calendar="12-25"),
        Cron("0 0 29 2 *", "0 0 30 2 *", calendar=["02-29"]),
    ):
        assert never.next(now) is None
        assert never.previous(now) is None
    assert Cron("0 0 25 12 *", calendar="2026-12-25").next(now) == datetime(2027, 12, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong", ["2026-02-29", "02-30", "25.12.2026", "20261225", "someday", 5, datetime(2026, 1, 1, tzinfo=UTC)]
)
def test_what_is_no_day_is_told(wrong: Any) -> None:
    """A date that does not exist, another spelling, a time: the entry is named, the forms shown."""
    with pytest.raises(DefinitionError, match="is no day") as caught:
        Cron("0 3 * * *", calendar=["sat", wrong])
    assert repr(wrong) in caught.value.message
    assert '"12-25"' in caught.value.hint


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"gap": "jump"}, "gap='jump' is not known"),
        ({"fold": "third"}, "fold='third' is not known"),
        ({"jitter": "soon"}, "jitter: 'soon' is not a duration"),
        ({"catchup": 0}, "catchup=0 is not known"),
        ({"catchup": True}, "catchup=True is not known"),
        ({"catchup": "newest"}, "catchup='newest' is not known"),
        ({"jiter": "1m"}, "jiter= is not a keyword of Cron"),
    ],
)
def test_a_policy_that_is_not_known_is_told(keywords: dict[str, Any], expected: str) -> None:
    """The keyword, what was given, and in the hint what can be."""
    with pytest.raises(DefinitionError) as caught:
        Cron("0 3 * * *", **keywords)
    assert expected in caught.value.message
    assert caught.value.hint


def test_a_time_without_a_zone_is_refused() -> None:
    """It could be any of many instants; the timetable and the time are named."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    for timetable in (Cron("0 3 * * *"), Every("6h")):
        for ask in (timetable.next, timetable.previous):
            with pytest.raises(UsageError, match="2026-01-01T00:00:00, a time without a zone"):
                ask(naive)


def test_any_zone_is_taken_for_the_moment_and_any_year() -> None:
    """A moment is an instant; ticks are UTC. At the ends of time there are no ticks, and no arithmetic that fails."""
    moment = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    zones = (UTC, ZoneInfo("Asia/Tokyo"))
    ends = [datetime.min.replace(tzinfo=zone) for zone in zones] + [datetime.max.replace(tzinfo=zone) for zone in zones]
    for timetable in (Cron("@daily"), Cron("* * * * *", tz="America/New_York"), Every("1d"), Every("19m")):
        assert timetable.next(moment) == timetable.next(moment.astimezone(UTC))
        assert timetable.previous(ends[0]) is timetable.previous(ends[1]) is None
        assert timetable.next(ends[2]) is timetable.next(ends[3]) is None
        last, first = timetable.previous(ends[2]), timetable.next(ends[0])
        assert first is not None
        assert last is not None
        assert timetable.next(last) is None
        assert timetable.previous(first - timedelta(microseconds=1)) is None
        assert timetable.previous(first) == first


@pytest.mark.parametrize(
    ("cron", "label"),
    [
        (Cron("0 3 * * *"), "cron 0 3 * * * UTC"),
        (Cron("0 6 * * *", "0 18 * * *", "0 6 * * *"), "cron 0 18 * * *; 0 6 * * * UTC"),
        (Cron("0 3 * * *", tz="Europe/Berlin", gap="skip"), "cron 0 3 * * * Europe/Berlin gap=skip"),
        (Cron("0 3 * * *", fold="both", gap="end"), "cron 0 3 * * * UTC gap=end fold=both"),
        (Cron("0 3 * * *", calendar=["sun", "sat", "Sat"]), "cron 0 3 * * * UTC without sat,sun"),
        (Cron("0 3 * * *", jitter="10m", catchup="all"), "cron 0 3 * * * UTC"),
    ],
)
def test_a_label_says_what_changes_ticks(cron: Cron, label: str) -> None:
    """Policies at their defaults are left out; so are jitter and catch-up, which change no tick."""
    assert cron.label == label


def test_a_long_calendar_is_a_short_label() -> None:
    """More than a few days are counted, with a digest that tells them apart."""
    days = [f"2026-01-{day:02}" for day in range(1, 11)]
    label = Cron("0 3 * * *", calendar=days).label
    assert label.startswith("cron 0 3 * * * UTC without 10 days (")
    assert len(label) < 60
    assert label != Cron("0 3 * * *", calendar=[*days[:-1], "2026-01-11"]).label


words = st.sampled_from
crons = st.builds(
    lambda expressions, **rest: Cron(*expressions, **rest),
    st.lists(words(["0 3 * * *", "@weekly", "*/5 * * * 1-5", "0 0 29 2 *"]), min_size=1, max_size=3),
    tz=words(["UTC", "Europe/Berlin"]),
    gap=words(["shift", "end", "skip"]),
    fold=words(["second", "first", "both"]),
    calendar=st.lists(words(["sat", "sun", "12-25", "01-01"]) | st.dates(), max_size=6),
    jitter=st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=2)),
    catchup=words(["latest", "all", "none"]) | st.integers(1, 10**6),
)
intervals = st.builds(
    Every,
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=400)),
    jitter=st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=2)),
    catchup=words(["latest", "all", "none"]) | st.integers(1, 10**6),
)


@given(one=crons | intervals)
def test_a_timetable_comes_back_from_plain_data_as_it_was(one: Cron | Every) -> None:
    """Every field; written again it is the same data."""
    plain = condition_to_plain(one)
    back = condition_from_plain(plain)
    assert back == one
    assert condition_to_plain(back) == plain


@given(one=crons, other=crons)
def test_timetables_with_other_ticks_have_other_labels(one: Cron, other: Cron) -> None:
    """Labels are equal exactly where expressions, zone, policies for gap and fold, and calendar are."""

    def tells(cron: Cron) -> tuple[object, ...]:
        return (frozenset(cron.expressions), cron.tz, cron.gap, cron.fold, cron.calendar)

    assert (one.label == other.label) == (tells(one) == tells(other))


def test_defaults_are_left_out_of_plain_data() -> None:
    """What was written before there were policies is what is written now."""
    assert condition_to_plain(Cron("0 3 * * *")) == {"cron": "0 3 * * *", "tz": "UTC"}
    assert condition_to_plain(Every("90m", jitter="1m", catchup=2)) == {"every": "1h30m", "jitter": "1m", "catchup": 2}
    several = Cron("0 6 * * *", "0 18 * * *", gap="end", calendar="sat")
    assert condition_to_plain(several) == {
        "cron": ["0 6 * * *", "0 18 * * *"], "tz": "UTC", "gap": "end", "calendar": ["sat"],
    }  # fmt: skip


def test_a_policy_of_a_newer_penstock_is_not_overlooked() -> None:
    """It might change ticks, so it is refused."""
    for plain in ({"cron": "0 3 * * *", "tz": "UTC", "moon": "full"}, {"every": "1h", "tz": "UTC"}):
        with pytest.raises(DatabaseFault, match="does not know"):
            condition_from_plain(plain)
