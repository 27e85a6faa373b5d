"""What the suites of the metadata store share: a fresh store, short ways to fill it, and real other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from penstock.storage.manifest import Manifest, canonical_json, digest_of
from penstock.storage.meta import catalogue, events, registration, runs, versions
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.pending import sums
from penstock.storage.types import RunState

START = datetime(2026, 3, 2, tzinfo=UTC)


class Meta:
    """A prepared store and what can be done with it in one line each."""

    def __init__(self, url: str, path: Path, project: str = "kb") -> None:
        self.url, self.path = url, path
        self.store = Store(url, project=project)
        self.now = START
        self.count = 0

    def declare(self, *uris: str, **waits: str) -> catalogue.Ids:
        """Register these datasets and assets: `declare("a.csv", chunks="a.csv b.csv")`. `old/new` renames."""
        self.now += timedelta(minutes=1)
        names = {name.partition("__was__")[0]: name.partition("__was__")[2] for name in waits}
        wanted = [
            registration.AssetDeclaration(
                name=name,
                previously=names[name] or None,
                digest=digest_of(canonical_json([name, leaves])),
                body={"name": name, "waits": leaves},
                waits_for=tuple(leaves.split()),
            )
            for name, leaves in zip(names, waits.values(), strict=True)
        ]
        found = [
            registration.DatasetDeclaration(
                uri=uri, name=uri.partition(".")[0], producer=None, declaration={"uri": uri}
            )
            for uri in dict.fromkeys([*uris, *(uri for asset in wanted for uri in asset.waits_for)])
        ]
        with self.store.write() as tx:
            return registration.register(
                tx,
                self.store.project,
                digest=digest_of(canonical_json([waits, uris])),
                wanted_datasets=found,
                wanted_assets=wanted,
                now=self.now,
            )

    def publish(self, dataset_id: int, content: str, run_id: str | None = None) -> events.Published:
        """A version with this content is published."""
        self.now += timedelta(minutes=1)
        with self.store.write() as tx:
            manifest = Manifest(suffix="", token=content)
            version = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=True, now=self.now)
            return events.publish_event(
                tx, dataset_id=dataset_id, version_id=version, run_id=run_id, metadata={"of": content}, now=self.now
            )

    def run(self, asset_id: int, state: RunState = RunState.SCHEDULED, **values: Any) -> str:
        """A run of the asset is recorded."""
        self.count += 1
        self.now += timedelta(minutes=1)
        plain = {"key": f"key{self.count}", "reason": {}, "made_from": {"n": self.count}, "pins": ()}
        new = runs.NewRun(id=f"run{self.count}", asset_id=asset_id, state=state, **{**plain, **values})
        with self.store.write() as tx:
            runs.insert_runs(tx, [new], materialization_id=None, now=self.now)
        return new.id

    def pending(self, asset_id: int) -> dict[int, tuple[int, int, int]]:
        """Dataset id → pending events, causes among them, confirmed among them."""
        with self.store.read() as tx:
            found = sums(tx, [asset_id])
        return {dataset: (one.count, one.causes, one.confirmed) for (_, dataset), one in found.items()}

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the database says."""
        with self.store.read() as tx:
            return [tuple(row) for row in tx.execute(text(query), values)]


class Crew:
    """Other processes with stores of their own, told what to do by name: see `crew.py`."""

    def __init__(self, size: int) -> None:
        script = Path(__file__).with_name("crew.py")
        self.hands = [
            subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(size)
        ]

    def together(self, url: str, *each: tuple[str, Mapping[str, Any]]) -> list[Any]:
        """All do at once what they are told, each a verb with its values; what each answers."""
        busy = self.hands[: len(each)]
        for hand, (verb, values) in zip(busy, each, strict=True):
            tell(hand, {"verb": verb, "url": url, "values": values})
        assert [hear(hand) for hand in busy] == ["ready"] * len(busy)
        for hand in busy:
            tell(hand, "go")
        return [hear(hand) for hand in busy]

    def close(self) -> None:
        """Everybody goes home."""
        with ExitStack() as stack:
            for hand in self.hands:
                stack.enter_context(hand)  # closes its pipes and waits for it


def tell(hand: subprocess.Popen[str], what: object) -> None:
    """One line of JSON."""
    assert hand.stdin is not None
    hand.stdin.write(json.dumps(what) + "\n")
    hand.stdin.flush()


def hear(hand: subprocess.Popen[str]) -> Any:
    """One line of JSON."""
    assert hand.stdout is not None
    return json.loads(hand.stdout.readline())


@pytest.fixture
def meta(databases: Any, tmp_path: Path) -> Iterator[Meta]:
    """A store of one's own, ready to use; `path` is its file, where it has one."""
    path = tmp_path / "penstock.db"
    made = Meta(databases.fresh(file=path), path)
    yield made
    made.store.close()


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    """Four other processes."""
    made = Crew(4)
    yield made
    made.close()
