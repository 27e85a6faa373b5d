"""What the screen of assets asks of the store: the outline of a graph, one asset, why it waits, and its data."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread
from threading import enumerate as enumerate_threads
from time import monotonic, sleep
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine, event
from sqlalchemy import text as text_of

from penstock import Context, Cron, Dataset, Partition, Skip, Static, asset, materialize, pause, resume
from penstock.storage.errors import StorageFault, UsageError
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import ProjectSettings, read_settings
from penstock.storage.types import EventKind
from penstock.ui.app.graphs.part import MOST, around, by_groups, of_assets
from penstock.ui.app.outlined import _KEPT, outlined, read_ahead
from penstock.ui.read.assets import asset_named
from penstock.ui.read.broken import failures
from penstock.ui.read.outline import Outline, Spot, outline, outline_at
from penstock.ui.read.sample import sample
from penstock.ui.read.store import now_of, opened
from penstock.ui.read.tracing import trace
from penstock.ui.read.versions import metadata_of, numbered, own_metadata, versions
from penstock.ui.read.why import why_registered

pytestmark = pytest.mark.databases("sqlite", "postgresql")

raw = Dataset("raw.csv")


@asset("table.parquet", on=raw, group="first", tags=["fast"], owners=["team:kb"])
def table(raw: pl.LazyFrame) -> pl.LazyFrame:
    """All of it."""
    return raw


@asset("text.md", on=table | Cron("0 3 * * *"), group="second")
def text(table: pl.DataFrame) -> str:
    """A text."""
    return "# é\n" * 9000


THINGS = [table, text]


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> ProjectSettings:
    """The project, made once."""
    (tmp_path / "penstock.toml").write_text(f'project = "seen"\ndatabase = "{databases.fresh()}"\n')
    (tmp_path / "data").mkdir()
    pl.DataFrame({"a": range(80), "b": ["x"] * 80}).write_csv(tmp_path / "data" / "raw.csv")
    materialize(THINGS, project_folder=tmp_path)
    return read_settings(tmp_path)


def test_the_outline_says_what_reads_what_and_how_it_stands(site: ProjectSettings) -> None:
    """Assets with what they read, foreign datasets apart; an outline from before is brought up to date."""
    with opened(site) as store:
        found = outline(store)
        assert found.assets["table"].reads == ("raw",)
        assert found.assets["text"].reads == ("table",)
        assert found.foreign == {"raw": "raw.csv"}
        assert found.readers == {"raw": ("table",), "table": ("text",)}
        assert (found.assets["table"].group, found.assets["table"].tags) == ("first", ("fast",))
        assert {one.state for one in found.assets.values()} == {"success"}
        pause("text", why="tried", project_folder=site.folder)
        later = outline(store, found)
        assert outline(store, later) is later  # nobody has committed anything since
        assert later.stamp == found.stamp
        assert later.assets["text"].state == "paused"
        assert later.assets["table"] is found.assets["table"]
        materialize([table], project_folder=site.folder)
        fewer = outline(store, later)
        assert fewer.stamp != found.stamp
        assert fewer.assets.keys() == {"table"}


def test_what_is_skipped_is_up_to_date_once_it_was_made(site: ProjectSettings) -> None:
    """A run that finds nothing to do leaves an asset up to date; of one that was never made it tells that it was
    skipped."""

    @asset("none.json")
    def none() -> int:
        raise Skip("nothing there yet")

    materialize([*THINGS, none], project_folder=site.folder)
    with opened(site) as store:
        found = {name: one.state for name, one in outline(store).assets.items()}
    assert found == {"table": "up to date", "text": "up to date", "none": "skipped"}


def test_an_asset_of_which_partitions_failed_stands_so_until_they_are_made(site: ProjectSettings) -> None:
    """Whichever partition the newest run was of; and how many failed is told of it."""
    bad = {"b"}

    @asset("of/{name}.json", partitions=Static("a", "b", "c", name="name"))
    def part(key: Partition) -> str:
        if key.key in bad:
            raise ValueError("bad")
        return key.key

    def stands(before: Outline | None, keys: str) -> Outline:
        materialize([part], partitions=keys, project_folder=site.folder)
        return outline(store, before)

    with opened(site) as store:
        found = stands(stands(None, "a,b"), "c")
        assert (found.assets["part"].state, found.assets["part"].broken) == ("failed", True)
        assert failures(store, "part") == 1
        bad.clear()
        found = stands(found, "b")
        assert (found.assets["part"].state, found.assets["part"].broken) == ("success", False)
        assert failures(store, "part") == 0


def test_the_outline_is_kept_for_two_seconds(site: ProjectSettings) -> None:
    """Read before anybody asks, it is the same for all who do within two seconds; later it has what is new."""
    read_ahead(site)
    pause("text", why="tried", project_folder=site.folder)
    with opened(site) as store:
        kept = outlined(store)
        assert kept.assets["text"].state == "success"
        assert outlined(store) is kept
        sleep(2.1)
        later = outlined(store)
        assert later.assets["text"].state == "paused"
        assert later.assets["table"] is kept.assets["table"]


def test_whoever_looks_finds_the_outline_read(site: ProjectSettings) -> None:
    """As long as somebody looks it is read beside, before it is too old; not once its store is closed."""
    with opened(site) as store:
        kept = outlined(store)
        pause("text", why="tried", project_folder=site.folder)
        until(lambda: _KEPT._outline is not kept)
        assert outlined(store).assets["text"].state == "paused"
        assert _keepers()
    until(lambda: not _keepers())


def _keepers() -> list[Thread]:
    return [one for one in enumerate_threads() if one.name == "outline"]


def until(holds: Callable[[], bool]) -> None:
    """It is so within ten seconds."""
    end = monotonic() + 10
    while not holds():
        assert monotonic() < end
        sleep(0.05)


def test_no_outline_is_read_where_there_is_no_database(tmp_path: Path) -> None:
    """An app that is opened before anything was recorded starts, and makes no database by looking for one."""
    (tmp_path / "penstock.toml").write_text('project = "unseen"\n')
    read_ahead(read_settings(tmp_path))
    assert [one.name for one in tmp_path.rglob("*")] == ["penstock.toml"]


def test_the_outline_of_an_earlier_time(site: ProjectSettings) -> None:
    """What was declared then, as it stood: also what is declared no more; before anything was, nothing."""
    with opened(site) as store:
        made = now_of(store)
        pause("text", why="tried", project_folder=site.folder)
        paused = now_of(store)
        resume("text", project_folder=site.folder)
        materialize([table], project_folder=site.folder)
        then = outline_at(store, made)
        assert then.assets["text"].reads == ("table",)
        assert {name: one.state for name, one in then.assets.items()} == {"table": "success", "text": "success"}
        made_at = then.assets["table"].updated_at
        assert made_at is not None
        assert made_at <= made
        assert outline_at(store, paused).assets["text"].state == "paused"
        assert outline_at(store, now_of(store)).assets.keys() == {"table"}
        assert outline_at(store, made - timedelta(days=1)).assets == {}


def test_one_asset_is_found_by_its_name(site: ProjectSettings) -> None:
    """Where it stands, with its definition; another name is told with what is like it."""
    with opened(site) as store:
        line, known = asset_named(store, "table")
        assert (line.name, known.outputs) == ("table", ("table.parquet",))
        with pytest.raises(UsageError, match="there is no asset 'tabel'") as fault:
            asset_named(store, "tabel")
        assert "table" in fault.value.hint


@pytest.mark.databases("sqlite")
def test_why_costs_nothing_for_other_datasets(site: ProjectSettings) -> None:
    """SQLite takes as many steps among thousands of datasets as among three."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    def counted(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(count, 10)

    event.listen(Engine, "connect", counted)
    with opened(site) as store:
        try:
            why_registered(store, site, "text")
            steps = 0
            why_registered(store, site, "text")
            few = steps
            with Store(site.database_url, project=site.project).write() as tx:
                numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                tx.execute(
                    text_of(
                        "INSERT INTO datasets (project, uri, name, declaration, last_number, planned_number) "
                        f"{numbers} SELECT 'seen', 'other' || i || '.csv', 'other' || i, '{{}}', 0, 0 FROM n"
                    )
                )
            steps = 0
            why_registered(store, site, "text")
        finally:
            event.remove(Engine, "connect", counted)
    assert few > 0
    assert steps < 1.2 * few


