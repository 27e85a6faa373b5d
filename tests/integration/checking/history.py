"""A store with a bit of everything in it: what the tests of checks damage, and what they are run over as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from penstock import (
    Cron,
    Daily,
    Dataset,
    Definitions,
    Partition,
    asset,
    backfill,
    each,
    materialize,
    pause,
    record_event,
    source,
)
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.worker import attempt
from penstock.assets.run.checking.check import check_in, violations
from penstock.assets.run.project.project import Project, open_registered
from penstock.assets.run.recovery import unclaimed
from penstock.assets.run.tick import tick
from penstock.storage.meta.checking.check import Violation
from penstock.storage.meta.database.engine import Store, Transaction
from penstock.storage.settings import ProjectSettings, read_settings

DOCS = Dataset("docs.txt", name="docs", aliases=["papers.txt"])
TOLD = Dataset("ext://told", name="told")
DAYS = Daily(start="2026-01-01", end="2026-03-01")


@source("numbers.json", probe=lambda: 1)
def numbers() -> list[int]:
    """What others are made from."""
    return [1, 2, 3]


@asset(outputs={"train": "train.json", "test": "test.json"}, on=numbers)
def split(numbers: list[int]) -> dict[str, list[int]]:
    """Two outputs at once."""
    return {"train": numbers[:2], "test": numbers[2:]}


@asset("report.txt", on=split["train"] & split["test"])
def report(train: list[int], test: list[int]) -> str:
    """What waits for both."""
    return f"{train} {test}"


@asset("summary.txt", on=DOCS)
def summary(docs: str) -> str:
    """Made from what others write."""
    return docs.upper()


@asset("broken.json", on=TOLD)
def broken() -> int:
    """Never made."""
    raise ValueError("no")


@asset("single.json", on=TOLD, consume=each(TOLD, on_error="skip"))
def single() -> int:
    """One run an event."""
    return 1


@asset("hourly.json", on=Cron("0 * * * *"))
def hourly() -> int:
    """Made by time."""
    return 1


@asset("up/{day}.json", partitions=DAYS)
def up(day: Partition) -> str:
    """A day."""
    return day.key


@asset("down/{day}.json", partitions=DAYS, on=up)
def down(up: str) -> str:
    """What is made of a day."""
    return up


EVERYTHING = Definitions(numbers, split, report, summary, broken, single, hourly, up, down)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A project in a folder; `url` is its database."""

    folder: Path
    url: str

    @property
    def values(self) -> dict[str, Any]:
        """Its settings, as every function takes them."""
        return {
            "home": str(self.folder / "home"),
            "data_root": str(self.folder / "data"),
            "database": self.url,
            "project": "kb",
            "lineage": {"file": {"type": "file", "path": str(self.folder / "events.ndjson")}},
        }

    @property
    def settings(self) -> ProjectSettings:
        """The same, read."""
        return read_settings(self.folder, **self.values)

    @contextmanager
    def project(self) -> Iterator[Project]:
        """It, opened."""
        known, definitions = prepared(EVERYTHING, self.folder, self.values)
        with open_registered(known, definitions) as project:
            yield project

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Its store."""
        store = Store(self.url, project="kb")
        yield store
        store.close()

    def damages(self) -> list[str]:
        """What is unsound in it."""
        with self.store() as store:
            return violations(store, self.settings)


def lived(folder: Path, url: str) -> Place:
    """A project in which everything happened once: made by hand, by news, by time, by a backfill; failed; paused."""
    place = Place(folder=folder, url=url)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "docs.txt").write_text("a")
    options = {"project_folder": folder, **place.values}
    materialize([numbers, split, report, summary], **options)
    with place.project() as project:
        tick(project)
        for number in (1, 2):
            record_event("told", version=str(number), **options)
            later = tick(project).at + timedelta(hours=number)
            tick(project, at=later)
            for work in unclaimed(project, list(project.catalogue.assets)):
                attempt(project, work)
    (folder / "data" / "docs.txt").write_text("b")
    materialize(EVERYTHING, select=["summary"], **options)
    backfill(EVERYTHING, select=["up", "down"], partitions="2026-01-03..2026-01-07", **options)
    with place.project() as project:
        for _ in range(4):  # until nothing is left to be looked at
            tick(project)
            for work in unclaimed(project, list(project.catalogue.assets)):
                attempt(project, work)
    pause(report, why="for a while", **options)
    return place


class Undone(Exception):
    """Ends a transaction of which nothing is to stay."""


def damaged(store: Store, place: Place, *statements: Any, **options: Any) -> list[Violation]:
    """What the checks find once these statements were carried out, which are undone then."""
    found: list[Violation] = []
    with suppress(Undone), store.write() as tx:
        unprotected(tx)
        for statement in statements:
            tx.execute(statement)
        found += [one for each in check_in(tx, store, place.settings, **options) for one in each.violations]
        raise Undone
    return found


def unprotected(tx: Transaction) -> None:
    """Foreign keys are not looked at within this transaction, as in a file that was damaged."""
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    else:
        tx.exec_driver_sql("SET LOCAL session_replication_role = replica")
