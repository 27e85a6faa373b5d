"""The relay and a file: lines that are whole, whatever happens in between."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.lineage.relay import Relay, relay_once
from penstock.lineage.transports import FileDestination, FileTransport, Outcome, Receipt
from penstock.storage.meta.database.engine import Store, sqlite_url

Outbox = Any  # a class of `conftest.py`, which no test can import


def lines(path: Path) -> list[tuple[str, str]]:
    """Run and type of every line."""
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(event["run"]["runId"], event["eventType"]) for event in found]


def open_file(path: Path) -> FileTransport:
    """The transport of a file that is called `file`."""
    return FileTransport(FileDestination(name="file", path=path))


@pytest.mark.databases("sqlite", "postgresql")
def test_each_event_is_a_line(sent: Outbox, tmp_path: Path) -> None:
    """In the order of the outbox; folders are made; what was there stays."""
    path = tmp_path / "deep" / "er" / "events.ndjson"
    runs = [sent.run("file", "other") for _ in range(2)]
    assert relay_once(sent.store, open_file(path)).delivered == 4
    runs += [sent.run("file")]
    assert relay_once(sent.store, open_file(path)).delivered == 2
    assert lines(path) == [(run, state) for run in runs for state in ("START", "COMPLETE")]
    assert sent.states("other") == {run: ["pending", "pending"] for run in runs[:2]}


def test_a_torn_last_line_spoils_only_itself(sent: Outbox, tmp_path: Path) -> None:
    """After a crash in the middle of a write, the next events begin on a line of their own."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"eventType":"COMPL')
    run = sent.run("file")
    relay_once(sent.store, open_file(path))
    torn, *whole = path.read_text(encoding="utf-8").splitlines()
    assert torn == '{"eventType":"COMPL'
    assert [json.loads(line)["run"]["runId"] for line in whole] == [run, run]


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: what a full disk does, to this process alone."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 100])
def test_a_full_disk_leaves_whole_lines_and_loses_nothing(tmp_path: Path, room: int) -> None:
    """What could be written of a batch is taken back, and the batch is written when there is room again."""
    path = tmp_path / "events.ndjson"
    transport, bodies = open_file(path), [b'{"a":1}' * 10] * 3
    transport.deliver([b"{}"])
    with disk_of(3 + room):
        (receipt,) = transport.deliver(bodies)
    assert receipt.outcome is Outcome.POSTPONED
    assert str(path) in receipt.error
    assert path.read_bytes() == b"{}\n"
    assert [r.outcome for r in transport.deliver(bodies)] == [Outcome.DELIVERED] * 3
    assert path.read_bytes().splitlines() == [b"{}", *bodies]


def test_a_path_that_cannot_be_written_is_told_and_tried_again(sent: Outbox, tmp_path: Path) -> None:
    """A folder where the file should be, or a file where its folder should be: the error names the path."""
    sent.run("file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").touch()
    for path in (tmp_path / "folder", tmp_path / "plain" / "events.ndjson"):
        assert str(path) in relay_once(sent.store, open_file(path)).error
        sent.make_due()
    assert relay_once(sent.store, open_file(tmp_path / "events.ndjson")).delivered == 2


CRASH = """
import os, sys
from pathlib import Path
from penstock.lineage.relay import relay_once
from penstock.lineage.transports import FileDestination, FileTransport
from penstock.storage.meta.database.engine import Store

class Dies(FileTransport):
    def deliver(self, bodies):
        super().deliver(bodies)
        os._exit(9)

database, file = sys.argv[1], Path(sys.argv[2])
relay_once(Store(database, project="test"), Dies(FileDestination(name="file", path=file)))
"""