def test_why_is_answered_from_the_store(site: ProjectSettings) -> None:
    """By the registered definition, with the moment at which time alone changes it."""
    with opened(site) as store:
        found = why_registered(store, site, "text")
        assert (found.then, found.decision) == (False, "hold")
        assert found.condition is not None
        assert found.condition.children[0].label == "table"
        assert found.next_at is not None


def test_why_knows_which_partitions_are_made(tmp_path: Path, databases: Any) -> None:
    """Of an asset with partitions, and of one that reads them; in words that are not those of the command line."""
    (tmp_path / "penstock.toml").write_text(f'project = "seen"\ndatabase = "{databases.fresh()}"\n')

    @asset("part/{key}.json", partitions=Static("a", "b", "c"), on=Cron("0 3 * * *"))
    def part(key: Partition) -> str:
        return key.key

    @asset("whole.json", on=part.all())
    def whole(part: dict[str, str]) -> str:
        return "".join(part.values())

    materialize([part, whole], select="part", partitions="a,b", project_folder=tmp_path)
    site = read_settings(tmp_path)
    with opened(site) as store:
        found = why_registered(store, site, "whole")
        assert (found.decision, found.notes) == ("hold", ())
        assert [one.partitions for one in found.reads] == [2]
        found = why_registered(store, site, "part")
        assert found.reason.text == "waiting for somebody who names its keys, or for its time"
        assert found.notes == ()


