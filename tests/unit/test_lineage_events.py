"""What each event of a run says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import set_producer

from penstock.lineage import events, facets
from penstock.lineage.facts import DatasetFacts, ErrorFacts, JobFacts, ParentFacts, RunFacts, SourceLocation
from penstock.storage.errors import Bug
from penstock.storage.manifest import Column

GOLDEN = Path(__file__).parents[1] / "golden" / "openlineage_complete.json"
AT = datetime(2026, 1, 5, 2, 0, 0, 500, tzinfo=UTC)
DOCS = DatasetFacts(
    uri="s3a://corpus/docs.parquet",
    name="docs",
    digest="ab" * 32,
    columns=(Column(name="text", type="String"), Column(name="origin", type="String")),
    rows=1200,
    size=81920,
    files=1,
    suffix=".parquet",
    owners=("team:kb",),
    licence="CC-BY-4.0",
)
RANKER = DatasetFacts(
    uri="file:///data/models/ranker/",
    name="ranker",
    digest="cd" * 32,
    size=4096,
    files=3,
    suffix="/",
    kind="model",
    description="Ranks passages for a question.",
    owners=("team:ml",),
    tags=("tier=gold", "pii"),
    change="overwritten",
)
RUN = RunFacts(
    run_id="0190f5b4-0000-7000-8000-000000000001",
    job=JobFacts(
        project="kb",
        asset="ranker",
        engine_version="0.1.0",
        description="Ranks passages for a question.",
        owners=("team:ml",),
        tags=("tier=gold",),
        kind="model",
        source=SourceLocation(
            path="flows/ranker.py", line=12, repo_url="git@host:acme/kb.git", commit="5ec1a7", branch="main"
        ),
    ),
    parent=ParentFacts(run_id="0190f5b4-0000-7000-8000-000000000002", project="kb", job="materialize"),
    nominal_start=datetime(2026, 1, 4, 2, 0, tzinfo=UTC),
    nominal_end=datetime(2026, 1, 5, 2, 0, tzinfo=UTC),
    inputs=(DOCS,),
    outputs=(RANKER,),
    parameters=(("epochs", "3"),),
    reason="tick",
)


def facet_names(dataset: dict[str, Any]) -> set[str]:
    """Every facet that a dataset of an event carries."""
    return {*dataset["facets"], *dataset.get("inputFacets", {}), *dataset.get("outputFacets", {})}


def test_a_complete_event_is_as_recorded() -> None:
    """The bytes of one COMPLETE event, which consumers' parsers and the outbox rely on; a change is a decision."""
    body = events.complete(RUN, AT)
    assert b"\n" not in body
    assert json.loads(body) == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_start_names_pinned_inputs_with_versions_and_outputs_without() -> None:
    """Before the producer runs it is known what it reads, and only the place of what it writes."""
    event = json.loads(events.start(RUN, AT))
    assert event["eventType"] == "START"
    (read,), (written,) = event["inputs"], event["outputs"]
    assert read["facets"]["version"]["datasetVersion"] == "ab" * 32
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 1200
    assert (written["namespace"], written["name"]) == ("file", "/data/models/ranker")
    assert not facet_names(written) & {"version", "outputStatistics", "lifecycleStateChange"}
    assert {"documentation", "ownership", "tags", "datasetType", "dataSource"} <= facet_names(written)


@pytest.mark.parametrize(("render", "state"), [(events.fail, "FAIL"), (events.abort, "ABORT")])
def test_a_run_that_did_not_succeed_published_nothing(render: Any, state: str) -> None:
    """FAIL and ABORT say why, name inputs and outputs again, and give no output a version."""
    error = ErrorFacts(message="ZeroDivisionError: division by zero", trace="Traceback …")
    event = json.loads(render(replace(RUN, error=error), AT))
    assert event["eventType"] == state
    message = event["run"]["facets"]["errorMessage"]
    assert (message["message"], message["programmingLanguage"]) == (error.message, "PYTHON")
    assert message["stackTrace"] == "Traceback …"
    assert event["inputs"][0]["facets"]["version"]["datasetVersion"] == "ab" * 32
    assert not facet_names(event["outputs"][0]) & {"version", "outputStatistics", "lifecycleStateChange"}


