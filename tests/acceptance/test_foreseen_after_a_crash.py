"""What a dead process left behind is foreseen as it will be seen to: by a dry run, by `plan`, by the program."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from penstock import Daily, Dataset, Definitions, Partition, asset
from penstock.assets.run.api import outlook, prepared, standing_plan
from penstock.assets.run.explaining.of_partition import why_partition
from penstock.assets.run.explaining.why import why_now
from penstock.assets.run.project.project import open_project

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

docs = Dataset("docs.txt")


def fragile(folder: Path, *, changed: bool = False) -> tuple[Any, Any]:
    """An asset that kills its process while there is a file `deadly`, and its reader; changed, its code is another."""
    deadly = folder / "deadly"

    def words(docs: str) -> list[str]:
        if deadly.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return docs.split()

    def sorted_words(docs: str) -> list[str]:
        return sorted(docs.split())

    @asset("count.json", on=words_of(sorted_words if changed else words))
    def count(words: list[str]) -> int:
        return len(words)

    return words_of(sorted_words if changed else words), count


def words_of(producer: Any) -> Any:
    """The asset, once for each producer."""
    if not hasattr(producer, "asset"):
        producer.asset = asset("words.json", name="words", on=docs)(producer)
    return producer.asset


def crash(lab: Lab, *things: Any, times: int = 1, **options: Any) -> None:
    """Materializations whose process is killed by what they make."""
    (lab.folder / "deadly").touch()
    for _ in range(times):
        child = os.fork()
        if child == 0:
            try:
                lab.make(*things, **options)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    (lab.folder / "deadly").unlink()


def bodies(lab: Lab) -> list[Any]:
    """The lineage events that were recorded, oldest first."""
    return [json.loads(body) for (body,) in lab.rows("SELECT body FROM lineage_events ORDER BY id")]


def standing(lab: Lab, *things: Any) -> tuple[dict[str, Any], Any]:
    """What `penstock plan` says of each asset, and the plan of the program."""
    known, definitions = prepared(Definitions(*things), lab.folder, lab.places)
    with open_project(known, definitions, planning=True) as project:
        return {one.asset: one for one in outlook(project).assets}, standing_plan(project)


@pytest.mark.parametrize("before", [False, True])
def test_a_run_that_will_be_tried_again_is_foreseen(lab: Lab, before: bool) -> None:
    """By everybody who is asked, and nothing is written for it; then it happens."""
    things = fragile(lab.folder)
    lab.write("docs.txt", "a b")
    if before:
        assert lab.make(*things).ok
        lab.write("docs.txt", "a b c")
    crash(lab, *things)
    dump = lab.dump()
    dry = lab.foresee(*things, select=("words", "count"))
    found, plan = standing(lab, *things)
    assert lab.dump() == dump
    for foreseen in (dry, found):
        assert (foreseen["words"].outcome, foreseen["words"].reason.kind) == ("run", "retry")
        assert "its process is gone" in foreseen["words"].reason.text
        assert foreseen["count"].outcome == ("possible" if before else "run")
    assert [(one.asset, one.reason.kind) for one in plan.held if one.asset == "words"] == [("words", "retry")]
    result = lab.make(*things)
    assert result.ok
    assert lab.rows("SELECT count(*) FROM attempts a JOIN runs r ON r.id = a.run_id WHERE a.number = 2") == [(1,)]
    assert {one.asset for one in result.executed} == {"words", "count"}


def test_a_partition_that_will_be_tried_again_is_named(lab: Lab) -> None:
    """By its key, by everybody who is asked; the others are foreseen beside it."""
    deadly = lab.folder / "deadly"

    @asset("up/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-04"))
    def up(day: Partition) -> str:
        if deadly.exists() and day.key == "2026-01-02":
            os.kill(os.getpid(), signal.SIGKILL)
        return day.key

    @asset("down/{day}.json", partitions=Daily(start="2026-01-01", end="2026-01-04"), on=up)
    def down(up: str) -> str:
        return up

    crash(lab, up, down, partitions="2026-01-02")
    dry = lab.foresee_all(up, down)
    found = lab.outlook(up, down).assets
    for foreseen in (dry, found):
        (one,) = [one for one in foreseen if one.reason.kind == "retry"]
        assert (one.asset, one.partition, one.outcome) == ("up", "2026-01-02", "run")
        assert ("down", "2026-01-02", "possible") in [(one.asset, one.partition, one.outcome) for one in foreseen]
    known, definitions = prepared(Definitions(up, down), lab.folder, lab.places)
    of_key = why_partition(known, definitions, "up", "2026-01-02")
    assert (of_key.decision, of_key.reason.kind) == ("run", "retry")
    assert why_partition(known, definitions, "up", "2026-01-03").decision == "hold"
    assert why_now(known, definitions, "up").decision == "hold"
    asked = lab.foresee_all(up, down, select=("up",), partitions="2026-01-01..2026-01-03")
    assert [(one.partition, one.reason.kind) for one in asked if one.asset == "up"] == [
        ("2026-01-02", "retry"), ("2026-01-01", "first_build"), ("2026-01-03", "first_build")
    ]  # fmt: skip
    made = lab.make(up, down)
    assert {(one.asset, one.partition) for one in made.executed} == {("up", "2026-01-02"), ("down", "2026-01-02")}


def test_a_run_of_changed_code_will_be_ended_and_its_news_counts_again(lab: Lab) -> None:
    """No retry: a new run for the same news, by the conditions alone too."""
    things = fragile(lab.folder)
    lab.write("docs.txt", "b a")
    assert lab.make(*things).ok
    lab.write("docs.txt", "c b a")
    crash(lab, *things)
    changed = fragile(lab.folder, changed=True)
    dump = lab.dump()
    dry = lab.foresee(*changed, select=("words", "count"))
    found, plan = standing(lab, *changed)
    assert lab.dump() == dump
    assert (dry["words"].outcome, dry["words"].reason.text) == ("run", "input changed (docs) and code changed")
    assert (found["words"].outcome, found["words"].reason.text) == ("run", "input changed: docs")
    assert [one.asset for one in plan.runs] == ["words"]
    result = lab.make(*changed)
    assert result["words"].reason.text == "input changed (docs) and code changed"
    assert lab.rows("SELECT state FROM runs r JOIN assets a ON a.id = r.asset_id WHERE a.name = 'words'") == [
        ("success",), ("failed",), ("success",)
    ]  # fmt: skip
    (fail,) = [body for body in bodies(lab) if body["eventType"] == "FAIL"]
    assert [one["name"].rpartition("/")[2] for one in fail["inputs"]] == ["docs.txt"]
    assert "WorkerLost: its process ended" in fail["run"]["facets"]["errorMessage"]["message"]


def test_a_run_whose_asset_is_gone_is_ended(lab: Lab) -> None:
    """Nobody foresees it, and nobody makes it; also if what it read is declared no more."""
    things = fragile(lab.folder)
    lab.write("docs.txt", "a b")
    crash(lab, *things)

    @asset("words.json", name="words")
    def other() -> list[str]:
        return []

    assert lab.foresee(other, select=("words",))["words"].reason.text == "first build"
    assert lab.story(lab.make(other)) == {"words": "success: first build"}
    assert lab.rows("SELECT state FROM runs ORDER BY created_at") == [("failed",), ("success",)]


def test_a_run_that_lost_too_many_workers_will_fail_for_good(lab: Lab) -> None:
    """Its news is completing only: nothing by the conditions alone, a new run for who asks."""
    things = fragile(lab.folder)
    lab.write("docs.txt", "a b")
    crash(lab, *things, times=3)
    dry = lab.foresee(*things, select=("words",))
    found, plan = standing(lab, *things)
    assert (dry["words"].outcome, dry["words"].reason.text) == ("run", "first build")
    assert (found["words"].outcome, found["words"].reason.kind) == ("hold", "waiting")
    assert plan.runs == ()
    assert lab.make(*things)["words"].reason.text == "first build"
