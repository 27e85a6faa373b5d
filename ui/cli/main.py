"""The command `penstock`. Must stay cheap to load: `penstock --help` imports this, typer and rich, nothing heavier."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Annotated, TextIO

import typer
from typer.main import get_command

from .console import silence
from .faults import unwritten
from .group import LazyGroup
from .invocation import Invocation

app = typer.Typer(
    cls=LazyGroup,
    name="penstock",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit code 0: done; 1: something failed; 2: wrong use; 130: stopped by Ctrl-C; 143: by SIGTERM.",
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
    ctx.obj = replace(ctx.obj or Invocation(), folder=project_dir, traceback=traceback)


def main() -> None:
    """The entry point: ends the process with the exit code of the command, and with 1 if its answer could not be
    written."""
    answers, progress = _Patient(sys.stdout), _Patient(sys.stderr)
    sys.stdout, sys.stderr = answers, progress  # pyright: ignore[reportAttributeAccessIssue]
    code: object = 0
    try:
        get_command(app)(prog_name="penstock", obj=Invocation(alone=hasattr(os, "fork")))
    except SystemExit as left:
        code = left.code
    answers.flush()
    if answers.lost is not None:
        code = unwritten(answers.lost)
    progress.flush()
    sys.exit(code)  # pyright: ignore[reportArgumentType]


class _Patient:
    """A standard stream that never raises, so that no producer fails because it prints.

    Once nobody reads it any more it swallows everything, and so it does once it cannot be written (a full disk): `lost`
    is why.
    """

    def __init__(self, stream: TextIO | None) -> None:
        if stream is None:  # started with a closed descriptor
            stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  as long as the process
        if hasattr(stream, "reconfigure"):  # a name that the terminal's encoding lacks is shown with marks, not refused
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        self._stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        silence(self._stream)
        if not isinstance(error, BrokenPipeError):
            self.lost = error

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
