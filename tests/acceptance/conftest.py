"""What the suites of `materialize` share: a project in a temporary folder."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock import Definitions, materialize
from penstock.assets.plan.preview import Foreseen
from penstock.assets.run.api import foresee, prepared, typed_parameters
from penstock.assets.run.progress import Result
from penstock.assets.run.project import open_project, open_store
from penstock.storage.settings import read_settings


class Lab:
    """A project in a temporary folder, and what can be asked of it. `places` are its settings."""

    def __init__(self, folder: Path, *, project: str = "lab") -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self.places: dict[str, Any] = {
            "home": str(folder / "home"),
            "data_root": str(self.data),
            "project": project,
            "lineage": {},
        }

    def make(self, *things: Any, **options: Any) -> Result:
        """Materialize these assets here; the settings of the project may be overruled."""
        return materialize(list(things), **{"project_folder": self.folder, **self.places, **options})

    def make_project(self, **options: Any) -> Result:
        """Materialize the definitions that the project's settings name."""
        return materialize(**{"project_folder": self.folder, **self.places, **options})

    def foresee(self, *things: Any, select: tuple[str, ...], **options: Any) -> dict[str, Foreseen]:
        """What `materialize` would do with the selected assets, by asset."""
        parameters = options.pop("parameters", {})
        known, definitions = prepared(Definitions(*things), self.folder, self.places)
        with open_project(known, definitions) as project:
            found = foresee(project, select, parameters=typed_parameters(project, parameters), **options)
        return {one.asset: one for one in found}

    def write(self, name: str, text: str) -> Path:
        """A file under the data root that others write."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        """What a dataset's own URI shows."""
        return (self.data / name).read_text(encoding="utf-8")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database says."""
        with closing(sqlite3.connect(self.folder / "home" / "penstock.db")) as connection, connection:
            return connection.execute(query, values).fetchall()

    def dump(self) -> list[str]:
        """The whole database, as SQL."""
        with closing(sqlite3.connect(self.folder / "home" / "penstock.db")) as connection:
            return list(connection.iterdump())

    def events(self, name: str) -> list[str]:
        """The kinds of a dataset's events, in order."""
        return [
            kind
            for (kind,) in self.rows(
                "SELECT e.kind FROM events e JOIN datasets d ON d.id = e.dataset_id WHERE d.name = ? ORDER BY e.number",
                name,
            )
        ]

    def said(self, name: str) -> Any:
        """The metadata of a dataset's newest event, as JSON."""
        query = (
            "SELECT e.metadata FROM events e JOIN datasets d ON d.id = e.dataset_id "
            "WHERE d.name = ? ORDER BY e.number DESC LIMIT 1"
        )
        return self.rows(query, name)[0][0]

    @staticmethod
    def story(result: Result) -> dict[str, str]:
        """What became of each asset, in a line: `{"chunks": "success: input changed: docs"}`."""
        return {
            one.asset: f"{one.state or 'held'}: {replace(one.reason, detail='', tick=None).text}"
            for one in result.outcomes
        }


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables: making one takes longer than most of what is tried here."""
    home = tmp_path_factory.mktemp("empty")
    with open_store(read_settings(home, home=str(home), lineage={})):
        pass
    return home / "penstock.db"


@pytest.fixture
def lab(tmp_path: Path, empty_database: Path) -> Lab:
    """An empty project."""
    (tmp_path / "home").mkdir()
    shutil.copy(empty_database, tmp_path / "home" / "penstock.db")
    return Lab(tmp_path)
