"""How long the questions of the screen of runs take over 100,000 runs of 10,000 assets, one in a hundred of which
failed. `--postgresql` asks a PostgreSQL of our own; `--plans` prints how the database looks for them."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from _figures import best_of, show
from _postgresql import Server
from sqlalchemy import event, insert, text

from penstock.assets.plan.reasons import Reason
from penstock.storage.meta.catalogue import assets, definitions, projects
from penstock.storage.meta.database.engine import Store, sqlite_url
from penstock.storage.meta.database.migrate import prepare
from penstock.storage.meta.past.runlog import Wanted
from penstock.storage.meta.runs import runs as table
from penstock.storage.types import ReasonKind, RunState
from penstock.ui.read.run import run
from penstock.ui.read.runs import run_states, runs, timeline

ASSETS, RUNS = 10_000, 100_000
NOW = datetime.now(UTC)


def fill(store: Store) -> None:
    """The runs of a week."""
    draw = random.Random(7)
    with store.write() as tx:
        tx.execute(insert(projects), {"name": "kb", "format_version": 1, "registered_at": NOW} | _further())
        tx.execute(
            insert(assets),
            [
                {"id": one, "project": "kb", "name": f"asset_{one:05}", "registered_at": NOW, "definition_digest": ""}
                for one in range(1, ASSETS)
            ],
        )
        tx.execute(
            insert(definitions),
            [
                {"asset_id": one, "digest": f"{one}", "recorded_at": NOW}
                | {"body": {"name": f"asset_{one:05}", "policies": {"group": f"g{one % 40}"}, "text": "x" * 1500}}
                for one in range(1, ASSETS)
            ],
        )
        for start in range(0, RUNS, 5_000):
            tx.execute(insert(table), [_run(draw, number) for number in range(start, start + 5_000)])
    if store.engine.dialect.name != "sqlite":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def _further() -> dict[str, object]:
    return {name: value for name, value in {"digest": ""}.items() if name in projects.c}


def _run(draw: random.Random, number: int) -> dict[str, object]:
    at = NOW - timedelta(days=7) * (1 - number / RUNS)
    state = "failed" if draw.random() < 0.01 else "skipped" if draw.random() < 0.2 else "success"
    kind = draw.choice([ReasonKind.INPUT_CHANGED, ReasonKind.TICK, ReasonKind.CODE_CHANGED])
    error = {"kind": "producer", "type": "ValueError", "message": f"no day {number}", "trace": "line\n" * 40}
    milliseconds = int(at.timestamp() * 1000)
    return {
        "id": f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7000-8000-{number:012x}",
        "asset_id": draw.randrange(1, ASSETS),
        "state": state,
        "key": f"{number:064x}",
        "reason": Reason(kind=kind, names=("documents",)).to_plain(),
        "made_from": {"code": "c" * 64, "inputs": {"documents": "d" * 64}, "forms": {"x": "y" * 400}},
        "attempts": 1,
        "created_at": at,
        "started_at": at,
        "ended_at": at + timedelta(seconds=draw.randrange(1, 900)),
        "error": error if state == "failed" else None,
    }


def main() -> None:
    """Print the figures."""
    wish = argparse.ArgumentParser(description=__doc__)
    wish.add_argument("--postgresql", action="store_true")
    wish.add_argument("--plans", action="store_true")
    asked = wish.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = Server(folder).database("runs") if asked.postgresql else sqlite_url(Path(folder) / "penstock.db")
        with closing(Store(url, project="kb")) as store:
            prepare(store)
            fill(store)
            ask(store, plans=asked.plans)


def ask(store: Store, *, plans: bool) -> None:
    """Each question, with what a screen shows of it."""
    middle = runs(store, offset=RUNS // 2, limit=1).items[0].id
    failed = frozenset({RunState.FAILED})
    some = {
        "the newest 50": Wanted(),
        "those that failed": Wanted(states=failed),
        "those that are at work (none)": Wanted(states=frozenset({RunState.RUNNING})),
        "those that were refused (none)": Wanted(states=frozenset({RunState.REFUSED})),
        "of an asset": Wanted(asset="asset_00500"),
        "of a group": Wanted(group="g7"),
        "by a reason": Wanted(reason=ReasonKind.TICK),
        "by a reason that none has": Wanted(reason=ReasonKind.BACKFILL),
        "whose error says": Wanted(error="no day 500"),
        "of the last hour": Wanted(since=NOW - timedelta(hours=1)),
        "failed, of a group, of the last day": Wanted(states=failed, group="g7", since=NOW - timedelta(days=1)),
    }
    for name, wanted in some.items():
        show(f"runs: {name}", best_of(3, lambda wanted=wanted: runs(store, wanted, limit=50)) * 1e3, "ms", target=300)
        took = best_of(3, lambda wanted=wanted: run_states(store, wanted)) * 1e3
        show("  counted by state", took, "ms", target=300)
    took = best_of(3, lambda: runs(store, limit=50, before=middle)) * 1e3
    show("runs: a page in the middle", took, "ms", target=300)
    show("timeline of the last day", best_of(3, lambda: timeline(store)) * 1e3, "ms", target=300)
    show("one run", best_of(3, lambda: run(store, middle, pools={})) * 1e3, "ms", target=300)
    for wanted in some.values() if plans else ():
        explain(store, wanted)


def explain(store: Store, wanted: Wanted) -> None:
    """Print the plans of the statements of a question."""
    heard: list[tuple[str, object]] = []
    listener = lambda conn, cursor, statement, parameters, context, many: heard.append((statement, parameters))  # noqa: ARG005,E731
    event.listen(store.engine, "before_cursor_execute", listener)
    runs(store, wanted, limit=50)
    run_states(store, wanted)
    event.remove(store.engine, "before_cursor_execute", listener)
    word = "EXPLAIN QUERY PLAN" if store.engine.dialect.name == "sqlite" else "EXPLAIN"
    print(json.dumps(str(wanted)))
    with store.read() as tx:
        for statement, parameters in heard:
            if "FROM runs" in statement:
                for row in tx.exec_driver_sql(f"{word} {statement}", parameters):
                    print("   ", row[-1])


if __name__ == "__main__":
    main()
