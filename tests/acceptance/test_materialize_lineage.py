"""Lineage of a wave: every run tells one START and one end, kept with the run and delivered in order, whatever the
destination does meanwhile."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from penstock import Context, Cron, Dataset, asset
from penstock.assets.run.progress import Result

Lab = Any
"""The fixture is a class of `conftest.py`, which no test can import."""

Check = Callable[[Mapping[str, Any]], None]

rows = Dataset("rows.csv", licence="CC-BY-4.0", owners=["team:kb"], description="What comes in.")


@asset("clean.parquet", on=rows, owners=["team:kb"], tags=["tier=gold"])
def clean(rows: pl.LazyFrame, *, least: int = 0) -> pl.LazyFrame:
    """Rows that count."""
    return rows.filter(pl.col("n") > least)


@asset(outputs={"low": "low.parquet", "high": "high.parquet"}, on=clean)
def split(clean: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Two halves."""
    return {"low": clean.filter(pl.col("n") < 3), "high": clean.filter(pl.col("n") >= 3)}


@asset("model/", on=split["low"] & split["high"], kind="model")
def model(low: pl.DataFrame, high: pl.DataFrame, ctx: Context) -> Path:
    """A directory."""
    (ctx.output / "sizes.txt").write_text(f"{low.height} {high.height}")
    return ctx.output


WAVE = (clean, split, model)


@pytest.fixture
def wave(lab: Lab) -> Lab:
    """The project with its source, nothing made yet."""
    lab.write("rows.csv", "n\n1\n2\n3\n")
    return lab


def kept(lab: Lab) -> list[dict[str, Any]]:
    """The events in the database, oldest first."""
    return [json.loads(body) for (body,) in lab.rows("SELECT body FROM lineage_events ORDER BY id")]


def versions(datasets: list[dict[str, Any]]) -> dict[str, str]:
    """Dataset → the version that its facet names, where it has one."""
    return {
        one["name"].rpartition("/data/")[2]: one["facets"]["version"]["datasetVersion"]
        for one in datasets
        if "version" in one["facets"]
    }


def heads(lab: Lab) -> dict[str, str]:
    """URI without the slash → digest of the head."""
    found = lab.rows("SELECT d.uri, v.digest FROM datasets d JOIN versions v ON v.id = d.head_version_id")
    return {uri.rstrip("/"): digest for uri, digest in found}


def check_whole(events: list[dict[str, Any]], result: Result) -> dict[str, dict[str, dict[str, Any]]]:
    """Each run of the materialization that was begun has its START and then its end, and is part of it; by job."""
    mine = [one for one in events if one["run"]["facets"]["parent"]["run"]["runId"] == result.id]
    by_run: dict[str, list[str]] = defaultdict(list)
    by_job: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for one in mine:
        by_run[one["run"]["runId"]].append(one["eventType"])
        by_job[one["job"]["name"]][one["eventType"]] = one
    ends = {"success": "COMPLETE", "failed": "FAIL"}
    assert by_run == {
        one.run_id: ["START", ends[one.state]] for one in result.outcomes if one.state is not None and one.state in ends
    }
    return by_job


# --- what is said ----------------------------------------------------------------------------------------------------


def test_every_run_tells_one_start_and_one_end(wave: Lab, openlineage_schemas: Check) -> None:
    """Valid events; the pins' digests as versions of the inputs in both, those of the outputs at the end alone."""
    result = wave.make(*WAVE)
    assert result.ok
    events = kept(wave)
    for one in events:
        openlineage_schemas(one)
    jobs = check_whole(events, result)
    now = heads(wave)
    reads = {"clean": ["rows.csv"], "split": ["clean.parquet"], "model": ["low.parquet", "high.parquet"]}
    writes = {"clean": ["clean.parquet"], "split": ["low.parquet", "high.parquet"], "model": ["model"]}
    for job, told in jobs.items():
        for state in ("START", "COMPLETE"):
            assert versions(told[state]["inputs"]) == {uri: now[uri] for uri in reads[job]}, (job, state)
        assert versions(told["COMPLETE"]["outputs"]) == {uri: now[uri] for uri in writes[job]}
        assert versions(told["START"]["outputs"]) == {}
        assert len(told["START"]["outputs"]) == len(writes[job])


