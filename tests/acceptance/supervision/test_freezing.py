"""A worker that stands still for longer than it may: it is given up, and comes back to find its run made."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any

import pytest

from penstock.storage.types import RunState


@pytest.mark.databases("sqlite", "postgresql")
def test_what_a_frozen_worker_was_at_is_made_by_another(site: Any) -> None:
    """Once it was not heard of for half a minute, which is what its attempt says. It publishes nothing when it comes
    back, and its try is told as lost: the run has succeeded."""
    site.define(
        '@asset("f.json", on=Dataset("raw.json"))\ndef f(ctx: Context) -> int:\n'
        "    if ctx.attempt == 1:\n        open('first', 'w').write(f'{os.getpid()} .')\n"
        "        while not os.path.exists('thawed'):\n            time.sleep(0.05)\n    return ctx.attempt\n"
    )
    site.up("--workers", "2")
    site.tell("raw.json")
    first = site.folder / "first"
    site.until(lambda: first.exists() and "." in first.read_text())
    at_it = int(first.read_text().split()[0])
    (run,) = site.runs("f")
    frozen = [int(run.worker.split("/")[1]), at_it]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    (run,) = site.ended("f")
    assert (run.state, run.attempts) == (RunState.SUCCESS, 2)
    (site.folder / "thawed").touch()
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    site.until(lambda: re.search(rf"f lost in \d+(\.\d)? s  run {run.id}", site.said()))
    assert "f failed" not in site.said()
    assert site.shown("f.json") == "2\n"
    tried = json.loads(site.call("runs", run.id, "--json").stdout)["attempts"]
    assert [one["outcome"] for one in tried] == ["lost", "success"]
    assert re.fullmatch(r"its worker was not heard of for 3\d s", tried[0]["error"]["message"]), tried[0]
    site.assert_sound()


def test_a_worker_that_comes_back_may_take_the_run_again(site: Any) -> None:
    """Its own first try goes, and is told as lost; whatever becomes of the second is seen to."""
    site.define(
        '@asset("f.json", on=Dataset("raw.json"))\ndef f(ctx: Context) -> int:\n'
        "    open(f'begun-{ctx.attempt}', 'w').write(f'{os.getpid()} .')\n"
        "    while ctx.attempt < 3 and not os.path.exists('over'):\n        time.sleep(0.05)\n"
        "    return ctx.attempt if ctx.attempt != 2 else os._exit(7)\n"
    )
    site.up()
    site.tell("raw.json")
    begun = [site.folder / f"begun-{number}" for number in (1, 2)]
    site.until(lambda: begun[0].exists() and "." in begun[0].read_text())
    (run,) = site.runs("f")
    frozen = [int(run.worker.split("/")[1]), int(begun[0].read_text().split()[0])]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    site.until(lambda: site.runs("f")[0].state is RunState.UP_FOR_RETRY)
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    site.until(begun[1].exists)
    site.until(lambda: "f lost in" in site.said())
    assert "its process was ended: it was given up for lost" in site.said()
    (site.folder / "over").touch()
    (run,) = site.ended("f")
    assert (run.state, run.attempts) == (RunState.SUCCESS, 3)
    assert "f failed" not in site.said()
    site.assert_sound()
