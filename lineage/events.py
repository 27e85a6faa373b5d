"""Facts of a run → one OpenLineage 2-0-2 RunEvent, as the bytes that go into the outbox.

START says what is about to happen: the pinned inputs with their versions, the outputs by name. COMPLETE, FAIL and ABORT
say everything again, because consumers accumulate the events of a run differently: each can be read on its own.
Outputs have a version in COMPLETE alone: a run that did not succeed published nothing.

Pure: the time is an argument, and nothing of the environment, of `openlineage.yml` or of the client's process-wide
settings changes a byte. The same facts at the same time give the same bytes, so that a repeated emission is
recognisable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import cast

import orjson

from .facets import (
    PRODUCER,
    dataset_facets,
    input_facets,
    instant,
    job_facets,
    lifecycle_facets,
    output_facets,
    run_facets,
)
from .facts import DatasetFacts, JobFacts, RunFacts
from .naming import dataset_name
from .render import fields, fragment, render
from .vocabulary import event_v2, facet_v2

_State = event_v2.RunState
_keep = lru_cache(maxsize=1024)  # some 2 KB each, with a thousand columns 80 KB


def start(facts: RunFacts, at: datetime) -> bytes:
    """The run begins at `at` with these pinned inputs, to write these outputs.

    Raises
    ------
    Bug: a URI of the facts is relative, or a time has no zone.
    ValueError: the id of the run or of its parent is no UUID.
    """
    return _event(_State.START, facts, at)


def complete(facts: RunFacts, at: datetime) -> bytes:
    """The run ended at `at` and published its outputs, each with the version that the facts give. Raises as `start`."""
    return _event(_State.COMPLETE, facts, at)


def fail(facts: RunFacts, at: datetime) -> bytes:
    """The run failed for good at `at` and published nothing; `facts.error` says why. Raises as `start`."""
    return _event(_State.FAIL, facts, at)


def abort(facts: RunFacts, at: datetime) -> bytes:
    """The run was stopped at `at` and published nothing; `facts.error` may say by whom. Raises as `start`."""
    return _event(_State.ABORT, facts, at)


def _event(state: event_v2.RunState, facts: RunFacts, at: datetime) -> bytes:
    producer = PRODUCER + facts.job.engine_version
    output = _written if state is _State.COMPLETE else _intended  # what was published is said once: nothing to keep
    event: dict[str, object] = {
        **_envelope(producer),
        "eventTime": instant(at),
        "eventType": state,
        "run": event_v2.Run(
            runId=facts.run_id, facets=cast("dict[str, facet_v2.RunFacet]", run_facets(producer, facts))
        ),
        "job": _job(producer, facts.job),
        "inputs": [_read(producer, dataset) for dataset in facts.inputs],
        "outputs": [output(producer, dataset) for dataset in facts.outputs],
    }
    return render(event)


@_keep
def _envelope(producer: str) -> Mapping[str, object]:
    """The fields of a `RunEvent`, of which those that are the same in each are filled in and checked here: to check
    them again takes a quarter of the time of an event."""
    blank = event_v2.RunEvent(
        eventTime="1970-01-01T00:00:00+00:00",
        producer=producer,
        run=event_v2.Run(runId="00000000-0000-0000-0000-000000000000"),
        job=event_v2.Job(namespace="", name=""),
    )
    return fields(blank)


@_keep
def _job(producer: str, facts: JobFacts) -> orjson.Fragment:
    return fragment(
        event_v2.Job(
            namespace=facts.project,
            name=facts.asset,
            facets=cast("dict[str, facet_v2.JobFacet]", job_facets(producer, facts)),
        )
    )


@_keep
def _read(producer: str, facts: DatasetFacts) -> orjson.Fragment:
    namespace, name = dataset_name(facts.uri)
    facets, of_input = dataset_facets(producer, facts), input_facets(producer, facts)
    return fragment(
        event_v2.InputDataset(
            namespace=namespace,
            name=name,
            facets=cast("dict[str, facet_v2.DatasetFacet]", facets),
            inputFacets=cast("dict[str, facet_v2.InputDatasetFacet]", of_input) or None,
        )
    )


@_keep
def _intended(producer: str, facts: DatasetFacts) -> orjson.Fragment:
    """An output that has no version (yet): what the facts may say of an earlier one is left out."""
    return _written(producer, replace(facts, digest=None, rows=None, size=None, files=None, change=None))


def _written(producer: str, facts: DatasetFacts) -> orjson.Fragment:
    namespace, name = dataset_name(facts.uri)
    facets = dataset_facets(producer, facts) | lifecycle_facets(producer, facts.change)
    of_output = output_facets(producer, facts)
    return fragment(
        event_v2.OutputDataset(
            namespace=namespace,
            name=name,
            facets=cast("dict[str, facet_v2.DatasetFacet]", facets),
            outputFacets=cast("dict[str, facet_v2.OutputDatasetFacet]", of_output) or None,
        )
    )
