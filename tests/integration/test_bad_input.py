"""Bad input gets a clear answer and loses nothing: the head stays what it was, staging is empty, the reason is kept."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Context, Dataset, asset
from penstock.storage.errors import DatabaseFault, StorageFault

ROWS = "a,b\n1,x\n2,y\n"


@pytest.mark.parametrize(
    ("file", "content", "annotation"),
    [
        ("docs.parquet", b"PAR1 torn", "LazyFrame"),
        ("docs.arrow", b"ARROW1\0\0 torn", "DataFrame"),
        ("docs.json", b'{"a": [1, 2', "json"),
        ("docs.txt", b"\xff\xfe\x00 not utf-8 \xff", "text"),
    ],
)
def test_a_torn_input_names_dataset_path_and_format(lab: Any, file: str, content: bytes, annotation: str) -> None:
    """The run fails with a sentence that names the input and its file; nothing is published."""
    (lab.data / file).write_bytes(content)
    docs = Dataset(file)
    kinds: dict[str, Any] = {"LazyFrame": pl.LazyFrame, "DataFrame": pl.DataFrame, "json": dict, "text": str}

    def read(docs: Any) -> dict[str, str]:
        return {"read": str(docs.collect() if isinstance(docs, pl.LazyFrame) else docs)}

    read.__annotations__ = {"docs": kinds[annotation], "return": dict}
    result = lab.make(asset("out.json", name="out", on=docs)(read))
    assert not result.ok
    assert "docs" in lab.failure(result["out"]), lab.failure(result["out"])
    assert str(lab.data / file) in lab.failure(result["out"])
    lab.check_untouched("out")


def test_an_unreadable_input_holds_back_its_readers_alone(lab: Any) -> None:
    """A folder where a file should be: a sentence at its reader and downstream of it; the others are made."""
    (lab.data / "docs.csv").mkdir()

    @asset("out.json", on=Dataset("docs.csv"))
    def out(docs: pl.DataFrame) -> dict[str, int]:
        return {"rows": docs.height}

    @asset("after.json", on=out)
    def after(out: dict[str, int]) -> dict[str, int]:
        return out

    @asset("other.json")
    def other() -> list[int]:
        return [1]

    result = lab.make(out, after, other)
    assert not result.ok
    assert "docs" in result["out"].reason.text
    assert str(lab.data / "docs.csv") in result["out"].reason.text
    assert result["after"].reason.text == "upstream failed: out"
    assert json.loads((lab.data / "other.json").read_text()) == [1]


def test_a_producer_that_raises_keeps_the_head_and_holds_back_downstream(lab: Any) -> None:
    """The old head stays; the error has its trace; what was asked for downstream says which upstream failed."""
    broken = [False]

    @asset("one.json")
    def one() -> list[int]:
        if broken[0]:
            raise ZeroDivisionError("there is nothing to divide")
        return [1]

    @asset("two.json", on=one)
    def two(one: list[int]) -> list[int]:
        return one * 2

    assert lab.make(one, two).ok
    broken[0] = True
    result = lab.make(one, two)
    assert not result.ok
    assert result["one"].error is not None
    assert result["one"].error["type"] == "ZeroDivisionError"
    assert "there is nothing to divide" in result["one"].error["trace"]
    assert result["two"].state is None
    assert result["two"].reason.text == "upstream failed: one"
    assert json.loads((lab.data / "one.json").read_text()) == [1]
    lab.check_untouched("one")


@pytest.mark.parametrize(
    ("uri", "value", "says"),
    [
        ("x.parquet", None, "None"),
        ("x.parquet", "text instead of a frame", "str"),
        ("x.json", {1, 2}, "set"),
        ("x.json", float("nan"), "nan"),
        ("x.parquet", object(), "object"),
        ("x/", "no path", "str"),
    ],
)
def test_a_wrong_value_is_named_with_its_dataset(lab: Any, uri: str, value: object, says: str) -> None:
    """None, a value of another type, one that has no plain form: the message names dataset and what was found."""
    made = asset(uri, name="made")(lambda: value)
    result = lab.make(made)
    assert not result.ok
    message = lab.failure(result["made"])
    assert f"dataset '{Path(uri).stem}'" in message or uri in message
    assert says.lower() in message.lower()
    lab.check_untouched("made")


def test_annotation_value_and_suffix_are_named_together(lab: Any) -> None:
    """A producer that promises a frame and returns text: the sentence has all three."""

    @asset("frame.parquet")
    def frame() -> pl.DataFrame:
        return "text"  # type: ignore[return-value]

    message = lab.failure(lab.make(frame)["frame"])
    assert "DataFrame" in message
    assert "str" in message
    assert ".parquet" in message


def test_half_a_directory_is_never_seen(lab: Any) -> None:
    """A producer that writes one of two files and raises publishes nothing, and its files are swept."""

    @asset("model/")
    def model(ctx: Context) -> Path:
        (ctx.output / "weights.bin").write_bytes(b"half")
        raise OSError("out of luck")

    assert not lab.make(model).ok
    assert not (lab.data / "model").exists()
    lab.check_untouched("model")


def test_a_process_that_dies_in_half_a_directory_leaves_the_head_and_heals(lab: Any) -> None:
    """Killed with one of two files written: the URI shows the old version, the next call makes the new one whole."""
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from penstock import Context, asset, materialize

        @asset("model/")
        def model(ctx: Context) -> Path:
            (ctx.output / "a.txt").write_text(sys.argv[3])
            if sys.argv[3] == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            (ctx.output / "b.txt").write_text(sys.argv[3])
            return ctx.output

        result = materialize([model], home=sys.argv[1], data_root=sys.argv[2], project="lab")
        sys.exit(0 if result.ok else 1)
        """
    )
    (lab.folder / "one.py").write_text(script)

    def make(word: str) -> int:
        command = [sys.executable, str(lab.folder / "one.py"), str(lab.folder / "home"), str(lab.data), word]
        return subprocess.run(command, check=False, timeout=60).returncode

    def shown() -> dict[str, str]:
        return {path.name: path.read_text() for path in (lab.data / "model").iterdir()}

    assert make("old") == 0
    assert make("dies") == -9
    assert shown() == {"a.txt": "old", "b.txt": "old"}
    assert lab.rows("SELECT count(*) FROM events") == [(1,)]
    assert make("new") == 0
    assert shown() == {"a.txt": "new", "b.txt": "new"}
    assert not lab.staging()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two MiB: a new store takes a half, and as much again beside it."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing(lab: Any, small_disk: Path) -> None:
    """What does not fit fails with a sentence about space; the head that was there stays readable."""
    size = [1000]

    @asset("big.bin")
    def big() -> bytes:
        return os.urandom(size[0])

    assert lab.make(big, data_root=str(small_disk)).ok
    before = (small_disk / "big.bin").read_bytes()
    size[0] = 4 << 20
    result = lab.make(big, data_root=str(small_disk))
    assert not result.ok
    assert "space" in lab.failure(result["big"])
    assert (small_disk / "big.bin").read_bytes() == before
    assert not list(small_disk.glob(".penstock/staging/**/*"))


