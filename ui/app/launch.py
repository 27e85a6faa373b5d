"""The process of the app: `python -m penstock.ui.app.launch HOST PORT FOLDER`. It ends when its standard input does, so
that it never outlives whoever started it.

What costs time once is done before it answers anybody: what the screens ask is imported, the outline of the project is
read. The screens themselves are imported by the first visit, as the component of graphs has to be.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

from streamlit.web import cli

from ...storage.errors import PenstockError
from ...storage.settings import read_settings
from ..read import assets, run, sample, tracing, why
from .outlined import read_ahead

_OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": "true",
    "logger.level": "error",
    "runner.postScriptGC": "false",  # a tenth of a second and more after each, for all that is kept
}
_LOADED = (assets, run, sample, tracing, why)
"""They are imported for the screens, which do so later."""


_PATIENCE = 10.0
"""Seconds for which the start waits for a database that is slow; then whoever opens the app waits."""


def _read_ahead(folder: Path) -> None:
    with suppress(PenstockError):  # whoever opens the app is told
        read_ahead(read_settings(folder))


def _until_left() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def main(host: str, port: str, folder: str) -> None:
    """Serve the app of the project in this folder."""
    Thread(target=_until_left, daemon=True).start()
    ahead = Thread(target=_read_ahead, args=(Path(folder),), daemon=True)
    ahead.start()
    ahead.join(_PATIENCE)
    gc.collect()
    gc.freeze()  # what is there by now stays: nobody has to look at it again
    options = {**_OPTIONS, "server.address": host, "server.port": port}
    script = str(Path(__file__).with_name("main.py"))
    flags = [f"--{name}={value}" for name, value in options.items()]
    cli.main(["run", *flags, script, "--", folder], prog_name="streamlit")


if __name__ == "__main__":
    main(*sys.argv[1:])
