"""Lineage that a destination refuses for good: told after a materialization, and sent again when somebody asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


class Server:
    """A real HTTP server on this machine that answers every request alike, and counts what it took."""

    def __init__(self) -> None:
        self.answer, self.got = 400, list[str]()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if server.answer == 201:
                    server.got.append(f"{body['job']['name']} {body['eventType']}")
                self.send_response(server.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """No connection is accepted from now on."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that refuses everything."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Path:
    """A project of one asset whose lineage goes to the server."""
    (tmp_path / "pipeline.py").write_text(
        "from penstock import asset\n@asset('a.json')\ndef a() -> int:\n    return 1\n"
    )
    lineage = f'[lineage.marquez]\ntype = "http"\nurl = "{server.url}"\n'
    (tmp_path / "penstock.toml").write_text(f'project = "kb"\ndefinitions = ["pipeline.py"]\n{lineage}')
    return tmp_path


def test_lineage_that_is_refused_is_told_with_the_next_step(project: Path, penstock: Call) -> None:
    """Once, by the materialization in which it was; the run has not failed; `status` goes on telling it."""
    said = penstock(project, "materialize")
    assert said.code == 0
    last = said.out.splitlines()[-1]
    assert last.startswith("Lineage: kb/marquez refused 2 events for good (")
    assert "answered 400" in last
    assert last.endswith("mend that, then `penstock resend` sends them again.")
    (one,) = penstock(project, "materialize", "--select", "a", "--json").json["undelivered"]
    assert (one["destination"], one["pending"], one["dead"]) == ("kb/marquez", 0, 4)
    assert "0 events under way, 4 refused" in penstock(project, "status").words


def test_what_was_refused_is_sent_again(project: Path, penstock: Call, server: Server) -> None:
    """In order, when the destination takes it; asked again, there is nothing left."""
    assert penstock(project, "materialize", "--quiet").code == 0
    foreseen = penstock(project, "resend", "--dry-run", "--json")
    assert (foreseen.code, foreseen.json["destinations"][0]["refused"], server.got) == (0, 2, [])
    server.answer = 201
    said = penstock(project, "resend")
    assert (said.code, server.got) == (0, ["a START", "a COMPLETE"])
    assert said.out.splitlines()[-1].split() == ["kb/marquez", "2", "2", "0", "0"]
    again = penstock(project, "resend")
    assert (again.code, again.out) == (0, "No lineage event was refused.\n")


def test_what_is_refused_again_stays_refused(project: Path, penstock: Call, server: Server) -> None:
    """Exit code 1, with the answer; and one that cannot be reached is tried by the next materialization."""
    assert penstock(project, "materialize", "--quiet").code == 0
    said = penstock(project, "resend", "marquez", "--json")
    (one,) = said.json["destinations"]
    assert (said.code, one["refused"], one["sent"], one["again"], one["waiting"]) == (1, 2, 0, 2, 0)
    assert "answered 400" in one["error"]
    server.close()
    said = penstock(project, "resend", "kb/marquez")
    assert said.code == 1
    assert "2 events for kb/marquez: the next materialization tries again." in said.words


def test_a_destination_that_nobody_named_is_wrong_use(project: Path, penstock: Call) -> None:
    """It says which there are; one that the settings no longer name keeps its events, and is said to."""
    assert penstock(project, "materialize", "--quiet").code == 0
    said = penstock(project, "resend", "elsewhere")
    assert (said.code, "There is: marquez." in said.err) == (2, True)
    toml = project / "penstock.toml"
    toml.write_text(toml.read_text().replace("lineage.marquez", "lineage.other"))
    said = penstock(project, "resend")
    assert said.code == 1
    assert "kb/marquez: the settings name it no more" in said.words


def test_what_merely_waits_is_told_too(project: Path, penstock: Call, server: Server) -> None:
    """It was never refused: the next materialization sends it, and `resend` leaves it alone."""
    server.answer = 503
    assert penstock(project, "materialize", "--quiet").code == 0
    for more in ([], ["--dry-run"]):
        said = penstock(project, "resend", *more, width=250)
        assert said.code == 0
        assert "No lineage event was refused." in said.words
        assert "Lineage: 2 events wait for kb/marquez; the next materialization sends them." in said.words
        assert penstock(project, "resend", "--json", *more).json["waiting"] == {"kb/marquez": 2}
