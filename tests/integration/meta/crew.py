"""What another process does to a store when it is told to: lines of JSON in, lines of JSON out. See conftest."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

from penstock.storage.manifest import Manifest
from penstock.storage.meta import events, leases, runs, versions
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.database.migrate import form, prepare
from penstock.storage.meta.pending import sums
from penstock.storage.types import ConsumptionOutcome, RunState


class NotMine(Exception):
    """Somebody else was faster: the transaction is rolled back."""


def publish(store: Store, *, dataset_id: int, contents: list[str]) -> list[tuple[int, str]]:
    """Each content is published in a transaction of its own; the number and kind of each event."""
    found: list[tuple[int, str]] = []
    for content in contents:
        with store.write() as tx:
            now, manifest = datetime.now(UTC), Manifest(suffix="", token=content)
            version = versions.keep_version(tx, dataset_id=dataset_id, manifest=manifest, held=True, now=now)
            event = events.publish_event(
                tx, dataset_id=dataset_id, version_id=version, run_id=None, metadata={}, now=now
            )
        found.append((event.number, event.kind))
    return found


def take(store: Store, *, asset_id: int, dataset_id: int, run_ids: list[str]) -> list[str]:
    """What is pending is seen on a snapshot, then taken for a run, until nothing more comes; for which runs it was."""
    found: list[str] = []
    quiet_since = time()
    while time() - quiet_since < 0.3:
        with store.read() as tx:
            pending = sums(tx, [asset_id]).get((asset_id, dataset_id))
        if pending is None:
            continue
        quiet_since = time()
        claim = events.Claim(
            asset_id=asset_id,
            dataset_id=dataset_id,
            up_to=pending.newest,
            expected=pending.count,
            run_id=run_ids[len(found)],
            outcome=ConsumptionOutcome.RUN,
        )
        with suppress(NotMine):
            consume(store, claim)
            found.append(run_ids[len(found)])
    return found


def fire(store: Store, *, asset_id: int, dataset_id: int, run_id: str) -> bool:
    """One pass of a planner: what is pending makes a run that takes it; whether it was this planner's."""
    with store.read() as tx:
        pending = sums(tx, [asset_id]).get((asset_id, dataset_id))
    if pending is None:
        return False
    new = runs.NewRun(
        id=run_id, asset_id=asset_id, state=RunState.SCHEDULED, key=run_id, reason={}, made_from={}, pins=()
    )
    claim = events.Claim(
        asset_id=asset_id,
        dataset_id=dataset_id,
        up_to=pending.newest,
        expected=pending.count,
        run_id=run_id,
        outcome=ConsumptionOutcome.RUN,
    )
    with suppress(NotMine), store.write() as tx:
        runs.insert_runs(tx, [new], materialization_id=None, now=datetime.now(UTC))
        if not events.consume(tx, [claim], now=datetime.now(UTC)):
            raise NotMine
        return True
    return False


def consume(store: Store, claim: events.Claim) -> None:
    """Take it, or leave everything as it was."""
    with store.write() as tx:
        if not events.consume(tx, [claim], now=datetime.now(UTC)):
            raise NotMine


def advance(store: Store, *, run_ids: list[str], old: str, new: str, worker: str) -> list[bool]:
    """Move each run from one state to another; whether it was ours to move."""
    found: list[bool] = []
    for run_id in run_ids:
        with store.write() as tx:
            found.append(runs.advance(tx, run_id, old=RunState(old), new=RunState(new), worker=worker))
    return found


def acquire(store: Store, *, names: list[str], holder: str) -> list[bool]:
    """Take each lease for an hour; whether it is ours now."""
    found: list[bool] = []
    for name in names:
        with store.write() as tx:
            found.append(leases.acquire(tx, name, holder=holder, now=datetime.now(UTC), length=timedelta(hours=1)))
    return found


def ready(store: Store) -> str:
    """Open the database and prepare it, as the first command of a project does; the form that it has then."""
    prepare(store)
    return str(form(store)[0])


VERBS = {"ready": ready, "publish": publish, "take": take, "fire": fire, "advance": advance, "acquire": acquire}


def say(what: object) -> None:
    """One line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Until nobody tells anything any more."""
    for line in sys.stdin:
        told: dict[str, Any] = json.loads(line)
        store = Store(told["url"], project="kb")
        if told["verb"] != "ready":
            with store.read():
                pass  # connected: what follows is the race itself
        say("ready")
        sys.stdin.readline()
        try:
            say(VERBS[told["verb"]](store, **told["values"]))
        except Exception as error:  # told to whoever asked, who compares it with what he expects
            say(f"{type(error).__name__}: {error}")
        store.close()


if __name__ == "__main__":
    main()
