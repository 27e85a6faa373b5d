"""A relay that waits to be woken: whoever writes lineage rings, and nothing is asked meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest

from penstock.lineage.relay import Relay
from penstock.lineage.transports import FileDestination, HttpDestination
from penstock.storage.meta import outbox
from penstock.storage.meta.database.bell import Topic

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def arrived(path: Path) -> int:
    """How many events the file has."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_it_sends_when_it_is_woken_and_not_before(sent: Any, tmp_path: Path) -> None:
    """Without an interval the outbox is looked at with each call of `wake`, and at the end."""
    path = tmp_path / "events.ndjson"
    with Relay(sent.store, [FileDestination(name="file", path=path)], interval=None) as relay:
        sent.run("file")
        time.sleep(0.7)  # longer than the usual interval
        assert arrived(path) == 0
        relay.wake()
        until = time.monotonic() + 10
        while arrived(path) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert arrived(path) == 2
        sent.run("file")
    assert arrived(path) == 4


def test_being_woken_leaves_a_server_alone_that_is_down(sent: Any, server: Any) -> None:
    """What others write meanwhile does not shorten the pause."""
    server.script = [503] * 50
    sent.run("web")
    with Relay(sent.store, [HttpDestination(name="web", url=server.url)], interval=None) as relay:
        relay.wake()
        until = time.monotonic() + 10
        while not server.got and time.monotonic() < until:
            time.sleep(0.01)
        for _ in range(20):  # 0.2 s, and the first pause is half a second at least
            sent.run("web")
            relay.wake()
            time.sleep(0.01)
    assert len(server.got) == 1


def test_whoever_writes_for_a_destination_rings(sent: Any) -> None:
    """Once that is committed; what nobody is to get does not, nor what is for others to hear."""
    with sent.store.listener(Topic.RELAY) as bell, sent.store.listener(Topic.PLANNER) as other:

        def rung() -> bool:
            wait(bell.waitables(), 0.3)
            return bell.heard()

        sent.run()
        assert not rung()
        run_id = sent.run("web")
        assert rung()
        assert not other.heard()
        with pytest.raises(ZeroDivisionError):
            _rolled_back(sent, run_id)
        assert not rung()
        with sent.store.write() as tx:
            outbox.revive(tx, destination="web", now=LONG_AGO)
        assert rung()


def _rolled_back(sent: Any, run_id: str) -> None:
    with sent.store.write() as tx:
        outbox.append(tx, run_id=run_id, body=b"{}", at=LONG_AGO, destinations=["web"])
        raise ZeroDivisionError
