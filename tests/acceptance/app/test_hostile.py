"""Names, texts and data that are HTML, Markdown, escapes of a terminal or endless: every view shows them as they are,
and executes none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]

IMAGE = "<img src=x onerror=alert(1)>"
HOSTILE = (
    IMAGE, "[a](javascript:alert(1))", "**b**", "$x^2$", ":material/home:", ":red[x]", "`code` ``", "a|b|c",
    "\x1b[31mred\x1b[0m", "ab\u202ecd", "w" * 300, "\U0001f41f emoji", "two\nlines", "a/b?c=d&e#f%20",
)  # fmt: skip
ALL = " ".join((*HOSTILE, "https://hurt.example/x?y", "www.hurt.example", "ann@hurt.example"))
NAMES = {
    IMAGE: IMAGE,
    "\x1b[31mred\x1b[0m": "red",
    "two\nlines": "two lines",
    "w" * 300: "w" * 300,
    "a/b?c=d&e#f%20": "a/b?c=d&e#f%20",
}
"""Some of them, each as it stands in a heading."""
SHOWN = ALL.replace("\x1b[31m", "").replace("\x1b[0m", "").replace("\u202e", "\\u202e").replace("\n", " ")
"""As it stands where a text is one line."""

DEFINITIONS = f"""
import polars as pl
from penstock import Context, Dataset, Partition, Skip, Static, asset

HOSTILE = {HOSTILE!r}
ALL = {ALL!r}
raw = Dataset("raw <i>.json", name={IMAGE + " raw"!r}, licence={ALL!r})

def make(number, text):
    words = {{"name": text, "group": text, "tags": [text], "owners": [text]}}
    @asset(f"plain{{number}}.parquet", on=raw, inputs={{"given": raw}}, **words)
    def one(given: list, ctx: Context, *, note: str = ALL) -> pl.DataFrame:
        ctx.metadata(**{{HOSTILE[0]: ALL}})
        print(ALL)
        return pl.DataFrame({{name: [ALL] for name in HOSTILE}})

for number, text in enumerate(HOSTILE):
    make(number, text)

@asset("failing.json", on=raw)
def failing() -> list:
    {ALL!r}
    raise ValueError(ALL)

@asset("skipping.json", on=raw)
def skipping() -> list:
    return Skip(ALL)

@asset("parts/{{key}}.json", partitions=Static(*[one for one in HOSTILE if not set(one) & set("/|\\x1b\\n")][:7]))
def parts(key: Partition) -> list:
    return [key.key]
"""
FOUND = """() => {
    const graphs = [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")].map(one => one.shadowRoot)
    const pages = [document, ...graphs]
    const found = what => pages.flatMap(one => [...one.querySelectorAll(what)])
    return [
        ...found("img[src=x]"), ...found("a[href^='javascript' i]"), ...found(".katex"),
        ...found("strong").filter(one => one.textContent === "b"), ...found("a").filter(one => one.textContent === "a"),
        ...found("code").filter(one => one.textContent === "code"),
        ...found("a[href^='https://hurt' i], a[href*='//www.hurt' i], a[href^='mailto' i]"),
    ].map(one => one.outerHTML)
}"""
"""What would be on the page if one of them had been executed."""


@pytest.fixture(scope="module")
def hostile(copied: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A project in which whatever can be named is named so; made, as far as it can be."""
    app = copied(tmp_path_factory.mktemp("hostile") / "project")
    (app.folder / "pipeline.py").write_text(DEFINITIONS)
    (app.folder / "data").mkdir()
    (app.folder / "data" / "raw <i>.json").write_text("[1]")
    app.try_penstock("materialize")
    app.try_penstock("materialize", "parts", "--partitions", "all")
    app.start()
    yield app
    app.stop()


class Watched:
    """A page, and what it did that it must not."""

    def __init__(self, seen: Visit, app: App) -> None:
        self.seen, self.app, self.page = seen, app, seen.page
        self.heard: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda one: self.heard.append(one.url) if re.search("/x$", one.url) else None)

    def _dialog(self, dialog: Any) -> None:
        self.heard.append(dialog.message)
        dialog.dismiss()

    def open(self, path: str, *texts: str) -> Page:
        """The page shows each of these texts, and nothing is executed."""
        self.seen.open(f"{self.app.address}{path}")
        self.shows(path, *texts)
        return self.page

    def shows(self, name: str, *texts: str) -> None:
        """See above, of the page as it stands."""
        for text in texts:
            expect(self.page.get_by_text(text).first).to_be_attached()
        self.seen.look("hostile-" + re.sub("[^a-z]+", "-", name)[:40])
        assert self.page.evaluate(FOUND) == []
        assert self.heard == []


