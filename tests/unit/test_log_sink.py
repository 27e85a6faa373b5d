"""The log of an attempt: within its limit, readable at any moment, heard from other processes."""

from __future__ import annotations

import logging
import os
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from penstock.assets.execute.records import lines_of
from penstock.storage.logs.cleaning import clean_logs
from penstock.storage.logs.places import LogPlace, day_of
from penstock.storage.logs.reading import LogReader, cleaned_to, tail_of
from penstock.storage.logs.sink import Sink
from penstock.storage.types import LogStream

RUN = "01a21ff0-bad5-7000-909d-59475a768353"
LATER = "01a25ff0-bad5-7000-909d-59475a768353"
OUT, ERR, LOG = LogStream.STDOUT, LogStream.STDERR, LogStream.LOG


@pytest.fixture
def place(tmp_path: Path) -> LogPlace:
    """Where logs lie."""
    return LogPlace(folder=tmp_path / "logs")


def sink_in(place: LogPlace, *, limit: int = 8192, attempt: int = 1) -> Sink:
    """The log of an attempt, small."""
    return Sink(place, RUN, attempt, limit=limit)


def read(place: LogPlace, attempt: int = 1) -> list[str]:
    """The texts of a log."""
    return [line.text for line in LogReader(place, RUN, attempt).more()]


def test_no_file_is_made_while_nothing_is_written(place: LogPlace) -> None:
    """Most attempts print nothing, and cost nothing."""
    sink_in(place).close()
    assert not place.folder.exists()
    assert tail_of(place, RUN, 1) == ()


def test_the_beginning_and_the_end_are_kept(place: LogPlace) -> None:
    """Of what is too long, a line says how many bytes were left out, and that is true."""
    sink = sink_in(place)
    for number in range(5000):
        sink.write(OUT, b"line %04d\n" % number)
    sink.close()
    (file,) = place.file(RUN, 1).parent.iterdir()
    assert file.stat().st_size <= 8192 + 300
    found = read(place)
    (gap,) = (one for one in found if "left out" in one)
    at = found.index(gap)
    assert found[:at] == [f"line {number:04}" for number in range(at)]
    end = found[at + 1 :]
    assert end == [f"line {number:04}" for number in range(5000 - len(end), 5000)]
    assert len(end) > 10
    assert gap.startswith(f"{10 * (5000 - at - len(end)):,} bytes")


def test_what_is_not_too_long_is_whole(place: LogPlace) -> None:
    """Where the end joins the beginning, nothing says that something was left out."""
    sink = sink_in(place)
    for number in range(80):  # more than the half, less than three quarters
        sink.write(OUT, b"line %02d\n" % number)
        sink.flush()
    sink.close()
    assert read(place) == [f"line {number:02}" for number in range(80)]


def test_what_comes_slowly_beyond_the_limit_keeps_its_end(place: LogPlace) -> None:
    """Written line by line, the end stays within its room, also while the attempt is at work."""
    sink = sink_in(place)
    for number in range(600):
        sink.write(OUT, b"line %03d\n" % number)
        sink.flush()
    files = list(place.file(RUN, 1).parent.iterdir())
    assert len(files) <= 3
    assert sum(one.stat().st_size for one in files) <= 8192 + 600
    found = read(place)
    assert found[-1] == "line 599"
    assert sum("left out" in one for one in found) == 1
    assert tail_of(place, RUN, 1, lines=2) == ("line 598", "line 599")
    sink.close()
    assert read(place) == found


def test_a_log_is_read_while_it_is_written(place: LogPlace) -> None:
    """A reader gets each line once, a line in the file at most half a second and a little after it was written."""
    sink, reader = sink_in(place), LogReader(place, RUN, 1)
    sink.write(OUT, b"one\n")
    assert [line.text for line in reader.more()] == ["one"]
    sink.write(OUT, b"two\nthr")
    assert [line.text for line in reader.more()] == []
    until = time.monotonic() + 20
    while not (found := [line.text for line in reader.more()]) and time.monotonic() < until:
        time.sleep(0.05)
    assert found == ["two"]
    sink.write(OUT, b"ee")
    sink.close()
    assert [line.text for line in reader.more()] == ["three"]


