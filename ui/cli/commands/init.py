"""`penstock init [FOLDER]`: a new project that runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ....storage.errors import StorageFault, UsageError
from ..console import out, say
from ..group import invocation
from ..starter import files

app = typer.Typer(add_completion=False)


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
    try:
        for name, text in wanted.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            with (place / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise StorageFault(
            f"the project cannot be made in {place.absolute()}: {error.strerror}: {error.filename}",
            hint="Choose a folder that can be written to.",
        ) from error
    console = out()
    say(console, "Project ", (project, "bold"), f" is in {place.absolute()}: {', '.join(wanted)}.")
    say(console, "Next:")
    if place.absolute() != Path.cwd():
        say(console, (f"  cd {shlex.quote(str(place))}", "bold"))
    say(console, ("  penstock materialize", "bold"), ("    # make everything; again: nothing to do, and why", "dim"))
    say(console, ("  penstock lineage favourites", "bold"), ("    # what it came from, down to the digests", "dim"))
