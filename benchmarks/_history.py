"""A project with a long past, written by SQL: assets in groups, their runs, versions, edges, pins and events."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from planning_pass import graph, opened
from sqlalchemy import insert, text

from penstock.assets.declare.catalogue import Catalogue
from penstock.storage.manifest import Manifest
from penstock.storage.meta.attempts import attempts
from penstock.storage.meta.database.engine import Transaction, now
from penstock.storage.meta.edges import edges
from penstock.storage.meta.events import events
from penstock.storage.meta.runs import runs
from penstock.storage.meta.versions import pins, versions

Row = dict[str, Any]

_DAYS = 10
_ERROR = {"type": "ValueError", "message": "no passages in the document", "kind": "producer"}


def write(folder: Path, *, assets: int, made: int, told: int) -> None:
    """A project in this folder with so many assets in groups of a hundred, and `made` runs of them over ten days, each
    with its version, its event and its edges to what it read; further events confirm, `told` in all."""
    (folder / "penstock.toml").write_text(f'project = "bench-{folder.name}"\nhome = "home"\ndata_root = "data"\n')
    catalogue = grouped(graph(assets))
    with opened(folder, catalogue) as project, project.store.write() as tx:
        past = _Past(project.ids.assets, project.ids.datasets, catalogue, now(tx))
        for table, rows in past.tables(made, told):
            _written(tx, table, rows)
        tx.execute(
            text(
                "UPDATE datasets SET last_number = n, planned_number = n, head_version_id = v, shown_version_id = v "
                "FROM (SELECT dataset_id d, max(number) n, max(version_id) v FROM events "
                "GROUP BY dataset_id) e WHERE e.d = datasets.id"
            )
        )
        tx.execute(
            text(
                "UPDATE assets SET succeeded_at = r.at, head_run_id = r.id FROM (SELECT asset_id, max(id) id, "
                "max(ended_at) at FROM runs WHERE state = 'success' GROUP BY asset_id) r WHERE r.asset_id = assets.id"
            )
        )


def grouped(catalogue: Catalogue) -> Catalogue:
    """The assets in groups of a hundred, with tags and owners."""
    return replace(
        catalogue,
        assets={
            name: replace(
                one,
                policies=replace(
                    one.policies, group=f"group_{place // 100}", tags=(f"tag{place % 7}",), owners=(f"team{place % 9}",)
                ),
            )
            for place, (name, one) in enumerate(catalogue.assets.items())
        },
    )


class _Past:
    def __init__(self, assets: dict[str, int], datasets: dict[str, int], catalogue: Catalogue, until: datetime) -> None:
        self._names, self._assets, self._datasets = list(catalogue.assets), assets, datasets
        self._catalogue, self._until, self._draw = catalogue, until, random.Random(5)
        self._numbers: dict[int, int] = {}
        self._newest: dict[int, tuple[int, int]] = {}

    def tables(self, made: int, told: int) -> Iterator[tuple[Any, Iterable[Row]]]:
        """Everything, table by table."""
        lines = [self._line(number, made) for number in range(made)]
        yield versions, (self._version(one) for one in lines)
        yield runs, (self._run(one) for one in lines)
        yield attempts, (self._attempt(one) for one in lines)
        yield events, self._events(lines, told)
        yield pins, (self._pin(one, parameter, uri, read) for one in lines for parameter, uri, read in one["read"])
        read = ((one, source) for one in lines for source in {version for _, _, (version, _) in one["read"]})
        yield (
            edges,
            (
                {"run_id": one["id"], "output_version_id": one["version"], "input_version_id": source}
                for one, source in read
            ),
        )

    def _line(self, number: int, made: int) -> Row:
        """A run; every fiftieth has failed, and so has made nothing new."""
        name = self._names[number % len(self._names)] if number < len(self._names) else self._draw.choice(self._names)
        at = self._until - timedelta(days=_DAYS) * (1 - number / made)
        asset = self._catalogue.assets[name]
        uri = asset.outputs[0]
        dataset, read = self._datasets[uri], []
        for one in asset.inputs:
            newest = self._newest.get(self._datasets[one.uri])
            if newest is not None:
                read.append((one.parameter, one.uri, newest))
        self._newest[dataset] = (number + 1, number + 1)
        seconds = self._draw.expovariate(0.2)
        failed = number % 50 == 49
        return {
            "id": str(UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | number)), "version": number + 1,
            "name": name, "dataset": dataset, "read": read, "at": at, "ended": at + timedelta(seconds=seconds),
            "failed": failed,
        }  # fmt: skip

    def _version(self, one: Row) -> Row:
        manifest = Manifest(suffix="", token=one["id"])
        return {
            "id": one["version"], "dataset_id": one["dataset"], "partition": "", "digest": manifest.digest,
            "manifest": manifest.to_plain(), "rows": 10, "size": 100, "held": False, "created_at": one["ended"],
        }  # fmt: skip

    def _run(self, one: Row) -> Row:
        return {
            "id": one["id"], "asset_id": self._assets[one["name"]], "partition": "", "materialization_id": None,
            "state": "failed" if one["failed"] else "success", "key": one["id"],
            "reason": {"v": 1, "kind": "input_changed", "also": [], "names": [uri for _, uri, _ in one["read"]][:1],
                       "parameters": [], "tick": None, "detail": ""},
            "made_from": {"parameters": {"size": 800}}, "nominal_start": None, "nominal_end": None, "attempts": 1,
            "worker": "host:1", "created_at": one["at"], "started_at": one["at"], "ended_at": one["ended"],
            "error": _ERROR if one["failed"] else None, "backfill_id": None, "retry_at": None,
        }  # fmt: skip

    def _attempt(self, one: Row) -> Row:
        return {
            "run_id": one["id"], "number": 1, "worker": "host:1", "started_at": one["at"], "ended_at": one["ended"],
            "outcome": "failed" if one["failed"] else "success", "error": _ERROR if one["failed"] else None,
            "exit_code": None, "signal": None,
        }  # fmt: skip

    def _events(self, lines: list[Row], told: int) -> Iterator[Row]:
        for one in lines:
            yield self._event(one, "changed", one["id"])
        for place in range(told - len(lines)):
            yield self._event(lines[place % len(lines)], "confirmed", None)

    def _event(self, one: Row, kind: str, run_id: str | None) -> Row:
        number = self._numbers[one["dataset"]] = self._numbers.get(one["dataset"], 0) + 1
        return {
            "dataset_id": one["dataset"], "partition": "", "number": number, "kind": kind, "version_id": one["version"],
            "run_id": run_id, "at": one["ended"], "metadata": {"rows": 10}, "told_at": one["ended"], "again_of": None,
        }  # fmt: skip

    def _pin(self, one: Row, parameter: str, uri: str, read: tuple[int, int]) -> Row:
        version, event = read
        return {
            "run_id": one["id"], "parameter": parameter, "partition": "", "dataset_id": self._datasets[uri],
            "version_id": version, "event_id": event,
        }  # fmt: skip


def _written(tx: Transaction, table: Any, rows: Iterable[Row]) -> None:
    source = iter(rows)
    while some := list(islice(source, 20_000)):
        tx.execute(insert(table), some)
