"""Pools and rate limits on the command line: what is wrong with them, who has slots, and who waits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import materialize
from penstock.assets.declare.definitions import Definitions
from penstock.assets.run.api import prepared
from penstock.assets.run.dispatching import claim_next
from penstock.assets.run.identity import worker_name
from penstock.assets.run.project.project import open_registered
from penstock.storage.meta import runs
from penstock.storage.meta.database.engine import now
from penstock.storage.types import RunState

Call = Callable[..., Any]

PIPELINE = """
from penstock import RateLimit, Slots, asset

@asset("embed.json", pool="embedding", max_active_runs=4)
def embed() -> list[int]:
    return [1]

@asset("train.json", pool=Slots("embedding", 2), limits=[RateLimit("openai", "1/h")], max_active_runs=9)
def train() -> list[int]:
    return [1]
"""
SETTINGS = 'project = "queue"\ndefinitions = ["pipeline.py"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project with a pool of three; what a test loads of it is not there for the next."""
    path, modules = [*sys.path], {*sys.modules}
    (tmp_path / "pipeline.py").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "penstock.toml").write_text(f"{SETTINGS}[pools]\nembedding = 3\nidle = 1\n", encoding="utf-8")
    yield tmp_path
    sys.path[:] = path
    for name in {*sys.modules} - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def wait(folder: Path, *names: str, room: int) -> None:
    """A run of each of these assets waits; so many of them are handed out."""
    definitions = Definitions.load("pipeline.py", folder=folder)
    settings, definitions = prepared(definitions, folder, {})
    with open_registered(settings, definitions) as project:
        new = [
            runs.NewRun(
                id=f"run{number}",
                asset_id=project.ids.assets[name],
                state=RunState.SCHEDULED,
                key=f"run{number}",
                reason={"v": 1, "kind": "manual", "also": [], "names": [], "tick": None, "detail": ""},
                made_from={"code": project.catalogue.assets[name].code},
                pins=(),
            )
            for number, name in enumerate(names)
        ]
        with project.store.write() as tx:
            runs.insert_runs(tx, new, materialization_id=None, now=now(tx))
        with project.store.write() as tx:
            assert len(claim_next(project, tx, worker_name(), room)) == room


def test_check_tells_a_pool_that_nobody_sized(folder: Path, penstock: Call) -> None:
    """At each asset that asks for it, with the line to write; and one that is too small."""
    (folder / "penstock.toml").write_text(SETTINGS, encoding="utf-8")
    said = penstock(folder, "check")
    assert said.code == 2
    assert "asset embed: its pool 'embedding' has no size; the settings size: none" in said.err
    assert "[pools] embedding = 4" in said.err
    assert "asset train: its pool 'embedding'" in said.err
    (folder / "penstock.toml").write_text(f"{SETTINGS}[pools]\nembedding = 1\n", encoding="utf-8")
    assert "a run takes 2 slots of pool 'embedding', which has 1" in penstock(folder, "materialize").err


def test_status_shows_pools_and_rate_limits(folder: Path, penstock: Call) -> None:
    """What is taken and by whom, when the next token comes, and who waits; the same to programs."""
    wait(folder, "train", "embed", "train", "embed", room=2)
    said = " ".join(penstock(folder, "status", width=160).out.split())
    assert "embedding 3 of 3 embed, train 2 embed, train" in said
    assert "idle 0 of 1" in said
    assert "openai 1 in 1h" in said
    told = penstock(folder, "status", "--json").json
    assert told["pools"] == [
        {
            "name": "embedding",
            "size": 3,
            "taken": 3,
            "at_work": {"embed": 1, "train": 2},
            "waiting": {"embed": 1, "train": 1},
        },
        {"name": "idle", "size": 1, "taken": 0, "at_work": {}, "waiting": {}},
    ]
    (rate,) = told["rate_limits"]
    assert rate.pop("next_at").endswith("Z")
    assert rate == {
        "name": "openai",
        "count": 1,
        "per_seconds": 3600.0,
        "burst": 1,
        "label": "1 in 1h",
        "waiting": {"train": 1},
    }


def test_why_tells_what_is_in_the_way_of_a_run(folder: Path, penstock: Call) -> None:
    """Also to programs, among the notes."""
    wait(folder, "embed", "embed", "embed", "embed", room=3)
    said = penstock(folder, "why", "embed").words
    assert "Its run run3 has waited for a worker since " in said
    assert "at concurrency limit; pool embedding: 3 of 3 slots." in said
    notes = penstock(folder, "why", "embed", "--json").json["notes"]
    assert [one for one in notes if one.endswith("pool embedding: 3 of 3 slots.")]


def test_a_materialization_asks_nobody(folder: Path, penstock: Call) -> None:
    """It makes what it was asked for, whatever is taken."""
    wait(folder, "embed", "embed", "embed", room=3)
    assert penstock(folder, "materialize", "train").code == 0
    assert materialize(Definitions.load("pipeline.py", folder=folder), select="train", project_folder=folder).ok
