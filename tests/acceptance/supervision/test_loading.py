"""Definitions that `penstock up` cannot load, at the start and when they change: said once, with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

MADE = '@asset("a.json", on=Dataset("raw.json"))\ndef a() -> int:\n    return time.time_ns()\n'
ENDED = "pipeline.py cannot be imported: the process that was loading it ended with exit code 9, before it was through"


def test_definitions_that_never_loaded_are_said_once(site: Any) -> None:
    """However many parts load them; every fault, and that nothing could begin."""
    site.define("this is no Python\n")
    process = site.up("--workers", "2")
    assert process.wait(60) == 1
    assert site.said().count("the definitions have 1 fault") == 1
    assert site.said().count("pipeline.py cannot be imported") == 1
    assert site.said().count("it could not begin") == 1
    assert "  ready in " not in site.said()


def test_definitions_that_end_their_process_are_said_once(site: Any) -> None:
    """By whoever started it: the process itself could not."""
    site.define("os._exit(9)\n")
    process = site.up("--workers", "2")
    assert process.wait(60) == 1
    assert site.said().count(ENDED) == 1
    assert "`python -X faulthandler pipeline.py` shows where" in site.said()


def test_new_definitions_that_end_their_process_leave_the_last_good_ones_at_work(site: Any) -> None:
    """It is told why, on the terminal and in `status`."""
    site.define(MADE)
    site.up()
    site.define(f"{MADE}\nos._exit(9)\n")
    site.until(lambda: "stay at work" in site.said())
    assert site.said().count(ENDED) == 1
    site.until(lambda: "do not load: " in site.call("status").stdout)
    assert ENDED in " ".join(site.call("status").stdout.split())
    site.tell("raw.json")
    assert [one.state for one in site.ended("a")] == [RunState.SUCCESS]


def test_what_was_asked_to_end_while_it_began_is_never_ready(site: Any) -> None:
    """It says that it stops, and nothing of being ready."""
    site.define(f"open('begun', 'w').close()\ntime.sleep(2)\n{MADE}")
    process = site.begin()
    site.until((site.folder / "begun").exists)
    assert site.down(process) == 0
    assert "stopping: " in site.said()
    assert "  ready in " not in site.said()
