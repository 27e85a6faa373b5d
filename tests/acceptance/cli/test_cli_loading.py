"""Definitions that end the process that loads them: said in a sentence, whatever else is wrong beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Shell = Callable[[Path, str], Any]


@pytest.mark.parametrize(
    ("end", "told"), [("os._exit(9)", "with exit code 9"), ("os.kill(os.getpid(), signal.SIGSEGV)", "by signal 11")]
)
def test_check_says_what_ended_it_while_it_was_loading(fresh: Path, shell: Shell, end: str, told: str) -> None:
    """Which file, how, and how to find out more; with the faults of settings, for programs too."""
    (fresh / "pipeline.py").write_text(f"import os, signal\nprint('loading')\n{end}\n")
    settings = fresh / "penstock.toml"
    settings.write_text('definitions = ["pipeline.py"]\nenvironment = ["no-such-distribution"]\n')
    said = shell(fresh, "penstock check")
    assert said.code == 2
    sentence = f"pipeline.py cannot be imported: the process that was loading it ended {told}, before it was through"
    words = " ".join(said.err.split())
    assert sentence in words
    assert "`python -X faulthandler pipeline.py` shows where" in words
    assert "no-such-distribution" in words
    said = shell(fresh, "penstock check --json")
    assert said.code == 2
    assert [one["message"] for one in said.json["error"]["faults"]][1:] == [sentence]


def test_check_ends_as_it_does_otherwise(fresh: Path, shell: Shell) -> None:
    """What is loaded without a fault is checked, each line is said once, and Ctrl-C is no fault of the definitions."""
    said = shell(fresh, "penstock check")
    assert (said.code, said.out.count("No faults"), said.err) == (0, 1, "")
    (fresh / "pipeline.py").write_text("import os, signal\nprint('loading')\nos.kill(os.getpid(), signal.SIGINT)\n")
    said = shell(fresh, "penstock check")
    assert (said.code, said.out) == (130, "loading\n")
    assert said.err.startswith("Interrupted.")
    text = "import os, signal, time\nos.kill(os.getppid(), signal.SIGTERM)\ntime.sleep(20)\n"
    (fresh / "pipeline.py").write_text(text)
    said = shell(fresh, "penstock check")
    assert (said.code, "cannot be imported" in said.err) == (143, False)
