"""What producers print, log and say of their progress: kept, shown while they run, no burden where nothing is."""

# ruff: noqa: T201 - producers print

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import Context, Daily, Output, Partition, asset
from penstock.assets.run.progress import Advanced, Progress
from penstock.storage.errors import ProducerError
from penstock.storage.logs.places import LogPlace
from penstock.storage.logs.reading import LogReader
from penstock.storage.types import RunState

Lab = Any


def kept(lab: Lab, run_id: str | None, attempt: int = 1) -> list[tuple[str, str, str]]:
    """Stream, level and text of each line of an attempt."""
    reader = LogReader(LogPlace(folder=lab.folder / "home" / "logs"), run_id or "", attempt)
    return [(line.stream.value, line.level, line.text) for line in reader.more()]


def test_what_a_producer_prints_and_logs_is_kept(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """In its order, and it reaches the terminal as before: records from `warning` on, by the last resort of logging."""

    @asset("a.json")
    def a(ctx: Context) -> int:
        print("one")
        ctx.log.info("two")
        logging.getLogger("lib").warning("three")
        logging.getLogger("lib").info("not asked for")
        print("four", file=sys.stderr)
        sys.stdout.buffer.write(b"five\n")
        return 1

    before = (sys.stdout, sys.stderr)
    result = lab.make(a)
    assert kept(lab, result["a"].run_id) == [
        ("stdout", "", "one"),
        ("log", "info", "two"),
        ("log", "warning", "lib: three"),
        ("stderr", "", "four"),
        ("stdout", "", "five"),
    ]
    assert (sys.stdout, sys.stderr) == before
    said = capsys.readouterr()
    assert said.out.splitlines() == ["one", "five"]
    assert "four" in said.err.splitlines()


def test_what_yields_outputs_is_heard_to_the_end(lab: Lab) -> None:
    """A generator prints while its outputs are taken."""

    @asset(outputs={"head": "head.json", "tail": "tail.json"})
    def parts() -> Iterator[Output]:
        print("first")
        yield Output("head", 1)
        print("second")
        yield Output("tail", 2)

    assert kept(lab, lab.make(parts)["parts"].run_id) == [("stdout", "", "first"), ("stdout", "", "second")]


def test_attempts_that_print_nothing_make_no_file(lab: Lab) -> None:
    """Nor a folder."""

    @asset("a.json")
    def a() -> int:
        return 1

    lab.make(a)
    assert not (lab.folder / "home" / "logs").exists()


def test_what_fails_keeps_what_it_said_before(lab: Lab) -> None:
    """The log of a failed attempt is whole, also its last line without a break."""

    @asset("a.json")
    def a() -> int:
        print("before", end="")
        raise ValueError("no")

    result = lab.make(a)
    assert result["a"].state is RunState.FAILED
    assert kept(lab, result["a"].run_id) == [("stdout", "", "before")]


def test_other_threads_are_no_part_of_the_log(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """They reach the terminal alone."""

    @asset("a.json")
    def a() -> int:
        other = threading.Thread(target=print, args=("elsewhere",))
        other.start()
        other.join()
        print("here")
        return 1

    assert kept(lab, lab.make(a)["a"].run_id) == [("stdout", "", "here")]
    assert "elsewhere" in capsys.readouterr().out


def test_records_know_where_they_come_from(lab: Lab) -> None:
    """A handler of the program finds run, asset and partition in each record, and what the call gives."""
    heard: list[logging.LogRecord] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record)

    @asset("daily/{day}.json", partitions=Daily(start="2026-01-01"))
    def daily(day: Partition, ctx: Context) -> int:
        ctx.log.warning("odd", extra={"page": 3})
        return 1

    ear = Ear()
    logging.getLogger().addHandler(ear)
    try:
        result = lab.make(daily, partitions="2026-01-05")
    finally:
        logging.getLogger().removeHandler(ear)
    (one,) = (record for record in heard if record.name == "penstock.asset.daily")
    said = {name: getattr(one, name) for name in ("run", "asset", "partition", "page")}
    run_id = result["daily", "2026-01-05"].run_id
    assert said == {"run": run_id, "asset": "daily", "partition": "2026-01-05", "page": 3}


def test_a_log_that_cannot_be_written_is_a_warning(lab: Lab) -> None:
    """The run succeeds all the same."""

    @asset("a.json")
    def a() -> int:
        print("one")
        return 1

    (lab.folder / "logs").write_text("no folder", encoding="utf-8")
    result = lab.make(a, logs=str(lab.folder / "logs"))
    assert result["a"].state is RunState.SUCCESS
    assert "its log ends early" in result["a"].warning


@pytest.mark.databases("sqlite", "postgresql")
def test_progress_is_told_and_kept_while_the_run_is_at_work(lab: Lab) -> None:
    """The first word is there at once; the end of the run, however it ends, removes it."""
    seen: list[tuple[object, ...]] = []
    told: list[Progress] = []

    @asset("a.json")
    def a(ctx: Context) -> int:
        ctx.progress(3, total=10, unit="pages", text="fetching\nmore")
        seen.extend(lab.rows("SELECT done, total, unit, text FROM progress"))
        return 1

    @asset("b.json")
    def b(ctx: Context) -> int:
        ctx.progress(0.5)
        seen.extend(lab.rows("SELECT done, total, unit, text FROM progress"))
        raise ValueError("no")

    result = lab.make(a, b, listener=told.append)
    assert seen == [(3.0, 10.0, "pages", "fetching more"), (0.5, None, "", "")]
    assert lab.rows("SELECT count(*) FROM progress") == [(0,)]
    said = [one for one in told if isinstance(one, Advanced)]
    assert [(one.asset, one.run_id, one.done, one.total) for one in said] == [
        ("a", result["a"].run_id, 3.0, 10.0),
        ("b", result["b"].run_id, 0.5, None),
    ]


def test_progress_that_is_said_often_is_written_seldom(lab: Lab) -> None:
    """Ten thousand words in a row are one or two transactions, not ten thousand; listeners are told a few."""
    told: list[Progress] = []

    @asset("a.json")
    def a(ctx: Context) -> int:
        for number in range(10_000):
            ctx.progress(number, total=10_000)
        return 1

    result = lab.make(a, listener=told.append)
    assert result.ok
    assert sum(isinstance(one, Advanced) for one in told) < 10 * (result["a"].seconds + 1)


def test_progress_that_is_no_number_is_refused(lab: Lab) -> None:
    """With what was found, and how to call it."""

    @asset("a.json")
    def a(ctx: Context) -> int:
        ctx.progress("half")  # pyright: ignore[reportArgumentType]
        return 1

    error = lab.make(a)["a"].error
    assert error is not None
    assert error["type"] == ProducerError.__name__
    assert "ctx.progress(done=…) got a str" in error["message"]


def test_a_log_lies_where_the_settings_say(lab: Lab, tmp_path: Path) -> None:
    """In a folder a day, a run; as text that every tool can read."""

    @asset("a.json")
    def a() -> int:
        print("one")
        return 1

    result = lab.make(a, logs=str(tmp_path / "elsewhere"))
    (file,) = (tmp_path / "elsewhere").glob("*/*/*.log")
    assert (file.parent.name, file.name) == (result["a"].run_id, "1.log")
    head, line = file.read_text(encoding="utf-8").splitlines()
    assert head == f"# penstock log 1: run {result['a'].run_id}, attempt 1"
    assert line.endswith("Z stdout - 0 one")
