"""Keys as people select them: what is meant, and where a text is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock import Cron, Daily, Dynamic, Static, Windows
from penstock.assets.declare.partitions.appearing import appeared, dynamic_dimensions
from penstock.assets.declare.partitions.partition import Known, Partitioning
from penstock.assets.declare.partitions.product import as_product
from penstock.assets.declare.partitions.selection import dynamic_keys_named, selected
from penstock.storage.errors import UsageError

DAYS, REGIONS = Daily(start="2026-01-01"), Static("eu", "us", "asia", name="region")
NOW = Known(keys={"who": ("zoe", "adam")}, until=datetime(2026, 1, 10, 12, tzinfo=UTC))


def days(*numbers: int) -> list[str]:
    """`2026-01-05` for 5."""
    return [f"2026-01-{number:02}" for number in numbers]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-03..2026-01-05", days(3, 4, 5)),
        ("2026-01-07..", days(7, 8, 9)),
        ("..2026-01-02", days(1, 2)),
        ("2026-01-05, 2026-01-02 ,2026-01-05", days(2, 5)),
        ("2026-01-04..2026-01-06,2026-01-05..2026-01-07,2026-01-01", days(1, 4, 5, 6, 7)),
        ("last:2", days(8, 9)),
        ("last:100", days(*range(1, 10))),
        ("all", days(*range(1, 10))),
        ("..", days(*range(1, 10))),
        ("day=last:1", days(9)),
    ],
)
def test_windows_are_selected(text: str, expected: list[str]) -> None:
    """In their order, each once, both ways; none that is not over."""
    found = selected(text, DAYS, NOW)
    assert (list(found.walk()), found.count) == (expected, len(expected))
    assert list(found.walk(backwards=True)) == expected[::-1]
    assert [found.at(index) for index in range(len(expected))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eu,asia", ["eu", "asia"]),
        ("us..asia", ["us", "asia"]),
        ("us..", ["us", "asia"]),
        ("all", ["eu", "us", "asia"]),
        ("region=us", ["us"]),
    ],
)
def test_static_keys_are_selected_in_their_order(text: str, expected: list[str]) -> None:
    """A range is of the order in which they are declared."""
    assert list(selected(text, REGIONS, NOW).walk()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "day=2026-01-03..2026-01-04;region=eu,us",
            ["2026-01-03|eu", "2026-01-03|us", "2026-01-04|eu", "2026-01-04|us"],
        ),
        (" region = asia ; day = last:1", ["2026-01-09|asia"]),
        ("day=2026-01-01", ["2026-01-01|eu", "2026-01-01|us", "2026-01-01|asia"]),
        ("2026-01-05|us,2026-01-02|asia", ["2026-01-02|asia", "2026-01-05|us"]),
        ("last:1", ["2026-01-09|eu", "2026-01-09|us", "2026-01-09|asia"]),
    ],
)
def test_products_are_selected_by_dimension(text: str, expected: list[str]) -> None:
    """One that is not named is all of it; whole keys can be listed."""
    assert list(selected(text, DAYS * REGIONS, NOW).walk()) == expected


def test_a_selection_of_many_is_a_few_ranges() -> None:
    """Ten years of five minutes: counted and cut into ranges at once."""
    windows = Windows(Cron("*/5 * * * *"), start="2016-01-01")
    found = selected("..2020-12-31T2355,2025-01-01T0000..2025-12-31T2355", windows, NOW)
    assert found.count == 631_296
    assert len([*as_product(windows).ranges(found)]) == 2
    assert next(found.walk(526_176)) == "2025-01-01T0000"
    assert selected("all", Dynamic(name="who"), NOW).count == 2


@pytest.mark.parametrize(
    ("text", "partitioning", "message", "caret"),
    [
        ("2026-01-05..2026-01-03", DAYS, "it runs backwards, from 2026-01-05 to 2026-01-03", 0),
        ("2026-01-01,2026-01-10", DAYS, "its window ends at 2026-01-11T00:00+00:00, and it is 2026-01-10T12:00", 11),
        ("2026-01-05..2026-02-01", DAYS, "'2026-02-01' is not over", 12),
        ("2025-12-30..", DAYS, "begins with 2026-01-01", 0),
        ("2026-01-01,soon", DAYS, "'soon' is no key of daily in UTC", 11),
        ("2026-01-01,,2026-01-02", DAYS, "a key is missing", 11),
        ("last:0", DAYS, "'0' is no number of windows", 0),
        ("last:x", DAYS, "'x' is no number of windows", 0),
        ("last:7", REGIONS, "region has no windows of time", 0),
        ("asia..eu", REGIONS, "it runs backwards", 0),
        ("eu,em", REGIONS, "'em' is no key of region", 3),
        ("day=2026-01-01;zone=eu", DAYS * REGIONS, "'zone' is no dimension", 15),
        ("region=eu;region=us", DAYS * REGIONS, "region is said twice", 10),
        ("region=eu;day=2026-01-01,x", DAYS * REGIONS, "'x' is no key of daily", 25),
        ("2026-01-01|eu..2026-01-02|us", DAYS * REGIONS, "a range is of one dimension", 0),
        ("2026-01-01", DAYS * REGIONS, "it has 1 part, not 2", 0),
        ("", DAYS, "a key is missing", 0),
        ("day=;region=eu", DAYS * REGIONS, "a key is missing", 4),
        ("last:7;", DAYS * REGIONS, "'last:7' says of no dimension which keys", 0),
        ("day=last:7;", DAYS * REGIONS, "nothing is selected there", 11),
    ],
)
def test_what_cannot_be_selected_is_told_with_its_place(
    text: str, partitioning: Partitioning, message: str, caret: int
) -> None:
    """The text is shown with a caret under what is wrong, and the next step."""
    with pytest.raises(UsageError) as caught:
        selected(text, partitioning, NOW)
    assert message in caught.value.message
    assert caught.value.message.splitlines()[-1].index("^") == 4 + caret
    assert caught.value.hint


@given(st.text("0123456789-.,;=|:adelrstuy ", max_size=20))
def test_any_text_is_read_or_told(text: str) -> None:
    """Nothing else comes of it."""
    for partitioning in (DAYS, REGIONS, DAYS * REGIONS):
        try:
            found = selected(text, partitioning, NOW)
        except UsageError:
            continue
        assert found.count == len(list(found.walk()))


def test_what_is_not_partitioned_has_nothing_to_select() -> None:
    """That is said."""
    with pytest.raises(UsageError, match="no keys to select"):
        selected("all", as_product(None), NOW)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("acme,globex", ("acme", "globex")),
        ("who=acme, globex", ("acme", "globex")),
        ("all", ()),
        ("last:2", ()),
        ("a..b", ()),
    ],
)
def test_a_selection_names_dynamic_keys(text: str, named: tuple[str, ...]) -> None:
    """Which may be new ones; words and ranges name none."""
    assert dynamic_keys_named(text, Dynamic(name="who")) == {"who": named}


def test_of_a_product_the_dynamic_part_is_named() -> None:
    """By dimension, or within whole keys; other dimensions have nothing to appear."""
    divided = DAYS * Dynamic(name="who")
    assert dynamic_keys_named("day=last:2;who=acme", divided) == {"who": ("acme",)}
    assert dynamic_keys_named("2026-01-05|acme,2026-01-06|zoe", divided) == {"who": ("acme", "zoe")}
    assert dynamic_keys_named("2026-01-05", DAYS) == {}


def test_dynamic_keys_have_appeared_where_something_is_made() -> None:
    """The lines of places name them, beside the other parts that are no windows."""
    divided = REGIONS * DAYS * Dynamic(name="who")
    lines = [divided.place(key).line for key in ("eu|2026-01-05|acme", "us|2026-01-06|zoe", "us|2026-01-05|acme")]
    assert appeared(divided, lines) == {"who": {"acme", "zoe"}}
    assert appeared(DAYS * REGIONS, ["eu"]) == {}
    assert (dynamic_dimensions(divided), dynamic_dimensions(None)) == (("who",), ())
