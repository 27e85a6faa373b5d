"""Our rendering of openlineage-python's objects, held against its own."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    lifecycle_state_change_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    tags_job,
)
from openlineage.client.serde import Serde

from penstock.lineage.render import fragment, render

texts = st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
numbers = st.integers(min_value=0, max_value=2**62)

fields = st.recursive(
    st.builds(schema_dataset.SchemaDatasetFacetFields, name=texts, type=texts, fields=st.none()),
    lambda inner: st.builds(schema_dataset.SchemaDatasetFacetFields, name=texts, fields=st.lists(inner, min_size=1)),
    max_leaves=5,
)
outputs = st.builds(
    OutputDataset,
    namespace=texts,
    name=texts,
    facets=st.fixed_dictionaries(
        {},
        optional={
            "schema": st.builds(schema_dataset.SchemaDatasetFacet, fields=st.lists(fields, max_size=3)),
            "lifecycleStateChange": st.builds(
                lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet,
                lifecycleStateChange=st.sampled_from(lifecycle_state_change_dataset.LifecycleStateChange),
            ),
        },
    ),
    outputFacets=st.fixed_dictionaries(
        {},
        optional={
            "outputStatistics": st.builds(
                output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
                rowCount=st.none() | numbers,
                size=st.none() | numbers,
            )
        },
    ),
)
jobs = st.builds(
    Job,
    namespace=texts,
    name=texts,
    facets=st.fixed_dictionaries(
        {"tags": st.builds(tags_job.TagsJobFacet, tags=st.lists(st.builds(tags_job.TagsJobFacetFields, texts, texts)))}
    ),
)
run_events = st.builds(
    RunEvent,
    eventTime=st.just("2026-01-05T02:00:00+00:00"),
    eventType=st.none() | st.sampled_from(RunState),
    run=st.builds(Run, runId=st.uuids().map(str)),
    job=jobs,
    outputs=st.lists(outputs, max_size=3),
)


@given(event=run_events)
def test_it_says_what_the_client_says(event: RunEvent) -> None:
    """The same JSON as `Serde.to_json`, nulls left out and enumerations by value, without its copies."""
    body = render(event)
    assert json.loads(body) == json.loads(Serde.to_json(event))
    assert b"\n" not in body


@given(event=run_events)
def test_rendering_parts_first_changes_no_byte(event: RunEvent) -> None:
    """An event put together from rendered parts is the event rendered at once."""
    whole = render(event)
    parts: Any = event
    parts.job = fragment(event.job)
    parts.outputs = [fragment(output) for output in event.outputs or ()]
    assert render(parts) == whole


@given(text=st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_can_be_written(text: str) -> None:
    """Halves of surrogate pairs and NUL are replaced, everything else is as it was: no text fails a run."""
    (found,) = json.loads(render(fragment([Job(text, "x")])))
    expected = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    assert found["namespace"] == expected
    if "\0" not in text and text.isprintable():
        assert found["namespace"] == text
