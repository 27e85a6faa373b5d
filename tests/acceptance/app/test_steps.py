"""Back and forward in the browser: a step for each that somebody made, and what was seen is seen again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.acceptance.app.test_assets import click_node, click_row

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]


def test_back_leads_from_a_run_to_its_asset(rag_docs: App, visit: Open) -> None:
    """From a row that was clicked, and from a link, at once; forward leads to the run again, and to the runs."""
    page = visit().open(f"{rag_docs.address}/assets?asset=chunks&view=Runs")
    asset = page.url
    page.get_by_text("Click a run").wait_for()
    click_row(page)
    expect(page.get_by_text("Made", exact=True)).to_be_visible()
    run = page.url
    assert "/runs?run=" in run
    page.go_back()
    expect(page.get_by_role("heading", name="chunks")).to_be_visible()
    expect(page.get_by_role("link", name="All its runs")).to_be_visible()
    assert page.url == asset
    page.go_forward()
    expect(page.get_by_text("Made", exact=True)).to_be_visible()
    assert page.url == run
    page.go_back()
    page.get_by_role("link", name="All its runs").click()
    expect(page.get_by_label("Asset", exact=True)).to_have_value("chunks")
    page.go_back()
    expect(page.get_by_role("heading", name="chunks")).to_be_visible()
    assert page.url == asset
    page.go_forward()
    expect(page.get_by_label("Asset", exact=True)).to_have_value("chunks")
    assert page.url == f"{rag_docs.address}/runs?asset=chunks"


def test_back_leads_from_a_run_to_those_that_were_looked_for(rag_docs: App, visit: Open) -> None:
    """With what they were looked for by."""
    page = visit().open(f"{rag_docs.address}/runs?asset=chunks&states=success")
    page.get_by_text("Click a run").wait_for()
    click_row(page)
    expect(page.get_by_text("Made", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Click a run")).to_be_visible()
    expect(page.get_by_label("Asset", exact=True)).to_have_value("chunks")
    assert page.url == f"{rag_docs.address}/runs?asset=chunks&states=success"


def test_each_node_that_is_clicked_is_a_step(rag_docs: App, visit: Open) -> None:
    """Of the graph the page hears no click, only what came of it."""
    page = visit().open(f"{rag_docs.address}/runs")
    page.get_by_text("Click a run").wait_for()
    page.get_by_role("link", name="Assets", exact=True).click()
    click_node(page, "documents")
    expect(page.get_by_role("heading", name="documents")).to_be_visible()
    click_node(page, "chunks")
    expect(page.get_by_role("heading", name="chunks")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="documents")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("12 assets")).to_be_visible()
    assert page.url == f"{rag_docs.address}/assets"
    page.go_back()
    expect(page.get_by_text("Click a run")).to_be_visible()


def test_the_bare_address_is_no_step(rag_docs: App, visit: Open) -> None:
    """It leads to a screen at once, and from there back to where somebody came from."""
    page = visit().open(f"{rag_docs.address}/runs")
    page.get_by_text("Click a run").wait_for()
    page.goto(f"{rag_docs.address}/?asset=chunks")
    expect(page.get_by_role("heading", name="chunks")).to_be_visible()
    assert page.url == f"{rag_docs.address}/assets?asset=chunks"
    page.go_back()
    expect(page.get_by_text("Click a run")).to_be_visible()
