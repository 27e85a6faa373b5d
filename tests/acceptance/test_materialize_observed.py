"""Data that others write: looked at when something is materialized, read where it lies or kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from penstock import Context, Dataset, Opaque, Version, asset
from penstock.assets.run.progress import Result

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


@asset("names.json", on=Dataset("folder/"))
def names(folder: Path) -> list[str]:
    """What is in the folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_one_dataset(lab: Lab) -> None:
    """A file that is added, changed, renamed or removed in it is a change; a touched one is none."""
    first = lab.write("folder/a.txt", "a")
    assert lab.make(names).ok
    changed, unchanged = {"names": "success: input changed: folder"}, {"names": "skipped: unchanged"}
    second = lab.write("folder/deep/b.txt", "b")
    assert lab.story(lab.make(names)) == changed
    assert json.loads(lab.read("names.json")) == ["a.txt", "deep/b.txt"]
    first.write_text("c")
    assert lab.story(lab.make(names)) == changed
    second.rename(second.with_name("c.txt"))
    assert lab.story(lab.make(names)) == changed
    first.unlink()
    assert lab.story(lab.make(names)) == changed
    assert json.loads(lab.read("names.json")) == ["deep/c.txt"]
    os.utime(lab.data / "folder" / "deep" / "c.txt", ns=(1, 1))
    assert lab.story(lab.make(names)) == unchanged


def test_half_written_and_hidden_files_do_not_count(lab: Lab) -> None:
    """Names that others use while they write, and what begins with a dot."""
    lab.write("folder/a.txt", "a")
    assert lab.make(names).ok
    for name in (".hidden", "b.txt.tmp", "b.txt.part", "b.txt~", ".cache/c.txt"):
        lab.write(f"folder/{name}", "x")
    assert lab.story(lab.make(names)) == {"names": "skipped: unchanged"}


def test_an_empty_folder_is_nothing(lab: Lab) -> None:
    """As on a store, which has no folders."""
    (lab.data / "folder").mkdir()
    assert lab.story(lab.make(names)) == {"names": "held: input has no version: folder"}


def test_what_was_looked_at_is_told(lab: Lab) -> None:
    """New, unchanged, changed, removed, not there: each in its word."""

    def news(result: Result) -> str:
        (one,) = result.looked
        return one.news

    told = [news(lab.make(names))]
    path = lab.write("folder/a.txt", "a")
    told += [news(lab.make(names)), news(lab.make(names))]
    path.write_text("b")
    told += [news(lab.make(names))]
    path.unlink()
    told += [news(lab.make(names)), news(lab.make(names))]
    assert told == ["not there", "new", "unchanged", "changed", "removed", "not there"]


def test_observed_data_can_be_kept(lab: Lab) -> None:
    """`capture="copy"`: a consumer reads the copy, whatever has become of the file since it was looked at."""
    path = lab.write("raw.txt", "first")
    raw = Dataset("raw.txt", capture="copy")

    @asset("forger.json", on=raw)
    def forger(raw: str, ctx: Context) -> Opaque:
        path.write_text("second")
        return Opaque(version=raw)

    @asset("reader.txt", on=forger)
    def reader(raw: Path) -> Path:
        assert ".penstock/objects" in str(raw)
        return raw

    result = lab.make(forger, reader)
    assert result.ok, [one.error for one in result.outcomes]
    assert lab.read("reader.txt") == "first"
    assert path.read_text() == "second"


@asset("copy.txt", on=Dataset("raw.txt"))
def plain(raw: Path) -> str:
    """From where it was read, and what."""
    return f"{'kept' if '.penstock/objects' in str(raw) else 'in place'}: {raw.read_text()}"


def test_data_that_is_to_be_kept_from_now_on_is_kept_at_the_next_look(lab: Lab) -> None:
    """It has not changed, so nothing runs; a run that is forced then reads the copy."""
    path = lab.write("raw.txt", "first")
    assert lab.make(plain).ok
    assert lab.read("copy.txt") == "in place: first"
    keep = Dataset("raw.txt", capture="copy")
    kept = asset("copy.txt", name="plain", on=keep)(plain.function)
    os.utime(path, ns=(1, 1))
    assert lab.story(lab.make(kept)) == {"plain": "skipped: unchanged"}
    assert lab.make(kept, force=True).ok
    assert lab.read("copy.txt") == "kept: first"


def test_a_copy_that_is_gone_is_taken_again(lab: Lab) -> None:
    """As long as the data itself is still there as it was."""
    lab.write("raw.txt", "first")
    kept = asset("copy.txt", name="plain", on=Dataset("raw.txt", capture="copy"))(plain.function)
    assert lab.make(kept).ok
    for path in lab.data.glob(".penstock/objects/*/*"):
        if path.read_text() == "first":
            path.unlink()
    result = lab.make(kept, force=True)
    assert result.ok, result["plain"].error
    assert lab.read("copy.txt") == "kept: first"


def test_observed_data_has_a_version_that_is_not_held(lab: Lab) -> None:
    """Evidence says so; the manifest states its content all the same."""
    lab.write("raw.txt", "first")

    @asset("facts.json", on=Dataset("raw.txt"))
    def facts(raw: Version) -> list[Any]:
        return [raw.dataset, raw.manifest.size, raw.digest == raw.manifest.digest]

    assert lab.make(facts).ok
    assert json.loads(lab.read("facts.json")) == ["raw", 5, True]
    assert lab.rows("SELECT held FROM versions v JOIN datasets d ON d.id = v.dataset_id ORDER BY d.name") == [
        (1,),
        (0,),
    ]


def test_empty_folders_of_others_are_seen_and_are_no_news(lab: Lab) -> None:
    """A directory that others write is read where it lies, as it is; its version is its files."""
    lab.write("folder/a.txt", "a")

    @asset("seen.json", on=Dataset("folder/"))
    def seen(folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir())

    (lab.data / "folder" / "logs").mkdir()
    assert lab.make(seen)["seen"].state == "success"
    assert json.loads(lab.read("seen.json")) == ["a.txt", "logs"]
    (lab.data / "folder" / "logs").rmdir()
    (lab.data / "folder" / "later").mkdir()
    assert lab.make(seen)["seen"].state == "skipped"
