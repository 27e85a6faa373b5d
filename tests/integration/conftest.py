"""What the tests of this folder share: a project in a temporary folder, and what can be asked of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from penstock import materialize
from penstock.assets.run.progress import Outcome, Result


class Lab:
    """A project in a temporary folder, and what can be asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)

    def make(self, *things: Any, **options: Any) -> Result:
        """Materialize these assets here."""
        places = {"home": str(self.folder / "home"), "data_root": str(self.data), "project": "lab"}
        return materialize(list(things), **{**places, **options})

    def staging(self) -> list[str]:
        """Everything that lies in staging."""
        return [str(path) for path in self.data.glob(".penstock/staging/**/*") if path.is_file()]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with sqlite3.connect(self.folder / "home" / "penstock.db") as connection:
            return connection.execute(query).fetchall()

    def failure(self, outcome: Outcome) -> str:
        """The message of a failed outcome, which has one."""
        assert outcome.error is not None, outcome
        return f"{outcome.error['message']}\n{outcome.error['hint']}"

    def check_untouched(self, asset_name: str) -> None:
        """A failed run is recorded as failed, published nothing, and left nothing in staging."""
        states = self.rows(
            f"SELECT r.state, count(e.id) FROM runs r JOIN assets a ON a.id = r.asset_id "
            f"LEFT JOIN events e ON e.run_id = r.id WHERE a.name = '{asset_name}' GROUP BY r.id ORDER BY r.created_at"
        )
        assert states[-1] == ("failed", 0), states
        assert not self.staging()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty project."""
    return Lab(tmp_path)
