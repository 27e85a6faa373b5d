"""Answers that can be long come in parts, with how much there is or where the next part begins; on each database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from penstock import Dataset, asset, materialize
from penstock.storage.errors import UsageError
from penstock.storage.meta import leftovers
from penstock.storage.meta.database.engine import Store, now
from penstock.storage.settings import read_settings
from penstock.storage.types import RunState
from penstock.ui.ask import ask_pause
from penstock.ui.read.assets import assets
from penstock.ui.read.events import events
from penstock.ui.read.status import status
from penstock.ui.read.versions import versions

pytestmark = pytest.mark.databases("sqlite", "postgresql")
raw = Dataset("raw.json")


@asset("first.json", on=raw)
def first(raw: int) -> int:
    """As it is."""
    return raw


@asset("second.json", on=first)
def second(first: int) -> int:
    """Twice that."""
    return 2 * first


@pytest.fixture
def store(tmp_path: Path, databases: Any) -> Iterator[Store]:
    """Three versions of each, and of `first` five runs that a process which is gone left behind."""
    settings = read_settings(
        tmp_path, project="pages", home=str(tmp_path / "home"), data_root=str(tmp_path), database=databases.fresh()
    )
    places = {"project": "pages", "home": str(settings.home), "data_root": str(tmp_path)}
    for number in range(3):
        (tmp_path / "raw.json").write_text(json.dumps(number))
        materialize([first, second], project_folder=tmp_path, database=settings.database_url, **places)
    store = Store(settings.database_url, project="pages")
    with store.write() as tx:
        newest = tx.execute(text("SELECT id FROM runs ORDER BY id LIMIT 1")).scalar_one()
        kept = "asset_id, partition, key, reason, made_from, attempts, created_at"
        for number in range(5):
            values = f"SELECT 'r{number}', 'running', 'gone/1/1', {kept} FROM runs WHERE id = '{newest}'"
            tx.execute(text(f"INSERT INTO runs (id, state, worker, {kept}) {values}"))
            leftovers.keep(tx, (f"r{number}", 1, "cluster"), {}, worker="", now=now(tx))
    yield store
    store.close()


def test_a_status_tells_the_first_of_what_is_long_and_counts_it(store: Store) -> None:
    """Runs that have not ended, what resources left over, what was asked for."""
    for _ in range(4):
        ask_pause(store, "first")
    whole, part = status(store), status(store, limit=2)
    assert (len(whole.unfinished), len(whole.leftovers), len(whole.asked)) == (5, 5, 4)
    assert (len(part.unfinished), len(part.leftovers), len(part.asked)) == (2, 2, 2)
    assert part.unfinished == whole.unfinished[:2]
    assert part.counts == whole.counts
    assert (part.counts.unfinished, part.counts.leftovers, part.counts.asked) == (5, 5, 4)
    assert part.runs[RunState.RUNNING] == 5


def test_events_and_versions_go_on_behind_one_of_them(store: Store) -> None:
    """Page behind page, each once, nothing left out; of one dataset too."""
    for question, key in (
        (lambda before: events(store, limit=2, before=before), lambda one: one.id),
        (lambda before: events(store, "first", limit=2, before=before), lambda one: one.id),
        (lambda before: versions(store, "first", limit=2, before=before).page, lambda one: one.number),
    ):
        found: list[int] = []
        before, more = None, True
        while more:
            page = question(before)
            found += [key(one) for one in page.items]
            before, more = found[-1], page.more
        assert found == sorted(set(found), reverse=True)
        assert len(found) in (3, 9)


def test_assets_go_on_behind_one_of_them(store: Store) -> None:
    """In the order of the graph; a name that is none of them is told."""
    page = assets(store, limit=1)
    assert ([one.name for one in page.items], page.more) == (["first"], True)
    rest = assets(store, limit=1, after="first")
    assert ([one.name for one in rest.items], rest.more) == (["second"], False)
    with pytest.raises(UsageError, match="there is no asset 'frist'") as fault:
        assets(store, after="frist")
    assert "first" in fault.value.hint
