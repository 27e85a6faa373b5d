"""Bad input gets a clear answer and loses nothing: the head stays what it was, staging is empty, the reason is kept."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Context, Dataset, asset, materialize
from penstock.assets.run.progress import Outcome, Result
from penstock.storage.errors import DatabaseFault, InvalidURI, StorageFault

ROWS = "a,b\n1,x\n2,y\n"


class Lab:
    """A project in a temporary folder, and what can be asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)

    def make(self, *things: Any, **options: Any) -> Result:
        """Materialize these assets here."""
        places = {"home": str(self.folder / "home"), "data_root": str(self.data), "project": "lab"}
        return materialize(list(things), **{**places, **options})

    def staging(self) -> list[str]:
        """Everything that lies in staging."""
        return [str(path) for path in self.data.glob(".penstock/staging/**/*") if path.is_file()]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with sqlite3.connect(self.folder / "home" / "penstock.db") as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty project."""
    return Lab(tmp_path)


def failure(outcome: Outcome) -> str:
    """The message of a failed outcome, which has one."""
    assert outcome.error is not None, outcome
    return f"{outcome.error['message']}\n{outcome.error['hint']}"


def check_untouched(lab: Lab, asset_name: str) -> None:
    """A failed run is recorded as failed, published nothing, and left nothing in staging."""
    states = lab.rows(
        f"SELECT r.state, count(e.id) FROM runs r JOIN assets a ON a.id = r.asset_id "
        f"LEFT JOIN events e ON e.run_id = r.id WHERE a.name = '{asset_name}' GROUP BY r.id ORDER BY r.created_at"
    )
    assert states[-1] == ("failed", 0), states
    assert not lab.staging()


@pytest.mark.parametrize(
    ("file", "content", "annotation"),
    [
        ("docs.parquet", b"PAR1 torn", "LazyFrame"),
        ("docs.arrow", b"ARROW1\0\0 torn", "DataFrame"),
        ("docs.json", b'{"a": [1, 2', "json"),
        ("docs.txt", b"\xff\xfe\x00 not utf-8 \xff", "text"),
    ],
)
def test_a_torn_input_names_dataset_path_and_format(lab: Lab, file: str, content: bytes, annotation: str) -> None:
    """The run fails with a sentence that names the input and its file; nothing is published."""
    (lab.data / file).write_bytes(content)
    docs = Dataset(file)
    kinds: dict[str, Any] = {"LazyFrame": pl.LazyFrame, "DataFrame": pl.DataFrame, "json": dict, "text": str}

    def read(docs: Any) -> dict[str, str]:
        return {"read": str(docs.collect() if isinstance(docs, pl.LazyFrame) else docs)}

    read.__annotations__ = {"docs": kinds[annotation], "return": dict}
    result = lab.make(asset("out.json", name="out", on=docs)(read))
    assert not result.ok
    assert "docs" in failure(result["out"]), failure(result["out"])
    assert str(lab.data / file) in failure(result["out"])
    check_untouched(lab, "out")


def test_an_unreadable_input_is_said_before_anything_runs(lab: Lab) -> None:
    """A folder where a file should be cannot be looked at: a sentence, and no run."""
    (lab.data / "docs.csv").mkdir()

    @asset("out.json", on=Dataset("docs.csv"))
    def out(docs: pl.DataFrame) -> dict[str, int]:
        return {"rows": docs.height}

    with pytest.raises(StorageFault, match=r"docs"):
        lab.make(out)


def test_a_producer_that_raises_keeps_the_head_and_holds_back_downstream(lab: Lab) -> None:
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
    check_untouched(lab, "one")


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
def test_a_wrong_value_is_named_with_its_dataset(lab: Lab, uri: str, value: object, says: str) -> None:
    """None, a value of another type, one that has no plain form: the message names dataset and what was found."""
    made = asset(uri, name="made")(lambda: value)
    result = lab.make(made)
    assert not result.ok
    message = failure(result["made"])
    assert f"dataset '{Path(uri).stem}'" in message or uri in message
    assert says.lower() in message.lower()
    check_untouched(lab, "made")


def test_annotation_value_and_suffix_are_named_together(lab: Lab) -> None:
    """A producer that promises a frame and returns text: the sentence has all three."""

    @asset("frame.parquet")
    def frame() -> pl.DataFrame:
        return "text"  # type: ignore[return-value]

    message = failure(lab.make(frame)["frame"])
    assert "DataFrame" in message
    assert "str" in message
    assert ".parquet" in message


def test_half_a_directory_is_never_seen(lab: Lab) -> None:
    """A producer that writes one of two files and raises publishes nothing, and its files are swept."""

    @asset("model/")
    def model(ctx: Context) -> Path:
        (ctx.output / "weights.bin").write_bytes(b"half")
        raise OSError("out of luck")

    assert not lab.make(model).ok
    assert not (lab.data / "model").exists()
    check_untouched(lab, "model")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing(lab: Lab, small_disk: Path) -> None:
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
    assert "space" in failure(result["big"])
    assert (small_disk / "big.bin").read_bytes() == before
    assert not list(small_disk.glob(".penstock/staging/**/*"))


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


def test_a_read_only_data_root_is_said_with_its_path(lab: Lab, read_only: Path) -> None:
    """The run fails with a sentence that names the folder."""

    @asset("one.json")
    def one() -> list[int]:
        return [1]

    result = lab.make(one, data_root=str(read_only / "data"))
    assert not result.ok
    assert str(read_only) in failure(result["one"])


def test_a_read_only_home_is_said_with_its_path(lab: Lab, read_only: Path) -> None:
    """Nothing is opened; the sentence names the folder."""

    @asset("one.json")
    def one() -> list[int]:
        return [1]

    with pytest.raises(StorageFault, match=str(read_only)):
        lab.make(one, home=str(read_only / "home"))


def test_a_database_of_a_newer_version_is_left_alone(lab: Lab) -> None:
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


def test_two_processes_that_make_the_same_asset_make_it_once(lab: Lab) -> None:
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


@pytest.mark.parametrize(
    "name", ["with space.json", "größe-日本.json", "100%.json", "a%20b.json", "deep/er/path.json", "x" * 200 + ".json"]
)
def test_unusual_names_are_one_file_each(lab: Lab, name: str) -> None:
    """Spaces, unicode, `%` and long names are written where they say, and read back."""
    first = asset(name, name="first")(lambda: [1])
    second = asset("second.json", name="second", on=first, inputs={"value": first})(_echo)
    result = lab.make(first, second)
    assert result.ok, result
    assert json.loads((lab.data / name).read_text()) == [1]
    assert not lab.make(second).executed


def _echo(value: list[int]) -> list[int]:
    return value


@pytest.mark.parametrize(
    "uri",
    ["../out.json", "a/../../b.json", "s3://user:geheim@bucket/x.json", "https://host/x.json?token=geheim", "x.json#a"],
)
def test_a_uri_that_is_no_identity_is_refused_without_its_secret(uri: str) -> None:
    """`..` out of the root, a password, a query, a fragment: a sentence that never shows the secret."""
    with pytest.raises(InvalidURI) as caught:
        Dataset(uri)
    assert "geheim" not in str(caught.value)


def _overwritten_while_read(lab: Lab, write: Callable[[], None], annotation: Any) -> Result:
    docs = Dataset("docs.csv")
    tries: list[int] = []

    def read(docs: Any) -> dict[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            write()
            time.sleep(0.01)
        frame = docs.collect() if isinstance(docs, pl.LazyFrame) else docs
        return {"rows": frame.height, "tries": len(tries)}

    read.__annotations__ = {"docs": annotation, "return": dict}
    return lab.make(asset("out.json", name="out", on=docs)(read))


@pytest.mark.parametrize("annotation", [pl.LazyFrame, pl.DataFrame])
def test_an_input_overwritten_while_it_is_read_is_read_anew(lab: Lab, annotation: Any) -> None:
    """What came of the mixture is discarded; the new content is pinned, and the version says which bytes it was."""
    file = lab.data / "docs.csv"
    file.write_text(ROWS)
    result = _overwritten_while_read(lab, lambda: _replace(file, ROWS + "3,z\n"), annotation)
    assert result.ok, result
    assert json.loads((lab.data / "out.json").read_text()) == {"rows": 3, "tries": 2}
    assert [state for (state,) in lab.rows("SELECT state FROM runs ORDER BY created_at")] == ["failed", "success"]


def test_an_input_that_is_truncated_while_it_is_read_is_no_fault_of_the_producer(lab: Lab) -> None:
    """The producer's own error is put down to the input, which is looked at again."""
    file = lab.data / "docs.csv"
    file.write_text(ROWS)
    result = _overwritten_while_read(lab, lambda: _replace(file, "a,b\n1,x\n"), pl.LazyFrame)
    assert result.ok, result
    assert json.loads((lab.data / "out.json").read_text())["rows"] == 1


