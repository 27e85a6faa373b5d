"""Loading the definitions in a child, where the command then goes on: what ends that process while it imports them can
be told by this one.

For the command that is asked what is wrong with definitions. Forked before any of them is imported and before anything
is opened, so that it costs next to nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

import typer

from ...assets.code.collect import ended
from ...assets.declare.definitions import Definitions
from ...storage.settings import ProjectSettings

_ASKED = (signal.SIGINT, signal.SIGTERM)
"""What somebody ended the command by: no fault of the definitions."""


def load_apart(settings: ProjectSettings) -> Definitions:
    """The definitions, in a child of this process; here, those that ended it while it was loading them, as a fault.

    Raises
    ------
    typer.Exit: here, when the child had got through, or was asked to end: with its exit code.
    """
    heard, says = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        os.close(heard)
        return _loaded(settings, says)
    os.close(says)
    how = _waited_for(child)
    os.set_blocking(heard, False)  # what the definitions have started may hold the other end open
    try:
        begun = os.read(heard, 1 << 16).decode()
    except BlockingIOError:
        begun = ""
    os.close(heard)
    loading = begun.removesuffix("\n").rpartition("\n")[2]  # "" once it was through
    if loading and -how not in _ASKED:
        return Definitions(ended(loading, how))
    raise typer.Exit(how if how >= 0 else 128 - how)


def _loaded(settings: ProjectSettings, says: int) -> Definitions:
    """The definitions; the parent hears what is imported, a line each, and an empty line in the end."""
    try:
        return Definitions.load(
            *settings.values.definitions,
            folder=settings.folder,
            begins=lambda one: os.write(says, f"{one}\n".encode()),
        )
    finally:
        os.write(says, b"\n")
        os.close(says)


def _waited_for(child: int) -> int:
    """Its exit code, or the negative number of a signal, once it has ended. Ctrl-C goes to both, and is its affair;
    SIGTERM is handed on."""

    def hand_on(number: int, _: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, hand_on)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
