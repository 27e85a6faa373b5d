"""What the suites of `materialize` share: a project in a temporary folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from penstock import Definitions, materialize, record_event
from penstock.assets.plan.preview import Foreseen
from penstock.assets.run.api import Outlook, foresee, outlook, prepared, typed_parameters
from penstock.assets.run.attempt.worker import attempt
from penstock.assets.run.progress import Result
from penstock.assets.run.project.project import Project, open_project, open_registered
from penstock.assets.run.recovery import unclaimed
from penstock.assets.run.tick import Ticked, tick
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import read_settings


class Lab:
    """A project in a temporary folder, and what can be asked of it; `places` are its settings, `url` its database."""

    def __init__(self, folder: Path, *, project: str = "lab", url: str = "sqlite") -> None:
        self.folder, self.url = folder, url
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self.places: dict[str, Any] = {
            "home": str(folder / "home"),
            "database": "sqlite" if url.startswith("sqlite") else url,
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
        return {one.asset: one for one in self.foresee_all(*things, select=select, **options)}

    def foresee_all(self, *things: Any, select: Sequence[str] = (), **options: Any) -> list[Foreseen]:
        """The same, in order, and for every partition; without a selection, of all assets."""
        parameters = options.pop("parameters", {})
        known, definitions = prepared(Definitions(*things), self.folder, self.places)
        with open_project(known, definitions, planning=True) as project:
            names = select or list(project.catalogue.assets)
            return foresee(project, names, parameters=typed_parameters(project, parameters), **options)

    def outlook(self, *things: Any) -> Outlook:
        """What `penstock plan` says."""
        known, definitions = prepared(Definitions(*things), self.folder, self.places)
        with open_project(known, definitions, planning=True) as project:
            return outlook(project)

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
        """What the database says; `?` stands for a value, JSON comes as text."""
        parts = query.split("?")
        named = "".join(f"{part}:value_{place}" for place, part in enumerate(parts[:-1])) + parts[-1]
        with self._reading() as tx:
            found = tx.execute(text(named), {f"value_{place}": value for place, value in enumerate(values)})
            return [tuple(json.dumps(one) if isinstance(one, dict | list) else one for one in row) for row in found]

    def dump(self) -> list[str]:
        """The whole database: a line a row."""
        with self._reading() as tx:
            return sorted(
                f'INSERT INTO "{table}" VALUES {tuple(row)}'
                for table in inspect(tx).get_table_names()
                for row in tx.execute(text(f"SELECT * FROM {table}"))
            )

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        store = Store(read_settings(self.folder, **self.places).database_url, project="look")
        try:
            with store.read() as tx:
                yield tx
        finally:
            store.close()

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


class World:
    """A project with planners, and workers that are called when somebody says so."""

    def __init__(self, lab: Lab, project: Project) -> None:
        self.lab, self.project = lab, project

    def tell(self, name: str = "docs", version: str | None = None, **said: Any) -> None:
        """An event from outside."""
        record_event(name, version=version, project_folder=self.lab.folder, **self.lab.places, **said)

    def tick(self, at: datetime | None = None) -> Ticked:
        """One pass."""
        return tick(self.project, at=at)

    def runs(self, at: datetime | None = None) -> list[tuple[str, str]]:
        """Passes until nothing more is due: what was planned, and why."""
        found: list[tuple[str, str]] = []
        while True:
            done = self.tick(at)
            found += [(run.planned.asset, run.planned.reason.kind.value) for run in done.record.runs]
            if done.next_at is None or done.next_at > done.at:
                return found

    def work(self) -> list[str]:
        """Everything that was planned is tried; what became of it."""
        names = set(self.project.catalogue.assets)
        outcomes = [attempt(self.project, work) for work in unclaimed(self.project, names)]
        return [str(outcome.state) for outcome in outcomes if outcome is not None]

    def said(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        return self.lab.rows(query)


@pytest.fixture(scope="session")
def world() -> Any:
    """`world(lab, chunks)`: these definitions, registered, after the pass that looks at what is new."""

    @contextmanager
    def begun(lab: Lab, *things: Any, looked_at: bool = True) -> Iterator[World]:
        known, definitions = prepared(Definitions(*things), lab.folder, lab.places)
        with open_registered(known, definitions) as project:
            found = World(lab, project)
            if looked_at:
                found.runs()
            yield found

    return begun


@pytest.fixture
def lab(tmp_path: Path, databases: Any) -> Lab:
    """An empty project."""
    return Lab(tmp_path, url=databases.fresh(file=tmp_path / "home" / "penstock.db"))
