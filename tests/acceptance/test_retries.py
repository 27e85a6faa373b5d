"""A run is tried again as its policy says: same pins, one run of lineage, until it succeeds or is given up."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from penstock import Definitions, RetryPolicy, Timeouts, asset, defaults, rerun
from penstock.assets.run.api import prepared
from penstock.assets.run.attempt.repeating import attempts
from penstock.assets.run.attempt.retry_after import asked_to_wait
from penstock.assets.run.progress import Retrying
from penstock.assets.run.project.inherited import retries_of, timeouts_of
from penstock.assets.run.project.project import open_registered
from penstock.assets.run.recovery import Death, lose, unclaimed
from penstock.storage.meta import runs
from penstock.storage.types import RunState

pytestmark = pytest.mark.databases("sqlite", "postgresql")

QUICK = RetryPolicy(5, delay="10ms", max_delay="20ms")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ATTEMPTS = "SELECT number, outcome FROM attempts ORDER BY run_id, number"


class Answer:
    """What an HTTP library keeps of a server's answer."""

    def __init__(self, headers: Any) -> None:
        self.headers = headers


class Busy(Exception):
    """An error of such a library."""

    def __init__(self, headers: Any) -> None:
        super().__init__("busy")
        self.response = Answer(headers)


def failing(times: int, error: Any = ConnectionError, **policies: Any) -> Any:
    """An asset whose first tries raise; it takes news of `docs`, and keeps what it read in each."""
    seen: list[Any] = []

    @asset("made.json", **{"retries": QUICK, **policies})
    def made(docs: list[int]) -> list[int]:
        seen.append(docs)
        if len(seen) <= times:
            raise error("no answer")
        return docs

    return made, seen


def given() -> Any:
    """An asset to be read."""

    @asset("docs.json")
    def docs() -> list[int]:
        return [1, 2]

    return docs


def test_a_run_is_tried_again_until_it_succeeds(lab: Any) -> None:
    """Each try reads what the run has pinned; it stays one run, which lineage tells of once."""
    docs, (made, seen) = given(), failing(2)
    told: list[Any] = []
    lines = lab.folder / "lineage.ndjson"
    result = lab.make(docs, made, listener=told.append, lineage={"file": {"type": "file", "path": str(lines)}})
    assert result["made"].state is RunState.SUCCESS
    assert seen == [[1, 2]] * 3
    assert lab.rows("SELECT state, attempts FROM runs WHERE id = ?", result["made"].run_id) == [("success", 3)]
    ended = lab.rows("SELECT number, outcome FROM attempts WHERE run_id = ? ORDER BY number", result["made"].run_id)
    assert ended == [(1, "failed"), (2, "failed"), (3, "success")]
    again = [one for one in told if isinstance(one, Retrying)]
    assert [(one.number, one.of) for one in again] == [(2, 5), (3, 5)]
    assert {one.error["type"] for one in again} == {"ConnectionError"}
    events = [json.loads(line) for line in lines.read_text().splitlines()]
    mine = [one["eventType"] for one in events if one["run"]["runId"] == result["made"].run_id]
    assert mine == ["START", "COMPLETE"]


def test_the_last_failure_fails_the_run_and_says_why_it_is_the_last(lab: Any) -> None:
    """Its events go back only then, and it counts as one failure."""
    docs, (made, _) = given(), failing(9, retries=RetryPolicy(3, delay="10ms"))
    result = lab.make(docs, made)
    assert result["made"].state is RunState.FAILED
    assert [outcome for _, outcome in lab.rows(ATTEMPTS)] == ["success", "failed", "failed", "failed"]
    ((error,),) = lab.rows("SELECT error FROM runs WHERE state = 'failed'")
    assert json.loads(error)["gave_up"] == "tried 3 times, as often as retries= allows"
    assert lab.rows("SELECT failures FROM assets WHERE name = 'made'") == [(1,)]