@pytest.mark.databases("sqlite", "postgresql")
def test_a_crash_between_sending_and_marking_repeats_what_is_recognisable(sent: Outbox, tmp_path: Path) -> None:
    """The events are sent again, after the lease of the dead process has run out, and each repetition has the run id,
    type and time of the first."""
    path = tmp_path / "events.ndjson"
    runs = [sent.run("file") for _ in range(2)]
    died = subprocess.run([sys.executable, "-c", CRASH, sent.url, str(path)], check=False)
    assert died.returncode == 9
    assert relay_once(sent.store, open_file(path)).busy
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert relay_once(sent.store, open_file(path), clock=lambda _: later).delivered == 4
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    seen = Counter((event["run"]["runId"], event["eventType"], event["eventTime"]) for event in events)
    assert [*seen.values()] == [2, 2, 2, 2]
    assert {run for run, _, _ in seen} == {*runs}


class Slow(FileTransport):
    """Holds its batch until told."""

    def __init__(self, path: Path) -> None:
        super().__init__(FileDestination(name="file", path=path))
        self.began, self.go_on = threading.Event(), threading.Event()

    def deliver(self, bodies: Sequence[bytes]) -> list[Receipt]:
        """After `go_on`."""
        self.began.set()
        self.go_on.wait(10)
        return super().deliver(bodies)


@pytest.mark.databases("sqlite", "postgresql")
def test_one_relay_at_a_time_serves_a_destination(sent: Outbox, tmp_path: Path) -> None:
    """While one sends, another is told that it is busy and sends nothing twice; afterwards there is nothing left."""
    path = tmp_path / "events.ndjson"
    sent.run("file")
    slow = Slow(path)
    thread = threading.Thread(target=relay_once, args=(sent.store, slow))
    thread.start()
    slow.began.wait(10)
    other = Store(sent.url, project="test")
    assert relay_once(other, open_file(path)).busy
    slow.go_on.set()
    thread.join()
    assert relay_once(other, open_file(path)).delivered == 0
    other.close()
    assert len(lines(path)) == 2


class Broken(FileTransport):
    """Raises, which no transport should."""

    def deliver(self, bodies: Sequence[bytes]) -> list[Receipt]:
        """Raises."""
        raise RuntimeError("a bug in a transport")


def test_a_bug_in_a_transport_gives_the_destination_back(sent: Outbox, tmp_path: Path) -> None:
    """The error is raised, nothing is marked, and the next relay may send at once."""
    sent.run("file")
    with pytest.raises(RuntimeError, match="a bug"):
        relay_once(sent.store, Broken(FileDestination(name="file", path=tmp_path / "x")))
    assert relay_once(sent.store, open_file(tmp_path / "x")).delivered == 2


def test_a_relay_survives_a_store_that_fails(tmp_path: Path) -> None:
    """A database without tables does not end the thread, nor the materialization: `stop` tells it."""
    store = Store(sqlite_url(tmp_path / "empty.db"), project="test")
    relay = Relay(store, [FileDestination(name="file", path=tmp_path / "x")], interval=60)
    relay.start()
    (delivery,) = relay.stop()
    assert "no such table" in delivery.error
    store.close()


@pytest.mark.databases("sqlite", "postgresql")
def test_thousands_of_events_are_drained_in_batches(sent: Outbox, tmp_path: Path) -> None:
    """More than one batch waits: stopping sends them all, each once."""
    path = tmp_path / "events.ndjson"
    run = sent.run("file", states=["start"] * 1201)
    relay = Relay(sent.store, [FileDestination(name="file", path=path)], interval=60)
    relay.start()
    (delivery,) = relay.stop(drain_timeout=30)
    assert (delivery.delivered, delivery.error) == (1201, "")
    assert lines(path) == [(run, "START")] * 1201
    assert relay.stop()[0].delivered == 1201


def test_a_relay_that_was_never_started_can_be_stopped(sent: Outbox, tmp_path: Path) -> None:
    """A materialization that fails before it begins cleans up all the same."""
    (delivery,) = Relay(sent.store, [FileDestination(name="file", path=tmp_path / "x")]).stop()
    assert delivery.delivered == 0
    assert not (tmp_path / "x").exists()
