"""Addresses that somebody writes by hand: whatever stands in them, a page is shown that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.acceptance.app.test_assets import click_node, click_row
from tests.acceptance.app.test_away import use

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]

DEFINITIONS = """
from penstock import Daily, Partition, asset

@asset("one.json", group="numbers")
def one(*, n: int = 1) -> list:
    "A list."
    return [n]

@asset("day/{day}.json", partitions=Daily(start="2026-01-01"))
def day(day: Partition) -> list:
    return [day.key]

@asset(outputs={"left": "left.json", "right": "right.json"}, on=one)
def both(one: list) -> dict:
    return {"left": ["on the left"], "right": ["on the right"]}
"""
GARBAGE = quote("<b>x</b> **y** 'z\"; -- %_\\ \x01\u202e\U0001f41f", safe="")
HUGE = "9" * 30
MORE = """
from penstock import materialize

for number in range(2, 24):
    assert materialize(select="one", parameters={"one.n": number}).ok
"""
"""Twenty-two versions more of one, by one process."""
EVERYTHING = {
    "assets": "asset q group tag owner state within at group-of up down view version partition dataset "
    "before ranges-from",
    "runs": "run asset states since says reason in-group partition backfill until before",
    "lineage": "version run to up down at which",
}
"""Screen → what its address can say."""
SAYS = {
    "/assets?asset=nobody": "There is no asset nobody.",
    "/assets?group=nobody&state=odd": "asks for the group nobody, which is not there; it is left out. What there is: n",
    "/assets?within=eternity": "asks for the time eternity, which is not there; it is left out. What there is: day, h",
    "/assets?group-of=nobody": "No asset is in the group nobody",
    "/assets?at=yesterday": "'yesterday' is no time",
    "/assets?at=1999-01-01T00:00Z": "Nothing was registered yet.",
    f"/assets?at=-{HUGE}d": "is no length of time before now",
    "/assets?asset=one&view=Partitions": "asks for the view Partitions, which is not there; it is left out. What there",
    "/assets?asset=one&view=Data&version=99": "one has no version 99: this is the newest.",
    f"/assets?asset=one&view=Data&version={HUGE}": f"one has no version {HUGE}: this is the newest.",
    "/assets?asset=one&view=Data&version=%C2%B2": "one has no version ²: this is the newest.",
    "/assets?asset=one&view=Versions&before=1": "There are no older ones",
    "/assets?asset=one&view=Versions&before=x": "asks for the versions before x, which is no number: these are the",
    "/assets?asset=day&view=Partitions&ranges-from=2026-01-03": "First page",
    "/assets?asset=day&view=Partitions&ranges-from=nothing": "These are the first.",
    "/assets?asset=both&view=Data&dataset=right": "on the right",
    "/assets?asset=both&view=Data&dataset=nobody": "asks for the dataset nobody, which is not there",
    "/assets?asset=day&view=Data&partition=garbage": "Nothing was made of garbage",
    "/assets?asset=day&view=Data&partition=2026-01-03&version=1": "day has no version 1 of 2026-01-03",
    "/runs?run=nobody": "There is no run 'nobody' in project rag_docs. It may be of another project.",
    "/runs?states=odd&states=success": "asks for the state odd, which is not there; it is left out.",
    "/runs?since=eternity": "asks for the time eternity, which is not there; it is left out. What there is: day, h",
    "/runs?in-group=nobody": "asks for the group nobody, which is not there; it is left out. What there is: numbe",
    "/runs?states=odd&states=even": "asks for the states odd, even, which are not there; they are left out.",
    "/runs?until=tomorrow": "asks for the day tomorrow, which is not there; it is left out. A day is written as 202",
    "/runs?backfill=nobody": "There is no backfill 'nobody'",
    "/runs?before=nobody": "There is no run 'nobody'",
    "/runs?asset=nobody": "No run is like that",
    "/runs/nobody?asset=one": "1 run",
    "/lineage?version=nobody": "'nobody' is neither a dataset of project rag_docs nor the beginning of a ver",
    f"/lineage?version=one@{HUGE}": f"Dataset one has no version '{HUGE}'.",
    "/lineage?run=nobody": "There is no run 'nobody'",
    "/lineage?version=one&to=nobody": "'nobody' is neither",
    "/lineage?version=one&at=1999-01-01": "The time 1999-01-01T00:00:00 has no zone.",
    "/lineage?version=one%00": "what the address says of version holds a character that nothing is called by, %00. T",
    "/assets/one/two?at=yesterday": "'yesterday' is no time",
    "/nothing?asset=one": "A list.",
}
"""Address → what its page says."""


def made(app: App) -> Iterator[App]:
    """A version or two of each kind, and the app."""
    (app.folder / "pipeline.py").write_text(DEFINITIONS)
    app.penstock("materialize", "one", "both")
    app.penstock("materialize", "day", "--partitions", "2026-01-02..2026-01-03")
    app.start("ui", "--no-browser")
    yield app
    app.stop()


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory, copied: Callable[[Path], App]) -> Iterator[App]:
    """A project with things of each kind."""
    yield from made(copied(tmp_path_factory.mktemp("things") / "things"))


@pytest.fixture
def stored(tmp_path: Path, copied: Callable[[Path], App], databases: Any) -> Iterator[App]:
    """The same in a database of some kind."""
    app = copied(tmp_path / "stored")
    if databases.kind == "postgresql":
        use(app, databases.fresh(prepared=False))
    yield from made(app)


def test_what_is_not_there_is_told_with_what_to_do(things: App, visit: Open) -> None:
    """Unknown names, numbers, times and values of filters: each page says which it is; none is empty."""
    seen = visit()
    for path, says in SAYS.items():
        page = seen.open(f"{things.address}{path}")
        expect(page.get_by_test_id("stMain")).to_contain_text(says, ignore_case=True)
        seen.drawn()
        assert page.get_by_test_id("stException").count() == 0, path
    assert "Traceback" not in things.output.read_text()


def test_what_is_left_out_is_not_counted_among_the_filters(things: App, visit: Open) -> None:
    """What is there is, beside it; the warning stays while the page is open."""
    for width in (1280, 390):
        seen = visit(width)
        page = seen.open(f"{things.address}/assets?group=nobody&within=eternity&state=success&at=-1s")
        expect(page.get_by_text("asks for the group nobody")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile(r"Filter \(2\)"))).to_be_visible()
        seen.look(f"assets-left-out-{width}")
        page = seen.open(f"{things.address}/runs?in-group=nobody&until=tomorrow&asset=one")
        expect(page.get_by_text("1 run ").first).to_be_visible()
        expect(page.get_by_role("button", name="More")).to_be_visible()
        assert "(" not in page.get_by_role("button", name="More").inner_text()
        page.wait_for_timeout(6000)  # the list is drawn again by itself
        expect(page.get_by_text("asks for the day tomorrow")).to_be_visible()
        seen.look(f"runs-left-out-{width}")


def test_one_leads_back_from_what_is_not_there(things: App, visit: Open) -> None:
    """By the buttons of its page, which take the rest of the address along."""
    seen = visit(390)
    page = seen.open(f"{things.address}/runs?before=nobody")
    page.get_by_role("button", name="Newest").click()
    expect(page.get_by_text("Click a run")).to_be_visible()
    expect(page).to_have_url(f"{things.address}/runs")
    page = seen.open(f"{things.address}/lineage?version=nothing&to=nobody&up=5&at=-1s")
    page.get_by_role("button", name="Another one").click()
    expect(page.get_by_text("What was published last")).to_be_visible()
    expect(page).to_have_url(f"{things.address}/lineage")


def test_another_output_begins_with_its_newest_versions(things: App, visit: Open) -> None:
    """The number before which the page of the one began means nothing for the other."""
    page = visit().open(f"{things.address}/assets?asset=both&view=Versions&dataset=left&before=1")
    expect(page.get_by_text("There are no older ones")).to_be_visible()
    page.get_by_role("combobox", name="Dataset").click()
    page.get_by_role("option", name="right").click()
    expect(page.get_by_text("Click a version to follow its lineage.")).to_be_visible()
    expect(page).to_have_url(f"{things.address}/assets?asset=both&dataset=right&view=Versions")
    page.reload()
    expect(page.get_by_text("Click a version to follow its lineage.")).to_be_visible()


def test_an_older_page_of_versions_has_an_address(things: App, visit: Open) -> None:
    """It survives a reload, and Back leads to it from a version that was followed on it; another asset begins anew."""
    things.run(MORE)
    page = visit().open(f"{things.address}/assets?asset=one&view=Versions")
    page.get_by_role("button", name="Older").click()
    expect(page.get_by_role("button", name="Older")).to_be_hidden()
    older = f"{things.address}/assets?asset=one&view=Versions&before=4"
    assert page.url == older
    page.reload()
    expect(page.get_by_role("button", name="Newest")).to_be_visible()
    expect(page.get_by_role("button", name="Older")).to_be_hidden()
    click_row(page)
    expect(page.get_by_role("heading", name="one@3")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Newest")).to_be_visible()
    assert page.url == older
    click_node(page, "both")
    expect(page.get_by_role("heading", name="both")).to_be_visible()
    assert page.url == f"{things.address}/assets?asset=both&view=Versions"


@pytest.mark.databases("sqlite", "postgresql")
def test_garbage_everywhere_harms_no_screen(stored: App, visit: Open) -> None:
    """Whatever an address can say is garbage, all of it and all but what is shown; nothing fails."""
    (run,) = json.loads(stored.penstock("runs", "--asset", "one", "--json"))["runs"]
    named = {"assets": "asset=day&view=Data", "runs": f"run={run['id']}", "lineage": "version=one"}
    seen = visit()
    for screen, words in EVERYTHING.items():
        for known, said in (("", GARBAGE), (named[screen], GARBAGE), (named[screen], HUGE)):
            choices = [known, *(f"{word}={said}" for word in words.split() if f"{word}=" not in known)]
            page = seen.open(f"{stored.address}/{screen}?{'&'.join(choices)}")
            seen.drawn()
            expect(page.get_by_role("link", name="Lineage", exact=True)).to_be_visible()
            expect(page.locator("[data-testid=stMain] :is(input, button):visible").first).to_be_visible()
            assert page.get_by_test_id("stException").count() == 0, page.url
    seen.look("garbage")
    assert "Traceback" not in stored.output.read_text()
