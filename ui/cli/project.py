"""Opening what a command reads: settings and the store. Loads no code of the project."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import typer

from ...storage.errors import UsageError
from ...storage.meta.engine import Store
from ...storage.settings import ProjectSettings, read_settings
from ..read.store import opened
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


@contextmanager
def store_of(ctx: typer.Context) -> Generator[Store]:
    """The project's metadata store, to be read."""
    with opened(settings_of(ctx)) as store:
        yield store
