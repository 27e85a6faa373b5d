"""The settings of the project that a command is about. Loads no database and no code of the project."""

from __future__ import annotations

import typer

from ...storage.errors import UsageError
from ...storage.settings import ProjectSettings, read_settings
from .group import invocation


def settings_of(ctx: typer.Context) -> ProjectSettings:
    """The settings of the project that the command is about.

    Raises
    ------
    UsageError: the folder is not there.
    SettingsFault: they cannot be read.
    """
    folder = invocation(ctx).folder
    if folder is not None and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="Name the project's folder: --project-dir FOLDER.")
    return read_settings(folder)