def test_an_input_that_never_rests_fails_with_a_sentence(lab: Lab) -> None:
    """After a few tries the run fails for good and says that its input moves."""
    file = lab.data / "docs.csv"
    file.write_text(ROWS)
    stop = threading.Event()
    count = [0]

    @asset("out.json", on=Dataset("docs.csv"))
    def out(docs: pl.DataFrame) -> dict[str, int]:
        count[0] += 1
        _replace(file, ROWS + f"{count[0]},z\n")
        return {"rows": docs.height}

    result = lab.make(out)
    stop.set()
    assert not result.ok
    assert "overwritten while it was read" in failure(result["out"])
    assert count[0] < 10


def _replace(file: Path, text: str) -> None:
    """Other content at the same path, at once."""
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


def test_what_stands_at_a_uri_and_is_not_ours_is_not_destroyed(lab: Lab) -> None:
    """A foreign file or folder in the way of a head is kept aside or refused, never deleted."""
    (lab.data / "model").mkdir()
    (lab.data / "model" / "precious.txt").write_text("mine")

    @asset("model/")
    def model(ctx: Context) -> Path:
        (ctx.output / "weights.bin").write_bytes(b"new")
        return ctx.output

    result = lab.make(model)
    assert result.ok, result
    kept = [path for path in lab.data.rglob("precious.txt") if path.read_text() == "mine"]
    assert kept, "the foreign file is gone"
    shutil.rmtree(lab.data / ".penstock", ignore_errors=True)
