"""The address of the app, from the moment on when something can be opened there.

The app costs a process of its own, so it is started by the first visit: until then a thread listens there. It answers
with a page that waits for the app, to which it hands what it listens with; it goes on itself when the app has ended.
Whoever comes while the app starts waits for it, and is never turned away.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import wait
from threading import Event, Thread

from ...storage.errors import EnvironmentFault, MissingExtra, UsageError
from ...storage.settings import ProjectSettings
from .admission import SECRETS, is_configured, is_loopback

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>penstock</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}
body{font:16px system-ui,sans-serif;display:grid;place-items:center;height:90vh;margin:0}</style></head>
<body><p>The app is starting, which takes a few seconds …</p><script>
const wait = () => fetch("/_stcore/health").then(said => said.ok ? location.reload() : setTimeout(wait, 250),
                                                 () => setTimeout(wait, 250))
wait()
</script><noscript><p>Reload this page then.</p></noscript></body></html>"""
_LEAN = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""What keeps the process small: each view of a page is computed in a thread of its own, and allocators give each thread
memory that they do not take back."""
_WAIT = 0.5
_ORDERLY = 5.0
"""Seconds that the app has to end when it is asked to."""


class Door:
    """An address at which the app of a project is served while somebody has opened it.

    Parameters
    ----------
    tell: called with a sentence when the app has ended by itself.

    Raises
    ------
    MissingExtra: Streamlit is not installed.
    UsageError: the address can be reached from elsewhere and no login is configured.
    EnvironmentFault: nothing can listen there, e.g. as another program does.
    """

    def __init__(self, settings: ProjectSettings, *, host: str, port: int, tell: Callable[[str], None]) -> None:
        require_app(settings, host)
        self._folder, self._host, self._tell = settings.folder, host, tell
        self._over = Event()
        self._listener = _listening(host, port)
        self._heard, self._rung = socket.socketpair()
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._keep, name="penstock-door", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(self._host, self._host)  # noqa: S104
        return f"http://{shown}:{self.port}"

    def open(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def close(self) -> None:
        """Nobody listens any more, and the app is gone."""
        self._over.set()
        self._rung.close()
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()
        self._heard.close()

    def _keep(self) -> None:
        while self._visited():
            ended = self._serve()
            if not self._over.is_set():
                self._tell(f"the app ended (exit code {ended}); it is started again when it is opened")

    def _visited(self) -> bool:
        """Wait for somebody, and answer; False when it is over."""
        self._listener.settimeout(_WAIT)
        while not self._over.is_set():
            wait([self._listener, self._heard])
            with suppress(TimeoutError):
                visitor, _ = self._listener.accept()
                with visitor, suppress(OSError):
                    visitor.settimeout(2)
                    if asked := visitor.recv(65536):
                        visitor.sendall(_answer(asked))
                        return True
        return False

    def _serve(self) -> int:
        """The app, until it ends or it is over; its exit code."""
        listening = self._listener.fileno()
        command = [sys.executable, "-m", "penstock.ui.app.launch", str(listening), str(self._folder)]
        with subprocess.Popen(  # noqa: S603  ours
            command, stdin=subprocess.PIPE, cwd=self._folder, pass_fds=[listening], env={**_LEAN, **os.environ}
        ) as app:
            while app.poll() is None and not self._over.wait(_WAIT):
                pass
            if app.poll() is None:
                app.terminate()
                with suppress(subprocess.TimeoutExpired):
                    app.wait(_ORDERLY)
            app.kill()
            return app.wait()


def _answer(asked: bytes) -> bytes:
    """To whoever opens a page, that it will be there; to a page that is open already, that it has to ask again."""
    said, body = (
        ("503 Service Unavailable", b"") if b"/_stcore/" in asked.split(b"\r\n")[0] else ("200 OK", _PAGE.encode())
    )
    head = f"HTTP/1.1 {said}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode() + body


def require_app(settings: ProjectSettings, host: str) -> None:
    """Raise unless the app can be served at this host; see `Door`."""
    if find_spec("streamlit") is None:
        raise MissingExtra("the app needs Streamlit", hint="Install it: pip install 'penstock[ui]'.")
    if not is_loopback(host) and not is_configured(settings.folder):
        raise UsageError(
            f"the app is not started: {host} can be reached from elsewhere, and no login is configured",
            hint=f"Write a table [auth] into {settings.folder / SECRETS} (see docs/app.md), or leave the host out.",
        )


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise EnvironmentFault(
            f"the app cannot listen at {host}:{port}: {error.strerror or error}",
            hint="Another program may do so: name another port, `port` in the table [app] of penstock.toml.",
        ) from error
    return listener