def runs_of(app: App) -> dict[str, str]:
    """The newest run of each asset."""
    told = json.loads(app.penstock("runs", "--limit", "100", "--json"))["runs"]
    return {one["asset"]: one["id"] for one in reversed(told)}


def test_it_is_shown_everywhere_and_executed_nowhere(hostile: App, visit: Open) -> None:
    """Graph, tables, headings, facts, data, log, errors, timeline, links and addresses; in a narrow window, where what
    is endless would make the page wider."""
    here = Watched(visit(390), hostile)
    name, run = quote(IMAGE, safe=""), runs_of(hostile)
    here.open("/assets", "17 assets")
    for one, shown in NAMES.items():
        page = here.open(f"/assets?asset={quote(one, safe='')}", f"group {shown}")
        expect(page.get_by_role("heading", name=shown, exact=True)).to_be_visible()
    here.open(f"/assets?asset={name}&view=Why", f"{IMAGE} raw")
    page = here.open(f"/assets?asset={name}&view=Data", "The first row")
    expect(page.get_by_test_id("stDataFrame").get_by_text("red ab\\u202ecd").first).to_be_attached()
    here.open(f"/assets?asset={name}&view=Versions")
    here.open(f"/assets?asset={name}&view=Source", "ctx.metadata")
    here.open("/assets?asset=parts&view=Partitions", "7 partitions")
    here.open("/assets?asset=failing", f"ValueError: {SHOWN}")
    here.open("/assets?asset=skipping&view=Runs")
    here.open("/runs", "Click a run")
    page = here.open(f"/runs?says={name}", "Click a run")
    expect(page.locator(".rows").get_by_text(re.compile("…$")).first).to_be_visible()
    here.open(f"/runs?run={run['failing']}", f"ValueError: {SHOWN}")
    here.open(f"/runs?run={run['skipping']}", f"Its producer: skipped by its producer: {SHOWN}")
    here.open(f"/runs?run={run[IMAGE]}", "Parameters: note = ", "`code` `` a|b|c red ab\\u202ecd", "\U0001f41f emoji")
    here.open(f"/lineage?version={name}", "plain0@1", "note = ")
    here.open(f"/lineage?version={quote(IMAGE + ' raw', safe='')}&to={name}", f"licence {SHOWN}")
    here.open(f"/lineage?version={name}nothing&at={name}", f"{IMAGE}")
    here.open(f"/lineage?version={name}&to={quote(ALL)}", "is neither")


def test_what_is_touched_shows_it_too(hostile: App, visit: Open) -> None:
    """The lists of filters, the tooltip of the timeline, what was asked for with a reason, the file of a download."""
    here = Watched(visit(), hostile)
    page = here.open("/assets")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("combobox").first.click()
    here.shows("filter", *(one for one in HOSTILE if one.isascii() and one.isprintable()))
    page = here.open("/runs")
    page.get_by_role("button", name="More").click()
    page.get_by_label("Group of its asset").click()
    here.shows("groups", IMAGE, "[a](javascript:alert(1))", "$x^2$")
    page = here.open(f"/runs?asset={quote(IMAGE, safe='')}")
    page.locator("path[aria-roledescription=bar]").first.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text(IMAGE)
    here.shows("tooltip")
    page = here.open(f"/assets?asset={quote(IMAGE, safe='')}")
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Why").last.fill(SHOWN)
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    here.shows("paused", f"{IMAGE} is paused", f"paused; {SHOWN}")
    page = here.open(f"/lineage?version={quote('w' * 300)}")
    with page.expect_download() as kept:
        page.get_by_test_id("stDownloadButton").filter(visible=True).get_by_role("button").click()
    assert re.fullmatch(r"lineage-w+\.csv", kept.value.suggested_filename)
    assert len(kept.value.suggested_filename) < 150
