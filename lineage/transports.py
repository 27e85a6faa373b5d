"""Where lineage events go: a file that grows by a line an event, or an endpoint that takes them by HTTP.

Both send the stored bytes unchanged. openlineage-python's own transports take an object, make it text again, and block
for 9 to 39 s at a destination that is down, because they retry by themselves; here nothing retries, one try ends within
`timeout`, and the relay decides what comes next. Its HTTP transport costs 0.75 ms of processor time an event, this one
0.1: the relay shares its process with producers.

Nothing but the destination's own settings is looked at: no `openlineage.yml`, no `OPENLINEAGE_*` variable, no proxy of
the environment. Must never raise because of a destination, and never show a key.
"""

from __future__ import annotations

import http.client
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from ..storage.errors import SettingsFault
from .naming import quoted

PATIENCE = 1.0
"""Seconds after which a delivery of several events begins no further one, so that what was done is marked."""

_LONGEST_ANSWER = 2048  # bytes of an answer that are read, for the reason of a refusal
_LONGEST_WAIT = timedelta(days=1)  # of what a destination may ask for

# The event is fine and the settings are not: a wrong key or path must not bury everything that is sent meanwhile.
_WRONG_SETTINGS = frozenset({401, 402, 403, 404, 405, 407})
_TRY_AGAIN = frozenset({408, 409, 425, 429})


class Outcome(Enum):
    """What became of one event at its destination."""

    DELIVERED = "delivered"
    POSTPONED = "postponed"  # try again later
    REFUSED = "refused"  # this event will never be taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to one event: what became of it, why, and when to come back where the destination said so."""

    outcome: Outcome
    error: str = ""
    retry_after: timedelta | None = None


class Transport(Protocol):
    """One destination, opened. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """As the outbox calls the destination."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds after which one try ends at the latest."""
        ...

    def deliver(self, bodies: Sequence[bytes]) -> list[Receipt]:
        """Receipts for the first of these events, in order: nothing is sent after one that has to be postponed."""
        ...

    def close(self) -> None:
        """Connections are closed; `deliver` opens new ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDestination:
    """A file that gets one line of JSON an event (NDJSON); folders are made."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDestination:
    """An endpoint that takes `POST`, one event a request, as Marquez, DataHub and others do.

    Attributes
    ----------
    url, endpoint: joined by a slash.
    api_key_env: the environment variable that holds the key; looked up at each delivery, so that it can be changed.
    timeout: seconds for connecting, and for each wait for an answer.
    headers: sent with each event.
    ca_file: certificates to trust instead of the system's.
    """

    name: str
    url: str
    endpoint: str = "api/v1/lineage"
    api_key_env: str | None = None
    timeout: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        scheme, private = self.url.partition("://")[0].lower(), None
        try:
            parts = urlsplit(self.url)
            reached = parts.hostname is not None and parts.port != 0
            private = parts.username or parts.password or parts.query or parts.fragment
        except ValueError:  # a port that is no number, half an IPv6 address; its text may repeat the whole URL
            reached = False
        if scheme not in {"http", "https"} or not reached:
            wrong = "has no host, or a port that is none" if scheme in {"http", "https"} else "is no http or https URL"
            raise SettingsFault(
                f"the url of the lineage destination {self.name!r} {wrong}",
                hint="Write e.g. http://marquez:5000",
            )
        if private:
            raise SettingsFault(
                f"the url of the lineage destination {self.name!r} carries credentials, a query or a fragment",
                hint="Name the environment variable of the key as `api_key_env`, or send it by `headers`.",
            )
        if not self.timeout > 0:
            raise SettingsFault(f"the timeout of the lineage destination {self.name!r} is {self.timeout}, not positive")
        for header, value in self.headers.items():
            if not f"{header}{value}".isprintable() or not f"{header}{value}".isascii():
                raise SettingsFault(
                    f"the header {header!r} of the lineage destination {self.name!r} is not plain ASCII"
                )


Destination = FileDestination | HttpDestination


def open_transport(destination: Destination) -> Transport:
    """The transport of a destination; nothing is opened or connected yet."""
    return FileTransport(destination) if isinstance(destination, FileDestination) else HttpTransport(destination)