def test_what_is_skipped_or_held_tells_nothing(wave: Lab) -> None:
    """What never started has no lineage; a run after it is told with the versions that it read."""
    wave.make(*WAVE)
    before = kept(wave)
    assert wave.make(*WAVE).ok
    assert kept(wave) == before
    wave.write("rows.csv", "n\n1\n2\n3\n4\n")
    result = wave.make(*WAVE)
    jobs = check_whole(kept(wave), result)
    assert set(jobs) == {"clean", "split", "model"}
    assert versions(jobs["model"]["COMPLETE"]["inputs"]) == {
        uri: heads(wave)[uri] for uri in ("low.parquet", "high.parquet")
    }
    state = [
        one["facets"].get("lifecycleStateChange", {}).get("lifecycleStateChange")
        for one in jobs["split"]["COMPLETE"]["outputs"]
    ]
    assert state == [None, "OVERWRITE"]


def test_facets_say_what_is_known(wave: Lab, openlineage_schemas: Check) -> None:
    """Engine, kind of job, code, reason, parameters; schema, source, owners, licence and sizes of the data."""
    wave.make(*WAVE, parameters={"clean.least": 1})
    events = kept(wave)
    for one in events:
        openlineage_schemas(one)
    told = {one["job"]["name"]: one for one in events if one["eventType"] == "COMPLETE"}["clean"]
    assert told["job"]["namespace"] == "lab"
    run, job = told["run"]["facets"], told["job"]["facets"]
    assert run["processing_engine"]["name"] == "penstock"
    assert run["tags"]["tags"][0]["value"] == "first_build"
    assert [(one["key"], one["value"]) for one in run["executionParameters"]["parameters"]] == [("least", "1")]
    assert job["jobType"]["jobType"] == "ASSET"
    assert job["documentation"]["description"] == "Rows that count."
    assert job["ownership"]["owners"][0]["name"] == "team:kb"
    assert (job["tags"]["tags"][0]["key"], job["tags"]["tags"][0]["value"]) == ("tier", "gold")
    assert job["sourceCodeLocation"]["path"].endswith("test_materialize_lineage.py")
    (read,), (made,) = told["inputs"], told["outputs"]
    assert {one["key"]: one["value"] for one in read["facets"]["tags"]["tags"]} == {"licence": "CC-BY-4.0"}
    assert read["facets"]["documentation"]["description"] == "What comes in."
    assert read["inputFacets"]["inputStatistics"]["size"] == 8
    assert made["facets"]["dataSource"]["uri"].startswith("file:")
    assert [(one["name"], one["type"]) for one in made["facets"]["schema"]["fields"]] == [("n", "Int64")]
    assert made["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 2
    models = {one["job"]["name"]: one for one in events if one["eventType"] == "COMPLETE"}["model"]
    assert models["job"]["facets"]["jobType"]["jobType"] == "MODEL"
    assert models["outputs"][0]["facets"]["datasetType"]["datasetType"] == "MODEL"


def test_a_run_at_a_tick_has_its_interval(wave: Lab, openlineage_schemas: Check) -> None:
    """From the registration, later from the last tick that was consumed, to the tick itself."""
    timed = asset("timed.parquet", name="timed", on=Cron("0 3 * * *") & clean, inputs={"frame": clean})(_same)
    assert wave.make(clean, timed).ok
    registered = datetime.now(UTC) - timedelta(days=3)
    with closing(sqlite3.connect(wave.folder / "home" / "penstock.db")) as connection, connection:
        at = registered.replace(tzinfo=None).isoformat(sep=" ")
        connection.execute("UPDATE assets SET registered_at = ? WHERE name = 'timed'", (at,))
        connection.execute("UPDATE timetables SET registered_at = ?", (at,))
    wave.write("rows.csv", "n\n7\n")
    result = wave.make(clean, timed, select="clean")
    told = check_whole(kept(wave), result)["timed"]["COMPLETE"]
    openlineage_schemas(told)
    interval = told["run"]["facets"]["nominalTime"]
    assert datetime.fromisoformat(interval["nominalStartTime"]) == registered
    assert datetime.fromisoformat(interval["nominalEndTime"]) == result["timed"].reason.tick


def _same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


def test_a_failed_run_tells_why(wave: Lab, openlineage_schemas: Check) -> None:
    """FAIL with the message and the trace; no output has a version; what it held back tells nothing."""

    @asset("bad.parquet", on=clean)
    def bad(clean: pl.DataFrame) -> pl.DataFrame:
        raise ZeroDivisionError("there is nothing to divide")

    below = asset("below.parquet", name="below", on=bad, inputs={"frame": bad})(_same)
    result = wave.make(clean, bad, below)
    events = kept(wave)
    for one in events:
        openlineage_schemas(one)
    jobs = check_whole(events, result)
    assert set(jobs) == {"clean", "bad"}
    error = jobs["bad"]["FAIL"]["run"]["facets"]["errorMessage"]
    assert error["message"] == "ZeroDivisionError: there is nothing to divide"
    assert "test_materialize_lineage.py" in error["stackTrace"]
    assert versions(jobs["bad"]["FAIL"]["inputs"]) == {"clean.parquet": heads(wave)["clean.parquet"]}
    assert versions(jobs["bad"]["FAIL"]["outputs"]) == {}


def test_a_run_that_is_stopped_tells_abort(wave: Lab, openlineage_schemas: Check) -> None:
    """START, then ABORT; what was planned beside it and never began tells nothing."""

    def stop(frame: pl.DataFrame) -> pl.DataFrame:
        raise KeyboardInterrupt

    first = asset("a.parquet", name="a", on=clean, inputs={"frame": clean})(stop)
    second = asset("b.parquet", name="b", on=clean, inputs={"frame": clean})(_same)
    with pytest.raises(KeyboardInterrupt):
        wave.make(clean, first, second)
    events = kept(wave)
    for one in events:
        openlineage_schemas(one)
    assert [(one["job"]["name"], one["eventType"]) for one in events] == [
        ("clean", "START"),
        ("clean", "COMPLETE"),
        ("a", "START"),
        ("a", "ABORT"),
    ]


# --- where it goes ---------------------------------------------------------------------------------------------------


def to_file(path: Path) -> dict[str, Any]:
    """A destination: one file."""
    return {"type": "file", "path": str(path)}


def outbox(lab: Lab, destination: str) -> Counter[str]:
    """How many events of a destination are in which state."""
    return Counter(
        state for (state,) in lab.rows("SELECT state FROM outbox WHERE destination = ?", f"lab/{destination}")
    )


def time_passes(lab: Lab) -> None:
    """What was postponed may be sent now."""
    with closing(sqlite3.connect(lab.folder / "home" / "penstock.db")) as connection, connection:
        connection.execute("UPDATE outbox SET next_at = '2026-01-01 00:00:00.000000'")


def test_events_are_appended_to_a_file_in_order(wave: Lab) -> None:
    """A line each, byte for byte what the database keeps, when materialize returns."""
    path = wave.folder / "deep" / "lineage.ndjson"
    for content in ("n\n1\n2\n3\n", "n\n5\n"):
        wave.write("rows.csv", content)
        assert wave.make(*WAVE, lineage={"file": to_file(path)}).ok
    assert [json.loads(line) for line in path.read_text().splitlines()] == kept(wave)
    assert outbox(wave, "file") == {"delivered": 12}


def test_without_a_destination_events_are_kept_all_the_same(wave: Lab) -> None:
    """In the database, addressed to nobody."""
    assert wave.make(*WAVE, lineage={}).ok
    assert len(kept(wave)) == 6
    assert wave.rows("SELECT count(*) FROM outbox") == [(0,)]


def test_the_default_destination_is_a_file_in_home(wave: Lab) -> None:
    """What a new project has without saying so."""
    assert wave.make(*WAVE, lineage=None).ok
    assert len((wave.folder / "home" / "lineage.ndjson").read_text().splitlines()) == 6


def test_a_destination_that_cannot_be_written_fails_no_run(wave: Lab) -> None:
    """Everything is made, events wait; once it can be written, the next materialization delivers them all in order."""
    blocked = wave.folder / "lineage"
    blocked.write_text("a file where a folder should be")
    places = {"lineage": {"file": to_file(blocked / "events.ndjson"), "other": to_file(wave.folder / "other.ndjson")}}
    assert wave.make(*WAVE, **places).ok
    assert outbox(wave, "file") == {"pending": 6}
    assert outbox(wave, "other") == {"delivered": 6}
    assert str(blocked) in wave.rows("SELECT max(error) FROM outbox")[0][0]
    wave.write("rows.csv", "n\n5\n")
    assert wave.make(*WAVE, **places).ok
    blocked.unlink()
    time_passes(wave)
    assert wave.make(*WAVE, **places).ok
    assert [json.loads(line) for line in (blocked / "events.ndjson").read_text().splitlines()] == kept(wave)
    assert outbox(wave, "file") == {"delivered": 12}
    assert (blocked / "events.ndjson").read_bytes() == (wave.folder / "other.ndjson").read_bytes()


class Endpoint:
    """A real HTTP server on this machine; `got` is what was posted, `answer` the status it gives."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.answer = 201
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if endpoint.answer < 300:
                    endpoint.got.append((self.path, body))
                self.send_response(endpoint.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """No connection is accepted from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A server that takes everything."""
    made = Endpoint()
    yield made
    made.close()


def test_events_are_posted_to_an_endpoint_in_order(wave: Lab, endpoint: Endpoint) -> None:
    """Each once, byte for byte, when materialize returns."""
    assert wave.make(*WAVE, lineage={"marquez": {"type": "http", "url": endpoint.url}}).ok
    assert {path for path, _ in endpoint.got} == {"/api/v1/lineage"}
    assert [json.loads(body) for _, body in endpoint.got] == kept(wave)
    assert outbox(wave, "marquez") == {"delivered": 6}


@pytest.mark.parametrize("answer", [503, 401])
def test_an_endpoint_that_is_down_gets_everything_later(wave: Lab, endpoint: Endpoint, answer: int) -> None:
    """It answers with an error, or refuses the key: runs go on; a later materialization delivers in order."""
    places = {"lineage": {"marquez": {"type": "http", "url": endpoint.url}}}
    endpoint.answer = answer
    assert wave.make(*WAVE, **places).ok
    assert endpoint.got == []
    assert outbox(wave, "marquez") == {"pending": 6}
    endpoint.answer = 200
    time_passes(wave)
    wave.write("rows.csv", "n\n5\n")
    assert wave.make(*WAVE, **places).ok
    assert [json.loads(body) for _, body in endpoint.got] == kept(wave)


def test_an_endpoint_that_does_not_exist_delays_no_run(wave: Lab) -> None:
    """A host that takes no connection: the runs themselves take what they take without it."""
    begun = time.monotonic()
    result = wave.make(*WAVE, lineage={"gone": {"type": "http", "url": "http://127.0.0.1:9", "timeout": 0.2}})
    assert result.ok
    assert time.monotonic() - begun < 5
    assert sum(one.seconds for one in result.outcomes) < 3
    assert outbox(wave, "gone") == {"pending": 6}


def test_a_run_and_its_events_are_one_transaction(wave: Lab) -> None:
    """No run without its events and no event without its run, also for an input that was read anew."""
    path = wave.data / "rows.csv"
    tries: list[int] = []

    def restless(rows: pl.DataFrame) -> pl.DataFrame:
        tries.append(1)
        if len(tries) == 1:
            path.write_text("n\n8\n9\n")
        return rows

    restless_asset = asset("restless.parquet", name="restless", on=rows, inputs={"rows": rows})(restless)
    assert wave.make(restless_asset).ok
    told = defaultdict(list)
    for one in kept(wave):
        told[one["run"]["runId"]].append(one["eventType"])
    states = dict(wave.rows("SELECT id, state FROM runs ORDER BY created_at"))
    assert list(states.values()) == ["failed", "success"]
    assert [told[run] for run in states] == [["START", "FAIL"], ["START", "COMPLETE"]]
