"""The settings of the project that a command is about. Loads no database and no code of the project."""

from __future__ import annotations

import typer

from ...storage.errors import UsageError
from ...storage.settings import ProjectSettings, read_settings
from .console import err, say
from .group import invocation


def settings_of(ctx: typer.Context) -> ProjectSettings:
    """The settings of the project that the command is about; of a variable that sets nothing, a word of warning.

    Raises
    ------
    UsageError: the folder is not there.
    SettingsFault: they cannot be read.
    """
    folder = invocation(ctx).folder
    if folder is not None and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="Name the project's folder: --project-dir FOLDER.")
    settings = read_settings(folder)
    told: set[str] = ctx.meta.setdefault("penstock.warned", set())
    for name, near in settings.unknown.items():
        if name not in told:
            told.add(name)
            meant = f"did you mean {near}?" if near else "`penstock config` shows the settings."
            say(err(), ("Warning: ", "bold yellow"), f"the variable {name} is no setting and has no effect; {meant}")
    return settings
