"""A project that `penstock up` keeps at work: the real processes, on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from penstock import record_event
from penstock.assets.run.project.project import open_store
from penstock.storage.meta import parts, runs
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import ProjectSettings, read_settings
from penstock.storage.types import PartKind

COMMAND = Path(sys.executable).parent / "penstock"


class Site:
    """A folder with a project, and what runs in it."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.output = folder / "up.log"
        text = f'project = "kept"\ndefinitions = ["pipeline.py"]\ndatabase = "{database}"\n'
        (folder / "penstock.toml").write_text(text)
        self.at_work: list[subprocess.Popen[bytes]] = []

    @property
    def settings(self) -> ProjectSettings:
        """Those of the project."""
        return read_settings(self.folder)

    def define(self, text: str) -> None:
        """These are the definitions from now on."""
        (self.folder / "pipeline.py").write_text(f"import os, time, signal, subprocess\nfrom penstock import *\n{text}")

    def up(self, *options: str, command: str = "up", env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Everything is at work."""
        before = self.said().count("  ready in ")
        process = self.begin(*options, command=command, env=env)
        self.until(lambda: self.said().count("  ready in ") > before or process.poll() is not None)
        return process

    def begin(
        self, *options: str, command: str = "up", env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """It is started."""
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                [COMMAND, command, *options],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "COLUMNS": "300", **(env or {})},
            )
        self.at_work.append(process)
        return process

    def down(self, process: subprocess.Popen[bytes], *, seconds: float = 60) -> int:
        """It was asked to end, and has: the exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(seconds)

    def said(self) -> str:
        """What was shown."""
        return self.output.read_text() if self.output.exists() else ""

    def tell(self, dataset: str) -> None:
        """Somebody tells of a new version."""
        record_event(dataset, project_folder=self.folder)

    def until(self, holds: Callable[[], Any], *, seconds: float = 60) -> Any:
        """What it gives once that is true."""
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)
        return found

    def ask(self, question: Callable[[Store], Any]) -> Any:
        """What the store says."""
        with open_store(self.settings) as store:
            return question(store)

    def runs(self, asset: str | None = None) -> list[runs.Run]:
        """The runs, oldest first."""

        def found(store: Store) -> list[runs.Run]:
            with store.read() as tx:
                return runs.recent(tx, store.project, asset=asset, limit=5000)[::-1]

        return self.ask(found)

    def ended(self, asset: str, count: int = 1) -> list[runs.Run]:
        """The runs of an asset that have ended, once there are so many."""

        def some() -> list[runs.Run]:
            found = [one for one in self.runs(asset) if one.ended_at is not None]
            return found if len(found) >= count else []

        return self.until(some)

    def shown(self, path: str) -> str:
        """What lies at the URI of a dataset, once something does: it is put there after the run has ended well."""
        file = self.folder / "data" / path
        self.until(file.exists)
        return file.read_text()

    def parts(self) -> dict[PartKind, int]:
        """The process ids of the parts, one of each kind."""

        def found(store: Store) -> dict[PartKind, int]:
            with store.read() as tx:
                return {one.kind: int(one.name.split("/")[1]) for one in parts.parts_of(tx, store.project)}

        return self.ask(found)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What a command answers."""
        return subprocess.run([COMMAND, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)

    def assert_sound(self) -> None:
        """The checker finds that everything that is promised is true of the database."""
        answer = self.call("db", "check")
        assert answer.returncode == 0, answer.stdout + answer.stderr + self.said()

    def close(self) -> None:
        """Nothing is at work any more, whatever the test left."""
        for one in self.at_work:
            if one.poll() is None:
                for child in psutil.Process(one.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):  # it may end with another one
                        child.kill()
                one.kill()
                one.wait()


@pytest.fixture
def site(tmp_path: Path, databases: Any) -> Iterator[Site]:
    """A project without definitions yet."""
    made = Site(tmp_path, databases.fresh(prepared=False, file=tmp_path / ".penstock" / "penstock.db"))
    yield made
    made.close()
