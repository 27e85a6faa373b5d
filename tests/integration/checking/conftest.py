"""A store in which everything happened once, on each database: damaged in transactions that are undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.storage.meta.database.engine import sqlite_url
from tests.integration.checking.history import Place, lived


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The project."""
    folder = tmp_path_factory.mktemp("lived")
    if request.param == "sqlite":
        yield lived(folder, sqlite_url(folder / "home" / "penstock.db"))
        return
    server = request.getfixturevalue("postgres")
    name = server.fresh(prepared=True)
    yield lived(folder, server.url(name))
    server.drop(name)
