"""Producers that do what no producer should: the versions, the other assets and the data of others stay as they are."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock import Context, asset, source


@source("words/", probe=lambda: 1)
def words(ctx: Context) -> Path:
    """A directory of one file."""
    (ctx.output / "a.txt").write_text("orig")
    return ctx.output


@asset("read.txt", on=words)
def read(words: Path) -> str:
    """What a well-behaved reader sees."""
    return (words / "a.txt").read_text()


def test_a_producer_that_writes_to_its_input_fails_and_harms_nobody(lab: Any) -> None:
    """The object it wrote to is taken out, the version counts as missing and is made again, nobody reads it wrong."""

    @asset("bad.txt", on=words)
    def bad(words: Path) -> str:
        (words / "a.txt").chmod(0o644)
        with (words / "a.txt").open("r+b") as file:
            file.write(b"HACK")
        return "done"

    result = lab.make(words, bad)
    assert "wrote to its input words" in lab.failure(result["bad"])
    result = lab.make(words, read)
    assert result["words"].reason.text == "missing: words"
    assert (lab.data / "read.txt").read_text() == "orig"


def test_a_child_that_a_producer_forked_does_not_go_on_with_the_wave(lab: Any) -> None:
    """It comes back from the producer by an error; only the parent records and makes what follows."""
    log = lab.folder / "log"

    @asset("forks.txt", on=words)
    def forks(words: Path) -> str:
        if os.fork() == 0:
            raise RuntimeError("in the child")
        os.wait()
        return "parent"

    @asset("after.txt", on=forks)
    def after(forks: str) -> str:
        with log.open("a") as file:
            file.write("made\n")
        return forks

    assert lab.make(words, forks, after).ok
    assert log.read_text() == "made\n"
    assert lab.rows("SELECT count(*) FROM runs WHERE state != 'success'") == [(0,)]


def test_a_producer_that_calls_sys_exit_fails_alone(lab: Any) -> None:
    """As command line libraries do: its run fails, the others are made."""

    @asset("exits.txt", on=words)
    def exits(words: Path) -> str:
        sys.exit("bad arguments")

    result = lab.make(words, exits, read)
    assert "bad arguments" in lab.failure(result["exits"])
    assert result["read"].made


def test_a_producer_that_changes_the_folder_changes_it_for_itself(lab: Any) -> None:
    """The next one runs where it would have run."""
    here = Path.cwd()

    @asset("moves.txt", on=words)
    def moves(words: Path) -> str:
        os.chdir("/")
        return str(Path.cwd())

    assert lab.make(words, moves).ok
    assert Path.cwd() == here


def test_what_others_write_at_our_uri_is_told_and_read_by_nobody(lab: Any) -> None:
    """Drift is a warning at the asset; what is downstream reads the version."""
    assert lab.make(words, read).ok
    (lab.data / "read.txt").write_text("somebody else's words")
    result = lab.make(words, read)
    assert "drift" in result["read"].warning
    assert not result.executed


@pytest.mark.parametrize("size", [6, 2 << 20])
def test_drift_of_the_same_size_is_told_each_time(lab: Any, size: int) -> None:
    """Until the file is deleted: then the head is shown again. A file that was only touched is none."""

    @asset("large.txt", on=words)
    def large(words: Path) -> str:
        return "x" * size

    assert lab.make(words, large).ok
    file = lab.data / "large.txt"
    os.utime(file, (1, 1))
    assert lab.make(words, large)["large"].warning == ""
    file.write_text("y" * size)
    os.utime(file, (1, 1))
    for _ in range(2):
        assert "drift" in lab.make(words, large)["large"].warning
    file.unlink()
    assert lab.make(words, large)["large"].warning == ""
    assert file.read_text() == "x" * size


def test_drift_in_a_directory_is_told(lab: Any) -> None:
    """What was written through its link."""
    assert lab.make(words, read).ok
    (lab.data / "words" / "a.txt").write_text("ORIG")
    result = lab.make(words, read)
    assert "drift" in result["words"].warning
    assert (lab.data / "read.txt").read_text() == "orig"


def test_credentials_in_errors_are_not_kept(lab: Any) -> None:
    """What stands before the `@` of a URL in a message or a trace reaches neither the store nor lineage."""

    @asset("calls.txt", on=words)
    def calls(words: Path) -> str:
        raise ConnectionError("cannot reach postgres://me:geheim@host/db")

    result = lab.make(words, calls)
    assert "postgres://…@host/db" in lab.failure(result["calls"])
    assert "geheim" not in str(lab.rows("SELECT error FROM runs"))
    assert b"geheim" not in (lab.folder / "home" / "lineage.ndjson").read_bytes()


@pytest.mark.parametrize("raised", [asyncio.CancelledError(), GeneratorExit(), SystemExit(3), ValueError()], ids=repr)
def test_a_probe_that_raises_whatever_holds_back_its_source_alone(lab: Any, raised: BaseException) -> None:
    """Also what is no `Exception`: it is told by its type, and the rest of the wave goes on."""

    def ask() -> int:
        raise raised

    @source("asked.json", probe=ask)
    def asked() -> int:
        return 1

    @asset("else.json")
    def elsewhere() -> int:
        return 1

    result = lab.make(asked, elsewhere)
    assert result["elsewhere"].made
    assert result["asked"].state is None
    said = "SystemExit: 3" if isinstance(raised, SystemExit) else type(raised).__name__
    assert [one.error for one in result.looked if one.error] == [f"its probe raised {said}"]


def test_ctrl_c_in_a_probe_stops_everything(lab: Any) -> None:
    """It is no failure of the probe."""

    def ask() -> int:
        raise KeyboardInterrupt

    @source("asked.json", probe=ask)
    def asked() -> int:
        return 1

    with pytest.raises(KeyboardInterrupt):
        lab.make(asked)


@pytest.mark.parametrize(
    ("value", "said"),
    [(lambda: [1, 2], "returned a list"), (lambda: iter([1]), "yielded an int"), (lambda: 3, "returned an int")],
)
def test_what_is_no_output_is_told_as_it_was_given(lab: Any, value: Any, said: str) -> None:
    """A list is a list, whatever is in it."""
    several = asset(outputs={"a": "a.json", "b": "b.json"}, name="several")(value)
    assert f"declares several outputs, but its producer {said}" in lab.failure(lab.make(several)["several"])
