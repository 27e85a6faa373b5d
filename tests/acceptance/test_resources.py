"""What producers need while they run is set up before and torn down after, whatever becomes of the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import polars as pl
import pytest

from penstock import Dataset, Leftover, ProducerError, Skip, asset, resource
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState
from penstock.ui.read.status import status

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""


def story(log: list[str], name: str, *, broken: BaseException | None = None) -> Callable[..., Iterator[str]]:
    """A generator that writes down what becomes of it."""

    def made(**_: Any) -> Iterator[str]:
        log.append(f"{name} up")
        yield name
        log.append(f"{name} down")
        if broken is not None:
            raise broken

    made.__name__ = name
    return made


@pytest.mark.parametrize("ends", ["well", "fails", "skips", "stopped"])
def test_resources_are_torn_down_in_reverse_however_the_run_ends(lab: Lab, ends: str) -> None:
    """Each once an attempt, behind those that it needs; also where the generator has no `finally`."""
    log: list[str] = []
    base = resource(story(log, "base"))

    @resource
    def database(base: str, *, port: int = 5432) -> Iterator[str]:
        log.append(f"database up on {base}:{port}")
        yield f"{base}/database"
        log.append("database down")

    @asset("rows.txt", inputs={"db": database})
    def rows(db: Connection, base: str) -> str:
        log.append(f"called with {db}, {base}")
        errors = {"fails": ValueError("no"), "skips": Skip("none"), "stopped": KeyboardInterrupt()}
        if ends in errors:
            raise errors[ends]
        return "x"

    if ends == "stopped":
        with pytest.raises(KeyboardInterrupt):
            lab.make(base, rows)
    else:
        outcome = lab.make(base, rows)["rows"]
        assert (outcome.state.value, outcome.warning) == (
            {"well": "success", "fails": "failed", "skips": "skipped"}[ends],
            "",
        )
    assert log == [
        "base up",
        "database up on base:5432",
        "called with base/database, base",
        "database down",
        "base down",
    ]


def test_what_is_given_piece_by_piece_is_written_before_the_teardown(lab: Lab) -> None:
    """A stream reads from its connection while it is staged."""
    log: list[str] = []
    source = resource(story(log, "origin"))

    @asset("frames.parquet")
    def frames(origin: Any) -> Iterator[pl.DataFrame]:
        for number in range(2):
            log.append(f"frame {number}")
            yield pl.DataFrame({"a": [number], "of": [origin]})

    assert lab.make(source, frames).ok
    assert log == ["origin up", "frame 0", "frame 1", "origin down"]


def test_an_error_in_a_teardown_hides_nothing_and_takes_nothing_back(lab: Lab) -> None:
    """A warning of the outcome; the others are torn down, what was made is published, the producer's error stands."""
    log: list[str] = []
    first = resource(story(log, "first"))
    bad = resource(story(log, "bad", broken=OSError("gone away")))

    @asset("made.txt")
    def made(first: str, bad: str) -> str:
        return first + bad

    @asset("broken.txt")
    def broken(first: str, bad: str) -> str:
        raise ValueError("mine")

    result = lab.make(first, bad, made, broken)
    told = "resource bad: its teardown raised OSError: gone away"
    assert (result["made"].state, result["made"].warning) == (RunState.SUCCESS, told)
    assert lab.read("made.txt") == "firstbad"
    assert (result["broken"].error["message"], result["broken"].warning) == ("mine", told)
    assert log.count("first down") == 2


def test_a_resource_that_cannot_be_set_up_fails_the_run(lab: Lab) -> None:
    """What was set up before it is torn down, the producer is not called."""
    log: list[str] = []
    first = resource(story(log, "first"))

    @resource
    def second(first: str) -> Iterator[str]:
        raise ConnectionError("refused")
        yield first

    @resource
    def empty(first: str) -> Iterator[str]:
        if not first:
            yield first

    @asset("a.txt")
    def a(second: str) -> str:
        return second

    @asset("b.txt")
    def b(empty: str) -> str:
        return empty

    result = lab.make(first, second, empty, a, b)
    assert result["a"].error["message"] == "refused"
    assert "ended without a yield" in result["b"].error["message"]
    assert log == ["first up", "first down"] * 2


def test_a_record_is_there_while_the_resource_is(lab: Lab) -> None:
    """Stored before the producer gets the value, deleted once it is torn down; without a cleanup it is refused."""
    seen: list[Any] = []

    @resource
    def cluster() -> Iterator[Any]:
        yield Leftover("the cluster", record={"id": 42})

    @cluster.cleanup
    def remove(record: dict[str, Any]) -> None:
        raise AssertionError(record)

    @resource
    def careless() -> Iterator[Any]:
        yield Leftover(record={"id": 43})

    @asset("a.txt")
    def a(cluster: str) -> str:
        seen.extend(lab.rows("SELECT record FROM leftovers"))
        return cluster

    @asset("b.txt")
    def b(careless: Any) -> str:
        return str(careless)

    result = lab.make(cluster, careless, a, b)
    assert result["a"].state is RunState.SUCCESS
    assert (json.loads(seen[0][0]), lab.rows("SELECT record FROM leftovers")) == ({"id": 42}, [])
    assert "nothing could clean it up" in result["b"].error["message"]
    assert result["b"].error["kind"] == ProducerError.kind


