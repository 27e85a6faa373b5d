"""The screen of assets in a browser: the graph, looking for assets, and every view of one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]


def click_node(page: Page, name: str) -> None:
    """A click on this node of the graph."""
    page.locator(f".graph .node[data-id={name}]").click()


def click_row(page: Page) -> None:
    """A click into the first row of the first table."""
    row = page.locator(".rows .one").first
    row.wait_for()
    page.wait_for_timeout(1000)
    row.click()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_the_graph_and_the_list_are_seen(rag_docs: App, visit: Open, width: int, dark: bool) -> None:
    """The bare address shows every asset, at the width of a desk and of a hand, in light and in dark."""
    seen = visit(width, dark=dark)
    page = seen.open(rag_docs.address)
    expect(page.get_by_text("12 assets")).to_be_visible()
    expect(page.locator(".graph .node")).to_have_count(15)
    assert "/assets" in page.url
    page.wait_for_timeout(1500)
    seen.look(f"assets-{width}{'-dark' if dark else ''}")


def test_a_node_is_chosen_by_a_click(rag_docs: App, visit: Open) -> None:
    """A click into the graph shows the asset, and its name is in the address."""
    seen = visit()
    page = seen.open(rag_docs.address)
    click_node(page, "documents")
    expect(page.get_by_role("heading", name="documents")).to_be_visible()
    assert "asset=documents" in page.url
    page.reload()
    expect(page.get_by_role("heading", name="documents")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("heading", name="documents")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_chosen_asset_lies_beside_the_graph(rag_docs: App, visit: Open, width: int) -> None:
    """On a desk at its right, in a hand below it; and the graph is scrolled to its node."""
    seen = visit(width)
    page = seen.open(f"{rag_docs.address}/assets?asset=index")
    heading = page.get_by_role("heading", name="index")
    page.locator(".graph .box[data-settled]").wait_for()
    frame, title = page.locator(".graph .box").bounding_box(), heading.bounding_box()
    assert frame is not None
    assert title is not None
    if width == 1280:
        assert title["x"] > frame["x"] + frame["width"]
        assert title["y"] < 300
    else:
        assert title["y"] > frame["y"] + frame["height"]
    node = page.locator(".graph .node[data-id=index]").bounding_box()
    assert node is not None
    assert frame["x"] <= node["x"] < node["x"] + node["width"] <= frame["x"] + frame["width"]


def test_what_happens_is_seen_without_a_reload(rag_docs: App, visit: Open) -> None:
    """Graph, list and what is chosen are drawn again as things change."""
    seen = visit()
    page = seen.open(f"{rag_docs.address}/assets?asset=answers")
    expect(page.get_by_role("heading", name="answers")).to_be_visible()
    rag_docs.penstock("pause", "answers", "--why", "seen at once")
    try:
        expect(page.get_by_text("paused").first).to_be_visible()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
    finally:
        rag_docs.penstock("resume", "answers")
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()


def test_links_and_rows_lead_on_in_the_same_tab(rag_docs: App, visit: Open) -> None:
    """From an asset to a run of it, to the lineage of what that made, to another version, to an asset."""
    seen = visit()
    page = seen.open(f"{rag_docs.address}/assets?asset=chunks&view=Runs")
    page.get_by_text("Click a run").wait_for()
    click_row(page)
    page.wait_for_url(re.compile(r"/runs\?run="))
    page.get_by_text("Made", exact=True).wait_for()
    click_row(page)
    page.wait_for_url(re.compile(r"/lineage\?version=chunks"))
    page.get_by_text("Click one to go on from there").wait_for()
    click_row(page)
    page.wait_for_url(re.compile(r"/lineage\?version=documents"))
    page.get_by_role("link", name="asset documents").click()
    page.wait_for_url(re.compile(r"/assets\?asset=documents"))
    expect(page.get_by_role("heading", name="documents")).to_be_visible()
    assert len(page.context.pages) == 1
    assert seen.complaints == []


def test_a_row_is_chosen_by_the_keyboard(rag_docs: App, visit: Open) -> None:
    """One stop for all rows, arrows from one to the next, Enter for what a click does."""
    page = visit().open(f"{rag_docs.address}/assets")
    rows = page.locator(".rows.chosen .one")
    rows.first.wait_for()
    assert [one.get_attribute("tabindex") for one in rows.all()] == ["0"] + ["-1"] * 11
    rows.first.focus()
    page.keyboard.press("ArrowUp")
    expect(rows.last).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    name = rows.nth(1).locator("td").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("view", "shows"),
    [
        ("Why", "nothing is pending"),
        ("Data", "The first 50 rows"),
        ("Versions", ""),
        ("Runs", "All its runs"),
        ("Source", "def chunks"),
    ],
)
def test_each_view_has_an_address(rag_docs: App, visit: Open, width: int, view: str, shows: str) -> None:
    """What the address names is shown, and is there again after a reload."""
    seen = visit(width)
    page = seen.open(f"{rag_docs.address}/assets?asset=chunks&view={view}")
    for _ in range(2):
        expect(page.get_by_text(shows).first if shows else page.locator(".rows.chosen").first).to_be_visible()
        page.reload()
    expect(page.get_by_text(shows).first if shows else page.locator(".rows.chosen").first).to_be_visible()
    page.wait_for_timeout(500)
    seen.look(f"asset-{view.lower()}-{width}")


def test_what_is_looked_for_is_in_the_address(rag_docs: App, visit: Open) -> None:
    """A text and a filter narrow the graph and the list, and survive a reload."""
    seen = visit()
    page = seen.open(f"{rag_docs.address}/assets?tag=report")
    expect(page.get_by_text("3 of 12 assets")).to_be_visible()
    page.get_by_label("Look for").fill("licence_")
    page.get_by_label("Look for").press("Enter")
    expect(page.get_by_text("1 of 12 assets")).to_be_visible()
    page.reload()
    expect(page.get_by_text("1 of 12 assets")).to_be_visible()
    page.get_by_label("Look for").fill("no such thing")
    page.get_by_label("Look for").press("Enter")
    expect(page.get_by_text("No asset is like that")).to_be_visible()
    seen.look("assets-none")


def test_assets_are_shown_as_of_a_time(rag_docs: App, visit: Open) -> None:
    """As they were declared and stood then, with the condition of the chosen one; and as of now again by a button."""
    then = datetime.now(UTC)
    seen = visit()
    page = seen.open(f"{rag_docs.address}/assets?asset=chunks&at={then:%Y-%m-%dT%H:%M:%SZ}")
    for _ in range(2):
        expect(page.get_by_text("what was declared then, and how it stood")).to_be_visible()
        expect(page.get_by_text("12 assets")).to_be_visible()
        expect(page.get_by_role("heading", name="chunks")).to_be_visible()
        expect(page.get_by_text(re.compile("It was held|It would have")).first).to_be_visible()
        assert page.get_by_role("button", name="Materialize").count() == 0
        page.wait_for_timeout(1000)
        seen.look("assets-as-of")
        page.reload()
    page.get_by_role("button", name="Now").click()
    expect(page.get_by_role("button", name="Materialize")).to_be_visible()
    assert "at=" not in page.url
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("textbox", name="As of").fill("-1s")
    page.get_by_role("textbox", name="As of").press("Enter")
    page.wait_for_url(re.compile(r"at=20\d\d-\d\d-\d\dT"))  # the same for whoever is sent it
    expect(page.get_by_text("what was declared then, and how it stood")).to_be_visible()
    page = seen.open(f"{rag_docs.address}/assets?at=-900d")
    expect(page.get_by_text("Nothing was registered yet")).to_be_visible()
    page = seen.open(f"{rag_docs.address}/assets?at=yesterday")
    expect(page.get_by_text("is no time")).to_be_visible()
    expect(page.get_by_text("12 assets")).to_be_visible()


def test_an_unknown_asset_is_told(rag_docs: App, visit: Open) -> None:
    """An address that names what is not there says so, shows the text as it is, and shows the others."""
    seen = visit()
    page = seen.open(f"{rag_docs.address}/assets?asset=%3Cimg src=x onerror=alert(1)%3E")
    expect(page.get_by_text("There is no asset <img src=x onerror=alert(1)>.")).to_be_visible()
    expect(page.get_by_text("12 assets")).to_be_visible()
    seen.look("asset-unknown")


def test_what_is_asked_for_is_carried_out(rag_docs: App, visit: Open) -> None:
    """A person makes an asset, pauses it with a reason, and lets it go on; what became of each is shown."""
    seen = visit()
    page = seen.open(f"{rag_docs.address}/assets?asset=provenance")
    page.get_by_role("button", name="Materialize").click()
    page.get_by_text("although nothing changed").click()
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_test_id("stPopoverBody")).to_be_hidden()
    expect(page.get_by_text(re.compile("Materialize:")).first).to_be_visible()
    seen.look("asset-asked")
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Why").fill("the <b>source</b> is *wrong*")
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_test_id("stPopoverBody")).to_be_hidden()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_text("the <b>source</b> is *wrong*").first).to_be_visible()
    page.wait_for_timeout(1000)
    seen.look("asset-paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_data_that_is_gone_is_told(rag_docs: App, visit: Open) -> None:
    """A version whose bytes are gone says so, with the next step; all else is shown."""
    objects = [one for one in (rag_docs.folder / "data").rglob("*") if "licence_report" in str(one)]
    assert objects
    kept = rag_docs.folder / "data" / ".penstock"
    moved = rag_docs.folder / "moved"
    shutil.move(kept, moved)
    try:
        seen = visit()
        page = seen.open(f"{rag_docs.address}/assets?asset=evaluation&view=Data")
        expect(page.get_by_text("The data of this version cannot be read.")).to_be_visible()
        seen.look("asset-data-gone")
    finally:
        shutil.move(moved, kept)
