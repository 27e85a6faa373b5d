"""`penstock init [FOLDER]`: a new project that runs."""

from __future__ import annotations

import errno
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ....storage.errors import StorageFault, UsageError
from ..console import out, say
from ..group import invocation
from ..starter import files

app = typer.Typer(add_completion=False)


def _write(path: Path, text: str, made: list[Path]) -> None:
    """A new file, with the folders that it needs; `made` grows by what was not there."""
    above = [folder for folder in reversed(path.parents) if not folder.exists()]
    for folder in above:
        folder.mkdir(exist_ok=True)
        made.append(folder)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        made.append(path)
        file.write(text)


def _take_back(made: list[Path]) -> None:
    """What was made is gone: half a project would be taken for somebody's."""
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


@app.command()
def init(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Where; by default the current folder.")] = None,
) -> None:
    """Make a new project that runs.

    Settings, three assets and a small text to begin with. Nothing that is there already is overwritten.
    """
    place = (invocation(ctx).folder or Path()) / (folder or Path())
    project = re.sub(r"[^\w.\- ]+", "_", place.absolute().resolve().name) or "project"
    wanted = files(project)
    standing = [name for name in wanted if (place / name).exists() or (place / name).is_symlink()]
    if standing:
        raise UsageError(
            f"{place.absolute()} has {', '.join(standing)} already; nothing was written",
            hint="Choose another folder, `penstock init FOLDER`, or move what is there.",
        )
    made: list[Path] = []
    try:
        for name, text in wanted.items():
            _write(place / name, text, made)
    except OSError as error:
        _take_back(made)
        where = f": {error.filename}" if error.filename else ""
        hint = (
            "Free some space on that disk, then try again"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else "Choose a folder that can be written to"
        )
        raise StorageFault(
            f"the project cannot be made in {place.absolute()}: {error.strerror}{where}",
            hint=f"{hint}; nothing was left there.",
        ) from error
    console = out()
    say(console, "Project ", (project, "bold"), f" is in {place.absolute()}: {', '.join(wanted)}.")
    say(console, "Next:")
    if place.absolute() != Path.cwd():
        say(console, (f"  cd {shlex.quote(str(place))}", "bold"))
    say(console, ("  penstock materialize", "bold"), ("    # make everything; again: nothing to do, and why", "dim"))
    say(
        console, ("  penstock trace favourites --tree", "bold"), ("    # what it came from, down to the digests", "dim")
    )
