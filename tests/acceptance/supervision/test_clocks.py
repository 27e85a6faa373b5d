"""The clock of the machine jumps by an hour, forwards and back, while ticks and events make runs."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.storage.types import RunState
from tests.acceptance.supervision.conftest import COMMAND

pytestmark = pytest.mark.databases("sqlite", "postgresql")

SOURCE = Path(__file__).with_name("clock.c")
DEFINED = """
@asset("t.json", on=Every("1s"))
def t(ctx: Context) -> int:
    return time.time_ns()

@asset("e.json", on=Dataset("raw.json"), consume=each(Dataset("raw.json")))
def e() -> int:
    return time.time_ns()

@asset("long.json", on=Dataset("start.json"))
def long() -> int:
    time.sleep(12)
    return 1
"""


class Clock:
    """What `env` makes the time of a process, `ahead` of the real one; it jumps when it is set."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or not sys.platform.startswith("linux"):
            pytest.skip("a clock that jumps needs Linux and a C compiler (Debian: `apt-get install gcc libc6-dev`)")
        library, file = folder / "clock.so", folder / "clock"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        file.write_bytes(struct.pack("l", 0))
        self.env: Mapping[str, str] = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(file)}

    def set(self, ahead: timedelta) -> None:
        """So far is it ahead of the real time from now on."""
        with Path(self.env["CLOCK_FILE"]).open("r+b", buffering=0) as file:
            file.write(struct.pack("l", int(ahead.total_seconds())))


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)], ids=["forwards", "back"])
def test_a_clock_that_jumps_by_an_hour(site: Any, tmp_path: Path, jump: timedelta) -> None:
    """No tick is made twice, nothing that lives is taken for dead, and everything goes on: ticks and events before, in
    between and after."""
    clock = Clock(tmp_path)
    site.define(DEFINED)
    process = site.up(env=clock.env)
    before = site.parts()
    tell(site, clock, "raw.json")
    tell(site, clock, "start.json")
    site.ended("t", 2)
    site.until(lambda: RunState.RUNNING in {one.state for one in site.runs("long")})
    for count, ahead in enumerate((jump, timedelta()), start=1):
        clock.set(ahead)
        tell(site, clock, "raw.json")
        site.ended("e", count + 1)
        time.sleep(6)
    assert {one.state for one in site.ended("long")} == {RunState.SUCCESS}
    # Of those that have ended: the newest tick may have made a run that nobody has taken yet.
    assert {one.attempts for one in site.runs() if one.ended_at is not None} == {1}
    ticks = [one.reason["tick"] for one in site.runs("t") if one.reason["tick"] is not None]
    assert len(ticks) == len(set(ticks))
    # A clock that is behind the last tick gives none until it has caught up: each moment is there once.
    assert len(ticks) >= 6
    assert site.parts() == before
    assert "gone" not in site.said()
    assert "ended (" not in site.said()
    assert process.poll() is None
    assert site.down(process) == 0
    site.assert_sound()


def tell(site: Any, clock: Clock, dataset: str) -> None:
    """Somebody tells of a new version, on the same machine."""
    done = subprocess.run(
        [COMMAND, "event", dataset], cwd=site.folder, env={**os.environ, **clock.env}, capture_output=True, check=False
    )
    assert done.returncode == 0, done