def test_the_first_rows_and_the_beginning_of_a_text(site: ProjectSettings) -> None:
    """A table has rows and columns, a text its beginning, cut between characters; bytes that are gone are told."""
    with opened(site) as store:
        newest = {name: versions(store, name).page.items[0].version_id for name in ("table", "text")}
        assert newest["table"] is not None
        assert newest["text"] is not None
        rows = sample(store, site, newest["table"])
        assert rows.frame is not None
        assert rows.frame.shape == (50, 2)
        assert rows.columns == (("a", "Int64"), ("b", "String"))
        words = sample(store, site, newest["text"])
        assert words.cut
        assert words.text is not None
        assert words.text.startswith("# é\n# é")
        with pytest.raises(UsageError, match="no version 999"):
            sample(store, site, 999)
        for one in (site.folder / "data" / ".penstock" / "objects").rglob("*"):
            if one.is_file():
                one.unlink()
        with pytest.raises(StorageFault, match="table"):
            sample(store, site, newest["table"])


def test_what_was_said_of_a_version(site: ProjectSettings) -> None:
    """A version is found by its number, whatever came after it, with what its producer said and not what is counted of
    every version; of the same bytes, published again, what was said each time."""

    @asset("said.json")
    def said(ctx: Context, *, level: float = 0.5, title: str = "first") -> int:
        ctx.metadata(level=level, title=title)
        return round(level)

    for parameters in ({}, {"said.level": 2.5}, {"said.level": 2.25, "said.title": "again"}):
        materialize([said], parameters=parameters, project_folder=site.folder)
    with opened(site) as store:
        first, second, third = (numbered(store, "said", number) for number in (1, 2, 3))
        assert first is not None
        assert second is not None
        assert third is not None
        assert numbered(store, "said", 4) is None
        assert (third.kind, third.version_id) == (EventKind.CONFIRMED, second.version_id)
        assert own_metadata(first.metadata, rows=first.rows, size=first.size) == {"level": 0.5, "title": "first"}
        assert first.version_id is not None
        assert second.version_id is not None
        told = [trace(store, f"said@{number}").roots[0] for number in (1, 2, 3)]
        assert [one["title"] for one in metadata_of(store, told)] == ["first", "first", "again"]
        of = own_metadata({"rows": 7, "size": 0, "files": 0, "host": "here"}, rows=None, size=0)
        assert of == {"rows": 7, "host": "here"}


def drawn(count: int) -> Outline:
    """A chain of so many assets, ten a group."""
    spots = {
        f"a{number:04}": Spot(
            name=f"a{number:04}",
            group=f"g{number // 10}",
            tags=(),
            owners=(),
            description="",
            reads=(f"a{number - 1:04}",) if number else (),
            state="success",
            updated_at=None,
        )
        for number in range(count)
    }
    readers = {f"a{number:04}": (f"a{number + 1:04}",) for number in range(count - 1)}
    return Outline(assets=spots, foreign={}, readers=readers, stamp=())


def test_a_large_graph_is_never_drawn_whole() -> None:
    """Groups, a group, or what lies around an asset; what is left out is counted."""
    known = drawn(3000)
    groups = by_groups(known, tuple(known.assets))
    assert (len(groups.groups), groups.left_out) == (MOST, 300 - MOST)
    some = of_assets(known, list(known.assets))
    assert (len(some.nodes), some.left_out) == (MOST, 3000 - MOST)
    near = around(known, "a1000", 2, 3)
    assert near.nodes == ("a0998", "a0999", "a1000", "a1001", "a1002", "a1003")
    assert len(near.edges) == 5
