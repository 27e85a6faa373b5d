"""What an import may load, seen in `sys.modules` of a fresh interpreter.

How long it takes is a figure of `benchmarks/`, never a test: a slow machine breaks no rule.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "polars",
    "pyarrow",
    "sqlalchemy",
    "sqlmodel",
    "alembic",
    "pydantic",
    "openlineage",
    "fsspec",
    "numpy",
    "typer",
)
DECLARING = "from penstock import Cron, Dataset, RetryPolicy, all_of, asset, defaults, source"
TESTING = "from penstock.testing import simulate"
EVERY_VALUE = "from penstock.storage import errors, manifest, types, uri"


def loaded_by(program: str) -> set[str]:
    """The heavy libraries that a fresh interpreter holds after running a program."""
    script = f"{program}\nimport json, sys\nprint(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return {*json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    "program",
    [
        "import penstock",
        DECLARING,
        TESTING,
        EVERY_VALUE,
        "import penstock.assets.declare, penstock.storage, penstock.ui",
    ],
)
def test_declaring_loads_no_heavy_library(program: str) -> None:
    """The face, the words and everything that declares loads neither frames, databases, models nor lineage classes."""
    assert loaded_by(program) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_command_line_explains_itself_without_frames_or_a_database(arguments: list[str]) -> None:
    """`penstock --help` names its commands before any of them is loaded."""
    program = (
        "import contextlib, io, sys\n"
        "from importlib.metadata import entry_points\n"
        "(script,) = entry_points(group='console_scripts', name='penstock')\n"
        f"sys.argv = ['penstock', *{arguments!r}]\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    script.load()()"
    )
    assert loaded_by(program) <= {"typer"}
