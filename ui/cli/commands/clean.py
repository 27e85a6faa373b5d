"""`penstock clean`: remove what no version and no run needs any more. Versions, and what stands at URIs, stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from ....assets.declare.durations import as_duration, as_text
from ....assets.run.attempt.sweeping import sweep_roots
from ....assets.run.notifying.hearing import address
from ....storage.errors import DefinitionError, UsageError
from ....storage.logs.cleaning import clean_logs
from ....storage.logs.places import logs_of
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.notifications import clear
from ....storage.meta.past import history
from ....storage.settings import ProjectSettings
from ....storage.uri import redacted
from ...read.store import opened, recorded
from ..console import Column, Gives, out, say, table
from ..options import Json
from ..plain import show
from ..quantities import count, several, size
from ..settings import settings_of
from ..store import making_store, store_of

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
    if not recorded(settings):
        raise _unknown(settings)
    with opened(settings) as store:
        with store.read() as tx:
            if not history.has_versions(tx):
                raise _unknown(settings)
            active, moment = history.unended(tx), moment_of(tx)
        values = settings.values
        logs = clean_logs(
            logs_of(settings), days=values.log_days, total=values.log_total, active=active, now=moment, dry_run=dry_run
        )
        swept = sweep_roots(store, settings, older_than=grace, dry_run=dry_run)
    told = _messages(ctx, settings, dry_run=dry_run)
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


def _messages(ctx: typer.Context, settings: ProjectSettings, *, dry_run: bool) -> int:
    """How many messages that have arrived are forgotten: those that no limit of their destination asks for any more."""
    found = 0
    for name, one in settings.values.notifications.items():
        kept = max(timedelta(days=settings.values.log_days), one.quiet, one.rate[1])
        if dry_run:
            with store_of(ctx) as store, store.read() as tx:
                found += clear(tx, address(settings, name), before=moment_of(tx) - kept, dry_run=True)
        else:
            with making_store(ctx) as store, store.write() as tx:
                found += clear(tx, address(settings, name), before=moment_of(tx) - kept)
    return found


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


def _unknown(settings: ProjectSettings) -> UsageError:
    """Without a version on record everything would look orphaned, and a wrong setting would cost the data."""
    return UsageError(
        f"the metadata store {redacted(settings.database_url)} names no version, so nothing says what may go",
        hint="See with `penstock config` that this is the store that the data belongs to.",
    )
