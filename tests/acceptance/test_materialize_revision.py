"""What lineage says of the code of a run: the commit, and whether it is the code at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.assets.run.project.project import open_store
from penstock.storage.settings import read_settings
from penstock.ui.read.tracing import Traced, trace

COMMAND = Path(sys.executable).parent / "penstock"
PIPELINE = """
from penstock import asset

from flows.steps import sized

@asset("plain.json")
def plain() -> int:
    return 1

@asset("size.json")
def size() -> int:
    return sized()
"""
STEPS = """
from flows.constants import SIZE

def sized() -> int:
    return SIZE
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a working tree, whose files are committed."""
    (tmp_path / "penstock.toml").write_text('project = "revised"\ndefinitions = ["flows.pipeline"]\n')
    (tmp_path / ".gitignore").write_text(".penstock\ndata\n__pycache__\n")
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "flows" / "steps.py").write_text(STEPS)
    (tmp_path / "flows" / "constants.py").write_text("SIZE = 3\n")
    (tmp_path / "flows" / "notes.py").write_text("NOTE = 'of nobody'\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> str:
    """What git says."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Everything is committed; the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "more")
    return git(folder, "rev-parse", "HEAD")


def code(folder: Path, **environment: str) -> dict[str, Traced]:
    """Asset → its newest version as lineage tells it, after both were made by force, by a process that knows no other
    code."""
    variables = {**os.environ, **environment}
    subprocess.run([COMMAND, "materialize", "--force"], cwd=folder, check=True, capture_output=True, env=variables)
    with open_store(read_settings(folder)) as store:
        return {name: trace(store, name).lines[0] for name in ("plain", "size")}


def test_the_commit_is_told_where_it_is_the_code(project: Path) -> None:
    """Each asset's own code counts, with what it reaches in other files; other files and data do not."""
    first = git(project, "rev-parse", "HEAD")
    (project / "flows" / "notes.py").write_text("NOTE = 'changed'\n")
    assert {name: one.commit for name, one in code(project).items()} == {"plain": first, "size": first}
    (project / "flows" / "constants.py").write_text("SIZE = 4\n")
    assert {name: one.commit for name, one in code(project).items()} == {"plain": first, "size": f"{first}-dirty"}
    second = commit(project)
    assert {name: one.commit for name, one in code(project).items()} == {"plain": second, "size": second}
    git(project, "rm", "--quiet", "--cached", "flows/steps.py")
    third = git(project, "rev-parse", "HEAD")
    assert {name: one.commit for name, one in code(project).items()} == {"plain": third, "size": f"{third}-dirty"}


def test_code_is_linked_where_it_lies(project: Path) -> None:
    """In the repository where it is there as it ran, else on the machine."""
    here = f"file://{project}/flows/pipeline.py#L6"
    assert code(project)["plain"].code == here
    git(project, "remote", "add", "origin", "https://host.example/team/repo.git")
    there = f"https://host.example/team/repo/blob/{git(project, 'rev-parse', 'HEAD')}/flows/pipeline.py#L6"
    assert code(project)["plain"].code == there
    (project / "flows" / "pipeline.py").write_text(PIPELINE.replace("return 1", "return 2"))
    assert code(project)["plain"].code == here


def test_runs_need_no_git(project: Path) -> None:
    """Nothing is said of a commit, and nothing fails."""
    for found in code(project, PATH="").values():
        assert (found.commit, (found.code or "").partition("#")[0]) == (None, f"file://{project}/flows/pipeline.py")
