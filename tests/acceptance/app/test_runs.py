"""The screen of runs in a browser: what failed is found, read, made again and seen to succeed; bad input is shown."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from penstock.storage.meta.database.engine import Store, sqlite_url
from penstock.ui.ask import ask_materialize
from penstock.ui.read.commands import commands
from tests.acceptance.app.conftest import App, Visit, until
from tests.acceptance.app.test_away import use

DEFINITIONS = '''
import sys
import time
from pathlib import Path

from penstock import Context, Dataset, asset

raw = Dataset("raw.json")
HERE = Path(__file__).parent


@asset("numbers.json", on=raw, group="numbers")
def numbers(raw: list[int], *, scale: int = 2) -> list[int]:
    """Every number, scaled."""
    print("<b>bold</b> **stars** \\x1b[31mred\\x1b[0m")
    if (HERE / "broken").exists():
        raise ValueError("<script>document.title = 'hurt'</script> no **scale**")
    return [scale * one for one in raw]


@asset("total.json", on=numbers)
def total(numbers: list[int]) -> int:
    """Their sum."""
    return sum(numbers)


@asset("slow.json")
def slow(ctx: Context) -> int:
    """Takes its time."""
    for step in range(600):
        print("step", step, flush=True)
        ctx.progress(step, 600, "<b>steps</b>", "**on** $x$")
        time.sleep(0.1)
    return 1
'''
QUICK = """async () => {
  const named = name => [...document.querySelectorAll("button")].find(one => one.innerText.includes(name))
  named("Materialize").click()
  while (!named("Make it")) await new Promise(requestAnimationFrame)
  named("Make it").click()
}"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A project with one run that failed, and `penstock up` at work on it."""
    app = broken(tmp_path_factory.mktemp("runs"))
    at_work(app)
    yield app
    app.stop()


def broken(folder: Path) -> App:
    """A project in which nothing is made yet, and one run will fail."""
    (folder / "penstock.toml").write_text('project = "numbers"\ndefinitions = ["things"]\n[app]\nport = 0\n')
    (folder / "things.py").write_text(DEFINITIONS)
    (folder / "data").mkdir()
    (folder / "data" / "raw.json").write_text("[1, 2, 3]")
    (folder / "broken").touch()
    return App(folder)


def at_work(app: App) -> None:
    """The run has failed, and `penstock up` serves the app."""
    app.try_penstock("materialize", "total")
    app.start()
    started(app)


def started(app: App) -> None:
    """The app has been started by a first visit."""

    def answers() -> bool:
        with suppress(OSError), urlopen(f"{app.address}/_stcore/health", timeout=5) as said:
            return said.read() == b"ok"
        return False

    until(answers)


def test_a_failed_run_is_read_retried_and_followed(project: App, visit: Callable[..., Visit]) -> None:
    """It is found by its state, tells why it failed, is made again, succeeds, and leads to what it made and read."""
    retried(project, visit())


@pytest.mark.databases("postgresql")
def test_a_failed_run_is_retried_where_the_history_is_on_a_server(
    tmp_path: Path, databases: Any, visit: Callable[..., Visit]
) -> None:
    """The same with PostgreSQL as the metadata store."""
    app = broken(tmp_path)
    use(app, databases.fresh(prepared=False))
    at_work(app)
    try:
        retried(app, visit(), "postgresql-")
    finally:
        app.stop()


