"""A change of code, in processes of their own, as a person edits and runs: what counts is what the code says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""
PIPELINE = """
from penstock import Dataset, asset
from rules import clean, LIMIT


docs = Dataset("docs.txt")


@asset("cleaned.txt", on=docs)
def cleaned(docs: str) -> str:
    return clean(docs)[:LIMIT]


@asset("copy.txt", on=docs)
def copy(docs: str) -> str:
    return docs
"""
RULES = '''
LIMIT = 100
OTHER = 1


def clean(text):
    """Without white space around it."""
    return text.strip()
'''
REWRITTEN = '''
"""Rules."""
OTHER = 2
LIMIT = 100  # characters


def clean(text):
    # what else
    return (
        text.strip()
    )
'''
OBSERVE = """
import json
from dataclasses import replace
from penstock import materialize

result = materialize()
lines = {one.asset: f"{one.state or 'held'}: {replace(one.reason, detail='').text}" for one in result.outcomes}
print(json.dumps(lines))
"""


def in_a_process(folder: Path) -> dict[str, str]:
    """The story of one materialization in a process of its own, started in this folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    done = subprocess.run(
        [sys.executable, "-c", OBSERVE], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_code_counts_and_how_it_is_written_does_not(tmp_path: Path) -> None:
    """A helper's comment, docstring, layout or an unused constant: nothing. Its code or a constant it reads: that
    asset alone is made again, because its code changed."""
    (tmp_path / "penstock.toml").write_text('definitions = ["pipeline.py"]\n[lineage]\n')
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    rules = tmp_path / "rules.py"
    rules.write_text(RULES)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "docs.txt").write_text(" Text \n")
    quiet = {"cleaned": "skipped: unchanged", "copy": "skipped: unchanged"}
    loud = {"copy": "skipped: unchanged", "cleaned": "success: code changed"}
    assert set(in_a_process(tmp_path).values()) == {"success: first build"}
    rules.write_text(REWRITTEN)
    (tmp_path / "pipeline.py").write_text(f'"""A module."""\n{PIPELINE}')
    assert in_a_process(tmp_path) == quiet
    rules.write_text(RULES.replace(".strip()", ".strip().upper()"))
    assert in_a_process(tmp_path) == loud
    assert (tmp_path / "data" / "cleaned.txt").read_text() == "TEXT"
    rules.write_text(RULES.replace(".strip()", ".strip().upper()").replace("LIMIT = 100", "LIMIT = 2"))
    assert in_a_process(tmp_path) == loud
    assert (tmp_path / "data" / "cleaned.txt").read_text() == "TE"


def test_a_definition_that_only_moved_is_the_same(lab: Lab) -> None:
    """Another line, another file: nothing is registered again, and where it stood when it took its form is kept."""

    def here(text: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(compile(text, str(lab.folder / "moved.py"), "exec"), namespace)
        return namespace["one"]

    source = "from penstock import asset\n@asset('one.json')\ndef one() -> int:\n    return 1\n"
    lab.foresee(here(source), select=("one",))
    before = lab.dump()
    lab.foresee(here(f"# a comment\n{source}"), select=("one",))
    assert lab.dump() == before
