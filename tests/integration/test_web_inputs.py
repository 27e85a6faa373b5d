"""Inputs on a web server, which may say little of them or nothing at all: read anew when they are others, gone only
when the server says so, and whoever cannot be asked holds back nobody but the readers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from penstock import Dataset, asset
from penstock.assets.run.progress import Result
from penstock.storage.files.layout import Place
from penstock.storage.files.observe import observe


class Web:
    """A real web server on this machine: what it has, what it says of it, and with which status it answers."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.says: frozenset[str] = frozenset({"size"})
        self.dated = formatdate(usegmt=True)
        self.status = 0
        self.sent: list[str] = []
        self._start(0)

    def _start(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Nobody answers any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def again(self) -> None:
        """At the same address as before."""
        self._start(self.port)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(b"")

            def do_GET(self) -> None:
                body = web.pages.get(self.path, b"")
                web.sent.append(self.path)
                self._answer(body)

            def _answer(self, body: bytes) -> None:
                known = self.path in web.pages
                self.send_response(web.status or (200 if known else 404))
                if "size" in web.says:
                    self.send_header("Content-Length", str(len(web.pages.get(self.path, b""))))
                if "etag" in web.says:
                    self.send_header("ETag", f'"{hash(web.pages.get(self.path))}"')
                if "time" in web.says:
                    self.send_header("Last-Modified", web.dated)
                if self.path.endswith("/"):
                    self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


@pytest.fixture
def web() -> Iterator[Web]:
    """A server with one file."""
    server = Web()
    server.pages["/docs.txt"] = b"first"
    yield server
    server.stop()


@asset("other.txt")
def other() -> str:
    """An asset that reads nothing from there."""
    return "other"


def copy_of(url: str) -> Any:
    """An asset that reads the dataset at this URL."""

    @asset("copy.txt", on=Dataset(url, name="docs"))
    def copy(docs: str) -> str:
        return docs

    return copy


def events(lab: Any) -> list[str]:
    """The kinds of the input's events, in order."""
    return [
        kind
        for (kind,) in lab.rows(
            "SELECT e.kind FROM events e JOIN datasets d ON d.id = e.dataset_id WHERE d.name = 'docs' ORDER BY e.number"
        )
    ]


def news(result: Result) -> str:
    """What the last look found."""
    return result.looked[-1].news


@pytest.mark.parametrize("says", ["", "size", "time", "size time", "size etag", "etag"])
def test_a_page_that_is_overwritten_at_equal_size_is_read_anew(lab: Any, web: Web, says: str) -> None:
    """Whatever the server says of it, within one second, and also by force; what stays the same runs nothing."""
    web.says = frozenset(says.split())
    copy = copy_of(f"{web.url}/docs.txt")
    assert lab.make(copy).ok
    assert (lab.data / "copy.txt").read_text() == "first"
    assert not lab.make(copy).executed
    web.pages["/docs.txt"] = b"other"
    assert lab.make(copy).ok
    assert (lab.data / "copy.txt").read_text() == "other"
    web.pages["/docs.txt"] = b"third"
    assert lab.make(copy, force=True).ok
    assert (lab.data / "copy.txt").read_text() == "third"
    assert not lab.make(copy).executed
    assert events(lab) == ["changed"] * 3


def test_a_page_with_an_old_time_is_not_fetched_to_be_looked_at(lab: Any, web: Web) -> None:
    """A time by the second is believed when it is long past, like an etag."""
    web.says, web.dated = frozenset({"size", "time"}), formatdate(1_600_000_000, usegmt=True)
    copy = copy_of(f"{web.url}/docs.txt")
    assert lab.make(copy).ok
    web.sent.clear()
    assert not lab.make(copy).executed
    assert web.sent == []


def test_a_page_that_is_overwritten_while_it_is_read_is_read_anew(lab: Any, web: Web) -> None:
    """Of a server that says nothing of it: what came of the mixture is discarded."""
    tries: list[str] = []

    @asset("copy.txt", on=Dataset(f"{web.url}/docs.txt"))
    def copy(docs: str) -> str:
        tries.append(docs)
        web.pages["/docs.txt"] = b"other"
        return docs

    assert lab.make(copy).ok
    assert tries == ["first", "other"]
    assert (lab.data / "copy.txt").read_text() == "other"


@pytest.mark.parametrize("path", ["docs.txt", "docs/"])
@pytest.mark.parametrize("fault", ["503", "403", "stopped"])
@pytest.mark.parametrize("first", [True, False])
def test_a_server_that_cannot_be_asked_removes_nothing(lab: Any, web: Web, path: str, fault: str, first: bool) -> None:
    """Its readers are held with what it answered, others are made, and no event tells what nobody knows."""
    web.pages |= {"/docs/": b'<a href="a.txt">a</a>', "/docs": b'<a href="a.txt">a</a>', "/docs/a.txt": b"a"}
    docs = Dataset(f"{web.url}/{path}", name="docs")
    names = asset("names.json", name="names", on=docs, inputs={"docs": docs})(_names)
    if not first:
        assert lab.make(names).ok
    before = events(lab) if not first else []
    if fault == "stopped":
        web.stop()
    else:
        web.status = int(fault)
    result = lab.make(names, other)
    if fault == "stopped":
        web.again()
    assert not result.ok
    assert news(result) == "could not be looked at"
    assert result["names"].reason.text.startswith("upstream failed: docs; dataset 'docs': looking at")
    assert {"503": "answered 503", "403": "answered 403", "stopped": "onnect"}[fault] in result["names"].reason.text
    assert [one.asset for one in result.executed] == ["other"]
    assert events(lab) == before
    web.status = 0
    assert lab.make(names).ok
    assert events(lab) == ["changed"]


def _names(docs: Path) -> list[str]:
    return sorted(path.name for path in docs.rglob("*")) if docs.is_dir() else [docs.name]


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_the_server_says_is_gone_is_removed(lab: Any, web: Web, status: int) -> None:
    """404 and 410 say so; nothing else does."""
    copy = copy_of(f"{web.url}/docs.txt")
    assert lab.make(copy).ok
    web.status = status
    assert news(lab.make(copy)) == "removed"
    assert events(lab) == ["changed", "removed"]


def test_a_folder_of_pages_is_its_files(tmp_path: Path, web: Web) -> None:
    """As its listing names them, without the links that order it; a page in it that changes at equal size is news."""
    links = b'<a href="../">up</a><a href="?C=N;O=D">Name</a><a href="a.txt">a</a><a href="in/">in</a>'
    web.pages |= {"/docs": links, "/docs/": links, "/docs/a.txt": b"a", "/docs/in": b'<a href="b.txt">b</a>'}
    web.pages |= {"/docs/in/": b'<a href="b.txt">b</a>', "/docs/in/b.txt": b"b"}
    place = Place(root=web.url, path="docs/", cache=str(tmp_path))
    seen = observe(place, None)
    assert seen.manifest is not None
    assert [entry.path for entry in seen.manifest.files] == ["a.txt", "in/b.txt"]
    assert observe(place, seen.fingerprint) == seen
    web.pages["/docs/in/b.txt"] = b"c"
    after = observe(place, seen.fingerprint)
    assert after.manifest is not None
    assert after.manifest.digest != seen.manifest.digest
