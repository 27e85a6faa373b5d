"""Several processes that make one project at once: each piece of news makes one run of each asset that waits for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

PROJECT = """
import json, sys
from penstock import Dataset, asset, materialize

places = json.loads(sys.argv[1])
raw = Dataset("raw.txt")

@asset("left.txt", on=raw)
def left(raw: str) -> str:
    open(sys.argv[2], "a").write("left\\n")
    return raw + " left"

@asset("right.txt", on=raw)
def right(raw: str) -> str:
    open(sys.argv[2], "a").write("right\\n")
    return raw + " right"

@asset("both.txt", on=left & right)
def both(left: str, right: str) -> str:
    open(sys.argv[2], "a").write("both\\n")
    return left + ", " + right

for _ in sys.stdin:
    print(materialize([left, right, both], **places).ok, flush=True)
"""


@pytest.fixture
def crowd(lab: Lab) -> Iterator[list[subprocess.Popen[str]]]:
    """Four processes that materialize whenever they are told to."""
    script = lab.folder / "project.py"
    script.write_text(PROJECT, encoding="utf-8")
    command = [sys.executable, str(script), json.dumps({**lab.places, "database": lab.url}), str(lab.folder / "log")]
    found = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    yield found
    for one in found:
        one.communicate(timeout=60)


def test_each_piece_of_news_is_worked_on_once(lab: Lab, crowd: list[subprocess.Popen[str]]) -> None:
    """Six changes of a source, four processes at once each time: each asset is made once a change, from that change,
    every event has one link for each of its consumers, and numbers have no gaps."""
    for change in range(1, 7):
        lab.write("raw.txt", str(change))
        for one in crowd:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        assert [one.stdout.readline() for one in crowd if one.stdout is not None] == ["True\n"] * 4
        assert lab.read("both.txt") == f"{change} left, {change} right"
        assert sorted((lab.folder / "log").read_text().split()) == sorted(["left", "right", "both"] * change)
    made = lab.rows(
        "SELECT a.name, count(*) FROM runs r JOIN assets a ON a.id = r.asset_id WHERE r.state = 'success' "
        "GROUP BY a.name ORDER BY a.name"
    )
    assert made == [("both", 6), ("left", 6), ("right", 6)]
    assert lab.rows("SELECT count(*) FROM runs WHERE ended_at IS NULL OR state = 'failed'") == [(0,)]
    doubled = (
        "SELECT asset_id, event_id FROM consumptions WHERE current GROUP BY asset_id, event_id HAVING count(*) > 1"
    )
    assert lab.rows(doubled) == []
    for _, highest, count in lab.rows("SELECT dataset_id, max(number), count(*) FROM events GROUP BY dataset_id"):
        assert highest == count
    starts = [json.loads(body)["eventType"] for (body,) in lab.rows("SELECT body FROM lineage_events")]
    assert starts.count("START") == starts.count("COMPLETE") == 18