@pytest.mark.parametrize(
    ("policy", "tries"),
    [
        (RetryPolicy(4, delay="1ms", on=ConnectionError), 4),
        (RetryPolicy(4, delay="1ms", on="OSError"), 4),
        (RetryPolicy(4, delay="1ms", on=[KeyError]), 1),
        (RetryPolicy(4, delay="1ms", never_on=OSError), 1),
        (RetryPolicy(4, delay="1ms", on=ConnectionError, never_on="builtins.OSError"), 1),
        (0, 1),
        (2, 3),
    ],
    ids=str,
)
def test_which_errors_are_tried_again_is_said_by_their_classes(lab: Any, policy: Any, tries: int) -> None:
    """Those that they are derived from count; `never_on` wins."""
    docs, (made, seen) = given(), failing(9, retries=policy)
    with defaults(retries=QUICK):
        lab.make(docs, made)
    assert len(seen) == tries


def test_what_is_published_is_of_the_last_try_alone(lab: Any) -> None:
    """Nothing of a try that failed is left in staging."""
    tries: list[Path] = []

    @asset("model/", retries=QUICK)
    def model(ctx) -> Path:
        tries.append(ctx.output)
        (ctx.output / f"{len(tries)}.txt").write_text("x")
        if len(tries) < 3:
            raise ConnectionError("half way")
        return ctx.output

    assert lab.make(model).ok
    assert [path.name for path in sorted((lab.data / "model").iterdir())] == ["3.txt"]
    assert not [*(lab.data / ".penstock" / "staging").glob("*")]


def test_a_rerun_is_tried_again_too(lab: Any) -> None:
    """With the pins of the run that it makes again."""
    docs, (made, seen) = given(), failing(0)
    first = lab.make(docs, made)["made"].run_id
    again, seen = failing(2)
    found = rerun(first, [docs, again], project_folder=lab.folder, **lab.places)
    assert found.outcome.state is RunState.SUCCESS
    assert len(seen) == 3


def test_ctrl_c_ends_a_pause_at_once_and_cancels_the_run(lab: Any) -> None:
    """Its events are given back, as those of a run that is stopped at work."""
    docs, (made, _) = given(), failing(9, retries=RetryPolicy(3, delay="1m"))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs beside others ignore it

    def press(one: Any) -> None:
        if isinstance(one, Retrying):
            threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,)).start()

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        lab.make(docs, made, listener=press)
    assert time.monotonic() - begun < 30
    assert lab.rows("SELECT state, ended_at IS NULL FROM runs ORDER BY created_at DESC LIMIT 1") in (
        [("canceled", 0)],
        [("canceled", False)],
    )
    assert [outcome for _, outcome in lab.rows(ATTEMPTS)] == ["success", "failed"]


def test_a_run_whose_process_is_gone_is_taken_over_when_it_is_due(lab: Any) -> None:
    """It is tried as the attempt that comes next, with its pins, and no sooner."""
    docs, back = given(), lab.folder / "back"

    @asset("made.json", retries=RetryPolicy(3, delay="5s"))
    def made(docs: list[int]) -> list[int]:
        if not back.exists():
            raise ConnectionError("no answer")
        return docs

    def die(one: Any) -> None:
        if isinstance(one, Retrying):
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            lab.make(docs, made, listener=die)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert lab.rows("SELECT state, attempts FROM runs ORDER BY created_at DESC LIMIT 1") == [("up_for_retry", 1)]
    back.touch()
    told: list[Any] = []
    result = lab.make(docs, made, listener=told.append)
    assert result["made"].state is RunState.SUCCESS
    assert [one.seconds <= 5 for one in told if isinstance(one, Retrying)] == [True]
    ended = lab.rows("SELECT number, outcome FROM attempts WHERE run_id = ? ORDER BY number", result["made"].run_id)
    assert ended == [(1, "failed"), (2, "success")]
    early = "SELECT r.retry_at <= a.started_at FROM runs r JOIN attempts a ON a.run_id = r.id WHERE a.number = 2"
    assert lab.rows(early) in ([(1,)], [(True,)])


