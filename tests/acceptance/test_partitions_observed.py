"""Partitions that others write: looked at in one listing, each with versions of its own, and news for who waits."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Daily, Dataset, Definitions, Dynamic, Partition, Static, Version, asset, why
from penstock.assets.run.api import prepared
from penstock.assets.run.explaining.of_partition import why_partition
from penstock.assets.run.project.project import open_store
from penstock.storage.settings import read_settings
from penstock.ui.read.partitions import PartitionState, partitions

pytestmark = pytest.mark.databases("sqlite", "postgresql")

DAYS = Daily(start="2026-01-01", end="2026-02-01")
LONG_AGO = 1_600_000_000
logs = Dataset("logs/date={day}/part.csv", partitions=DAYS, name="logs")


@asset("sums/{day}.json", partitions=DAYS, on=logs)
def sums(logs: pl.DataFrame, day: Partition) -> list[Any]:
    """The sum of a day."""
    return [day.key, logs["n"].sum()]


@asset("total.json", on=logs)
def total(logs: pl.DataFrame) -> int:
    """The sum of all that is there."""
    return logs["n"].sum()


def write(lab: Any, day: int, n: int) -> Path:
    """Somebody writes the part of a day, a while ago."""
    path = lab.write(f"logs/date=2026-01-{day:02}/part.csv", f"n\n{n}\n")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@contextmanager
def audited(*events: str) -> Iterator[list[tuple[str, str]]]:
    """What this process asked of the file system inside: the audit events of these names, and their paths."""
    found: list[tuple[str, str]] = []
    listening = True

    def hear(event: str, arguments: tuple[Any, ...]) -> None:  # a hook stays until the process ends
        if listening and event in events:
            found.append((event, str(arguments[0])))

    sys.addaudithook(hear)
    try:
        yield found
    finally:
        listening = False


def looked(result: Any) -> str:
    """What was found at the one dataset."""
    (one,) = result.looked
    return one.news


def keys(result: Any, name: str = "sums") -> dict[str, str]:
    """What became of each partition, in a word."""
    return {
        one.partition: str(one.state or one.reason.kind)
        for one in result.outcomes
        if one.partition and one.asset == name
    }


def test_news_of_a_partition_makes_what_reads_it(lab: Any) -> None:
    """New, overwritten, touched, vanished, come back: each concerns its own day, and the rest is left alone."""
    for day in (1, 2, 3):
        write(lab, day, day)
    result = lab.make(sums, total)
    assert looked(result) == "3 new"
    assert keys(result) == {f"2026-01-0{day}": "success" for day in (1, 2, 3)}
    assert json.loads(lab.read("sums/2026-01-02.json")) == ["2026-01-02", 2]
    assert lab.read("total.json") == "6\n"
    assert looked(lab.make(sums, total)) == "unchanged"
    second = write(lab, 2, 20)
    write(lab, 4, 4)
    result = lab.make(sums, total)
    assert (looked(result), keys(result)) == ("1 new, 1 changed", {"2026-01-02": "success", "2026-01-04": "success"})
    assert lab.read("total.json") == "28\n"
    os.utime(second, (1, 1))
    result = lab.make(sums, total)
    assert (looked(result), keys(result)) == ("unchanged", {})
    second.unlink()
    result = lab.make(sums, total, partitions="2026-01-02")
    assert (looked(result), keys(result)) == ("1 removed", {"2026-01-02": "no_version"})
    write(lab, 2, 20)
    result = lab.make(sums, total)
    assert looked(result) == "1 new"
    assert lab.events("logs") == ["changed"] * 5 + ["removed", "changed"]


def test_the_ranges_follow_what_is_gone(lab: Any) -> None:
    """One in the middle, one at an end, the last of all."""
    paths = {day: write(lab, day, day) for day in range(1, 6)}
    lab.make(sums)
    query = """
        SELECT keys FROM partition_ranges r JOIN datasets d ON d.id = r.dataset_id WHERE d.name = 'logs' ORDER BY start
    """
    found = [lab.rows(query)]
    with open_store(read_settings(lab.folder, **lab.places)) as store:
        told = partitions(store, "logs")
    assert (told.asset, told.counts[PartitionState.MADE], told.stretches[0].last) == (None, 5, "2026-01-05")
    for gone in ((3,), (1,), (2, 4, 5)):
        for day in gone:
            paths[day].unlink()
        lab.make(sums)
        found.append(lab.rows(query))
    assert found == [[(5,)], [(2,), (2,)], [(1,), (2,)], []]


def test_partitions_that_are_asked_for_read_what_lies_there(lab: Any) -> None:
    """Pinned; without a condition nothing else is made; a day that is not there is named."""
    by_hand = asset("sums/{day}.json", partitions=DAYS, name="sums")(sums.function)
    for day in (1, 2):
        write(lab, day, day)
    result = lab.make(logs, by_hand, partitions="2026-01-02..2026-01-03")
    assert keys(result) == {"2026-01-02": "success", "2026-01-03": "no_version"}
    assert "logs 2026-01-03" in result["sums", "2026-01-03"].reason.text
    assert lab.rows("SELECT partition FROM pins") == [("2026-01-02",)]


def test_what_is_no_partition_is_told_and_not_fatal(lab: Any) -> None:
    """A path that no key is written as, a day outside of the definition; half-written files and later days are none."""
    write(lab, 1, 1)
    for name in ("date=yesterday/part.csv", "date=2025-12-31/part.csv", "date=2026-01-02/part.csv.tmp", "readme.md"):
        lab.write(f"logs/{name}", "n\n1\n")
    result = lab.make(sums)
    assert result.ok
    assert looked(result) == (
        "1 new; 2 paths are no partitions of it: logs/date=2025-12-31/part.csv ('2025-12-31' is not in daily in UTC, "
        "which begins with 2026-01-01), logs/date=yesterday/part.csv (no key is written so)"
    )
    assert keys(result) == {"2026-01-01": "success"}


def test_one_that_cannot_be_looked_at_or_read_concerns_its_readers_alone(lab: Any) -> None:
    """A folder where a file should be has no version, and holds its day back; a torn file fails its own run."""
    torn = asset("sums/{day}.json", partitions=DAYS, on=logs, name="sums")(sums.function)
    for day in (1, 2):
        write(lab, day, day)
    (lab.data / "logs/date=2026-01-02/part.csv").unlink()
    (lab.data / "logs/date=2026-01-02/part.csv").mkdir()
    (lab.data / "logs/date=2026-01-03").mkdir()
    (lab.data / "logs/date=2026-01-03/part.csv").write_bytes(b'n\n"\xff\xfe')
    result = lab.make(torn, partitions="2026-01-01..2026-01-03")
    (one,) = result.looked
    assert one.news == "2 new; 1 could not be looked at: 2026-01-02"
    assert "it is a folder" in one.error
    assert keys(result) == {"2026-01-01": "success", "2026-01-02": "upstream_failed", "2026-01-03": "failed"}
    assert "logs 2026-01-03" in result["sums", "2026-01-03"].error["message"]


def test_what_cannot_be_looked_at_holds_its_readers_back_in_every_answer(lab: Any) -> None:
    """An asset that reads every key is held for the one that is unreadable, and so is the partition that reads it: by
    `plan`, a dry run, `why`, and a materialization, of it or of something else that is looked at for it."""
    write(lab, 1, 1)
    write(lab, 2, 2)
    assert lab.make(sums, total).ok
    write(lab, 1, 10)
    (lab.data / "logs/date=2026-01-02/part.csv").unlink()
    (lab.data / "logs/date=2026-01-02/part.csv").mkdir()
    things, said = [sums, total], "upstream failed: logs 2026-01-02"
    planned = {one.asset: one for one in lab.outlook(*things).assets if not one.partition}
    assert (planned["total"].outcome, planned["total"].reason.text) == ("hold", said)
    assert lab.foresee(*things, select=("total",))["total"].reason.text == said
    assert why(things, "total", project_folder=lab.folder, **lab.places).reason.text == said
    of_day = why_partition(*prepared(Definitions(*things), lab.folder, lab.places), "sums", "2026-01-02")
    assert of_day.decision == "hold"
    assert any("it is a folder" in note for note in of_day.notes)
    made = lab.make(*things, select="sums")
    assert keys(made, "sums") == {"2026-01-01": "success"}
    assert made["total"].reason.text == said
    found = why(things, "total", project_folder=lab.folder, **lab.places)
    assert (found.decision, found.reason.text) == ("hold", said)
    assert lab.make(*things, select="total")["total"].reason.text == said


def test_before_the_first_look_every_answer_counts_what_is_there(lab: Any) -> None:
    """`why` of an asset and of a partition says what `plan` says, with a path that nobody can look at and without;
    nothing is recorded by it."""
    write(lab, 1, 1)
    write(lab, 2, 2)
    bad = lab.data / "logs/date=2026-01-02/part.csv"
    bad.unlink()
    bad.mkdir()
    things = [sums, total]
    known = prepared(Definitions(*things), lab.folder, lab.places)

    def answers() -> list[tuple[str, str]]:
        planned = {one.asset: one for one in lab.outlook(*things).assets if one.partition in ("", "2026-01-01")}
        asked = why(things, "total", project_folder=lab.folder, **lab.places)
        day = why_partition(*known, "sums", "2026-01-01")
        assert (planned["total"].outcome, planned["total"].reason.text) == (asked.decision, asked.reason.text)
        assert (planned["sums"].outcome, planned["sums"].reason.text) == (day.decision, day.reason.text)
        return [(asked.decision, asked.reason.text), (day.decision, day.reason.text)]

    new = ("run", "input changed (logs) and first build")
    assert answers() == [("hold", "upstream failed: logs 2026-01-02"), new]
    bad.rmdir()
    assert answers() == [new, new]
    assert not (lab.folder / "home" / "penstock.db").exists() or lab.rows("SELECT count(*) FROM events") == [(0,)]


def test_a_partition_that_moves_while_it_is_read_is_read_anew(lab: Any) -> None:
    """Nothing is published of what was torn apart; the same run of the wave reads the new one."""
    write(lab, 1, 1)
    times: list[int] = []

    @asset("sums/{day}.json", partitions=DAYS, on=logs)
    def moving(logs: pl.LazyFrame) -> int:
        times.append(1)
        if len(times) == 1:
            write(lab, 1, 100)
        return logs.collect()["n"].sum()

    assert lab.make(moving).ok
    assert (lab.read("sums/2026-01-01.json"), len(times)) == ("100\n", 2)


def test_a_partition_is_kept_where_it_is_to_be(lab: Any) -> None:
    """`capture="copy"`: its version is held."""
    kept = Dataset("logs/date={day}/part.csv", partitions=DAYS, name="logs", capture="copy")
    write(lab, 1, 7)

    @asset("where/{day}.txt", partitions=DAYS, on=kept)
    def where(logs: Path) -> str:
        return f"{'kept' if '.penstock/objects' in str(logs) else 'in place'}"

    assert lab.make(where).ok
    assert lab.read("where/2026-01-01.txt") == "kept"
    assert looked(lab.make(where)) == "unchanged"


def test_a_product_has_a_path_for_each(lab: Any) -> None:
    """Folders of files by day and region; the files of one are one version; regions that appear are there."""
    parts = Daily(start="2026-01-01", end="2026-02-01") * Static("eu", "us", name="region") * Dynamic(name="shop")
    raw = Dataset("raw/{region}/{day}/{shop}/", partitions=parts, name="raw")
    for path in ("eu/2026-01-01/a", "us/2026-01-01/a", "us/2026-01-02/b", "asia/2026-01-01/a"):
        lab.write(f"raw/{path}/one.txt", "1")
    lab.write("raw/eu/2026-01-01/a/deep/two.txt", "2")

    @asset("count/{region}/{day}/{shop}.json", partitions=parts, on=raw)
    def count(raw: Path) -> int:
        return sum(path.is_file() for path in raw.rglob("*"))

    result = lab.make(count)
    assert looked(result) == "3 new; 1 path is no partition of it: raw/asia/2026-01-01/a/ ('asia' is no key of region)"
    assert keys(result, "count") == dict.fromkeys(("2026-01-01|eu|a", "2026-01-01|us|a", "2026-01-02|us|b"), "success")
    assert lab.read("count/eu/2026-01-01/a.json") == "2\n"
    (lab.data / "raw/eu/2026-01-01/a/one.txt").unlink()
    result = lab.make(count)
    assert (looked(result).partition(";")[0], keys(result, "count")) == ("1 changed", {"2026-01-01|eu|a": "success"})


def test_a_look_that_writes_nothing_tells_the_same(lab: Any) -> None:
    """A preview looks and records nothing."""
    write(lab, 1, 1)
    lab.make(sums)
    write(lab, 1, 2)
    before = lab.dump()
    lab.foresee_all(sums)
    assert lab.dump() == before


@pytest.mark.databases("sqlite")
def test_thousands_of_keys_are_one_listing(lab: Any) -> None:
    """Each is recorded once; a second look lists the folder once, opens none of them and records nothing."""
    many = Static(*(f"k{number:05}" for number in range(3_000)), name="key")
    raw = Dataset("raw/{key}.txt", partitions=many, name="raw")
    (lab.data / "raw").mkdir()
    for number in range(3_000):
        path = lab.data / "raw" / f"k{number:05}.txt"
        path.write_text(str(number))
        os.utime(path, (LONG_AGO, LONG_AGO))

    @asset("one/{key}.txt", partitions=many)
    def one(raw: str) -> str:
        return raw

    assert looked(lab.make(raw, one, partitions="k00007")) == "3000 new"
    assert lab.read("one/k00007.txt") == "7"
    time.sleep(2.1)  # until what was written is old enough for its time to be trusted
    lab.make(raw, one, partitions="k00007")
    folder = str(lab.data / "raw")
    with audited("os.scandir", "os.listdir", "open") as asked:
        assert looked(lab.make(raw, one, partitions="k00007")) == "unchanged"
    assert [event for event, path in asked if path.startswith(folder)] in (["os.scandir"], ["os.listdir"])


def test_why_a_path_is_no_partition_is_told_one_by_one(lab: Any) -> None:
    """Where a key that an event may tell of would lie, what is wrong with one, and what else than data lies there: the
    first hundred, and how many there are; `why` names what holds the reader back, with the next step."""
    of = Dataset("of/{name}.json", partitions=Dynamic(name="name"), name="of")
    folders = Dataset("folders/{name}/", partitions=Dynamic(name="name"), name="folders")
    for name in ("100%", "100%25", "a,b", *(f"{number};" for number in range(200))):
        lab.write(f"of/{name}.json", "1")
    lab.write("folders/plain", "1")
    (lab.data / "of/lost.json").symlink_to(lab.data / "nowhere")

    @asset("sum.json", on=of & folders)
    def total(of: dict[str, int], folders: Version) -> int:
        return len(of)

    result = lab.make(total)
    one, other = sorted(result.looked, key=lambda one: one.name, reverse=True)
    told = {strange.path: strange.why for strange in one.strange}
    assert told["of/100%.json"] == "the key '100%' lies at of/100%25.json"
    assert "0;" in told["of/0;.json"]
    assert (len(told), one.strange_count) == (100, 203)
    assert "1 new; 203 paths are no partitions of it: " in one.news
    assert [(strange.path, strange.why) for strange in other.strange] == [
        ("folders/plain/", "it is a file, and a folder is expected")
    ]
    for number in range(200):
        (lab.data / f"of/{number};.json").unlink()
    (lab.data / "of/torn.json").mkdir()
    found = why([total], total, project_folder=lab.folder, **lab.places)
    said = next(note for note in found.notes if note.startswith("of, "))
    assert "1 could not be looked at: torn" in said
    assert "it is a folder; a slash at the end of a URI marks a directory" in said
    assert "of/lost.json (it is a link to what is not there)" in said


def test_an_earlier_time_is_answered_for_the_asset_as_a_whole(lab: Any) -> None:
    """Of one that has partitions, or reads some, dynamic ones too, with a word that none counts as made then."""
    appearing = Dynamic(name="c")
    cust = Dataset("cust/{c}.json", partitions=appearing)

    @asset("per/{c}.json", partitions=appearing, on=cust)
    def per(cust: int, c: Partition) -> int:
        return cust

    write(lab, 1, 1)
    lab.write("cust/x.json", "1")
    assert lab.make(sums, total, per).ok
    for name in ("sums", "total", "per"):
        found = why([sums, total, per], name, at=datetime.now(UTC), project_folder=lab.folder, **lab.places)
        assert (found.then, found.decision) == (True, "hold")
        assert "Which partitions were made then is not looked up: none counts as made." in found.notes
