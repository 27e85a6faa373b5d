"""The screen of lineage in a browser, and the story that leads to it: a failed run is read, made again, seen to succeed
and followed to the documents that it was made from."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.acceptance.app.conftest import COMMAND, App, Visit, until

Open = Callable[..., Visit]

BREAKS = """
        if (Path(__file__).parent / "broken").exists():
            raise ValueError("no passages in <b>any</b> document")
"""


FAILING = """
from penstock import asset

@asset("once.json")
def once() -> list:
    return [1]

@asset("twice.json", on=once)
def twice(once: list) -> list:
    return once * 2

@asset("broken.json", on=twice)
def broken(twice: list) -> list:
    raise ValueError("no")

@asset("sound.json", on=twice)
def sound(twice: list) -> list:
    return twice
"""
AGAIN = """
from penstock import Dataset, asset

web = Dataset("web.json", licence="CC0-1.0")

@asset("tuned.json", on=web)
def tuned(web: list[int]) -> int:
    return len(web)

@asset("report.json", on=tuned)
def report(tuned: int) -> int:
    return tuned
"""


@pytest.fixture(scope="module")
def story(copied: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The example, whose passages could not be made, and `penstock up` at work on it."""
    app = copied(tmp_path_factory.mktemp("story") / "rag_docs")
    pipeline = app.folder / "pipeline.py"
    before, after = pipeline.read_text().split("        return chunking.cut(documents, size)\n")
    pipeline.write_text(f"{before}{BREAKS}        return chunking.cut(documents, size)\n{after}")
    (app.folder / "broken").touch()
    made = subprocess.run([COMMAND, "materialize"], cwd=app.folder, check=False, capture_output=True, text=True)
    assert made.returncode == 1, made.stderr
    app.start()
    yield app
    app.stop()


def test_a_failure_is_read_retried_and_followed_to_a_document(story: App, visit: Open) -> None:
    """From the failed run to its reason, to its success, and from what it made by the way to what others wrote."""
    here = visit()
    page = here.open(f"{story.address}/runs?states=failed")
    page.get_by_text("1 run ").first.wait_for()
    here.look("story-1-failed")
    page.locator(".rows .one").first.click()
    page.wait_for_url(re.compile(r"run=[0-9a-f-]{36}"))
    expect(page.get_by_text("no passages in <b>any</b> document").first).to_be_visible()
    here.look("story-2-why")
    (story.folder / "broken").unlink()
    page.get_by_role("button", name="Retry").click()
    link = page.get_by_role("link", name=re.compile("run [0-9a-f]{8}")).first
    link.wait_for()
    run = str(link.get_attribute("href")).rpartition("=")[2]
    page = here.open(f"{story.address}/runs?run={run}")
    page.get_by_text("success", exact=True).first.wait_for()
    here.look("story-3-success")
    page.get_by_role("link", name="its lineage").click()
    page.wait_for_url(re.compile(r"lineage\?run="))
    page.get_by_role("heading", name="chunks@").wait_for()
    page.get_by_role("textbox", name="Ways to").fill("handbook")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("to=handbook"))
    here.look("story-4-lineage")
    page = here.open(f"{story.address}/lineage?version=handbook@1")
    page.get_by_role("heading", name="handbook@1").wait_for()
    expect(page.get_by_text("licence CC-BY-4.0").first).to_be_visible()
    expect(page.get_by_text("written by others").first).to_be_visible()
    here.look("story-5-document")


def test_training_data_is_downloaded_as_a_table(rag_docs: App, visit: Open, tmp_path: Path) -> None:
    """From a model to all that it was made from, with digests and licences, what is unknown said."""
    here = visit()
    page = here.open(f"{rag_docs.address}/lineage?version=embedder")
    page.get_by_role("heading", name="embedder@1").wait_for()
    here.look("lineage-model")
    with page.expect_download() as kept:
        page.get_by_test_id("stDownloadButton").filter(visible=True).get_by_role("button").click()
    file = tmp_path / "table.csv"
    kept.value.save_as(file)
    with file.open(newline="") as lines:
        rows = {row["dataset"]: row for row in csv.DictReader(lines)}
    assert set(rows) == {"embedder", "stdlib_docs", "package_docs"}
    assert rows["stdlib_docs"]["licence"] == "PSF-2.0"
    assert rows["package_docs"]["licence"] == "unknown"
    assert all(re.fullmatch("[0-9a-f]{64}", row["digest"]) for row in rows.values())


