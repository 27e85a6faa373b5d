"""The demo, as a newcomer runs it: a copy of `examples/rag_docs`, materialized, edited and touched by the command line.

The whole story is told once, in order, in one folder; each test looks at one page of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "rag_docs"
LEFT_BEHIND = shutil.ignore_patterns(".penstock", "data", "__pycache__")
OBSERVE = """
import json, sys
from penstock import materialize

result = materialize()
print(json.dumps({
    "ok": result.ok,
    "outcomes": {
        one.asset: {
            "state": one.state, "reason": one.reason.kind, "names": list(one.reason.names), "error": one.error,
            "made": {made.dataset: [made.kind, made.digest] for made in one.made},
        }
        for one in result.outcomes
    },
}))
"""
REACHED = {"answers", "chunks", "documents", "evaluation", "handbook_docs", "index", "provenance", "vectors"}
"""What the text of one handbook page reaches."""

ASIDE = {"embedder", "licence_report", "package_docs", "stdlib_docs"}
"""What it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One materialization: asset → what became of it."""

    outcomes: Mapping[str, Any]

    @property
    def executed(self) -> set[str]:
        """The assets whose producer was called."""
        return {asset for asset, one in self.outcomes.items() if one["state"] in ("success", "failed")}


def run(folder: Path, *command: str) -> str:
    """What a command prints in this folder; its failure shows everything that it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "NO_COLOR": "1"}
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def materialize(folder: Path) -> Page:
    """One materialization of the demo, in a process of its own."""
    said = json.loads(run(folder, sys.executable, "-c", OBSERVE))
    assert said["ok"], said
    return Page(outcomes=said["outcomes"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened, in order, and the folder as it is at the end."""

    folder: Path
    first: Page
    again: Page
    touched: Page
    edited: Page
    licensed: Page
    asked: Page


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The demo from an empty folder on: run, run again, touch, edit a text, edit a licence, ask another question."""
    folder = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("demo") / "rag_docs", ignore=LEFT_BEHIND)
    first, again = materialize(folder), materialize(folder)
    for page in folder.glob("handbook/*.md"):
        os.utime(page, ns=(1, 1))
    touched = materialize(folder)
    page = folder / "handbook" / "on-duty.md"
    page.write_text(f"{page.read_text()}\nThe duty phone is charged before the handover.\n")
    edited = materialize(folder)
    page.write_text(page.read_text().replace("licence: CC-BY-4.0", "licence: CC0-1.0"))
    licensed = materialize(folder)
    with (folder / "ask.txt").open("a") as questions:
        questions.write("What is charged before the handover?\n")
    return Story(
        folder=folder,
        first=first,
        again=again,
        touched=touched,
        edited=edited,
        licensed=licensed,
        asked=materialize(folder),
    )


def test_the_first_run_makes_everything(story: Story) -> None:
    """Every asset is built for the first time, and its URI shows it."""
    assert story.first.executed == REACHED | ASIDE
    assert {one["reason"] for one in story.first.outcomes.values()} == {"first_build"}
    made = {path.name for path in (story.folder / "data").iterdir()}
    assert {"answers.md", "documents.parquet", "embedder", "evaluation.json", "index.parquet"} <= made
    assert {path.name for path in (story.folder / "data" / "embedder").iterdir()} == {"rarity.parquet", "settings.json"}


def test_a_second_run_executes_nothing_and_says_why(story: Story) -> None:
    """For every asset there is an outcome, and all of them say: unchanged."""
    assert story.again.executed == set()
    assert {asset: one["reason"] for asset, one in story.again.outcomes.items()} == dict.fromkeys(
        REACHED | ASIDE, "unchanged"
    )


def test_touching_the_handbook_executes_nothing(story: Story) -> None:
    """Other times on the same bytes are no news."""
    assert story.touched.executed == set()


def test_editing_one_document_runs_what_it_reaches(story: Story) -> None:
    """The text goes its way to the answers; sources, embedder and licence report are left alone, and say so."""
    assert story.edited.executed == REACHED
    assert {story.edited.outcomes[asset]["reason"] for asset in ASIDE} == {"unchanged"}
    assert story.edited.outcomes["handbook_docs"]["names"] == ["handbook"]


def test_what_comes_out_equal_ends_the_way(story: Story) -> None:
    """Provenance ran, gave the bytes it had, was confirmed, and the licence report behind it did not run."""
    (kind, digest) = story.edited.outcomes["provenance"]["made"]["provenance"]
    assert kind == "confirmed"
    assert digest == story.first.outcomes["provenance"]["made"]["provenance"][1]


def test_another_licence_reaches_the_report(story: Story) -> None:
    """A changed licence runs the report too, which then names it."""
    assert story.licensed.executed == REACHED | {"licence_report"}
    report = pl.read_csv(story.folder / "data" / "licence_report.csv")
    assert "CC0-1.0" in report["licence"].to_list()


def test_another_question_runs_the_answers_alone(story: Story) -> None:
    """The question about the edit is answered from the edit, with its origin and its new licence."""
    assert story.asked.executed == {"answers"}
    answers = (story.folder / "data" / "answers.md").read_text()
    assert "The duty phone is charged before the handover." in answers
    assert re.search(r"`handbook:on-duty`.*licence CC0-1\.0", answers)


def test_a_passage_that_was_not_edited_keeps_its_id(story: Story) -> None:
    """All documents but the edited one have the passages that they had, down to the id."""
    chunks = pl.read_parquet(story.folder / "data" / "chunks.parquet")
    assert chunks["chunk_id"].is_unique().all()
    assert chunks.filter(pl.col("licence") == "CC0-1.0")["doc_id"].unique().to_list() == ["handbook:on-duty"]


def test_retrieval_finds_what_is_known_to_be_there(story: Story) -> None:
    """On at least thirty held-out questions the right document is mostly among the first ten passages."""
    held_out = json.loads((story.folder / "data" / "evaluation.json").read_text())["held_out"]
    assert held_out["questions"] >= 30
    assert held_out["questions"] - held_out["not_in_corpus"] >= 30
    assert held_out["recall_at_10"] >= 0.75


def test_every_lineage_event_is_valid(story: Story, openlineage_schemas: Callable[[Mapping[str, Any]], None]) -> None:
    """Every event is valid by the official schemas; each run that executed has one COMPLETE, what was skipped none."""
    lines = (story.folder / ".penstock" / "lineage.ndjson").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    for event in events:
        openlineage_schemas(event)
    ended = [event["job"]["name"] for event in events if event["eventType"] == "COMPLETE"]
    pages = (story.first, story.again, story.touched, story.edited, story.licensed, story.asked)
    assert sorted(name for name in ended if name != "materialize") == sorted(
        asset for page in pages for asset in page.executed
    )


def test_what_the_readme_shows_runs(story: Story) -> None:
    """Every command of the example's README does what a reader who types it would see."""
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (commands,) = [
        block for block in re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S) if "make demo" not in block
    ]
    for command in commands.splitlines():
        run(story.folder, "bash", "-c", command)
