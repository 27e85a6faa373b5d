"""The relay and a real HTTP server that accepts, refuses, fails, hangs or is not there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from penstock.lineage.relay import Relay, relay_once
from penstock.lineage.transports import HttpDestination, HttpTransport
from penstock.storage.errors import SettingsFault

# The fixtures are classes of `conftest.py`, which no test can import.
Outbox = Any
Server = Any


@pytest.fixture
def transport(server: Server) -> Iterator[HttpTransport]:
    """A transport to the server, with a short patience for what hangs."""
    made = HttpTransport(HttpDestination(name="web", url=server.url, timeout=0.3))
    yield made
    made.close()


@pytest.mark.databases("sqlite", "postgresql")
def test_events_arrive_unchanged_and_in_order(sent: Outbox, server: Server, transport: HttpTransport) -> None:
    """Each stored event is posted once, byte for byte, in the order of the outbox, over one connection."""
    runs = [sent.run("web") for _ in range(5)]
    passed = relay_once(sent.store, transport)
    assert (passed.delivered, passed.refused, passed.error) == (10, 0, "")
    assert server.seen() == [(run, state) for run in runs for state in ("START", "COMPLETE")]
    assert {(path, headers["Content-Type"]) for path, headers, _ in server.got} == {
        ("/api/v1/lineage", "application/json")
    }
    assert relay_once(sent.store, transport).delivered == 0
    assert len(server.got) == 10


def test_a_key_and_headers_are_sent_and_never_shown(
    sent: Outbox, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the environment at each delivery; without it events wait, and say what for."""
    place = HttpDestination(
        name="web",
        url=f"{server.url}/base/",
        endpoint="/lineage",
        api_key_env="LINEAGE_KEY",
        headers={"X-Team": "kb"},
    )
    assert "kb" not in repr(place)
    transport = HttpTransport(place)
    sent.run("web", states=["start"])
    monkeypatch.delenv("LINEAGE_KEY", raising=False)
    assert "LINEAGE_KEY" in relay_once(sent.store, transport).error
    sent.make_due()
    monkeypatch.setenv("LINEAGE_KEY", "s3cret\n")
    assert "s3cret" not in relay_once(sent.store, transport).error
    sent.make_due()
    monkeypatch.setenv("LINEAGE_KEY", "s3cret")
    assert relay_once(sent.store, transport).delivered == 1
    ((path, headers, _),) = server.got
    assert (path, headers["Authorization"], headers["X-Team"]) == ("/base/lineage", "Bearer s3cret", "kb")
    transport.close()


@pytest.mark.parametrize("status", [500, 503, 408, 409, 425, 429, 401, 404, 302])
def test_what_may_pass_is_tried_again_and_nothing_overtakes(
    sent: Outbox, server: Server, transport: HttpTransport, status: int
) -> None:
    """A server in trouble, or settings that are wrong, cost one request a pass and no event; a COMPLETE waits for its
    START, however often that fails."""
    first, second = sent.run("web"), sent.run("web")
    server.script = [status]
    passed = relay_once(sent.store, transport)
    assert passed.delivered == 0
    assert str(status) in passed.error
    assert passed.delay > timedelta()
    assert server.seen() == [(first, "START")]
    assert relay_once(sent.store, transport).delivered == 2  # the other run is not held up
    assert relay_once(sent.store, transport).delivered == 0
    sent.make_due()
    assert relay_once(sent.store, transport).delivered == 2
    assert server.seen()[1:] == [(second, "START"), (second, "COMPLETE"), (first, "START"), (first, "COMPLETE")]
    assert not sent.errors()


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_refused_for_good_is_buried_with_the_reason(
    sent: Outbox, server: Server, transport: HttpTransport, status: int
) -> None:
    """An event that the server calls bad is shown as dead, is not sent again, and holds up nothing behind it."""
    first, second = sent.run("web"), sent.run("web")
    server.script = [status]
    passed = relay_once(sent.store, transport)
    assert (passed.delivered, passed.refused, passed.error) == (3, 1, "")
    assert sent.states("web") == {first: ["dead", "delivered"], second: ["delivered", "delivered"]}
    assert sent.errors() == [f"{server.url}/api/v1/lineage answered {status}: ok"]
    assert relay_once(sent.store, transport).delivered == 0


def test_retry_after_is_honoured(sent: Outbox, server: Server, transport: HttpTransport) -> None:
    """The server says when to come back, and until then the event is not due."""
    sent.run("web", states=["start"])
    server.script = [(429, {"Retry-After": "120"})]
    now = datetime(2026, 1, 5, tzinfo=UTC)
    passed = relay_once(sent.store, transport, clock=lambda _: now)
    assert passed.delay == timedelta(seconds=120)
    assert relay_once(sent.store, transport, clock=lambda _: now + timedelta(seconds=119)).delivered == 0
    assert relay_once(sent.store, transport, clock=lambda _: now + timedelta(seconds=121)).delivered == 1


def test_a_server_that_hangs_costs_one_timeout_a_pass(sent: Outbox, server: Server, transport: HttpTransport) -> None:
    """Ten events for a server that accepts and never answers: one try, then the pass ends."""
    for _ in range(5):
        sent.run("web")
    server.answer = 0
    began = time.monotonic()
    passed = relay_once(sent.store, transport)
    assert passed.error.endswith("no answer within 0.3 s")
    assert time.monotonic() - began < 2
    assert len(server.got) == 1


