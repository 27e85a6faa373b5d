"""Facts → facets of openlineage-python, each rendered once and remembered.

A facet is a few fields under a name (https://openlineage.io/docs/spec/facets). Making one with its class takes 10 µs
and the same ones come again and again (a version is written once and read many times, a job runs again), so each is
kept as JSON, by what it says. The number that is kept is bounded; nothing else is held.

Pure. Every facet gets its producer explicitly: the client's `set_producer` is one for the process and belongs to the
user's code. Must never look at anything but its arguments.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

import orjson

from ..storage.errors import Bug
from ..storage.manifest import Column
from .facts import Change, DatasetFacts, ErrorFacts, JobFacts, ParentFacts, RunFacts, SourceLocation
from .naming import public_address, source_code_url, source_name, source_uri
from .render import fragment
from .vocabulary import facet_v2

PRODUCER = "https://github.com/penstock-dev/penstock/tree/"
"""Who made an event: an absolute URI once the version is appended."""

INTEGRATION = "PENSTOCK"
"""How penstock is called in `jobType` and as the source of tags."""

LONGEST_TEXT = 64 * 1024
"""Descriptions, messages and stack traces are cut to so many characters; what is left out is said."""
LONGEST_MESSAGE = 8 * 1024
"""And the messages that the store keeps of errors and of what is skipped to so many: they are shown in tables too."""

Facets = dict[str, orjson.Fragment]

_Facet = TypeVar("_Facet")
_keep = lru_cache(maxsize=2048)  # some 0.3 KB each
_FORMATS = {  # as the storage facet spells them
    ".parquet": "parquet",
    ".orc": "orc",
    ".avro": "avro",
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "json",
    ".jsonl": "json",
    ".txt": "text",
    ".md": "text",
    ".xml": "xml",
    ".arrow": "arrow",
    ".feather": "arrow",
}
_CHANGES: dict[Change, facet_v2.lifecycle_state_change_dataset.LifecycleStateChange] = {
    "created": facet_v2.lifecycle_state_change_dataset.LifecycleStateChange.CREATE,
    "overwritten": facet_v2.lifecycle_state_change_dataset.LifecycleStateChange.OVERWRITE,
}


def dataset_facets(producer: str, facts: DatasetFacts) -> Facets:
    """What is true of the dataset, and of the version where the facts have one: equal whether read or written."""
    facets = {"dataSource": _data_source(producer, source_name(facts.uri), source_uri(facts.uri))}
    if facts.digest is not None:
        facets["version"] = _version(producer, facts.digest)
    if facts.columns:
        facets["schema"] = _schema(producer, facts.columns)
    if facts.suffix in _FORMATS:
        facets["storage"] = _storage(producer, facts.uri.partition("://")[0], _FORMATS[facts.suffix])
    if facts.kind == "model":
        facets["datasetType"] = _dataset_type(producer, "MODEL")
    if facts.description:
        facets["documentation"] = _dataset_documentation(producer, facts.description)
    if facts.owners:
        facets["ownership"] = _dataset_ownership(producer, facts.owners)
    if facts.tags or facts.licence:
        facets["tags"] = _dataset_tags(producer, facts.tags, facts.licence)
    return facets


def lifecycle_facets(producer: str, change: Change | None) -> Facets:
    """What the publication did to the dataset; nothing for one that was confirmed."""
    return {} if change is None else {"lifecycleStateChange": _lifecycle(producer, change)}


def input_facets(producer: str, facts: DatasetFacts) -> Facets:
    """How much there was to read."""
    if facts.rows is None and facts.size is None and facts.files is None:
        return {}
    return {"inputStatistics": _input_statistics(producer, facts.rows, facts.size, facts.files)}


def output_facets(producer: str, facts: DatasetFacts) -> Facets:
    """How much was written."""
    if facts.rows is None and facts.size is None and facts.files is None:
        return {}
    return {"outputStatistics": _output_statistics(producer, facts.rows, facts.size, facts.files)}


def job_facets(producer: str, facts: JobFacts) -> Facets:
    """What is true of the asset, whatever the run."""
    facets = {"jobType": _job_type(producer, "MODEL" if facts.kind == "model" else "ASSET")}
    if facts.source is not None:
        facets["sourceCodeLocation"] = _source_code(producer, facts.source)
    if facts.description:
        facets["documentation"] = _job_documentation(producer, facts.description)
    if facts.owners:
        facets["ownership"] = _job_ownership(producer, facts.owners)
    if facts.tags:
        facets["tags"] = _job_tags(producer, facts.tags)
    return facets


def run_facets(producer: str, facts: RunFacts) -> Facets:
    """What is true of this run: whose part it is, for which time, why it was made, why it failed."""
    facets = {"processing_engine": _engine(producer, facts.job.engine_version)}
    if facts.parent is not None:
        facets["parent"] = _parent(producer, facts.parent)
    if facts.nominal_start is not None:
        facets["nominalTime"] = _nominal_time(producer, facts.nominal_start, facts.nominal_end)
    if facts.parameters:
        facets["executionParameters"] = _parameters(producer, facts.parameters)
    if facts.reason or facts.partition:
        facets["tags"] = _run_tags(producer, facts.reason, facts.partition)
    if facts.error is not None:
        facets["errorMessage"] = _error(producer, facts.error)
    return facets


def instant(at: datetime) -> str:
    """A time as RFC 3339 in UTC, to the microsecond.

    Raises
    ------
    Bug: the time has no zone.
    """
    if at.tzinfo is None:
        raise Bug(f"the time {at.isoformat()} of a lineage event has no zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def clipped(text: str, *, end: bool = False, longest: int = LONGEST_TEXT) -> str:
    """The first `longest` characters (the last with `end=True`), with a note of how many were left out."""
    left_out = len(text) - longest
    if left_out <= 0:
        return text
    note = f"… {left_out} characters left out …"
    return f"{note}\n{text[left_out:]}" if end else f"{text[:longest]}\n{note}"


def _made(kind: type[_Facet], producer: str, /, **fields: object) -> orjson.Fragment:
    """A facet of that class, rendered. Through Any: checkers do not know that attrs drops the `_` of `_producer`."""
    return fragment(cast("Any", kind)(producer=producer, **fields))


@_keep
def _version(producer: str, digest: str) -> orjson.Fragment:
    return _made(facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet, producer, datasetVersion=digest)


@lru_cache(maxsize=256)  # a thousand columns take 80 KB
def _schema(producer: str, columns: tuple[Column, ...]) -> orjson.Fragment:
    module = facet_v2.schema_dataset
    fields = [
        module.SchemaDatasetFacetFields(name=column.name, type=column.type, ordinal_position=place, fields=None)
        for place, column in enumerate(columns, start=1)
    ]
    return _made(module.SchemaDatasetFacet, producer, fields=fields)


@_keep
def _data_source(producer: str, name: str, uri: str) -> orjson.Fragment:
    return _made(facet_v2.datasource_dataset.DatasourceDatasetFacet, producer, name=name, uri=uri)


@_keep
def _storage(producer: str, layer: str, file_format: str) -> orjson.Fragment:
    kind = facet_v2.storage_dataset.StorageDatasetFacet
    return _made(kind, producer, storageLayer=layer, fileFormat=file_format)


@_keep
def _dataset_type(producer: str, word: str) -> orjson.Fragment:
    return _made(facet_v2.dataset_type_dataset.DatasetTypeDatasetFacet, producer, datasetType=word)


@_keep
def _lifecycle(producer: str, change: Change) -> orjson.Fragment:
    kind = facet_v2.lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet
    return _made(kind, producer, lifecycleStateChange=_CHANGES[change])


@_keep
def _dataset_documentation(producer: str, description: str) -> orjson.Fragment:
    kind = facet_v2.documentation_dataset.DocumentationDatasetFacet
    return _made(kind, producer, description=clipped(description))


@_keep
def _dataset_ownership(producer: str, owners: tuple[str, ...]) -> orjson.Fragment:
    module = facet_v2.ownership_dataset
    return _made(module.OwnershipDatasetFacet, producer, owners=[module.Owner(name=owner) for owner in owners])


@_keep
def _dataset_tags(producer: str, tags: tuple[str, ...], licence: str | None) -> orjson.Fragment:
    module = facet_v2.tags_dataset
    pairs = [*map(_pair, tags), *([("licence", licence)] if licence else [])]
    fields = [module.TagsDatasetFacetFields(key=key, value=value, source="USER") for key, value in pairs]
    return _made(module.TagsDatasetFacet, producer, tags=fields)


@_keep
def _input_statistics(producer: str, rows: int | None, size: int | None, files: int | None) -> orjson.Fragment:
    kind = facet_v2.input_statistics_input_dataset.InputStatisticsInputDatasetFacet
    return _made(kind, producer, rowCount=rows, size=size, fileCount=files)


@_keep
def _output_statistics(producer: str, rows: int | None, size: int | None, files: int | None) -> orjson.Fragment:
    kind = facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    return _made(kind, producer, rowCount=rows, size=size, fileCount=files)


@_keep
def _job_type(producer: str, word: str) -> orjson.Fragment:
    kind = facet_v2.job_type_job.JobTypeJobFacet
    return _made(kind, producer, processingType="BATCH", integration=INTEGRATION, jobType=word)


@_keep
def _source_code(producer: str, source: SourceLocation) -> orjson.Fragment:
    return _made(
        facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
        producer,
        type="git" if source.repo_url or source.commit else "file",
        url=source_code_url(source),
        repoUrl=public_address(source.repo_url),
        path=source.path,
        version=source.version,
        branch=source.branch,
        tag=source.tag,
    )


@_keep
def _job_documentation(producer: str, description: str) -> orjson.Fragment:
    return _made(facet_v2.documentation_job.DocumentationJobFacet, producer, description=clipped(description))


@_keep
def _job_ownership(producer: str, owners: tuple[str, ...]) -> orjson.Fragment:
    module = facet_v2.ownership_job
    return _made(module.OwnershipJobFacet, producer, owners=[module.Owner(name=owner) for owner in owners])


@_keep
def _job_tags(producer: str, tags: tuple[str, ...]) -> orjson.Fragment:
    module = facet_v2.tags_job
    fields = [module.TagsJobFacetFields(key=key, value=value, source="USER") for key, value in map(_pair, tags)]
    return _made(module.TagsJobFacet, producer, tags=fields)


def _pair(tag: str) -> tuple[str, str]:
    """`"tier=gold"` → `("tier", "gold")`; a bare tag is true."""
    key, equals, value = tag.partition("=")
    return (key, value) if equals and key else (tag, "true")


@_keep
def _engine(producer: str, version: str) -> orjson.Fragment:
    kind = facet_v2.processing_engine_run.ProcessingEngineRunFacet
    return _made(kind, producer, name="penstock", version=version, openlineageAdapterVersion=version)


@_keep
def _parent(producer: str, parent: ParentFacts) -> orjson.Fragment:
    module, root = facet_v2.parent_run, parent.root or parent
    return _made(
        module.ParentRunFacet,
        producer,
        run=module.Run(runId=parent.run_id, facets=None),
        job=module.Job(namespace=parent.project, name=parent.job, facets=None),
        root=module.Root(
            run=module.RootRun(runId=root.run_id, facets=None),
            job=module.RootJob(namespace=root.project, name=root.job, facets=None),
        ),
    )


@_keep
def _nominal_time(producer: str, start: datetime, end: datetime | None) -> orjson.Fragment:
    kind = facet_v2.nominal_time_run.NominalTimeRunFacet
    until = None if end is None else instant(end)
    return _made(kind, producer, nominalStartTime=instant(start), nominalEndTime=until)


@_keep
def _parameters(producer: str, parameters: tuple[tuple[str, str], ...]) -> orjson.Fragment:
    module = facet_v2.execution_parameters_run
    fields = [module.ExecutionParameter(key=key, value=clipped(value)) for key, value in parameters]
    return _made(module.ExecutionParametersRunFacet, producer, parameters=fields)


@_keep
def _run_tags(producer: str, reason: str | None, partition: str | None) -> orjson.Fragment:
    module = facet_v2.tags_run
    said = [("reason", reason), ("partition", partition)]
    fields = [module.TagsRunFacetFields(key=key, value=value, source=INTEGRATION) for key, value in said if value]
    return _made(module.TagsRunFacet, producer, tags=fields)


def _error(producer: str, error: ErrorFacts) -> orjson.Fragment:
    return _made(
        facet_v2.error_message_run.ErrorMessageRunFacet,
        producer,
        message=clipped(error.message),
        programmingLanguage="PYTHON",
        stackTrace=None if error.trace is None else clipped(error.trace, end=True),
    )
