"""What a terminal, a pipe and a fresh process see."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.ui.cli.group import COMMANDS

PROGRAM = str(Path(sys.executable).parent / "penstock")
Call = Callable[..., Any]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_narrow_terminal_cuts_nothing(broken: Path, width: int, penstock: Call) -> None:
    """No line is wider than the terminal, and every name, version and reason is there."""
    penstock(broken, "materialize", "-q")
    for command in ("materialize", "status", "list", "plan", "runs", "versions lines", "trace parts --tree"):
        said = penstock(broken, *command.split(), width=width)
        assert all(len(line.rstrip()) <= width for line in said.out.splitlines()), said.out
        assert "…" not in said.out
    said = penstock(broken, "materialize", width=width)
    assert "upstream failed: bad" in said.words
    assert {"lines", "bad", "after"} <= set(said.words.split())


def test_in_a_pipe_a_row_is_a_line(shop: Path, shell: Call) -> None:
    """Without a terminal nothing is wrapped and nothing is coloured, so that `grep` finds whole rows."""
    said = shell(shop, "unset COLUMNS; penstock config | grep lineage.file.path")
    assert str(shop / ".penstock" / "lineage.ndjson") in said.out
    assert "\x1b" not in shell(shop, "penstock status").out


def on_a_terminal(folder: Path, command: str) -> str:
    """Everything that a terminal of 90 columns is sent while a command runs."""
    own, others = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "90", "LINES": "30"}
    environment["PATH"] = os.pathsep.join([str(Path(PROGRAM).parent), environment["PATH"]])
    seen = b""
    with subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=environment, stdin=others, stdout=others, stderr=others
    ) as process:
        os.close(others)
        while select.select([own], [], [], 30)[0]:
            try:
                part = os.read(own, 65536)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            seen += part
    os.close(own)
    assert process.returncode == 0, seen
    return seen.decode()


@pytest.fixture
def patient(fresh: Path) -> Path:
    """A project whose one asset takes a moment, and prints."""
    (fresh / "pipeline.py").write_text(
        "import time\nfrom penstock import asset\n"
        "@asset('a.json')\ndef a() -> int:\n    print('hello')\n    time.sleep(1)\n    return 1\n"
    )
    return fresh


def test_on_a_terminal_progress_is_live_and_gone_at_the_end(patient: Path) -> None:
    """While it works: what runs and for how long; what producers print stays readable; at the end the table alone."""
    sent = on_a_terminal(patient, "penstock materialize")
    assert re.search(r"running.*a.*first build", sent)
    assert "hello" in sent
    assert "\x1b[32m" in sent
    end = sent[sent.rindex("\x1b[?25h") :]
    assert "running" not in end
    assert "1 changed in" in end


def test_no_color_is_respected(patient: Path) -> None:
    """With NO_COLOR nothing is coloured."""
    assert not re.search(r"\x1b\[(?:\d+;)*3\d", on_a_terminal(patient, "NO_COLOR=1 penstock materialize"))


def test_help_names_every_command_and_loads_none() -> None:
    """The table is all that `penstock --help` needs: no command, and nothing that a command needs, is imported."""
    program = (
        "import sys, runpy\nsys.argv = ['penstock', '--help']\n"
        "from penstock.ui.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as error:\n    assert error.code == 0\n"
        "print(sorted(n for n in sys.modules if n.startswith(('penstock.ui.cli.commands', 'penstock.ui.read',"
        " 'penstock.assets', 'penstock.storage.meta', 'pydantic_settings', 'sqlalchemy', 'polars'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(re.search(rf"^│ {name} ", done.stdout, re.MULTILINE) for name in COMMANDS)


def test_the_version_is_that_of_the_distribution(look: Call) -> None:
    """`--version` says it and does nothing else."""
    said = look("--version")
    assert re.fullmatch(r"penstock \d+\.\d+\.\d+\n", said.out)