def test_a_teardown_that_failed_is_cleaned_up_by_whoever_recovers(lab: Lab) -> None:
    """From outside, with the record; once that fails too, the record stays with the reason."""
    cleaned: list[Any] = []

    @resource
    def cluster() -> Iterator[Any]:
        yield Leftover("the cluster", record={"id": 42})
        raise OSError("cannot reach it")

    @cluster.cleanup
    def remove(record: dict[str, Any]) -> None:
        cleaned.append(record)
        if len(cleaned) == 1:
            raise TimeoutError("still not")

    @asset("a.txt", on=Dataset("raw.txt"))
    def a(raw: str, cluster: str) -> str:
        return raw + cluster

    lab.write("raw.txt", "a")
    assert lab.make(cluster, a)["a"].warning == "resource cluster: its teardown raised OSError: cannot reach it"
    lab.make(cluster, a)
    assert cleaned == [{"id": 42}]
    assert lab.rows("SELECT worker, error FROM leftovers") == [("", "its cleanup raised TimeoutError: still not")]
    with closing(Store(read_settings(lab.folder, **lab.places).database_url, project="lab")) as store:
        (one,) = status(store).leftovers
    assert (one.resource, one.asset, one.error) == ("cluster", "a", "its cleanup raised TimeoutError: still not")
    lab.make(cluster, a)
    assert (len(cleaned), lab.rows("SELECT error FROM leftovers")) == (2, [])


PIPELINE = """
import os, pathlib, signal
from penstock import Leftover, asset, resource

def kill(where):
    if pathlib.Path(where).exists():
        pathlib.Path(where).unlink()
        os.kill(os.getpid(), signal.SIGKILL)

@resource
def cluster():
    pathlib.Path("cluster").touch()
    yield Leftover("cluster", record={"path": "cluster"})
    kill("in_teardown")
    pathlib.Path("cluster").unlink()

@cluster.cleanup
def remove(record):
    with open("cleaned", "a") as file:
        print(record["path"], os.path.exists("made_again"), file=file)
    kill("in_cleanup")
    pathlib.Path(record["path"]).unlink(missing_ok=True)

@asset("slow.txt")
def slow(cluster) -> str:
    kill("in_producer")
    pathlib.Path("made_again").touch()
    return "done"
"""


@pytest.mark.parametrize("places", [["in_producer"], ["in_teardown"], ["in_producer", "in_cleanup"]])
def test_what_a_killed_worker_left_over_is_cleaned_up_by_the_next(lab: Lab, places: list[str]) -> None:
    """kill -9 in the producer, in the teardown, and in the cleanup itself: at least once, and before the run is tried
    again; then nothing is left."""
    (lab.folder / "pipeline.py").write_text(PIPELINE)
    database = "" if lab.url.startswith("sqlite") else f'database = "{lab.url}"\n'
    (lab.folder / "penstock.toml").write_text(
        f'project = "lab"\ndefinitions = ["pipeline.py"]\nhome = "home"\n{database}'
    )
    for place in places:
        (lab.folder / place).touch()
    command = [str(Path(sys.executable).parent / "penstock"), "materialize"]
    for _ in places:
        died = subprocess.run(command, cwd=lab.folder, capture_output=True, check=False)
        assert died.returncode == -signal.SIGKILL, died
        assert len(lab.rows("SELECT worker FROM leftovers")) == 1
    done = subprocess.run(command, cwd=lab.folder, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (lab.folder / "data" / "slow.txt").read_text() == "done"
    cleaned = (lab.folder / "cleaned").read_text().splitlines()
    assert len(cleaned) == len(places)
    assert cleaned[0] == f"cluster {places == ['in_teardown']}"
    assert not (lab.folder / "cluster").exists()
    assert lab.rows("SELECT worker FROM leftovers") == []
    assert lab.rows("SELECT state FROM runs") == [("success",)]


def test_what_a_terminated_worker_set_up_is_torn_down(lab: Lab) -> None:
    """SIGTERM: torn down by itself, the run is canceled, nothing is left over."""
    slow = PIPELINE.replace(
        '    kill("in_producer")\n', '    import time; pathlib.Path("begun").touch(); time.sleep(60)\n'
    )
    (lab.folder / "pipeline.py").write_text(slow)
    database = "" if lab.url.startswith("sqlite") else f'database = "{lab.url}"\n'
    (lab.folder / "penstock.toml").write_text(
        f'project = "lab"\ndefinitions = ["pipeline.py"]\nhome = "home"\n{database}'
    )
    command = [str(Path(sys.executable).parent / "penstock"), "materialize"]
    with subprocess.Popen(command, cwd=lab.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not (lab.folder / "begun").exists() and process.poll() is None:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 143
    assert not (lab.folder / "cluster").exists()
    assert lab.rows("SELECT worker FROM leftovers") == []
    assert lab.rows("SELECT state FROM runs") == [("canceled",)]
