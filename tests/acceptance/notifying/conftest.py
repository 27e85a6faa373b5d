"""What the suites of telling people share: a project that tells somebody, and what that somebody has got."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from penstock import asset
from penstock.assets.run.notifying.notify import Teller
from penstock.assets.run.project.project import open_store
from penstock.lineage.couriers import Passed
from penstock.storage.meta.database.engine import Store
from penstock.storage.settings import ProjectSettings, read_settings


class Letters:
    """A project whose destination `team` is a file."""

    def __init__(self, lab: Any, store: Store, settings: ProjectSettings) -> None:
        self.lab, self.store, self.settings = lab, store, settings
        self.path = lab.folder / "told.ndjson"

    def got(self, name: str = "told") -> list[dict[str, Any]]:
        """The messages, in the order in which they came."""
        path = self.lab.folder / f"{name}.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def subjects(self, name: str = "told") -> list[str]:
        """Their subjects."""
        return [one["subject"] for one in self.got(name)]

    def teller(self, at: datetime | None = None) -> Teller:
        """Who tells `team`, by a clock that stands at a time."""
        if at is None:
            return Teller(self.store, self.settings, "team")
        return Teller(self.store, self.settings, "team", clock=lambda tx: at, draw=lambda: 1.0)

    def tell(self, at: datetime | None = None) -> Passed:
        """Everything that is due is sent; the last pass."""
        teller = self.teller(at)
        while (passed := teller.once()).more:
            pass
        return passed

    def waiting(self) -> list[tuple[Any, ...]]:
        """What waits to be told, as kind and partition."""
        return self.lab.rows("SELECT kind, partition FROM notifications WHERE message_id IS NULL ORDER BY id")


@pytest.fixture
def letters(lab: Any) -> Iterator[Letters]:
    """A project that tells a file of everything."""
    everything = ["failed", "recovered", "retry", "late", "paused"]
    lab.places["notifications"] = {"team": {"url": "file://told.ndjson", "on": everything, "at_most": "1000/s"}}
    settings = read_settings(lab.folder, **lab.places)
    with open_store(settings) as store:
        yield Letters(lab, store, settings)


class Switch:
    """An asset that fails for as long as somebody says so."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def asset(self, **policies: Any) -> Any:
        """It, with these policies."""

        @asset("chunks.json", **policies)
        def chunks() -> list[int]:
            if self.error is not None:
                raise self.error
            return [1]

        return chunks


@pytest.fixture
def switch() -> Switch:
    """One that makes what it is to make."""
    return Switch()
