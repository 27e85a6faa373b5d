"""Tokens of a rate limit inside producers, in one process and in two."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import text

from penstock import Context, RateLimit, asset, materialize
from penstock.storage.meta.database.engine import Store
from penstock.storage.meta.limits import arrivals

pytestmark = pytest.mark.databases("sqlite", "postgresql")

CALLS = 20
CALLER = """
import json, sys
from datetime import UTC, datetime
from penstock import Context, RateLimit, asset, materialize

places, name = json.loads(sys.argv[1]), sys.argv[2]

@asset(f"{name}.json", name=name, limits=[RateLimit("api", "20/s")])
def calls(ctx: Context) -> list[str]:
    said = []
    for _ in range(int(sys.argv[3])):
        ctx.throttle("api")
        said.append(datetime.now(UTC).isoformat())
    return said

print("ready", flush=True)
sys.stdin.readline()
print(materialize([calls], **places).ok, flush=True)
"""


@pytest.fixture
def places(tmp_path: Path, databases: Any) -> dict[str, Any]:
    """Where everything is."""
    url = databases.fresh(prepared=True, file=tmp_path / "home" / "penstock.db")
    return {"home": str(tmp_path / "home"), "data_root": str(tmp_path / "data"), "project": "t", "database": url}


def test_two_processes_together_keep_the_rate(places: dict[str, Any], tmp_path: Path) -> None:
    """Twenty calls each at twenty a second: two seconds, and in no span more than one and what the rate gives; a tenth
    of a second is what a process may come late to its call."""
    command = [sys.executable, "-c", CALLER, json.dumps(places)]
    hands = [
        subprocess.Popen([*command, name, str(CALLS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("left", "right")
    ]
    assert [hand.stdout.readline() for hand in hands if hand.stdout] == ["ready\n"] * 2
    for hand in hands:
        assert hand.stdin is not None
        hand.stdin.write("go\n")
        hand.stdin.flush()
    assert [hand.communicate(timeout=90)[0] for hand in hands] == ["True\n"] * 2
    said = [json.loads((tmp_path / "data" / f"{name}.json").read_text(encoding="utf-8")) for name in ("left", "right")]
    moments = sorted(datetime.fromisoformat(at) for each in said for at in each)
    assert len(moments) == 2 * CALLS
    late = timedelta(milliseconds=100)
    for first, begun in enumerate(moments):
        for number, at in enumerate(moments[first:], 1):
            assert number <= 1 + (at - begun + late) / timedelta(milliseconds=50)
    assert moments[-1] - moments[0] >= timedelta(milliseconds=50) * (2 * CALLS - 1) - late


def test_threads_of_a_producer_share_the_rate(places: dict[str, Any]) -> None:
    """Eight calls at once at twenty a second take seven pauses."""
    took: list[float] = []

    @asset("a.json")
    def calls(ctx: Context) -> int:
        limit, begun = RateLimit("api", "20/s"), monotonic()
        threads = [Thread(target=ctx.throttle, args=(limit,)) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        took.append(monotonic() - begun)
        return 1

    assert materialize([calls], **places).ok
    assert took[0] >= 7 * 0.05


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("other", "ctx.throttle('other'): no asset names such a rate limit; there are: api"),
        (RateLimit("api", "1/s"), "ctx.throttle: rate limit 'api' is 1 in 1s here, and 20 in 1s in the definitions"),
    ],
)
def test_a_limit_that_is_not_known_as_it_is_given_is_refused(places: dict[str, Any], given: Any, said: str) -> None:
    """As the failure of the producer, with what to write."""

    @asset("a.json", limits=[RateLimit("api", "20/s")])
    def calls(ctx: Context) -> int:
        ctx.throttle(given)
        return 1

    (outcome,) = materialize([calls], **places).outcomes
    assert outcome.error is not None
    assert outcome.error["message"] == said


def test_whoever_waits_for_a_token_can_be_stopped(places: dict[str, Any], tmp_path: Path) -> None:
    """SIGINT ends the wait at once, and the run is canceled."""
    script = CALLER.replace('"20/s"', '"1/h"')
    command = [sys.executable, "-c", script, json.dumps(places), "slow", "2"]
    piped = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **piped) as it:
        assert it.stdin is not None
        it.stdin.write("go\n")
        it.stdin.flush()
        store = Store(places["database"], project="t")
        begun = monotonic()
        while monotonic() - begun < 60:
            with store.read() as tx:
                if arrivals(tx, "t"):
                    break
            sleep(0.05)
        it.send_signal(2)
        it.communicate(timeout=30)
    with store.read() as tx:
        assert [row[0] for row in tx.execute(text("SELECT state FROM runs"))] == ["canceled"]
    store.close()