def retried(project: App, here: Visit, of: str = "") -> None:
    """The story of the run that failed, with screenshots of what is seen; `of` begins their names."""
    page = here.open(f"{project.address}/runs?states=failed")
    page.get_by_text("1 run ").first.wait_for()
    here.look(f"{of}runs-failed")
    page.locator(".rows .one").first.click()
    page.wait_for_url(re.compile(r"run=[0-9a-f-]{36}"))
    page.get_by_text("Where it was raised").wait_for()
    expect(page.get_by_text("<script>document.title").first).to_be_visible()
    expect(page.get_by_text("<b>bold</b> **stars** red").first).to_be_visible()
    here.look(f"{of}run-failed")
    (project.folder / "broken").unlink(missing_ok=True)
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("link", name=re.compile("run [0-9a-f]{8}")).first.wait_for()
    here.look(f"{of}run-retried")
    link = page.get_by_role("link", name=re.compile("run [0-9a-f]{8}")).first.get_attribute("href")
    page = here.open(f"{project.address}/runs?run={str(link).rpartition('=')[2]}")
    page.get_by_text("success", exact=True).first.wait_for()
    page.get_by_text("Made", exact=True).wait_for()
    assert page.get_by_role("link", name="its lineage").get_attribute("href") == f"lineage?run={str(link)[-36:]}"
    here.look(f"{of}run-succeeded")
    assert "hurt" not in page.title()


def test_a_bar_of_the_timeline_leads_to_its_run(project: App, visit: Callable[..., Visit]) -> None:
    """The red one to the run that failed, whatever else was at work."""
    (failed,) = json.loads(project.penstock("runs", "--state", "failed", "--json"))["runs"]
    (project.folder / "broken").unlink(missing_ok=True)
    project.penstock("rerun", failed["id"])
    page = visit().open(f"{project.address}/runs")
    page.get_by_text("Click a run").wait_for()
    bars = page.get_by_test_id("stVegaLiteChart").locator("path[aria-roledescription=bar]")
    expect(bars.and_(page.locator("[aria-label*='state: success']")).first).to_be_visible()
    bars.and_(page.locator("[aria-label*='state: failed']")).click()
    page.wait_for_url(re.compile(f"run={failed['id']}"))
    page.get_by_text("Where it was raised").wait_for()


def test_a_run_at_work_is_followed_and_canceled(project: App, visit: Callable[..., Visit]) -> None:
    """Its log and progress come by themselves, and `Cancel` ends it; then nothing is asked again."""
    here = visit()
    with closing(Store(sqlite_url(project.folder / ".penstock" / "penstock.db"), project="numbers")) as store:
        ask_materialize(store, "slow")
    found = until(lambda: re.search(r'"id": "([0-9a-f-]{36})"', project.penstock("runs", "--asset", "slow", "--json")))
    page = here.open(f"{project.address}/runs?run={found[1]}")
    page.get_by_text(re.compile(r"step \d+")).first.wait_for()
    until(lambda: page.get_by_text("of 600 <b>steps</b> **on** $x$").count())
    here.look("run-at-work")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel it").click()
    page.get_by_test_id("stPopoverBody").wait_for(state="hidden")
    page.get_by_text("canceled", exact=True).first.wait_for()
    here.look("run-canceled")


def asked(project: App, about: str) -> int:
    """How often something was asked for with a button."""
    with closing(Store(sqlite_url(project.folder / ".penstock" / "penstock.db"), project="numbers")) as store:
        return len(commands(store, about=about).items)


@pytest.mark.parametrize("delay", [0, 60])
def test_a_double_click_asks_once(project: App, visit: Callable[..., Visit], delay: int) -> None:
    """Of an asset and of a run; who clicks again later asks again."""
    before = asked(project, "numbers")
    page = visit().open(f"{project.address}/assets?asset=numbers")
    for more in (1, 2):
        page.get_by_role("button", name="Materialize").click()
        page.get_by_role("button", name="Make it").dblclick(delay=delay)
        expect(page.get_by_test_id("stPopoverBody")).to_be_hidden()
        until(lambda: asked(project, "numbers") > before + more - 1)  # noqa: B023  awaited here
        page.wait_for_timeout(4000)
        assert asked(project, "numbers") == before + more
    found = re.search(r'"id": "([0-9a-f-]{36})"', project.penstock("runs", "--asset", "numbers", "--json"))
    assert found is not None
    page.goto(f"{project.address}/runs?run={found[1]}")
    before = asked(project, found[1])
    page.get_by_role("button", name=re.compile("Run again|Retry")).dblclick(delay=delay)
    until(lambda: asked(project, found[1]) > before)
    page.wait_for_timeout(4000)
    assert asked(project, found[1]) == before + 1


