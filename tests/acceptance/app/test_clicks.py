"""Clicks that come twice, or last while something is drawn anew, and text that is marked where a click leads on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]

TWICE = """(one, pause) => {
    const click = () => one.dispatchEvent(new MouseEvent("click", { bubbles: true }))
    click()
    setTimeout(click, pause)
}"""
TOLD_TWICE = TWICE.replace("click, pause", "() => { one.closest('.rows').deaf = 0; click() }, pause")


@pytest.mark.parametrize("twice", [TWICE, TOLD_TWICE], ids=["clicked", "told"])
def test_a_double_click_leads_on_once(rag_docs: App, visit: Open, twice: str) -> None:
    """Whenever the second comes. Where the app hears of it, too, Streamlit may empty the page: that comes back."""
    here = visit()
    for pause in (20, 45, 95, 245):
        page = here.open(f"{rag_docs.address}/assets?asset=chunks&view=Versions")
        page.locator(".rows.chosen .one").first.evaluate(twice, pause)
        expect(page.get_by_role("heading", name="chunks@1")).to_be_visible()
        page.wait_for_timeout(1000)
        expect(page.get_by_role("heading", name="chunks@1")).to_be_visible()
        assert page.get_by_test_id("stException").count() == 0
        assert "/lineage" in page.url


@pytest.mark.parametrize("one", [".graph .node[data-id=chunks]", ".rows .one[data-id=chunks]"], ids=["node", "row"])
def test_a_press_outlasts_what_is_drawn_anew(rag_docs: App, visit: Open, one: str) -> None:
    """The node, or the row, on which a click began is there when it ends; and what was held back is shown."""
    page = visit().open(f"{rag_docs.address}/assets")
    pressed = page.locator(one)
    pressed.hover()
    page.mouse.down()
    rag_docs.penstock("pause", "vectors", "--why", "seen once nothing is pressed")
    try:
        page.wait_for_timeout(7000)
        page.mouse.up()
        expect(page.get_by_role("heading", name="chunks", exact=True)).to_be_visible()
        expect(page.locator(".graph .node[data-id=vectors]")).to_have_attribute("aria-label", "vectors, paused")
    finally:
        rag_docs.penstock("resume", "vectors")


def mark(page: Page, cell: Locator) -> str:
    """The mouse is drawn over a cell; what is marked by it."""
    cell.scroll_into_view_if_needed()
    place = cell.bounding_box()
    assert place is not None
    middle = place["y"] + place["height"] / 2
    page.mouse.move(place["x"] + 4, middle)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"], middle, steps=4)
    page.mouse.up()
    return str(page.evaluate("() => String(getSelection())")).strip()


def test_text_in_a_row_is_marked_without_choosing_it(rag_docs: App, visit: Open) -> None:
    """Whoever copies a name stays where it stands, though what is seen is drawn again; then nothing is missed."""
    page = visit().open(f"{rag_docs.address}/assets")
    rows = page.locator(".rows.chosen .one")
    marked = mark(page, rows.first.locator("td").first)
    assert marked
    assert marked in rows.first.inner_text()
    rag_docs.penstock("pause", "vectors", "--why", "seen once nothing is marked")
    try:
        page.wait_for_timeout(7000)
        assert str(page.evaluate("() => String(getSelection())")).strip() == marked
        assert "asset=" not in page.url
        expect(rows.last).not_to_contain_text("paused")
        page.evaluate("() => getSelection().removeAllRanges()")
        expect(rows.last).to_contain_text("paused", timeout=1000)
    finally:
        rag_docs.penstock("resume", "vectors")


def test_a_mark_keeps_no_other_rows_from_being_seen(rag_docs: App, visit: Open) -> None:
    """Another view of lineage has its own rows, whatever is marked."""
    page = visit().open(f"{rag_docs.address}/lineage?version=chunks@1")
    first = page.locator(".rows.chosen td").first
    expect(first).to_have_text("documents@1")
    assert mark(page, first)
    page.get_by_role("radio", name="What was made of it").click()
    expect(page.locator(".rows.chosen td").first).to_have_text("index@1")
    expect(page.locator(".rows.chosen")).not_to_contain_text("documents@1")
