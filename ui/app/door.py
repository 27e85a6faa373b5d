"""The address of the app, from the moment on when something can be opened there.

The app costs a process of some 150 MB, so it is started by the first visit: until then a thread listens there. It
answers with a page that waits for the app, makes room for it, and listens again when the app has ended.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from threading import Event, Thread
from time import monotonic

from ...storage.errors import EnvironmentFault, MissingExtra, UsageError
from ...storage.settings import ProjectSettings
from .admission import SECRETS, is_configured, is_loopback

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>penstock</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}
body{font:16px system-ui,sans-serif;display:grid;place-items:center;height:90vh;margin:0}</style></head>
<body><p>The app is starting, which takes a few seconds …</p><script>
setInterval(() => fetch("/_stcore/health").then(said => { if (said.ok) location.reload() }, () => {}), 250)
</script><noscript><p>Reload this page then.</p></noscript></body></html>"""
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
        listener = _listening(host, port)
        self.port: int = listener.getsockname()[1]
        self._thread = Thread(target=self._keep, args=(listener,), name="penstock-door", daemon=True)

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
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self, listener: socket.socket) -> None:
        while not self._over.is_set():
            with listener:
                if not self._visited(listener):
                    return
            ended = self._serve()
            if self._over.is_set():
                return
            self._tell(f"the app ended (exit code {ended}); it is started again when it is opened")
            again = self._listen_again()
            if again is None:
                return
            listener = again

    def _visited(self, listener: socket.socket) -> bool:
        """Wait for somebody, and answer; False when it is over."""
        listener.settimeout(_WAIT)
        while not self._over.is_set():
            with suppress(TimeoutError):
                visitor, _ = listener.accept()
                with visitor, suppress(OSError):
                    visitor.settimeout(2)
                    if visitor.recv(65536):
                        body = _PAGE.encode()
                        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
                        visitor.sendall(f"{head}Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode() + body)
                        return True
        return False

    def _serve(self) -> int:
        """The app, until it ends or it is over; its exit code."""
        command = [sys.executable, "-m", "penstock.ui.app.launch", self._host, str(self.port), str(self._folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=self._folder) as app:  # noqa: S603  ours
            while app.poll() is None and not self._over.wait(_WAIT):
                pass
            if app.poll() is None:
                app.terminate()
                with suppress(subprocess.TimeoutExpired):
                    app.wait(_ORDERLY)
            app.kill()
            return app.wait()

    def _listen_again(self) -> socket.socket | None:
        began = monotonic()
        while not self._over.wait(_WAIT):
            try:
                return _listening(self._host, self.port)
            except EnvironmentFault as error:
                if monotonic() - began > 30:
                    self._tell(f"{error}: the app is not served any more")
                    return None
        return None


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
