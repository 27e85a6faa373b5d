"""`penstock db`: the metadata store itself."""

from __future__ import annotations

import typer

from ....assets.run.project.project import open_store
from ....storage.meta.database.engine import Store
from ....storage.meta.database.migrate import NEWEST, upgrade
from ....storage.settings import ProjectSettings
from ....storage.uri import redacted
from ...read.store import recorded
from ..console import out, say
from ..options import Json
from ..plain import show
from ..settings import settings_of

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def db() -> None:
    """The metadata store."""


@app.command(name="upgrade")
def upgrade_command(ctx: typer.Context, json: Json = False) -> None:
    """Bring the metadata store to the form that this penstock reads and writes.

    In one transaction: it is upgraded, or as it was. Where there is none, one is made.
    """
    settings = settings_of(ctx)
    shown = redacted(settings.database_url)
    before, after = _upgraded(settings)
    if json:
        show({"database": shown, "before": before, "after": after})
    elif before == after:
        say(out(), f"The metadata store {shown} has the newest form, {after}.")
    elif before is None:
        say(out(), f"The metadata store {shown} was made, in form {after}.")
    else:
        say(out(), f"The metadata store {shown} went from form {before} to {after}.")


def _upgraded(settings: ProjectSettings) -> tuple[str | None, str]:
    """The forms before and after; None before where there was none."""
    if not recorded(settings):
        with open_store(settings):
            return None, NEWEST
    store = Store(settings.database_url, project=settings.project)
    try:
        return upgrade(store)
    finally:
        store.close()
