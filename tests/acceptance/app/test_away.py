"""The database goes away while the app is open, or is not the one that it knew: the page says so, with what to do, and
goes on by itself where it was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.acceptance.app.conftest import until

if TYPE_CHECKING:
    from .conftest import App, Visit

    Open = Callable[..., Visit]

ONE = """
from penstock import asset

@asset("one.json")
def one() -> list:
    "A list."
    return [1]
"""
OTHER = """

@asset("other.json")
def other() -> list:
    return [2]
"""


@pytest.fixture
def single(tmp_path: Path, copied: Callable[[Path], App]) -> Iterator[App]:
    """A project of one asset; nothing is made, nothing is served yet."""
    app = copied(tmp_path / "single")
    (app.folder / "pipeline.py").write_text(ONE)
    yield app
    app.stop()


@contextmanager
def moved(folder: Path) -> Iterator[None]:
    """The home of a project lies elsewhere."""
    (folder / ".penstock").rename(folder / "elsewhere")
    yield
    (folder / "elsewhere").rename(folder / ".penstock")


def use(app: App, database: str) -> None:
    """The project keeps its history there."""
    settings = app.folder / "penstock.toml"
    settings.write_text(f"database = {json.dumps(database)}\n{settings.read_text()}")


@pytest.mark.databases("sqlite", "postgresql")
def test_every_page_says_so_and_goes_on(
    single: App, databases: Any, visit: Open, request: pytest.FixtureRequest
) -> None:
    """What draws itself anew says it within seconds, the rest when it is asked; all are drawn again when it is back,
    each at its own address."""
    served = databases.kind == "postgresql"
    if served:
        use(single, databases.fresh(prepared=False))
    single.penstock("materialize")
    (run,) = json.loads(single.penstock("runs", "--json"))["runs"]
    single.start("ui", "--no-browser")
    pages = {
        "/assets?asset=one&view=Source": "A list.",
        "/runs": "Click a run",
        f"/runs?run={run['id']}": "Attempts",
        "/lineage?version=one": "What went into it",
    }
    seen = {path: visit() for path in pages}
    for path, shows in pages.items():
        expect(seen[path].open(f"{single.address}{path}").get_by_text(shows).first).to_be_visible()
        seen[path].look(f"{databases.kind}-{path.strip('/').partition('=')[0].replace('?', '-')}")
    said = "cannot be used" if served else "has no database yet"
    with request.getfixturevalue("postgres").away() if served else moved(single.folder):
        seen["/lineage?version=one"].page.reload()
        for number, (path, one) in enumerate(seen.items()):
            expect(one.page.get_by_text(said).first).to_be_visible()
            expect(one.page.get_by_text("It is tried again")).to_be_visible()
            expect(one.page.get_by_role("link", name="Lineage")).to_be_visible()
            one.look(f"away-{databases.kind}-{number}")
            assert one.page.url == f"{single.address}{path}"
    for path, shows in pages.items():
        expect(seen[path].page.get_by_text(shows).first).to_be_visible()
        assert seen[path].page.url == f"{single.address}{path}"
    assert "Traceback" not in single.output.read_text()


@pytest.mark.databases("sqlite", "postgresql")
def test_what_is_recorded_later_is_shown(single: App, databases: Any, visit: Open) -> None:
    """An app that was opened before the tables were there shows the project once they are; nobody touches it."""
    if databases.kind == "postgresql":
        use(single, databases.fresh(prepared=False))
    single.start("ui", "--no-browser")
    page = visit().open(f"{single.address}/runs?asset=one")
    expect(page.get_by_text("has no database yet")).to_be_visible()
    expect(page.get_by_text("penstock up")).to_be_visible()
    single.penstock("materialize")
    expect(page.get_by_text("Click a run")).to_be_visible()
    assert page.url == f"{single.address}/runs?asset=one"


def test_another_file_in_its_place_is_read(single: App, visit: Open) -> None:
    """A database that was restored is shown, not the one that was opened."""
    single.penstock("materialize")
    home = single.folder / ".penstock"
    home.rename(single.folder / "backup")
    (single.folder / "pipeline.py").write_text(ONE + OTHER)
    single.penstock("materialize")
    single.start("ui", "--no-browser")
    page = visit().open(single.address)
    expect(page.get_by_text("2 assets")).to_be_visible()
    home.rename(single.folder / "lost")
    (single.folder / "backup").rename(home)

    def is_restored() -> bool:
        page.reload()
        page.get_by_text("asset", exact=False).first.wait_for()
        return page.get_by_text("1 asset").count() == 1

    until(is_restored)


@pytest.mark.parametrize(
    ("form", "said", "step"),
    [("0001", "this penstock needs", "penstock db upgrade"), ("9999", "newer than", "upgrade penstock")],
)
def test_another_form_is_told(single: App, visit: Open, form: str, said: str, step: str) -> None:
    """A database that another penstock wrote is not read; once it has the right form the page goes on."""
    single.penstock("materialize")
    database = sqlite3.connect(single.folder / ".penstock" / "penstock.db", isolation_level=None)
    (known,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    database.execute("UPDATE alembic_version SET version_num = ?", (form,))
    single.start("ui", "--no-browser")
    seen = visit(390)
    page = seen.open(f"{single.address}/lineage?version=one")
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_text(step)).to_be_visible()
    seen.look(f"form-{form}")
    database.execute("UPDATE alembic_version SET version_num = ?", (known,))
    expect(page.get_by_text("What went into it")).to_be_visible()
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_text("Click a run")).to_be_visible()
    database.execute("UPDATE alembic_version SET version_num = ?", (form,))  # while the page is open
    expect(page.get_by_text(said)).to_be_visible()
    database.execute("UPDATE alembic_version SET version_num = ?", (known,))
    database.close()
    expect(page.get_by_text("Click a run")).to_be_visible()