def test_a_server_that_is_not_there_is_told_from_one_that_is(sent: Outbox) -> None:
    """A refused connection is an error with a name, an unknown host too."""
    sent.run("web")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nobody = HttpTransport(HttpDestination(name="web", url=f"http://127.0.0.1:{port}"))
    assert relay_once(sent.store, nobody).error.endswith("Connection refused")
    sent.make_due()
    nowhere = HttpTransport(HttpDestination(name="web", url="http://nobody.invalid", timeout=1))
    assert "nobody.invalid" in relay_once(sent.store, nowhere).error


def test_an_idle_connection_that_was_closed_is_no_failure(
    sent: Outbox, server: Server, transport: HttpTransport
) -> None:
    """Servers close connections that were quiet for long: the next event opens another."""
    server.script = [(201, {"Connection": "close"})]
    for _ in range(2):
        sent.run("web", states=["start"])
        assert relay_once(sent.store, transport).delivered == 1
    assert transport._connection is not None
    assert transport._connection.sock is not None
    transport._connection.sock.shutdown(socket.SHUT_RDWR)
    sent.run("web", states=["start"])
    assert relay_once(sent.store, transport).delivered == 1


@pytest.mark.databases("sqlite", "postgresql")
def test_a_poisonous_event_delays_only_its_own_run(sent: Outbox, server: Server, transport: HttpTransport) -> None:
    """One event that always fails with 500 does not stop the others, pass after pass."""
    bad = sent.run("web")
    server.script = [500]
    relay_once(sent.store, transport)
    good = [sent.run("web") for _ in range(3)]
    relay_once(sent.store, transport)
    assert [run for run, states in sent.states("web").items() if set(states) == {"delivered"}] == good
    assert sent.states("web")[bad] == ["pending", "pending"]


@pytest.mark.databases("sqlite", "postgresql")
def test_a_relay_never_holds_up_whoever_writes(sent: Outbox, server: Server, tmp_path: Path) -> None:
    """With a server that hangs, events are written as fast as ever, another destination gets them, and stopping does
    not wait for the server."""
    server.answer = 0
    web = HttpDestination(name="web", url=server.url, timeout=20)
    relay = Relay(sent.store, [web], interval=0.01)
    relay.start()
    longest = 0.0
    for _ in range(40):
        began = time.monotonic()
        sent.run("web")
        longest = max(longest, time.monotonic() - began)
    assert longest < 5  # the server hangs for longer
    while not server.got:
        time.sleep(0.01)
    began = time.monotonic()
    (delivery,) = relay.stop(drain_timeout=0.2)
    assert time.monotonic() - began < 5
    assert (delivery.delivered, delivery.error) == (0, "no answer yet")
    server.released.set()  # the thread that was left behind ends with its request
    for courier in relay._couriers:
        courier.join(5)
    assert {state for states in sent.states("web").values() for state in states} == {"pending"}


@pytest.mark.databases("sqlite", "postgresql")
def test_stopping_sends_what_is_left(sent: Outbox, server: Server) -> None:
    """A relay that had no time to look yet empties the outbox when it is stopped."""
    with Relay(sent.store, [HttpDestination(name="web", url=server.url)], interval=60):
        runs = [sent.run("web") for _ in range(3)]
    assert server.seen() == [(run, state) for run in runs for state in ("START", "COMPLETE")]


def test_a_relay_comes_back_to_a_server_that_recovers(sent: Outbox, server: Server) -> None:
    """After a failure the destination is left alone for a while, then everything arrives, in order per run."""
    server.script = [503]
    run = sent.run("web")
    relay = Relay(sent.store, [HttpDestination(name="web", url=server.url)], interval=0.01)
    relay.start()
    until = time.monotonic() + 10
    while len(server.got) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    (delivery,) = relay.stop()
    assert (delivery.delivered, delivery.refused, delivery.error) == (2, 0, "")
    assert server.seen() == [(run, "START"), (run, "START"), (run, "COMPLETE")]


WRONG = {
    "no scheme": {"url": "marquez:5000"},
    "no port": {"url": "http://marquez:s3cret"},
    "half an address": {"url": "http://[s3cret"},
    "another scheme": {"url": "ftp://marquez"},
    "credentials": {"url": "http://me:s3cret@marquez"},
    "a query": {"url": "http://marquez?key=s3cret"},
    "no timeout": {"url": "http://marquez", "timeout": 0},
    "a broken header": {"url": "http://marquez", "headers": {"X": "s3cret\r\nY: 1"}},
}


@pytest.mark.parametrize("fault", WRONG)
def test_settings_that_cannot_work_are_refused_at_once(fault: str) -> None:
    """The message names the destination, and repeats nothing that may be secret."""
    with pytest.raises(SettingsFault, match="'web'") as caught:
        HttpDestination(name="web", **WRONG[fault])
    assert "s3cret" not in str(caught.value)


def test_nobody_waits_long_for_what_was_down_before(sent: Outbox, server: Server) -> None:
    """The end of a relay waits for a destination that hangs; the next one gives it a second, and one that works again
    gets everything."""
    server.answer = 0
    place = HttpDestination(name="web", url=server.url, timeout=20)
    sent.run("web", states=["start"])
    first = Relay(sent.store, [place])
    first.start()
    (delivery,) = first.stop(1.5)
    assert delivery.error
    with sent.store.write() as tx:  # as after the request has ended
        tx.execute(text("DELETE FROM leases"))
    begun = time.monotonic()
    with Relay(sent.store, [place]):
        pass
    assert time.monotonic() - begun < 3
    server.answer = 201
    with sent.store.write() as tx:
        tx.execute(text("DELETE FROM leases"))
    with Relay(sent.store, [place]):
        pass
    assert set(sent.states("web").popitem()[1]) == {"delivered"}
