"""`penstock db`: the metadata store itself."""

from __future__ import annotations

import typer

from ....storage.errors import UsageError
from ....storage.meta.engine import Store
from ....storage.meta.migrate import upgrade
from ....storage.uri import redacted
from ...read.store import recorded
from ..console import out, say
from ..options import Json
from ..plain import show
from ..project import settings_of

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def db() -> None:
    """The metadata store."""


@app.command(name="upgrade")
def upgrade_command(ctx: typer.Context, json: Json = False) -> None:
    """Bring the metadata store to the form that this penstock reads and writes.

    In one transaction: it is upgraded, or as it was. Making a copy of a SQLite file before costs nothing.
    """
    settings = settings_of(ctx)
    if not recorded(settings):
        raise UsageError(
            f"there is no metadata store at {redacted(settings.database_url)} yet",
            hint="The first `penstock materialize` makes one, in the newest form.",
        )
    store = Store(settings.database_url, project=settings.project)
    try:
        before, after = upgrade(store)
    finally:
        store.close()
    if json:
        show({"database": store.shown_url, "before": before, "after": after})
    elif before == after:
        say(out(), f"The metadata store {store.shown_url} has the newest form, {after}.")
    else:
        say(out(), f"The metadata store {store.shown_url} went from {before or 'nothing'} to form {after}.")
