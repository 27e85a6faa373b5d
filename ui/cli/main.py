"""The command `penstock`. Must stay cheap to load: `penstock --help` imports this, typer and rich, nothing heavier."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, TextIO

import typer
from typer.main import get_command

from .console import silence
from .group import LazyGroup
from .invocation import Invocation

app = typer.Typer(
    cls=LazyGroup,
    name="penstock",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit code 0: done; 1: something failed; 2: wrong use.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"penstock {metadata.version('penstock')}")
        raise typer.Exit


@app.callback()
def penstock(
    ctx: typer.Context,
    project_dir: Annotated[
        Path | None,
        typer.Option(
            "--project-dir", "-C", help="Folder of the project, instead of the current one.", metavar="FOLDER"
        ),
    ] = None,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show errors with everything that led to them.")
    ] = False,
    version: Annotated[  # noqa: ARG001  an eager option: its callback prints
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Make datasets, and remember how.

    penstock runs exactly what the news reaches, once, and says why for everything it does or leaves.
    """
    ctx.obj = Invocation(folder=project_dir, traceback=traceback)


def main() -> None:
    """The entry point: ends the process with the exit code of the command."""
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)
    get_command(app)(prog_name="penstock")


class _Patient:
    """A standard stream that swallows everything once nobody reads it any more: a closed pipe is no error, not for us
    and not for a producer that prints."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            silence(self._stream)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _patient(stream: TextIO | None) -> TextIO:
    if stream is None:  # started with a closed descriptor
        return Path(os.devnull).open("w", encoding="utf-8")
    if hasattr(stream, "reconfigure"):  # a name that the terminal's encoding lacks is shown with marks, not refused
        stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    return _Patient(stream)  # pyright: ignore[reportReturnType]
