"""The metadata store of the project that a command is about. Loads no code of the project."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import typer

from ...assets.run.project.project import open_store
from ..read.store import Store, opened
from .settings import settings_of


@contextmanager
def making_store(ctx: typer.Context) -> Generator[Store]:
    """The project's metadata store to write to, made if it is not there; closed at the end of the block."""
    with open_store(settings_of(ctx)) as store:
        yield store


@contextmanager
def store_of(ctx: typer.Context) -> Generator[Store]:
    """The project's metadata store, closed at the end of the block."""
    with opened(settings_of(ctx)) as store:
        yield store
