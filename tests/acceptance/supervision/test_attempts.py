"""What `penstock up` makes of an attempt that fails, takes too long, dies, prints, or has to wait for its turn."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from penstock.storage.meta.runs import Run
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def test_a_failed_try_is_followed_by_another(site: Any) -> None:
    """When its pause is over, from the same pins; what failed is told with the attempts."""
    site.define(
        '@asset("f.json", on=Dataset("raw.json"), retries=RetryPolicy(3, delay="300ms", backoff=1))\n'
        "def f(ctx: Context) -> int:\n"
        "    if ctx.attempt < 3:\n        raise OSError(f'busy {ctx.attempt}')\n    return ctx.attempt\n"
    )
    site.up()
    site.tell("raw.json")
    (run,) = site.ended("f")
    assert (run.state, run.attempts) == (RunState.SUCCESS, 3)
    tries = json.loads(site.call("runs", run.id, "--json").stdout)["attempts"]
    assert [one["outcome"] for one in tries] == ["failed", "failed", "success"]


def test_a_try_that_takes_too_long_is_interrupted(site: Any) -> None:
    """By its own clock, so that what it holds is torn down; the policy says whether it is tried again."""
    site.define(
        'AGAIN = RetryPolicy(2, delay="1ms", on=TimeoutError)\n'
        '@asset("s.json", on=Dataset("raw.json"), timeout="1s", retries=AGAIN)\n'
        "def s(ctx: Context) -> int:\n"
        "    try:\n        time.sleep(600 if ctx.attempt == 1 else 0)\n"
        "    finally:\n        open(f'left-{ctx.attempt}', 'w').close()\n    return 1\n"
    )
    site.up()
    site.tell("raw.json")
    (run,) = site.ended("s")
    assert (run.state, run.attempts) == (RunState.SUCCESS, 2)
    assert (site.folder / "left-1").exists()
    first = json.loads(site.call("runs", run.id, "--json").stdout)["attempts"][0]
    assert "longer than the 1s that timeout= allows" in first["error"]["message"], first


def test_a_try_that_ignores_its_clock_is_killed(site: Any) -> None:
    """A while later, with everything that it has started; the run has failed."""
    site.define(
        '@asset("s.json", on=Dataset("raw.json"), timeout="1s")\ndef s() -> int:\n'
        "    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    print('deaf', flush=True)\n"
        "    time.sleep(600)\n    return 1\n"
    )
    site.up()
    site.tell("raw.json")
    (run,) = site.ended("s")
    assert (run.state, run.attempts) == (RunState.FAILED, 1)
    assert run.error["type"] == "TimedOut", run.error
    assert "deaf" in run.error["trace"]
    site.until(lambda: re.search(rf"s failed in [1-9]\d(\.\d)? s  run {run.id}", site.said()), seconds=10)


def test_a_run_that_waits_too_long_for_its_turn_fails(site: Any) -> None:
    """Although no worker ever takes it."""
    site.define(
        '@asset("long.json", on=Dataset("raw.json"), priority=1)\ndef long() -> int:\n'
        "    time.sleep(600)\n    return 1\n"
        '@asset("q.json", on=Dataset("raw.json"), timeout=Timeouts(queue="1s"))\ndef q() -> int:\n    return 1\n'
    )
    site.up("--workers", "1", "--slots", "1")
    site.tell("raw.json")
    (run,) = site.ended("q")
    assert (run.state, run.attempts, run.error["type"]) == (RunState.FAILED, 0, "TimedOut")


def test_what_attempts_write_is_kept_without_their_secrets(site: Any) -> None:
    """Prints, records of logging, programs and C; a death keeps its last lines with it."""
    (site.folder / "secrets").mkdir()
    (site.folder / "secrets" / "API_KEY").write_text("hunter2-and-more\n")
    with (site.folder / "penstock.toml").open("a") as settings:
        settings.write('secrets = "secrets"\n')
    site.define(
        'KEY = Secret("API_KEY")\n'
        '@asset("w.json", on=Dataset("raw.json"))\ndef w(ctx: Context, *, key: Secret = KEY) -> int:\n'
        "    print('printed', key.value)\n    ctx.log.info('logged %d', 7)\n"
        "    subprocess.run('echo programmed; echo $0 >&2', shell=True)\n    return 1\n"
        '@asset("d.json", on=Dataset("die.json"), retries=RetryPolicy(max_lost=2))\ndef d() -> int:\n'
        "    print('last words', flush=True)\n    time.sleep(0.3)\n    os._exit(7)\n"
    )
    site.up()
    site.tell("raw.json")
    (run,) = site.ended("w")
    assert run.state is RunState.SUCCESS, run.error
    shown = site.until(lambda: (said := site.call("logs", run.id[-8:]).stdout) and "programmed" in said and said)
    assert "printed …" in shown
    assert "logged 7" in shown
    assert "hunter2" not in "".join(one.read_text() for one in site.folder.rglob("*.log"))
    site.tell("die.json")
    (dead,) = site.ended("d")
    assert dead.error["message"] == "its process ended with exit code 7"
    assert "last words" in dead.error["trace"]
    assert "last words" in site.call("logs", "d").stdout
    told = json.loads(site.call("runs", dead.id, "--json").stdout)
    assert [one["took"] > 0.3 for one in told["attempts"]] == [True, True]
    assert told["took"] == pytest.approx(sum(one["took"] for one in told["attempts"]))

    def held(*names: str) -> list[str]:
        return list(json.loads(site.call("status", *names, "--json").stdout)["held"])

    site.until(lambda: "d" in held())
    assert held("d") == ["d"]
    assert "d" not in held("w")


def test_what_a_killed_producer_leaves_is_cleaned_up_at_once(site: Any) -> None:
    """By a warm process of the same worker: it lives on."""
    site.define(
        "@resource\ndef cluster():\n    open('cluster', 'w').close()\n"
        "    yield Leftover('cluster', record={'name': 'cluster'})\n    os.unlink('cluster')\n"
        "@cluster.cleanup\ndef remove(record) -> None:\n"
        "    os.unlink(record['name'])\n    open('removed', 'w').close()\n"
        '@asset("d.json", on=Dataset("raw.json"), retries=RetryPolicy(max_lost=1))\n'
        "def d(cluster: str) -> int:\n    os.kill(os.getpid(), 9)\n"
    )
    site.up()
    site.tell("raw.json")
    (run,) = site.ended("d")
    assert run.error["message"] == "its process was ended by signal 9 (SIGKILL)"
    site.until((site.folder / "removed").exists)
    assert not (site.folder / "cluster").exists()
    assert "cluster" not in json.loads(site.call("status", "--json").stdout)["leftovers"]


def test_a_pool_is_never_overfull(site: Any) -> None:
    """Two workers with two slots each, a pool of one: one after the other, and each starts as soon as it may."""
    with (site.folder / "penstock.toml").open("a") as settings:
        settings.write("[pools]\ngpu = 1\n")
    site.define(
        "\n".join(
            f'@asset("{name}.json", on=Dataset("raw.json"), pool="gpu")\ndef {name}() -> int:\n'
            "    time.sleep(0.3)\n    return 1\n"
            for name in "abcdef"
        )
    )
    site.up("--workers", "2", "--slots", "2")
    site.tell("raw.json")
    found = sorted((run for name in "abcdef" for run in site.ended(name)), key=began)
    assert {run.state for run in found} == {RunState.SUCCESS}
    for before, after in pairwise(found):
        assert before.ended_at is not None
        assert before.ended_at <= began(after) <= before.ended_at + timedelta(seconds=1)


def test_a_producer_skips_its_run(site: Any) -> None:
    """What reads what it makes does not run."""
    site.define(
        '@asset("k.json", on=Dataset("raw.json"))\ndef k() -> int:\n    return Skip("no news")\n'
        '@asset("l.json", on=k)\ndef l(k: int) -> int:\n    return k\n'
    )
    site.up()
    site.tell("raw.json")
    (run,) = site.ended("k")
    assert run.state is RunState.SKIPPED
    assert "no news" in site.call("runs", run.id).stdout
    assert site.runs("l") == []


def began(run: Run) -> Any:
    """When its attempt was claimed."""
    return run.started_at
