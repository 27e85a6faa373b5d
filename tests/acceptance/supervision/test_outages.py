"""What `penstock up` works on goes away for a while, under load: it says so, waits, and loses nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.supervision.conftest import Site
from tests.acceptance.supervision.load import Load

AWAY = 10.0
"""Seconds for which something cannot be used."""


@contextmanager
def telling(load: Load) -> Iterator[None]:
    """Events come all the time."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(0.2):
            load.tell()

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Nobody else can write to a SQLite file, or open it anew."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.databases("sqlite", "postgresql")
def test_a_database_that_goes_away_for_ten_seconds(site: Site, databases: Any, request: pytest.FixtureRequest) -> None:
    """PostgreSQL that crashes, a SQLite file that another process holds. No part dies of it."""
    load = Load(site)
    process = site.up("--workers", "2")
    before = site.parts()
    with telling(load):
        time.sleep(2)
        if databases.kind == "sqlite":
            away = held(site.folder / ".penstock" / "penstock.db")
        else:
            away = request.getfixturevalue("postgres").away()
        with away:
            time.sleep(AWAY)
        time.sleep(3)
    load.assert_settled()
    assert site.parts() == before
    assert "ended (" not in site.said()
    assert site.down(process) == 0
    site.assert_sound()


def test_a_file_that_is_gone_is_told_and_another_in_its_place_ends_everything(site: Site) -> None:
    """Nobody works on in a file that nobody else can see. What was started again has what the new file knows."""
    site.define('@asset("a.json", on=Dataset("raw.json"))\ndef a() -> int:\n    return time.time_ns()\n')
    process = site.up()
    file = site.settings.database_file
    assert file is not None
    aside = file.rename(file.with_name("aside"))
    site.until(lambda: f"the metadata store {file} is not there any more" in site.said())
    aside.rename(file)
    site.until(lambda: "the metadata store is where it was" in site.said())
    site.tell("raw.json")
    site.ended("a")
    for one in file.parent.glob(f"{file.name}*"):
        if one.is_file():
            one.unlink()
    site.tell("raw.json")
    assert process.wait(60) == 1
    assert site.said().count("another file lies where") == 1
    assert "Traceback" not in site.said()
    again = site.up()
    site.tell("raw.json")
    site.ended("a")
    assert site.down(again) == 0
    site.assert_sound()


@pytest.mark.databases("postgresql")
def test_a_database_that_goes_away_while_a_run_publishes(site: Site, request: pytest.FixtureRequest) -> None:
    """A line says which run, and why; the attempt keeps what was the matter, and no budget pays for it."""
    again = "RetryPolicy(1, max_lost=1)"
    site.define(
        f'@asset("late.json", on=Dataset("raw.json"), retries={again})\ndef late() -> int:\n'
        "    open('begun', 'w').close()\n    while not os.path.exists('go'):\n        time.sleep(0.02)\n    return 1\n"
    )
    process = site.up()
    site.tell("raw.json")
    site.until((site.folder / "begun").exists)
    with request.getfixturevalue("postgres").away():
        (site.folder / "go").touch()
        site.until(lambda: "late, run" in site.said())
    (run,) = site.ended("late")
    tries = json.loads(site.call("runs", run.id, "--json").stdout)["attempts"]
    assert [one["outcome"] for one in tries] == ["prevented", "success"]
    assert tries[0]["error"]["kind"] == "database"
    (told,) = [line for line in site.said().splitlines() if "late, run" in line]
    assert run.id in told
    assert "it is tried again when that is over" in told
    assert "Traceback" not in site.said()
    assert site.down(process) == 0
    site.assert_sound()


@pytest.fixture
def small(tmp_path: Path, databases: Any) -> Iterator[Site]:
    """A project on a disk of 24 megabytes; skipped where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this user may not mount a disk: {done.stderr.strip()}")
    made = Site(folder, databases.fresh(prepared=False, file=folder / ".penstock" / "penstock.db"))
    made.output = tmp_path / "up.log"
    try:
        yield made
    finally:
        made.close()
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.databases("sqlite", "postgresql")
def test_a_disk_that_is_full_for_ten_seconds(small: Site) -> None:
    """With SQLite the metadata store is on it, too. It says so; once there is room, everything
    that came is made: nobody who waits for each event has to be resumed, although no error is tried again."""
    load = Load(small)
    process = small.up("--workers", "2")
    before = small.parts()
    with telling(load):
        time.sleep(2)
        fill(small.folder / "ballast")
        time.sleep(AWAY)
        (small.folder / "ballast").unlink()
        time.sleep(3)
    assert "No space left" in small.said() or "disk is full" in small.said()
    load.assert_settled()
    assert small.parts() == before
    assert "ended (" not in small.said()
    assert small.down(process) == 0
    small.assert_sound()


def fill(path: Path) -> None:
    """Not a byte is left on the disk of this file."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    os.sync()