def test_complete_says_what_was_written_and_what_that_changed() -> None:
    """Version, size and life cycle of the output; a first version is CREATE, a confirmed one says nothing of it."""
    (written,) = json.loads(events.complete(RUN, AT))["outputs"]
    assert written["facets"]["version"]["datasetVersion"] == "cd" * 32
    assert written["outputFacets"]["outputStatistics"]["size"] == 4096
    assert written["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "OVERWRITE"
    assert written["facets"]["datasetType"]["datasetType"] == "MODEL"
    (first,) = json.loads(events.complete(replace(RUN, outputs=(replace(RANKER, change="created"),)), AT))["outputs"]
    assert first["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    (same,) = json.loads(events.complete(replace(RUN, outputs=(replace(RANKER, change=None),)), AT))["outputs"]
    assert "lifecycleStateChange" not in same["facets"]


def test_the_least_that_is_known_is_enough() -> None:
    """A run without parent, time, inputs, outputs or source: what is unknown is absent, never null."""
    facts = RunFacts(run_id=RUN.run_id, job=JobFacts(project="kb", asset="a", engine_version="0.1.0"))
    body = events.complete(facts, AT)
    assert b"null" not in body
    event = json.loads(body)
    assert (event["inputs"], event["outputs"]) == ([], [])
    assert {*event["run"]["facets"]} == {"processing_engine"}
    assert {*event["job"]["facets"]} == {"jobType"}


def test_the_same_facts_give_the_same_bytes() -> None:
    """An emission that is repeated is recognisable: nothing random and nothing of the clock is in an event."""
    facets_kept = events.complete(RUN, AT)
    for kept in (events._job, events._read, events._intended):
        kept.cache_clear()
    assert events.complete(RUN, AT) == facets_kept


def test_times_are_utc_to_the_microsecond() -> None:
    """Whatever the zone of the argument; without one it is our bug."""
    east = AT.astimezone(timezone(timedelta(hours=9)))
    assert events.start(RUN, east) == events.start(RUN, AT)
    assert json.loads(events.start(RUN, AT))["eventTime"] == "2026-01-05T02:00:00.000500+00:00"
    with pytest.raises(Bug, match="no zone"):
        events.start(RUN, AT.replace(tzinfo=None))


def test_neither_environment_nor_files_nor_the_client_change_an_event(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`OPENLINEAGE_*`, `openlineage.yml` and `set_producer()` of a user's own code have no effect on ours."""
    before = events.complete(RUN, AT)
    (tmp_path / "openlineage.yml").write_text("tags: {job: [{key: stray, value: 'true'}]}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "stray")
    for kept in (events._job, events._read, events._intended):
        kept.cache_clear()
    set_producer("https://stray")
    try:
        renamed = replace(RUN, job=replace(RUN.job, asset="other"), outputs=(replace(RANKER, digest="ef" * 32),))
        assert b"stray" not in events.complete(renamed, AT)
        assert events.complete(RUN, AT) == before
    finally:
        set_producer("https://github.com/OpenLineage/OpenLineage/tree/0/client/python")


def test_long_texts_are_cut_and_say_so() -> None:
    """A description keeps its beginning, a stack trace its end, where the cause stands."""
    long = "first " + "x" * facets.LONGEST_TEXT + " last"
    error = ErrorFacts(message=long, trace=long)
    message = json.loads(events.fail(replace(RUN, error=error), AT))["run"]["facets"]["errorMessage"]
    assert message["message"].startswith("first x")
    assert message["message"].endswith("… 11 characters left out …")
    assert message["stackTrace"].startswith("… 11 characters left out …")
    assert message["stackTrace"].endswith("x last")


def test_a_parent_without_a_root_is_the_root() -> None:
    """Consumers that group by the outermost run find one in every event."""
    outer = ParentFacts(run_id="0190f5b4-0000-7000-8000-000000000003", project="kb", job="backfill")
    alone = json.loads(events.start(RUN, AT))["run"]["facets"]["parent"]
    assert alone["root"] == {"run": alone["run"], "job": alone["job"]}
    assert RUN.parent is not None
    nested = json.loads(events.start(replace(RUN, parent=replace(RUN.parent, root=outer)), AT))
    assert nested["run"]["facets"]["parent"]["root"]["job"]["name"] == "backfill"


def test_tags_have_keys_and_values() -> None:
    """`tier=gold` is split, a bare tag is true, the licence is a tag; each says who gave it."""
    event = json.loads(events.complete(RUN, AT))
    tags = [(tag["key"], tag["value"], tag["source"]) for tag in event["outputs"][0]["facets"]["tags"]["tags"]]
    assert tags == [("tier", "gold", "USER"), ("pii", "true", "USER")]
    (licence,) = event["inputs"][0]["facets"]["tags"]["tags"]
    assert (licence["key"], licence["value"]) == ("licence", "CC-BY-4.0")
    (reason,) = event["run"]["facets"]["tags"]["tags"]
    assert (reason["key"], reason["value"], reason["source"]) == ("reason", "tick", "PENSTOCK")


@pytest.mark.parametrize("wrong", ["", "17", "run-17"])
def test_a_run_id_that_is_no_uuid_is_refused(wrong: str) -> None:
    """The specification wants a UUID, and every consumer refuses what is none: found here, not at the destination."""
    with pytest.raises(ValueError, match="UUID"):
        events.start(replace(RUN, run_id=wrong), AT)
