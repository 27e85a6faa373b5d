"""`penstock clean`: remove what no version and no run needs any more. Versions, and what stands at URIs, stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from ....assets.declare.durations import as_duration, as_text
from ....assets.run.cleaning import clean as removed
from ....storage.errors import DefinitionError, UsageError
from ....storage.uri import redacted
from ...words.quantities import count, several, size
from ..console import Column, Gives, out, say, table
from ..options import Json
from ..plain import show
from ..settings import settings_of

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="under", gives=Gives.LAST),
    Column(title="files", right=True),
    Column(title="size", right=True),
)
_LEAST = timedelta(minutes=10)
"""Longer than a publication takes: until its transaction commits, no version names its bytes."""


@app.command()
def clean(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; remove nothing.")] = False,
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Leave alone what is younger, e.g. 30m, 2d.")
    ] = "1h",
    json: Json = False,
) -> None:
    """Remove staged and orphaned bytes that no version names, old logs, and old messages to people.

    The bytes are what crashed or canceled runs left behind. Every version stays, and so does what others put into the
    data's folders. If another metadata store keeps versions under the same root, do not: this one does not know them.
    Logs and messages go by the settings log_days and log_total, whatever --older-than says.
    """
    settings = settings_of(ctx)
    grace = _grace(older_than)
    done = removed(settings, older_than=grace, dry_run=dry_run)
    swept, logs, told = done.roots, done.logs, done.messages
    if json:
        rows = [{"root": redacted(root), "files": one.files, "bytes": one.bytes} for root, one in swept.items()]
        show({"dry_run": dry_run, "roots": rows, "logs": {"files": logs.files, "bytes": logs.bytes}, "messages": told})
        return
    console = out()
    shown = [(redacted(root), count(one.files), size(one.bytes)) for root, one in swept.items()]
    if logs.files:
        shown.append((f"logs: {redacted(settings.logs)}", count(logs.files), size(logs.bytes)))
    table(console, _COLUMNS, shown)
    if told:
        say(console, f"{several(told, 'message')} to people, all of which arrived long ago.")
    if not any(one.files for one in swept.values()) and not logs.files and not told:
        say(console, "There was nothing to remove.")
    else:
        say(console, "Nothing was removed: --dry-run." if dry_run else "Removed.")


def _grace(text: str) -> timedelta:
    try:
        grace = as_duration(text)
    except DefinitionError as error:
        raise UsageError(f"--older-than: {error.message}", hint=error.hint) from error
    if grace < _LEAST:
        raise UsageError(
            f"--older-than {text} is too short: bytes that are being published now would be taken for orphans",
            hint=f"Write at least {as_text(_LEAST)}.",
        )
    return grace
