"""The process of the app: `python -m penstock.ui.app.launch LISTENER FOLDER`, the first being the file descriptor of a
socket that listens. It ends when its standard input does, so that it never outlives whoever started it.

What costs time once is done before it answers anybody: what the screens need is loaded, the outline of the project is
read.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread, Timer

import streamlit as st
import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route
from streamlit import config

from ...storage.errors import PenstockError
from ...storage.settings import read_settings
from .admission import is_loopback
from .away import script
from .emptied import EMPTIED
from .outlined import read_ahead
from .parts.address import SCREENS
from .steps import STEPS

_OPTIONS: dict[str, object] = {
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.allowedOrigins": [],  # no page steers ours; else each checks what it tells itself, ten times a step
    "logger.level": "error",
    "runner.postScriptGC": False,  # a tenth of a second and more after each, for all that is kept
}
_NEEDED = [f"penstock.ui.read.{name}" for name in ("assets", "run", "sample", "tracing", "why")]
"""Loaded before anybody is served: the first visitor would wait for it before an empty page. Not the screens: what
declares a component belongs to a Streamlit at work."""
_LATER = "pandas"
"""What Streamlit needs for a table of data alone, half a second and 40 MB: loaded once the first page is there."""
_SETTLED = 4.0
"""Seconds after the start, by when it is."""
_PATIENCE = 10.0
"""Seconds for which the start waits for a database that is slow; then whoever opens the app waits."""
_ORIGIN = "<head><script>window.__streamlit = {BACKEND_BASE_URL: location.origin}</script>"


def main(listener: str, folder: str) -> None:
    """Serve the app of the project in this folder."""
    Thread(target=_until_left, daemon=True).start()
    ahead = Thread(target=_read_ahead, args=(Path(folder),), daemon=True)
    ahead.start()
    for needed in _NEEDED:
        import_module(needed)
    listening = socket.socket(fileno=int(listener))
    app = _app(folder, listening.getsockname()[0])
    config.set_option("server.address", listening.getsockname()[0])
    config.set_option("server.port", listening.getsockname()[1])
    ahead.join(_PATIENCE)
    gc.collect()
    gc.freeze()  # what is there by now stays: nobody has to look at it again
    later = Timer(_SETTLED, import_module, (_LATER,))
    later.daemon = True
    later.start()
    served = uvicorn.Config(
        app,
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=1,
        ws_per_message_deflate=False,  # as Streamlit has it: to compress fifty messages costs more than it saves
    )
    uvicorn.Server(served).run(sockets=[listening])


def _app(folder: str, host: str) -> st.App:
    sys.argv[1:] = [folder]
    for name, value in _OPTIONS.items():
        config.set_option(name, value)
    page = _document(folder if is_loopback(host) else Path(folder).name)  # whoever may come here need not know more

    async def screen(_: Request) -> HTMLResponse:
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    async def above(asked: Request) -> RedirectResponse:
        """Nothing lies below a screen, where a page would find none of its scripts."""
        return RedirectResponse(f"/{asked.url.path.split('/')[1]}?{asked.url.query}")

    routes = [Route(f"/{name}", screen) for name in ("", *SCREENS)]
    routes += [Route(f"/{name}/{{rest:path}}", above) for name in SCREENS]
    return st.App(Path(__file__).with_name("main.py"), routes=routes)


def _document(folder: str) -> str:
    """The page that the address of each screen leads to. It says where the server is: left to itself, the browser asks
    for it below the screen's own address first, which costs two failures and 0.1 s. And it keeps the steps of whoever
    looks, is loaded again when it was emptied, and watches its connection."""
    plain = (Path(st.__file__).parent / "static" / "index.html").read_text()
    return plain.replace("<head>", f"{_ORIGIN}{STEPS}{EMPTIED}{script(folder)}", 1).replace(
        "<title>Streamlit</title>", "<title>penstock</title>", 1
    )


def _read_ahead(folder: Path) -> None:
    with suppress(PenstockError):  # whoever opens the app is told
        read_ahead(read_settings(folder))


def _until_left() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
