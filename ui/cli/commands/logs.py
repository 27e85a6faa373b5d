"""`penstock logs RUN|ASSET`: what a run printed and logged, also while it does."""

from __future__ import annotations

import json as texts
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ....storage.logs.places import logs_of
from ....storage.types import LogStream, RunState
from ...read.logs import Logged, Said, lines, logged, now_logged, why_empty
from ..console import clean, err, out, say, say_verbatim
from ..settings import settings_of
from ..store import store_of

app = typer.Typer(add_completion=False)

_STYLES = {"stderr": "yellow", "warning": "yellow", "error": "red", "critical": "bold red", "note": "magenta"}
_WIDTH = 8


@app.command(name="logs")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    named: Annotated[
        str,
        typer.Argument(metavar="RUN|ASSET", help="A run: as much of its id as is unique; of an asset, its newest run."),
    ],
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="This attempt alone; else all of them.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="N", min=0, help="Begin with the last N lines of what is there.")
    ] = None,
    stream: Annotated[
        LogStream | None, typer.Option("--stream", metavar="STREAM", help="Only stdout, stderr or log.")
    ] = None,
    partition: Annotated[
        str | None, typer.Option("--partition", metavar="KEY", help="Of an asset: the newest run of this partition.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """What a run printed and logged, also while it does.

    Oldest first, and at the end the traceback with which it failed. Standard output, standard
    error and records of Python's logging, each line with its time in UTC. Of a long log the beginning and the end are
    kept.
    """
    settings = settings_of(ctx)
    place = logs_of(settings)
    with store_of(ctx) as store:
        one = logged(store, named, partition=partition)
        wanted = _only(lines(store, place, one, attempt=attempt), stream)
        there = list(wanted) if tail is None and not follow else list(deque(wanted, maxlen=tail))
        found: Iterator[Said] = iter(there)
        if follow:
            last = {said.attempt: said.line.offset for said in there}
            coming = _only(lines(store, place, one, attempt=attempt, follow=True, alone=_say_alone), stream)
            newer = (said for said in coming if said.line.offset > last.get(said.attempt, -1) and _is_due(said, last))
            found = chain(there, newer)
        written = _show(found, json=json, several=attempt is None and (one.attempts > 1 or follow))
        one = now_logged(store, one.run_id)
        if json:
            return
        if not written and stream is None and tail != 0:
            say(err(), why_empty(place, one))
        if attempt is None or attempt == one.attempts:
            _show_error(out(), one)


def _say_alone() -> None:
    """That what is followed does not go on by itself."""
    text = "its process is gone; `penstock up`, or the next `penstock materialize`, tries it again, or ends it."
    say(err(), ("Left behind: ", "yellow"), text)


def _is_due(said: Said, last: dict[int, int]) -> bool:
    """Whether it comes after what was shown at first: `--tail` leaves out earlier attempts."""
    return not last or said.attempt >= max(last)


def _only(found: Iterable[Said], stream: LogStream | None) -> Iterator[Said]:
    """Those of a stream, and what was left out."""
    return (said for said in found if stream is None or said.line.stream in (stream, LogStream.NOTE))


def _show(found: Iterator[Said], *, json: bool, several: bool) -> int:
    """Print the lines as they come; how many there were. A hundred thousand lines are no matter for rich."""
    console, number, attempt = out(), 0, 0
    coloured = console.is_terminal and not console.no_color
    for said in found:
        number += 1
        line = said.line
        if json:
            plain = {
                "attempt": said.attempt,
                "at": line.at.isoformat(),
                "stream": line.stream.value,
                "level": line.level,
                "text": line.text,
            }
            sys.stdout.write(texts.dumps(plain) + "\n")
        else:
            if several and said.attempt != attempt:
                attempt = said.attempt
                say(console, (f"attempt {attempt}", "bold"))
            time, what, text = f"{line.at:%H:%M:%S}.{line.at.microsecond // 1000:03}", _what(said), clean(line.text)
            if coloured:
                console.print(
                    Text.assemble((time, "dim"), f" {what:{_WIDTH}} ", style=_STYLES.get(what, "")).append(text),
                    soft_wrap=True,
                )
            else:
                sys.stdout.write(f"{time} {what:{_WIDTH}} {text}\n")
        sys.stdout.flush()
    return number


def _what(said: Said) -> str:
    """What stands before a line: the level of a record, else the stream."""
    line = said.line
    return (line.level or line.stream.value) if line.stream is LogStream.LOG else line.stream.value


def _show_error(console: Console, one: Logged) -> None:
    """With what the run failed, or was ended."""
    if one.error is None or one.state not in (RunState.FAILED, RunState.CANCELED):
        return
    say(console, (f"{one.state.value}: ", "bold red"), one.error.text)
    if one.error.trace:
        say_verbatim(console, one.error.trace)