def test_streams_keep_their_lines_apart(place: LogPlace) -> None:
    """Half a line of one stream is not continued by the other."""
    sink = sink_in(place)
    for stream, data in ((OUT, b"a"), (ERR, b"x\n"), (OUT, b"b\n"), (LOG, b"warning careful\n")):
        sink.write(stream, data)
    sink.close()
    found = [(line.stream, line.level, line.text) for line in LogReader(place, RUN, 1).more()]
    assert found == [(ERR, "", "x"), (OUT, "", "ab"), (LOG, "warning", "careful")]


def test_a_disk_that_refuses_ends_the_log_alone(tmp_path: Path) -> None:
    """The attempt goes on; the sink says why its log ends."""
    (tmp_path / "logs").write_text("a file where a folder should be", encoding="utf-8")
    sink = sink_in(LogPlace(folder=tmp_path / "logs"))
    sink.write(OUT, b"one\n")
    sink.write(OUT, b"two\n")
    sink.close()
    assert "ends early" in sink.fault


def test_a_forked_child_writes_nothing_into_the_log_of_its_parent(place: LogPlace) -> None:
    """Its copy of what waits would be written twice."""
    sink = sink_in(place)
    sink.write(OUT, b"one\n")
    child = os.fork()
    if not child:
        sink.write(OUT, b"of the child\n")
        sink.close()
        os._exit(0)
    os.waitpid(child, 0)
    sink.write(OUT, b"two\n")
    sink.close()
    assert read(place) == ["one", "two"]


def test_old_logs_are_removed_and_that_is_known(place: LogPlace) -> None:
    """By age first, then the oldest while all are too large; those of runs at work stay."""
    moment = datetime.fromisoformat(f"{day_of(LATER)}T12:00:00+00:00")
    for run in (RUN, LATER):
        sink = Sink(place, run, 1, limit=8192)
        sink.write(OUT, b"x\n")
        sink.close()
    keep = {"days": 5, "total": 10**9, "now": moment}
    assert clean_logs(place, active={RUN}, **keep).files == 0
    assert clean_logs(place, active=(), dry_run=True, **keep).files == 1
    assert cleaned_to(place) == ""
    assert clean_logs(place, active=(), **keep).files == 1
    assert cleaned_to(place) == RUN
    assert not place.file(RUN, 1).parent.parent.exists()
    assert place.file(LATER, 1).exists()
    assert clean_logs(place, active=(), days=5, total=1, now=moment).files == 1


def test_a_log_is_brought_to_a_url(tmp_path: Path) -> None:
    """Once the attempt has ended it lies there alone, and is read from there."""
    place = LogPlace(folder=tmp_path / "here", url="memory://logs-of-a-test")
    sink = sink_in(place)
    sink.write(OUT, b"one\n")
    assert read(place) == ["one"]
    sink.close()
    assert sink.fault == ""
    assert not place.file(RUN, 1).exists()
    assert read(place) == ["one"]
    moment = datetime.fromisoformat(f"{day_of(LATER)}T12:00:00+00:00")
    assert clean_logs(place, days=1, total=10**9, active=(), now=moment).files == 1
    assert (read(place), cleaned_to(place)) == ([], RUN)


def test_records_with_a_traceback_are_lines_with_their_level() -> None:
    """Each line can be read alone."""
    try:
        int("no")
    except ValueError:
        record = logging.LogRecord("penstock.asset.a", logging.ERROR, "", 0, "broken", (), sys.exc_info())
    lines = lines_of(record).decode().splitlines()
    assert lines[0] == "error broken"
    assert lines[-1].startswith("error ValueError: invalid literal")
    assert all(line.startswith("error ") for line in lines)