def test_settings_give_defaults_and_the_nearest_wins(lab: Any) -> None:
    """The asset before `defaults`, before its group, before the project."""

    @asset("a.json", retries=1, timeout=Timeouts())
    def a() -> int:
        return 1

    with defaults(retries=4, group="kb"):

        @asset("b.json")
        def b() -> int:
            return 1

    @asset("c.json", group="kb")
    def c() -> int:
        return 1

    @asset("d.json", group="other")
    def d() -> int:
        return 1

    (lab.folder / "penstock.toml").write_text(
        "[policies]\nretries = 7\ntimeout = '1h'\n"
        "[policies.groups.kb]\nretries = { max_attempts = 9, on = 'OSError' }\n"
    )
    known, definitions = prepared(Definitions(a, b, c, d), lab.folder, lab.places)
    with open_registered(known, definitions) as project:
        assets = project.catalogue.assets
        assert [retries_of(project, assets[name]).max_attempts for name in "abcd"] == [2, 5, 9, 8]
        assert retries_of(project, assets["c"]).on == ("OSError",)
        assert [timeouts_of(project, assets[name]) for name in "ab"] == [Timeouts(), Timeouts(run="1h")]
        assert timeouts_of(project, None) == Timeouts(run="1h")


def test_what_waited_too_long_in_the_queue_fails_before_it_begins(lab: Any, world: Any) -> None:
    """Lineage says nothing of it, and its producer is not called."""

    @asset("docs.json")
    def docs() -> int:
        return 1

    called: list[int] = []

    @asset("late.json", on=docs, timeout=Timeouts(queue="1ms"))
    def late(docs: int) -> int:
        called.append(docs)
        return docs

    lab.make(docs, late, select=["docs"], only=True)
    with world(lab, docs, late) as found:
        (work,) = unclaimed(found.project, {"late"})
        time.sleep(0.05)
        outcome = attempts(found.project, work)
    assert outcome is not None
    assert outcome.error is not None
    assert outcome.state is RunState.FAILED
    assert outcome.error["kind"] == "timeout"
    assert "(queue)" in outcome.error["message"]
    assert called == []


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (Busy({"Retry-After": "7"}), 7.0),
        (Busy({"retry-after": " 7 "}), 7.0),
        (Busy({"Retry-After": format_datetime(NOON, usegmt=True)}), NOON.isoformat()),
        (Busy({"Retry-After": "soon"}), None),
        (Busy({"Retry-After": "-3"}), None),
        (Busy({"Retry-After": "9" * 400}), 366 * 86400.0),
        (Busy({}), None),
        (Busy(None), None),
        (ValueError("no"), None),
    ],
    ids=str,
)
def test_when_a_server_wants_to_be_called_again_is_read_of_its_answer(error: Exception, asked: Any) -> None:
    """Seconds or a date; what cannot be read is nothing. An error that was raised from it says the same."""
    assert asked_to_wait(error) == asked
    outer = RuntimeError("no documents")
    outer.__cause__ = error
    assert asked_to_wait(outer) == asked


def test_a_server_that_says_when_is_waited_for(lab: Any) -> None:
    """Longer than the policy's own pauses are."""
    docs, (made, _) = given(), failing(1, error=lambda _: Busy({"Retry-After": "1"}), retries=QUICK)
    told: list[Any] = []
    assert lab.make(docs, made, listener=told.append).ok
    (waited,) = [one.seconds for one in told if isinstance(one, Retrying)]
    assert 0.5 < waited <= 1.0


def test_a_run_that_waits_after_a_loss_is_in_the_queue_from_then_on(lab: Any, world: Any) -> None:
    """Its clock does not count what the lost attempt took."""
    docs, (made, _) = given(), failing(0)
    lab.make(docs)
    with world(lab, docs, made) as found:
        lab.make(docs, made)
        with found.project.store.write() as tx:
            tx.execute(text("UPDATE runs SET state = 'running', ended_at = NULL, worker = 'elsewhere/1/1'"))
        with found.project.store.read() as tx:
            run = runs.unfinished(tx, found.project.name)[-1]
        assert lose(found.project, run, Death(exit_code=137)) is not None
        with found.project.store.read() as tx:
            lost = runs.run(tx, run.id)
    assert lost is not None
    assert lost.state is RunState.UP_FOR_RETRY
    assert lost.retry_at is not None
    assert lost.retry_at > run.created_at
