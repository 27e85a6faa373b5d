"""The outbox: every event reaches every destination in the order of its run, or says why not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from penstock.storage.meta import outbox

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def append(meta: Any, run: str, body: str, *destinations: str) -> None:
    """An event of the run is written."""
    with meta.store.write() as tx:
        outbox.append(tx, run_id=run, body=body.encode(), at=meta.now, destinations=destinations)


def due(meta: Any, destination: str, after: float = 0, limit: int = 100) -> list[str]:
    """What may be sent so many minutes from now."""
    with meta.store.read() as tx:
        now = meta.now + timedelta(minutes=after)
        return [one.body.decode() for one in outbox.due(tx, destination=destination, now=now, limit=limit)]


def ids(meta: Any) -> dict[str, int]:
    """Body → id of the event."""
    return {body.decode(): number for number, body in meta.rows("SELECT id, body FROM lineage_events")}


def two_runs(meta: Any) -> tuple[str, str]:
    """Two runs, each with a START and a COMPLETE for a file and for a server, interleaved."""
    chunks = meta.declare(chunks="").assets["chunks"]
    one, two = meta.run(chunks), meta.run(chunks)
    for run, body in ((one, "start 1"), (two, "start 2"), (one, "complete 1"), (two, "complete 2")):
        append(meta, run, body, "file", "server")
    return one, two


def test_events_are_due_in_the_order_in_which_they_were_written(meta: Any) -> None:
    """For each destination by itself; as many as were asked for; nothing before its time."""
    one, _ = two_runs(meta)
    everything = ["start 1", "start 2", "complete 1", "complete 2"]
    assert due(meta, "file") == due(meta, "server") == everything
    assert due(meta, "file", limit=3) == everything[:3]
    assert due(meta, "file", after=-1) == []
    assert due(meta, "nobody") == []
    append(meta, one, "kept, and sent nowhere")
    assert due(meta, "file") == everything


def test_an_event_waits_for_the_earlier_ones_of_its_run(meta: Any) -> None:
    """While START is postponed, COMPLETE waits; the other run and the other destination go on."""
    two_runs(meta)
    with meta.store.write() as tx:
        outbox.postpone(
            tx, ids(meta)["start 1"], destination="server", until=meta.now + timedelta(minutes=5), error="503"
        )
    assert due(meta, "server") == ["start 2", "complete 2"]
    assert due(meta, "file") == ["start 1", "start 2", "complete 1", "complete 2"]
    assert due(meta, "server", after=5) == ["start 1", "start 2", "complete 1", "complete 2"]


def test_what_has_arrived_is_not_sent_again(meta: Any) -> None:
    """At this destination; the others still want it."""
    two_runs(meta)
    with meta.store.write() as tx:
        outbox.mark_delivered(tx, [ids(meta)["start 1"], ids(meta)["start 2"]], destination="file", at=meta.now)
        outbox.mark_delivered(tx, [], destination="file", at=meta.now)
    assert due(meta, "file") == ["complete 1", "complete 2"]
    assert len(due(meta, "server")) == 4


def test_what_is_refused_for_good_blocks_nobody(meta: Any) -> None:
    """It is counted with its error, and the rest of its run is sent."""
    two_runs(meta)
    with meta.store.write() as tx:
        outbox.bury(tx, ids(meta)["start 1"], destination="server", error="422 no\0such field")
        outbox.mark_delivered(tx, list(ids(meta).values()), destination="file", at=meta.now)
        assert outbox.undelivered(tx) == [
            outbox.Undelivered(destination="server", pending=3, dead=1, error="422 no\ufffdsuch field")
        ]
    assert due(meta, "server") == ["start 2", "complete 1", "complete 2"]


def test_attempts_are_counted(meta: Any) -> None:
    """Each time that it could not be sent, so that the next try can wait longer."""
    two_runs(meta)
    for _ in range(3):
        with meta.store.write() as tx:
            outbox.postpone(tx, ids(meta)["start 1"], destination="server", until=meta.now, error="timed out")
    with meta.store.read() as tx:
        first = outbox.due(tx, destination="server", now=meta.now, limit=1)[0]
    assert first.attempts == 3


def test_every_event_is_kept(meta: Any) -> None:
    """Delivered, refused or sent nowhere: all can be exported, oldest first, or those of one run."""
    one, _ = two_runs(meta)
    append(meta, one, "nowhere")
    with meta.store.read() as tx:
        assert [body.decode() for body in outbox.bodies(tx)] == [
            "start 1",
            "start 2",
            "complete 1",
            "complete 2",
            "nowhere",
        ]
        assert list(outbox.bodies(tx, run_id=one)) == [b"start 1", b"complete 1", b"nowhere"]
        assert [(one.destination, one.pending, one.dead, one.error) for one in outbox.undelivered(tx)] == [
            ("file", 4, 0, None),
            ("server", 4, 0, None),
        ]
