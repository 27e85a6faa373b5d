"""Partitions of an asset in the app: the last year as a calendar, ranges, and a backfill that is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]

DAYS = """
from penstock import Daily, Partition, asset

@asset("day/{day}.json", partitions=Daily(start="2026-01-01"))
def day(day: Partition) -> list:
    "What was on a day."
    if day.key.endswith("-13"):
        raise ValueError("a day of bad luck")
    return [1]
"""
OTHERS = """
from penstock import Daily, Hourly, Partition, Static, asset

REGIONS = Static("eu", "us", "south america", name="region")

@asset("hour/{hour}.json", partitions=Hourly(start="2026-01-01", end="2026-01-04"))
def hour(hour: Partition) -> list:
    if hour.key.endswith("T05"):
        raise ValueError("an hour of bad luck")
    return [hour.key]

@asset("region/{region}.json", partitions=REGIONS)
def region(region: Partition) -> list:
    return [region.key]

@asset("both/{day}/{region}.json", partitions=Daily(start="2026-01-01", end="2026-02-01") * REGIONS)
def both(both: Partition) -> list:
    if both.key == "2026-01-02|us":
        raise ValueError("a day of bad luck there")
    return [both.key]
"""


def made(app: App, definitions: str, *asked: tuple[str, str]) -> Iterator[App]:
    """A project of these definitions, in which keys of assets were asked for, some of which fail, and `penstock up` at
    work on it."""
    (app.folder / "pipeline.py").write_text(definitions)
    for name, keys in asked:
        app.try_penstock("materialize", name, "--partitions", keys)
    app.start()
    yield app
    app.stop()


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, copied: Callable[[Path], App]) -> Iterator[App]:
    """A project whose one asset has a partition a day, of which some are made and a few have failed."""
    yield from made(
        copied(tmp_path_factory.mktemp("days") / "days"), DAYS, ("day", "last:40"), ("day", "2026-01-05..2026-01-20")
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_partitions_are_seen_as_a_calendar(days: App, visit: Open, width: int) -> None:
    """Counts, a calendar and ranges; nothing is wider than the window, and every view of the asset can be reached."""
    seen = visit(width)
    page = seen.open(f"{days.address}/assets?asset=day&view=Partitions")
    expect(page.get_by_text("daily in UTC").first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    page.wait_for_timeout(2000)
    seen.look(f"asset-partitions-{width}")
    views = page.get_by_test_id("stButtonGroup").filter(visible=True).first
    places = [one.bounding_box() for one in views.get_by_role("radio").all()]
    assert len(places) == 6
    assert all(place is not None and place["x"] + place["width"] <= width for place in places)


def test_what_failed_leads_to_its_run_and_what_is_made_to_its_data(days: App, visit: Open) -> None:
    """The asset says that partitions failed, whichever was made last; of those one is followed to its run."""
    seen = visit()
    page = seen.open(f"{days.address}/assets?asset=day")
    page.get_by_role("button", name=re.compile("partitions failed")).click()
    expect(page).to_have_url(re.compile("view=Partitions"))
    rows = page.locator(".rows.chosen tr")  # titles, missing, made, failed
    rows.nth(3).click()
    expect(page.get_by_role("heading", name="day 2026-01-13")).to_be_visible()
    expect(page.get_by_text("ValueError: a day of bad luck").first).to_be_visible()
    seen.look("partition-failed")
    page.goto(f"{days.address}/assets?asset=day&view=Partitions")
    seen.drawn()
    rows.nth(2).click()  # what is made leads to its data
    expect(page).to_have_url(re.compile("partition=2026-01-12"))
    expect(page.get_by_text("[1]").first).to_be_visible()
    expect(page.get_by_label("Partition", exact=True)).to_have_value("2026-01-12")
    seen.look("partition-data")


def test_a_day_of_the_calendar_leads_where_its_range_does(days: App, visit: Open) -> None:
    """What is made to its data, what failed to its runs, what is missing nowhere."""
    page = visit().open(f"{days.address}/assets?asset=day&view=Partitions")
    cells = page.get_by_test_id("stVegaLiteChart").locator("path[aria-label]")
    for day, leads in (("12", "view=Data.*partition=2026-01-12"), ("13", "/runs.asset=day&partition=2026-01-13")):
        _settled(cells)
        cells.and_(page.locator(f"[aria-label*='{day} Jan 2026']")).click()
        expect(page).to_have_url(re.compile(leads))
        page.go_back()
        expect(page).to_have_url(re.compile("view=Partitions"))
    _settled(cells)
    cells.and_(page.locator("[aria-label*='02 Jan 2026']")).click()
    page.wait_for_timeout(1000)
    assert re.search("view=Partitions$", page.url)


def _settled(marks: Locator) -> None:
    """The chart has its width: it is drawn once more for it."""
    marks.first.wait_for()
    marks.page.wait_for_timeout(1000)


def test_what_failed_is_seen_among_what_went_well(days: App, visit: Open) -> None:
    """In the timeline its bar lies over those of the same moment."""
    seen = visit()
    page = seen.open(f"{days.address}/runs")
    failed = page.locator("path[aria-roledescription=bar][aria-label*='failed']")
    expect(failed).to_have_count(2)
    page.wait_for_timeout(1000)
    seen.look("runs-failed-among-others")
    for one in failed.all():
        at = """one => {
            const place = one.getBoundingClientRect();
            return document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2).ariaLabel;
        }"""
        assert "failed" in (one.evaluate(at) or "")


def test_a_backfill_is_asked_for(days: App, visit: Open) -> None:
    """A person names partitions, is told before what it comes to, and what became of it."""
    seen = visit()
    page = seen.open(f"{days.address}/assets?asset=day&view=Partitions")
    page.get_by_role("button", name="Backfill").click()
    form = page.get_by_test_id("stPopoverBody")
    form.get_by_role("button", name="What it comes to").click()
    expect(form.get_by_text("Say which partitions")).to_be_visible()
    keys = form.get_by_label("Partitions", exact=True)
    keys.fill("garbage..x")
    form.get_by_role("button", name="Backfill").click()
    expect(form.get_by_test_id("stCode")).to_contain_text("garbage..x\n    ^^^^^^^")
    keys.fill("2026-01-01..2026-02-05")
    form.get_by_role("button", name="What it comes to").click()
    expect(form.get_by_text("20 of 36 partitions (2026-01-01 … 2026-02-05) would be made")).to_be_visible()
    expect(form.get_by_text("Left alone: 15 made already, 1 failed.")).to_be_visible()
    seen.look("backfill-form")
    form.get_by_role("button", name="Backfill").click()
    expect(form).to_be_hidden()
    expect(page.get_by_text("Backfill:").first).to_be_visible()
    page.wait_for_timeout(1500)
    seen.look("asset-backfill")


@pytest.fixture
def others(tmp_path: Path, copied: Callable[[Path], App]) -> Iterator[App]:
    """A project whose partitions are no days: hours, regions, and days by regions; some made, some failed."""
    hours, both = "2026-01-01T00..2026-01-01T07", "day=2026-01-01..2026-01-03;region=eu,us"
    yield from made(copied(tmp_path / "others"), OTHERS, ("hour", hours), ("region", "eu"), ("both", both))


def test_partitions_that_are_no_days_are_seen_as_ranges(others: App, visit: Open) -> None:
    """Hourly, static and a product of two, without a calendar; what failed leads to its run, what is made to its data,
    wide and narrow."""
    counts = {
        "hour": ("72 partitions", "hourly in UTC", "made 7", "failed 1", "missing 64"),
        "region": ("3 partitions", "static region", "made 1", "missing 2"),
        "both": ("93 partitions", "daily in UTC × static region", "made 5", "failed 1", "missing 87"),
    }
    for width in (1280, 390):
        seen = visit(width)
        for asset, said in counts.items():
            page = seen.open(f"{others.address}/assets?asset={asset}&view=Partitions")
            told = page.get_by_test_id("stMarkdown").filter(has_text=said[1])
            for one in said:
                expect(told).to_contain_text(one)
            expect(page.locator(".rows.chosen").first).to_be_visible()
            assert page.get_by_test_id("stVegaLiteChart").count() == 0
            page.wait_for_timeout(1000)
            seen.look(f"partitions-{asset}-{width}")
    for asset, row, leads, shows in (
        ("hour", 2, "run=", "an hour of bad luck"),
        ("region", 1, "partition=eu", "eu"),
        ("both", 4, "run=", "a day of bad luck there"),
    ):
        page = seen.open(f"{others.address}/assets?asset={asset}&view=Partitions")
        page.locator(".rows.chosen tr").nth(row).click()
        page.wait_for_url(re.compile(leads))
        expect(page.get_by_text(shows).first).to_be_visible()
