"""What the suites of the relay share: a store with events in its outbox, and a real server to send them to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from penstock.lineage import events
from penstock.lineage.facts import JobFacts, RunFacts
from penstock.storage.meta import leases, models, outbox
from penstock.storage.meta.database.engine import Store

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Outbox:
    """A store, and the events that tests put into its outbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = Store(url, project="test")
        self.count = 0
        with self.store.write() as tx:
            tx.execute(text("CREATE TABLE runs (id TEXT PRIMARY KEY)"))  # of a run the outbox knows the id alone
            models.metadata().create_all(tx, [outbox.lineage_events, outbox.outbox, leases.leases])

    def run(self, *destinations: str, states: Sequence[str] = ("start", "complete")) -> str:
        """One run of an asset has written its events, addressed to the destinations; gives the run's id."""
        self.count += 1
        run_id = str(UUID(int=self.count))
        facts = RunFacts(run_id=run_id, job=JobFacts(project="test", asset="a", engine_version="0.1.0"))
        with self.store.write() as tx:
            tx.execute(text("INSERT INTO runs VALUES (:id)"), {"id": run_id})
            for place, state in enumerate(states):
                at = LONG_AGO + timedelta(seconds=place)
                body = getattr(events, state)(facts, at)
                outbox.append(tx, run_id=run_id, body=body, at=at, destinations=destinations)
        return run_id

    def states(self, destination: str) -> dict[str, list[str]]:
        """The states of a destination's events, by run, in order."""
        query = select(outbox.outbox.c.run_id, outbox.outbox.c.state).where(outbox.outbox.c.destination == destination)
        found: dict[str, list[str]] = {}
        with self.store.read() as tx:
            for run_id, state in tx.execute(query.order_by(outbox.outbox.c.event_id)):
                found.setdefault(run_id, []).append(str(state))
        return found

    def errors(self) -> list[str]:
        """Why events have not arrived."""
        with self.store.read() as tx:
            return [error for (error,) in tx.execute(select(outbox.outbox.c.error)) if error]

    def make_due(self) -> None:
        """Time passes: what was postponed may be sent now."""
        with self.store.write() as tx:
            tx.execute(outbox.outbox.update().values(next_at=LONG_AGO))


@pytest.fixture
def sent(databases: Any) -> Iterator[Outbox]:
    """An empty outbox."""
    made = Outbox(databases.fresh(prepared=False))
    yield made
    made.store.close()


class Server:
    """A real HTTP server on this machine: `script` says how it answers the next requests, then `answer` counts.

    An answer is a status, or a status with headers; 0 is none at all: the connection stays open and silent.
    """

    def __init__(self) -> None:
        self.answer: int | tuple[int, dict[str, str]] = 201
        self.script: list[int | tuple[int, dict[str, str]]] = []
        self.refuse_run = ""
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """No connection is accepted from now on."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def seen(self) -> list[tuple[str, str]]:
        """Run and type of every event that was posted, in order."""
        found = [json.loads(body) for _, _, body in self.got]
        return [(event["run"]["runId"], event["eventType"]) for event in found]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.got.append((self.path, dict(self.headers.items()), body))
                said = server.script.pop(0) if server.script else server.answer
                status, headers = said if isinstance(said, tuple) else (said, {})
                if server.refuse_run and server.refuse_run.encode() in body:
                    status = 422
                if status == 0:
                    server.released.wait(30)
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"Content-Length": "3", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"ok\n")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that takes everything."""
    made = Server()
    yield made
    made.close()