def test_a_popover_closes_also_for_who_is_quick(project: App, visit: Callable[..., Visit]) -> None:
    """What is asked for in it before the browser has heard from the server that it is open."""
    page = visit().open(f"{project.address}/assets?asset=numbers")
    for _ in range(5):  # which of the two the server answers first is a matter of milliseconds
        before = asked(project, "numbers")
        page.get_by_role("button", name="Materialize").wait_for()
        page.evaluate(QUICK)
        until(lambda: asked(project, "numbers") > before)  # noqa: B023  awaited here
        expect(page.get_by_test_id("stPopoverBody")).to_be_hidden(timeout=20_000)
        page.wait_for_timeout(3500)  # who asks for the same at once has asked once


def test_a_run_tells_its_code_and_what_penstock_says(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The commit and the repository, words apart, and that the code was another; commands in an error as such."""
    app = App(tmp_path)
    (tmp_path / "penstock.toml").write_text('project = "told"\ndefinitions = ["things"]\n[app]\nport = 0\n')
    (tmp_path / "things.py").write_text(DEFINITIONS)
    (tmp_path / "data").mkdir()
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    for words in (
        ("init", "--quiet"), ("remote", "add", "origin", "https://host.example/repo"), ("add", "things.py"),
        (*who, "commit", "--quiet", "--message", "first"),
    ):  # fmt: skip
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "things.py").write_text(DEFINITIONS.replace("scale: int = 2", "scale: int = 3"))
    for numbers in ("[1]", "[2]"):
        (tmp_path / "data" / "raw.json").write_text(numbers)
        app.penstock("materialize", "numbers")
    made = json.loads(app.penstock("runs", "--asset", "numbers", "--json"))["runs"]
    app.try_penstock("rerun", made[-1]["id"])
    [failed] = json.loads(app.penstock("runs", "--state", "failed", "--json"))["runs"]
    app.start("ui", "--no-browser")
    try:
        here = visit()
        page = here.open(f"{app.address}/runs?run={failed['id']}")
        page.get_by_role("alert").locator("code", has_text="penstock materialize").first.wait_for()
        here.look("run-moved")
        page = here.open(f"{app.address}/runs?run={made[-1]['id']}")
        page.get_by_text(
            re.compile(r"things\.py at commit [0-9a-f]{12}-dirty of https://host\.example/repo")
        ).wait_for()
    finally:
        app.stop()


def test_runs_are_looked_for_by_the_address(project: App, visit: Callable[..., Visit]) -> None:
    """What is looked for survives a reload; what is not there is told, with what to do."""
    here = visit(390, dark=True)
    page = here.open(f"{project.address}/runs")
    page.get_by_text("Click a run").wait_for()
    here.look("runs-390-dark")
    page = here.open(f"{project.address}/runs?asset=nobody&since=day")
    page.get_by_text("No run is like that").wait_for()
    page.reload()
    page.get_by_text("No run is like that").wait_for()
    page = here.open(f"{project.address}/runs?run=%3Cb%3Enone")
    page.get_by_text("There is no run").wait_for()
    here.look("run-unknown-390")
    page = here.open(f"{project.address}/runs?says=no%20**scale**")
    page.get_by_text("1 run ").first.wait_for()


def test_the_runs_of_an_example_are_readable(rag_docs: App, visit: Callable[..., Visit]) -> None:
    """Timeline and table at both widths, light and dark."""
    started(rag_docs)
    for width, dark in ((1280, False), (390, True)):
        here = visit(width, dark=dark)
        page = here.open(f"{rag_docs.address}/runs")
        page.get_by_text("Click a run").wait_for()
        here.look(f"runs-{width}")
    found = re.search(r'"id": "([0-9a-f-]{36})"', rag_docs.penstock("runs", "--state", "success", "--json"))
    assert found is not None
    page = here.open(f"{rag_docs.address}/runs?run={found[1]}")
    page.get_by_text("Made", exact=True).wait_for()
    here.look("run-390")
