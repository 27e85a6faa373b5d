"""The process of the app: `python -m penstock.ui.app.launch HOST PORT FOLDER`. It ends when its standard input does, so
that it never outlives whoever started it."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from threading import Thread

from streamlit.web import cli

_OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": "true",
    "logger.level": "error",
}
_NEEDED = ("altair", "pandas", "penstock.ui.read.why", "penstock.ui.read.run")
"""Loaded before anybody is served: the first visitor would wait for it before an empty page, and a thread that finds
numpy loaded by half, as Streamlit loads it in that of another visitor, fails in Altair. Nothing of Streamlit: what
keeps answers, or declares a component, belongs to one at work."""


def _until_left() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def main(host: str, port: str, folder: str) -> None:
    """Serve the app of the project in this folder."""
    Thread(target=_until_left, daemon=True).start()
    for needed in _NEEDED:
        import_module(needed)
    options = {**_OPTIONS, "server.address": host, "server.port": port}
    script = str(Path(__file__).with_name("main.py"))
    flags = [f"--{name}={value}" for name, value in options.items()]
    cli.main(["run", *flags, script, "--", folder], prog_name="streamlit")


if __name__ == "__main__":
    main(*sys.argv[1:])