def test_a_full_disk_under_the_metadata_store_loses_nothing(lab: Any, small_disk: Path) -> None:
    """The sentence names the database and says to make room; once there is room the same call goes on as if nothing
    had been."""
    count = [0]

    @asset("count.json")
    def counted() -> list[int]:
        count[0] += 1
        return [count[0]]

    home = {"home": str(small_disk / "home")}
    assert lab.make(counted, **home).ok
    filling = os.open(small_disk / "filling", os.O_CREAT | os.O_WRONLY)
    with suppress(OSError):  # once nothing goes in any more
        while True:
            os.write(filling, bytes(4096))
    os.close(filling)
    with pytest.raises(DatabaseFault, match=r"(?i)make room") as caught:
        lab.make(counted, **home)
    assert "penstock.db" in caught.value.message
    assert json.loads((lab.data / "count.json").read_text()) == [1]
    (small_disk / "filling").unlink()
    assert lab.make(counted, **home).ok
    assert json.loads((lab.data / "count.json").read_text()) == [count[0]]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be written, not even by root."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_read_only_data_root_is_said_with_its_path(lab: Any, read_only: Path) -> None:
    """The run fails with a sentence that names the folder."""

    @asset("one.json")
    def one() -> list[int]:
        return [1]

    result = lab.make(one, data_root=str(read_only / "data"))
    assert not result.ok
    assert str(read_only) in lab.failure(result["one"])


def test_a_read_only_home_is_said_with_its_path(lab: Any, read_only: Path) -> None:
    """Nothing is opened; the sentence names the folder."""

    @asset("one.json")
    def one() -> list[int]:
        return [1]

    with pytest.raises(StorageFault, match=str(read_only)):
        lab.make(one, home=str(read_only / "home"))


def test_a_database_of_a_newer_version_is_left_alone(lab: Any) -> None:
    """It is refused with what to do, and its bytes stay as they are."""

    @asset("one.json")
    def one() -> list[int]:
        return [1]

    assert lab.make(one).ok
    lab.rows("UPDATE alembic_version SET version_num = '9999'")
    dump = "\n".join(sqlite3.connect(lab.folder / "home" / "penstock.db").iterdump())
    with pytest.raises(DatabaseFault, match="newer"):
        lab.make(one)
    assert "\n".join(sqlite3.connect(lab.folder / "home" / "penstock.db").iterdump()) == dump


def test_two_processes_that_make_the_same_asset_make_it_once(lab: Any) -> None:
    """Both are told that it worked; one of them waited and found it unchanged."""
    script = textwrap.dedent(
        """
        import sys, time
        from penstock import asset, materialize, source

        @source("slow.json", probe=lambda: 7)
        def slow() -> list[int]:
            with open(sys.argv[1], "a") as log:
                log.write("made\\n")
            time.sleep(1.5)
            return [1]

        @asset("after.json", on=slow)
        def after(slow: list[int]) -> list[int]:
            return slow

        result = materialize([slow, after], home=sys.argv[2], data_root=sys.argv[3], project="lab")
        print([str(one.state) for one in result.outcomes])
        sys.exit(0 if result.ok else 1)
        """
    )
    file = lab.folder / "both.py"
    file.write_text(script)
    log = lab.folder / "log"
    command = [sys.executable, str(file), str(log), str(lab.folder / "home"), str(lab.data)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=60) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert log.read_text() == "made\n"
    assert lab.rows("SELECT count(*) FROM events WHERE kind = 'changed'") == [(2,)]
