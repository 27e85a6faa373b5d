"""What penstock emits is valid by the official OpenLineage schemas, whatever the facts are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.lineage import events
from penstock.lineage.facts import DatasetFacts, ErrorFacts, JobFacts, ParentFacts, RunFacts, SourceLocation
from penstock.storage.manifest import Column

Validate = Callable[[Mapping[str, Any]], None]
Render = Callable[[RunFacts, datetime], bytes]
RENDERERS: list[Render] = [events.start, events.complete, events.fail, events.abort]

# Any text, lone surrogates (file names that are no UTF-8) and NUL included; now and then a very long one.
texts = st.text(alphabet=st.characters(exclude_categories=())) | st.just("é" * 70_000)
names = st.text(min_size=1)
paths = st.lists(st.text(min_size=1).filter(lambda part: "/" not in part), min_size=1, max_size=4).map("/".join)
stores = st.sampled_from(
    "file:/// s3://corpus/ s3a://arn:aws:s3:eu-1:7:ap/ gs://b/ abfss://c@a.dfs.core.windows.net/ https://[::1]:8443/ "
    "postgres://db.example/ bigquery://project/ python://münchen/ memory://b/".split()
)
uris = st.builds(lambda store, path, mark: store + path + mark, stores, paths, st.sampled_from(["", "/"]))
counts = st.none() | st.integers(min_value=0, max_value=2**62)
owners = st.lists(names, max_size=3).map(tuple)
columns = st.lists(st.builds(Column, name=texts, type=names), max_size=4).map(tuple)
times = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(2999, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3))]),
)
datasets = st.builds(
    DatasetFacts,
    uri=uris,
    name=names,
    digest=st.none() | st.just("d" * 64),
    columns=st.none() | columns,
    rows=counts,
    size=counts,
    files=counts,
    suffix=st.sampled_from(["", "/", ".parquet", ".csv", ".json", ".zip"]),
    kind=st.sampled_from([None, "model"]),
    description=st.none() | texts,
    owners=owners,
    tags=owners,
    licence=st.none() | names,
    change=st.sampled_from([None, "created", "overwritten"]),
)
sources = st.builds(
    SourceLocation,
    path=paths,
    line=st.none() | st.integers(min_value=1, max_value=10**6),
    url=st.none() | paths.map("https://host/".__add__),
    repo_url=st.sampled_from(
        [None, "git@github.com:acme/corpus.git", "https://me:token@host/acme/corpus", "/srv/repo"]
    ),
    commit=st.none() | st.just("5ec1a7"),
    dirty=st.booleans(),
    file=st.none() | paths,
    branch=st.none() | names,
    tag=st.none() | names,
)
parents = st.recursive(
    st.builds(ParentFacts, run_id=st.uuids().map(str), project=names, job=names, root=st.none()),
    lambda inner: st.builds(ParentFacts, run_id=st.uuids().map(str), project=names, job=names, root=inner),
    max_leaves=2,
)
jobs = st.builds(
    JobFacts,
    project=names,
    asset=names,
    engine_version=st.just("0.1.0"),
    description=st.none() | texts,
    owners=owners,
    tags=owners,
    kind=st.sampled_from([None, "model"]),
    source=st.none() | sources,
)
runs = st.builds(
    RunFacts,
    run_id=st.uuids().map(str),
    job=jobs,
    parent=st.none() | parents,
    nominal_start=st.none() | times,
    nominal_end=st.none() | times,
    inputs=st.lists(datasets, max_size=3).map(tuple),
    outputs=st.lists(datasets, max_size=2).map(tuple),
    error=st.none() | st.builds(ErrorFacts, message=texts, trace=st.none() | texts),
    parameters=st.lists(st.tuples(names, texts), max_size=2).map(tuple),
    reason=st.none() | names,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(facts=runs, at=times, render=st.sampled_from(RENDERERS))
def test_every_event_is_valid(openlineage_schemas: Validate, facts: RunFacts, at: datetime, render: Render) -> None:
    """Unicode, very long text, names with spaces and everything left out: the event and each facet are valid."""
    openlineage_schemas(json.loads(render(facts, at)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(facts=runs, at=times)
def test_terminal_events_are_complete_in_themselves(
    openlineage_schemas: Validate, facts: RunFacts, at: datetime
) -> None:
    """What START says of job, inputs and outputs, every terminal event says again, so that each can be read alone."""
    first = json.loads(events.start(facts, at))
    for render in (events.complete, events.fail, events.abort):
        last = json.loads(render(facts, at))
        openlineage_schemas(last)
        assert (last["job"], last["run"], last["inputs"]) == (first["job"], first["run"], first["inputs"])
        assert [d["name"] for d in last["outputs"]] == [d["name"] for d in first["outputs"]]
        for before, after in zip(first["outputs"], last["outputs"], strict=True):
            assert before["facets"].items() <= after["facets"].items()


BREAKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a run id that is no UUID": lambda event: event["run"].update(runId="17"),
    "a time without a zone": lambda event: event.update(eventTime="2026-01-01T00:00:00"),
    "a producer that is no URI": lambda event: event.update(producer="penstock 0.1"),
    "no job": lambda event: event.pop("job"),
    "an unknown state": lambda event: event.update(eventType="DONE"),
    "a facet without a producer": lambda event: event["run"]["facets"]["parent"].pop("_producer"),
    "a facet whose schema nobody knows": lambda event: event["job"]["facets"]["jobType"].update(
        _schemaURL="https://x/y"
    ),
    "a facet under another's name": lambda event: event["job"]["facets"].update(x=event["job"]["facets"]["jobType"]),
    "a field of the wrong type": lambda event: event["outputs"][0]["outputFacets"]["outputStatistics"].update(
        rowCount="3"
    ),
    "an address that is no URI": lambda event: event["inputs"][0]["facets"]["dataSource"].update(uri="file:///a b"),
    "a change that is no word of the list": lambda event: event["outputs"][0]["facets"]["lifecycleStateChange"].update(
        lifecycleStateChange="APPEND"
    ),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_the_validator_finds(openlineage_schemas: Validate, fault: str) -> None:
    """A valid event stops being valid by each of these, so that the tests above say something."""
    version = DatasetFacts(uri="s3://b/x.csv", name="x", digest="d", rows=1, change="created")
    facts = RunFacts(
        run_id="0190f5b4-0000-7000-8000-000000000000",
        job=JobFacts(project="p", asset="a", engine_version="0.1.0"),
        parent=ParentFacts(run_id="0190f5b4-0000-7000-8000-000000000001", project="p", job="materialize"),
        inputs=(version,),
        outputs=(version,),
    )
    event = json.loads(events.complete(facts, datetime(2026, 1, 1, tzinfo=UTC)))
    openlineage_schemas(event)
    broken = deepcopy(event)
    BREAKS[fault](broken)
    with pytest.raises((ValueError, KeyError)):
        openlineage_schemas(broken)