def test_who_consumes_a_version_is_told(rag_docs: App, visit: Open) -> None:
    """As it is declared, beside what was made of it."""
    here = visit()
    page = here.open(f"{rag_docs.address}/lineage?version=chunks")
    page.get_by_role("heading", name="chunks@1").wait_for()
    page.get_by_role("radio", name="Who consumes it").or_(page.get_by_text("Who consumes it")).first.click()
    page.locator(".rows.chosen").first.wait_for()
    page.wait_for_timeout(1000)
    here.look("lineage-consumers")
    page = here.open(f"{rag_docs.address}/lineage?version=answers")
    page.get_by_text("Who consumes it").first.click()
    expect(page.get_by_text("No asset reads it, or waits for it")).to_be_visible()


def test_bytes_that_were_made_again_are_told_as_they_were(visit: Open, tmp_path: Path) -> None:
    """Who names a publication sees that one, in the title, the facts and the file; and how often, with ways there."""
    app = App(tmp_path)
    (tmp_path / "penstock.toml").write_text(
        'project = "again"\ndefinitions = ["pipeline.py"]\ndata_root = "."\n[app]\nport = 0\n'
    )
    (tmp_path / "pipeline.py").write_text(AGAIN)
    for numbers in ("[1, 2]", "[3, 4]"):
        (tmp_path / "web.json").write_text(numbers)
        app.penstock("materialize")
    app.start("ui", "--no-browser")
    try:
        here = visit()
        page = here.open(f"{app.address}/lineage?version=tuned@1&to=web@1")
        page.get_by_role("heading", name="tuned@1").wait_for()
        expect(page.get_by_text("made 2 times").first).to_be_visible()
        with page.expect_download() as kept:
            page.get_by_test_id("stDownloadButton").filter(visible=True).get_by_role("button").click()
        assert kept.value.suggested_filename == "lineage-tuned-1.csv"
        kept.value.save_as(tmp_path / "table.csv")
        expect(page.get_by_text("came from the other")).to_have_count(0)
        here.look("lineage-again")
        with (tmp_path / "table.csv").open(newline="") as lines:
            rows = [(row["dataset"], row["version"], row["made_as"]) for row in csv.DictReader(lines)]
        assert rows == [("tuned", "1", "1 2"), ("web", "1", "1")]
        page.get_by_role("link", name="as @2", exact=True).click()
        page.get_by_role("heading", name="tuned@2").wait_for()
        page = here.open(f"{app.address}/lineage?version=tuned@1&to=web@2")
        page.get_by_text("came from the other").wait_for()
        page = here.open(f"{app.address}/lineage?version=web@1&which=What+was+made+of+it")
        for _ in range(2):
            expect(page.get_by_text("2 versions ·")).to_be_visible()
            expect(page.get_by_role("radio", name="What was made of it")).to_be_checked()
            page.reload()
        stamp = json.loads(app.penstock("trace", "tuned@1", "--json"))["versions"][0]["published_at"]
        page = here.open(f"{app.address}/lineage?version=tuned&at={quote(stamp)}")
        expect(page.get_by_role("heading", name="tuned@1")).to_be_visible()
        expect(page.get_by_text("what had been made by then")).to_be_visible()
        expect(page.get_by_text("the newest of its dataset then")).to_be_visible()
        here.look("lineage-then")
        page.get_by_role("button", name="Now").click()
        expect(page.get_by_role("heading", name="tuned@2")).to_be_visible()
        expect(page.get_by_text("the newest of its dataset now")).to_be_visible()
        made = json.loads(app.penstock("runs", "--asset", "report", "--state", "success", "--json"))["runs"]
        page = here.open(f"{app.address}/runs?run={made[0]['id']}")
        page.get_by_text("Click one to follow its lineage").nth(1).wait_for()
        page.wait_for_timeout(1000)
        page.locator(".rows.chosen").nth(1).locator(".one").first.click()
        page.get_by_role("heading", name="tuned@1").wait_for()
    finally:
        app.stop()