class FileTransport:
    """Appends lines; what is acknowledged is on the disk."""

    timeout = 1.0

    def __init__(self, destination: FileDestination) -> None:
        self.name = destination.name
        self._path = destination.path

    def deliver(self, bodies: Sequence[bytes]) -> list[Receipt]:
        """Every event is a line of the file, or none is."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._append(b"".join([line for body in bodies for line in (body, b"\n")]))
        except OSError as error:
            return [Receipt(outcome=Outcome.POSTPONED, error=f"{self._path}: {error.strerror or error}")]
        return [Receipt(outcome=Outcome.DELIVERED)] * len(bodies)

    def close(self) -> None:
        """Nothing is open between deliveries: the file may be moved or removed at any time."""

    def _append(self, lines: bytes) -> None:
        with self._path.open("a+b", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            if before:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a crash tore the last line: it ends here
                    lines = b"\n" + lines
            written = file.write(lines)  # one call: lines of two processes do not mix
            if written != len(lines):
                if file.seek(0, os.SEEK_END) == before + written:
                    file.truncate(before)
                raise OSError(f"only {written} of {len(lines)} bytes could be written: is the disk full?")
            os.fsync(file.fileno())


class HttpTransport:
    """Posts events over one connection that is kept open."""

    def __init__(self, destination: HttpDestination) -> None:
        self.name = destination.name
        self.timeout = destination.timeout
        self._destination = destination
        self._url = f"{destination.url.strip().rstrip('/')}/{destination.endpoint.strip('/')}".rstrip("/")
        parts = urlsplit(quoted(self._url))
        self._path = parts.path or "/"
        self._host, self._port = parts.hostname or "", parts.port
        self._tls = parts.scheme == "https"
        self._connection: http.client.HTTPConnection | None = None

    def deliver(self, bodies: Sequence[bytes]) -> list[Receipt]:
        """Each event in a request of its own, in order, until one has to be postponed or `PATIENCE` is over."""
        receipts: list[Receipt] = []
        until = time.monotonic() + PATIENCE
        for body in bodies:
            receipts.append(self._post(body))
            if receipts[-1].outcome is Outcome.POSTPONED or time.monotonic() > until:
                break
        return receipts

    def close(self) -> None:
        """The connection is closed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, body: bytes) -> Receipt:
        key = os.environ.get(self._destination.api_key_env) if self._destination.api_key_env else None
        if self._destination.api_key_env and not key:
            error = f"{self._url}: the environment variable {self._destination.api_key_env} of its key is not set"
            return Receipt(outcome=Outcome.POSTPONED, error=error)
        headers = {"Content-Type": "application/json", **self._destination.headers}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            status, after, answer = self._exchange(body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a key that no header can carry
            self.close()
            return Receipt(outcome=Outcome.POSTPONED, error=f"{self._url}: {self._described(error)}")
        return judged(status, retry_after=after, answer=answer, url=self._url, now=datetime.now(UTC))

    def _exchange(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str | None, str]:
        """Status, `Retry-After` and the beginning of the answer."""
        kept = self._connection
        if kept is not None:
            try:
                return self._ask(kept, body, headers)
            except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
                self.close()  # the server had closed the idle connection: that is no failure yet
        self._connection = self._connect()
        return self._ask(self._connection, body, headers)

    def _ask(
        self, connection: http.client.HTTPConnection, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str | None, str]:
        connection.request("POST", self._path, body, headers)
        response = connection.getresponse()
        answer = response.read(_LONGEST_ANSWER).decode("utf-8", "replace")
        if not response.isclosed():  # more than anybody wants to read
            self.close()
        return response.status, response.headers.get("Retry-After"), answer

    def _connect(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=self.timeout)
        context = ssl.create_default_context(cafile=self._destination.ca_file)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self.timeout, context=context)

    def _described(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self.timeout:g} s"
        if isinstance(error, OSError):
            return error.strerror or str(error) or type(error).__name__
        return type(error).__name__  # not its text: it may repeat a header


def judged(status: int, *, retry_after: str | None, answer: str, url: str, now: datetime) -> Receipt:
    """What an answer means for the event.

    2xx is delivered. What says that the event is bad (400, 413, 422, …) refuses it for good. Everything else is
    postponed: 408, 409, 425, 429 and 5xx by their meaning, redirects and 401 to 407 because they speak of the
    settings, not of the event.

    >>> judged(429, retry_after="7", answer="", url="http://h", now=datetime(2026, 1, 1, tzinfo=UTC)).retry_after
    datetime.timedelta(seconds=7)
    """
    if 200 <= status < 300:
        return Receipt(outcome=Outcome.DELIVERED)
    words = " ".join(answer.split())[:300]
    error = f"{url} answered {status}" + (f": {words}" if words else "")
    if 400 <= status < 500 and status not in _TRY_AGAIN | _WRONG_SETTINGS:
        return Receipt(outcome=Outcome.REFUSED, error=error)
    return Receipt(outcome=Outcome.POSTPONED, error=error, retry_after=wait_of(retry_after, now))


def wait_of(retry_after: str | None, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` header asks for (RFC 9110 §10.2.3), seconds or a date, at most a day.

    >>> wait_of("Thu, 01 Jan 2026 00:02:00 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    datetime.timedelta(seconds=120)
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text) if len(text) < 10 else 10**9), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # whatever the parser stumbles over
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta()), _LONGEST_WAIT)
