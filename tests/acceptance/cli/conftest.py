"""Commands of penstock for the tests beside this: called in this process, or in one of their own; and projects to call
them in."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from penstock.ui.cli.main import app

PROGRAM = str(Path(sys.executable).parent / "penstock")
BROKEN = """
from penstock import Dataset, asset

zen = Dataset("zen.txt")

@asset("lines.json", on=zen)
def lines(zen: str) -> list[str]:
    return zen.splitlines()

@asset("bad.json", on=lines)
def bad(lines: list[str]) -> list[str]:
    raise ValueError("no \\x1b[31m[bold]use\\x07")

@asset("after.json", on=bad)
def after(bad: list[str]) -> list[str]:
    return bad

@asset(outputs={"head": "head.json", "tail": "tail.json"}, on=lines)
def parts(lines: list[str]) -> dict[str, object]:
    return {"head": lines[:1], "tail": lines[1:]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is JSON and nothing else."""
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """Standard output with single spaces, as if nothing had been wrapped."""
        return " ".join(self.out.split())


Call = Callable[..., Said]
"""`call(folder, *arguments)`, or where a fixture has a folder `call(*arguments)`; `width` is that of the terminal."""


def in_process(folder: Path, *arguments: str, width: int | None = None) -> Said:
    """A command in this process, in a folder."""
    out, err, path, modules = io.StringIO(), io.StringIO(), list(sys.path), set(sys.modules)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setenv("COLUMNS", str(width)) if width else patch.delenv("COLUMNS", raising=False)
        for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
            patch.delenv(name)
        try:
            code = get_command(app)(list(arguments), prog_name="penstock")
        except SystemExit as error:
            code = error.code
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    assert isinstance(code, int), code
    return Said(code=code, out=out.getvalue(), err=err.getvalue())


def in_shell(folder: Path, command: str) -> Said:
    """A shell command in a process of its own, with `penstock` on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment["PATH"] = os.pathsep.join([str(Path(PROGRAM).parent), environment["PATH"]])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that `penstock init` makes, materialized twice. Tests only look at it."""
    folder = tmp_path_factory.mktemp("projects")
    assert in_process(folder, "init", "shop").code == 0
    for _ in range(2):
        assert in_process(folder / "shop", "materialize", "--quiet") == Said(code=0, out="", err="")
    return folder / "shop"


@pytest.fixture
def look(shop: Path) -> Call:
    """Commands that change nothing, in the made project."""

    def call(*arguments: str, width: int | None = None) -> Said:
        return in_process(shop, *arguments, width=width)

    return call


@pytest.fixture(scope="session")
def penstock() -> Call:
    """`penstock(folder, *arguments)`: a command in this process."""
    return in_process


@pytest.fixture(scope="session")
def shell() -> Callable[[Path, str], Said]:
    """`shell(folder, command)`: a shell command in a process of its own."""
    return in_shell


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The project that `penstock init` makes, with nothing made yet."""
    assert in_process(tmp_path, "init", ".").code == 0
    return tmp_path


@pytest.fixture
def broken(fresh: Path) -> Path:
    """A project in which one asset fails, one waits for it, and one has two outputs."""
    (fresh / "pipeline.py").write_text(BROKEN)
    return fresh