def test_a_run_that_made_nothing_is_said_to_have_only_read(visit: Open, tmp_path: Path) -> None:
    """What it had read, and what that came from; nothing that others made of it."""
    app = App(tmp_path)
    (tmp_path / "penstock.toml").write_text('project = "failing"\ndefinitions = ["pipeline.py"]\n[app]\nport = 0\n')
    (tmp_path / "pipeline.py").write_text(FAILING)
    app.try_penstock("materialize")
    (run,) = json.loads(app.penstock("runs", "--asset", "broken", "--json"))["runs"]
    app.start("ui", "--no-browser")
    try:
        here = visit(390)
        page = here.open(f"{app.address}/lineage?run={run['id']}")
        expect(page.get_by_role("heading", name=f"Run {run['id'][-8:]} made nothing")).to_be_visible()
        expect(page.get_by_text("What it had read:")).to_be_visible()
        expect(page.get_by_role("link", name="twice@1")).to_be_visible()
        expect(page.get_by_text("1 version ·")).to_be_visible()
        here.look("lineage-of-nothing")
    finally:
        app.stop()


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)])
def test_each_view_of_lineage_has_an_address(rag_docs: App, visit: Open, width: int, dark: bool) -> None:
    """The newest versions, one of them with a way through it, as of a time; and each is there after a reload."""
    here = visit(width, dark=dark)
    page = here.open(f"{rag_docs.address}/lineage")
    page.get_by_text("What was published last").wait_for()
    here.look(f"lineage-choosing-{width}")
    page = here.open(f"{rag_docs.address}/lineage?version=index@1&to=handbook&up=5&down=1")
    for _ in range(2):
        page.get_by_role("heading", name="index@1").wait_for()
        expect(page.get_by_role("textbox", name="Ways to")).to_have_value("handbook")
        here.look(f"lineage-index-{width}")
        page.reload()
    page = here.open(f"{rag_docs.address}/lineage?version=answers&at=-9h")
    page.get_by_text("there was no version").wait_for()
    page = here.open(f"{rag_docs.address}/lineage?version=answers&to=licence_report")
    page.get_by_text("came from the other").wait_for()


def test_what_is_not_there_is_told(rag_docs: App, visit: Open) -> None:
    """A version and a run that nobody knows, with markup in their names; a time that is none."""
    here = visit(390)
    for wanted, said in (
        ("version=%3Cb%3Enone%3C%2Fb%3E", "is neither a dataset of project"),
        ("run=%3Cb%3Enone", "There is no run"),
        ("version=index&at=yesterday", "is no time"),
    ):
        page = here.open(f"{rag_docs.address}/lineage?{wanted}")
        page.get_by_text(said).first.wait_for()
        here.look(f"lineage-unknown-{wanted.partition('=')[0]}")


def test_lineage_is_shown_of_bytes_that_are_gone(copied: Callable[[Path], App], visit: Open, tmp_path: Path) -> None:
    """It says so, and still what the version came from."""
    app = copied(tmp_path / "rag_docs")
    app.penstock("materialize", "+chunks")
    shutil.rmtree(app.folder / "data" / ".penstock" / "objects")
    app.start("ui", "--no-browser")
    try:
        here = visit()
        page = here.open(f"{app.address}/lineage?version=chunks")
        until(lambda: page.get_by_text("Its bytes are gone").count() or page.reload())
        expect(page.get_by_text("What went into it").first).to_be_visible()
        expect(page.locator(".rows").get_by_text("are gone").first).to_be_visible()
        here.look("lineage-gone")
    finally:
        app.stop()


def test_a_first_click_waits_for_no_code(rag_docs: App, visit: Open) -> None:
    """What a screen is made of is loaded before it is asked for; tables and charts alone come when they are met."""
    page = visit().open(f"{rag_docs.address}/lineage")
    page.locator(".rows.chosen").first.wait_for()
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("textbox", name="Lineage of").fill("chunks")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stDownloadButton").filter(visible=True)).to_be_visible()
    assert [one for one in asked if one.endswith(".js")] == []
