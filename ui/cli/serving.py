"""What `penstock up` and its parts share: a supervisor, and what it tells as lines."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime

import typer

from ...assets.run.supervision.order import Loading, Message, Order, Problem, Ready, Said
from ...assets.run.supervision.supervisor import Supervisor
from ...storage.errors import PenstockError, UsageError
from ...storage.settings import ProjectSettings
from ...storage.types import PartKind
from ..app.door import Door
from ..words.quantities import duration
from .console import Cell, err, say, word
from .settings import settings_of

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def bytes_of(text: str | None) -> int | None:
    """An amount of memory: `"2g"`, `"512MiB"`, `"1.5 GB"` (powers of 1,024), or a number of bytes; None for None.

    Raises
    ------
    UsageError: it is none.

    >>> bytes_of("1.5 GiB")
    1610612736
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text, re.IGNORECASE)
    amount = 0 if found is None else int(float(found[1]) * _UNITS[found[2].lower()])
    if amount < 1:
        raise UsageError(f"{text!r} is no amount of memory", hint="Write e.g. 512m or 2g.")
    return amount


def serve(
    ctx: typer.Context,
    wanted: Mapping[PartKind, int],
    *,
    slots: int = 1,
    memory: str | None = None,
    code: bool = True,
    app: bool = False,
) -> None:
    """Keep these parts at work until Ctrl-C or SIGTERM, and the app where it can be; the process ends with the exit
    code."""
    settings = settings_of(ctx)
    if code and not settings.values.definitions:
        raise UsageError(
            f"no definitions: {settings.file or settings.folder} names none",
            hint='Write definitions = ["pipeline.py"] into penstock.toml, or run `penstock init`.',
        )
    order = Order(folder=settings.folder, slots=slots, memory_limit=bytes_of(memory))
    parts = ", ".join(kind.value if count == 1 else f"{count} {kind.value}s" for kind, count in wanted.items())
    say(err(), (settings.project, "bold"), f": {parts}; Ctrl-C ends what has begun and stops, twice stops at once")
    supervisor = Supervisor(order, wanted, _tell, database=settings.database_file)  # before the app has a thread
    with _app(settings) if app else nullcontext():
        ended = supervisor.run()
    raise typer.Exit(ended)


@contextmanager
def _app(settings: ProjectSettings) -> Generator[None]:
    """The app, at its address during the block; where it cannot be served, a line says why, and all else goes on."""
    wanted = settings.values.app
    try:
        door = Door(
            settings, host=wanted.host, port=wanted.port, tell=lambda text: _tell("app", Said(text=text, state=""))
        )
    except PenstockError as error:
        say(err(), ("the app is not served: ", "yellow"), f"{error.message}. {error.hint}")
        yield
        return
    door.open()
    try:
        say(err(), f"the app is at {door.address}")
        yield
    finally:
        door.close()


def _tell(part: str, message: Message) -> None:
    console, clock = err(), f"{datetime.now():%H:%M:%S}  "  # noqa: DTZ005  for a person at this machine
    begin: tuple[Cell | tuple[str, str], ...] = ((clock, "dim"), (f"{part:<11}", "cyan"))
    match message:
        case Ready() | Loading():
            return
        case Problem(text=text):
            if text:
                say(console, *begin, (text, "red"))
        case Said(state="", text=text):
            say(console, *begin, text)
        case Said(name=name, state=state, seconds=seconds, text=text, error=error):
            took = "" if seconds is None else f" in {duration(seconds)}"
            say(console, *begin, (name, "bold"), " ", word(state), took, (f"  {text}", "dim"))
            if error:
                say(console, *begin, (error, "red" if state == "failed" else "yellow"))
