"""What every notifier does: it tries once, says what came of it, and never shows an address."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from penstock.assets.run.notifying.notifier import open_notifier
from penstock.assets.run.notifying.outgoing import Outgoing
from penstock.lineage.transports import Outcome
from penstock.storage.errors import SettingsFault
from penstock.storage.types import NotificationKind

pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr")  # which Apprise imports where there is one
MESSAGE = Outgoing(
    id=7,
    project="kb",
    destination="kb/team",
    at=datetime(2026, 1, 1, 10, tzinfo=UTC),
    kind=NotificationKind.FAILED,
    count=1,
    subject="kb: chunks failed – <b>",
    body="chunks failed.\n\nValueError: no *text* in {{page}} 7",
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Somewhere that messages arrive; `got` are subject and body of each, `away` makes it unreachable, and `back`
    reachable again."""

    url: str
    folder: Path
    got: Callable[[], list[tuple[str, str]]]
    away: Callable[[], None]
    back: Callable[[], None]


class Hook:
    """A web server that takes messages as JSON, and answers with `status`."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.status == 200:
                    hook.bodies.append(json.loads(body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Nothing on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        """Its address, with a password and a token."""
        return f"json://robot:pa55word@127.0.0.1:{self.server.server_port}/t0k3n-of-team"

    def close(self) -> None:
        """It is gone."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A web server that takes messages."""
    with closing(Hook()) as made:
        yield made


def of_file(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A file; it is away while a folder stands at its place."""
    path = tmp_path / "deep" / "told.ndjson"

    def got() -> list[tuple[str, str]]:
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
        return [(line["subject"], line["body"]) for line in lines]

    return Place(
        url="file://deep/told.ndjson",
        folder=tmp_path,
        got=got,
        away=lambda: path.mkdir(parents=True),
        back=path.rmdir,
    )


def of_hook(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A web hook, by Apprise; it is away while it says so."""
    made: Hook = request.getfixturevalue("hook")
    return Place(
        url=made.url,
        folder=tmp_path,
        got=lambda: [(body["title"], body["message"]) for body in made.bodies],
        away=lambda: setattr(made, "status", 503),
        back=lambda: setattr(made, "status", 200),
    )


@pytest.fixture(params=[of_file, of_hook], ids=["file", "apprise"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each notifier's kind of destination."""
    return request.param(tmp_path, request)


def test_a_message_arrives_as_it_is(place: Place) -> None:
    """Subject and body to the letter: nothing in them is markup, a template or an escape."""
    with closing(open_notifier(place.url, place.folder)) as notifier:
        assert notifier.send(MESSAGE).outcome is Outcome.DELIVERED
    assert place.got() == [(MESSAGE.subject, MESSAGE.body)]


def test_messages_arrive_in_order_also_after_closing(place: Place) -> None:
    """Whoever is closed can send again."""
    notifier = open_notifier(place.url, place.folder)
    for number in range(3):
        assert notifier.send(replace(MESSAGE, id=number, subject=f"{number}")).outcome is Outcome.DELIVERED
        notifier.close()
    assert [subject for subject, _ in place.got()] == ["0", "1", "2"]


def test_what_cannot_be_taken_now_is_postponed_and_said(place: Place) -> None:
    """With a reason, and nothing raised; when the destination is back, the same notifier delivers."""
    notifier = open_notifier(place.url, place.folder)
    place.away()
    receipt = notifier.send(MESSAGE)
    assert receipt.outcome is Outcome.POSTPONED
    assert receipt.error
    place.back()
    assert notifier.send(MESSAGE).outcome is Outcome.DELIVERED
    assert len(place.got()) == 1


def test_nothing_of_an_address_is_shown(place: Place) -> None:
    """Neither by an error nor by the notifier itself."""
    notifier = open_notifier(place.url, place.folder)
    place.away()
    shown = notifier.send(MESSAGE).error + repr(notifier) + str(vars(notifier).get("nothing", ""))
    assert not [secret for secret in ("pa55word", "t0k3n-of-team", "robot") if secret in shown]
    place.back()


def test_what_a_hook_calls_bad_is_refused_for_good(hook: Hook, tmp_path: Path) -> None:
    """400 speaks of the message, 401 and 404 of the settings: those are tried again."""
    notifier, found = open_notifier(hook.url, tmp_path), {}
    for hook.status in (400, 413, 401, 404, 429, 500):
        found[hook.status] = notifier.send(MESSAGE).outcome.value
    assert found == {400: "refused", 413: "refused", **dict.fromkeys((401, 404, 429, 500), "postponed")}


def test_a_server_that_is_gone_postpones(tmp_path: Path) -> None:
    """Nobody listens there."""
    gone = Hook()
    gone.close()
    assert open_notifier(gone.url, tmp_path).send(MESSAGE).outcome is Outcome.POSTPONED


def test_an_address_that_nobody_takes_is_told_without_it(tmp_path: Path) -> None:
    """A scheme that Apprise does not know, or none at all."""
    with pytest.raises(SettingsFault, match="Apprise takes no such address: slak://…") as told:
        open_notifier("slak://t0k3n", tmp_path)
    assert "t0k3n" not in str(told.value)
    with pytest.raises(SettingsFault, match="its address is no URL"):
        open_notifier("t0k3n", tmp_path)


def test_mail_arrives_at_a_real_server(tmp_path: Path) -> None:
    """By SMTP, as plain text."""

    class Inbox:
        """What arrived, as it was sent."""

        def __init__(self) -> None:
            self.letters: list[bytes] = []

        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  as aiosmtpd asks
            self.letters.append(envelope.content)
            return "250 taken"

    inbox = Inbox()
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{port}?from=penstock@example.com&to=team@example.com"
        receipt = open_notifier(url, tmp_path).send(MESSAGE)
    finally:
        controller.stop()
    assert receipt.outcome is Outcome.DELIVERED, receipt.error
    (letter,) = (message_from_bytes(one) for one in inbox.letters)
    assert str(make_header(decode_header(letter["Subject"]))) == MESSAGE.subject
    assert letter["To"] == "team@example.com"
    body = letter.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().replace("\r\n", "\n").strip() == MESSAGE.body
