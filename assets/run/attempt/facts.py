"""From what the shell knows to what lineage says: `RunFacts` of one run. No I/O but one look at the revision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ....lineage.facts import Change, DatasetFacts, ErrorFacts, JobFacts, ParentFacts, RunFacts, SourceLocation
from ....storage.manifest import Manifest
from ....storage.uri import without_credentials
from ...declare.catalogue import Asset
from ...declare.faults import Location
from ..project.project import Project
from ..project.reading import Reading
from .assignment import Assignment
from .revision import Revisions

MATERIALIZE = "materialize"
"""The job that a run made by `materialize` is part of."""

_REVISIONS: WeakKeyDictionary[Reading, Revisions] = WeakKeyDictionary()
"""Asked for once for each load of the definitions: what a run executes is what was loaded."""
_REMEMBERED = 20_000  # versions; a few hundred bytes each


def facts_of(
    project: Project,
    work: Assignment,
    outputs: tuple[DatasetFacts, ...] | None = None,
    *,
    error: ErrorFacts | None = None,
) -> RunFacts:
    """The run of an assignment; `outputs` are what it published, or None: what it is to write."""
    if outputs is None:
        outputs = tuple(dataset_facts(project, uri) for uri in work.asset.outputs)
    return run_facts(
        project,
        work.asset,
        run_id=work.run_id,
        parent=work.materialization_id,
        inputs={head.uri: head.manifest for head in work.inputs.values()},
        several=_several(project, work),
        outputs=outputs,
        nominal=work.nominal,
        parameters=work.made_from.get("parameters", {}),
        reason=work.reason.kind,
        error=error,
        partition=work.partition,
    )


def _several(project: Project, work: Assignment) -> tuple[DatasetFacts, ...]:
    """The datasets of which several partitions are read, each once: what is said of one partition, summed up. Its
    version is what stands for all of them in the run key."""
    uris, digests = {one.parameter: one.uri for one in work.asset.inputs}, work.made_from.get("inputs", {})
    found: dict[str, DatasetFacts] = {}
    for parameter, heads in work.several.items():
        manifests = [head.manifest for head in heads.values()]
        rows = [one.rows for one in manifests]
        without_files = any(one.token is not None for one in manifests)
        found[uris[parameter]] = replace(
            dataset_facts(project, uris[parameter], manifests[0]),
            digest=digests.get(parameter),
            rows=None if None in rows else sum(filter(None, rows)),
            size=None if without_files else sum(one.size for one in manifests),
            files=None if without_files else sum(len(one.files) for one in manifests),
        )
    return tuple(found.values())


def run_facts(
    project: Project,
    asset: Asset,
    *,
    run_id: str,
    parent: str | None,
    inputs: Mapping[str, Manifest],
    outputs: tuple[DatasetFacts, ...],
    nominal: tuple[datetime | None, datetime | None],
    parameters: Mapping[str, Any],
    reason: str,
    error: ErrorFacts | None = None,
    partition: str = "",
    several: tuple[DatasetFacts, ...] = (),
) -> RunFacts:
    """One run; `inputs` maps dataset URIs to the manifests that were pinned, `several` are those of which several
    partitions were."""
    return RunFacts(
        run_id=run_id,
        job=job_facts(project, asset),
        parent=None if parent is None else ParentFacts(run_id=parent, project=project.name, job=MATERIALIZE),
        nominal_start=nominal[0],
        nominal_end=nominal[1],
        inputs=(*(dataset_facts(project, uri, manifest) for uri, manifest in inputs.items()), *several),
        outputs=outputs,
        parameters=tuple(sorted((name, without_credentials(str(value))) for name, value in parameters.items())),
        reason=reason,
        error=error,
        partition=partition or None,
    )


def dataset_facts(
    project: Project, uri: str, manifest: Manifest | None = None, *, change: Change | None = None
) -> DatasetFacts:
    """A dataset, with a version of it where there is one. A version is an output once and an input often, so what
    was said of it is remembered."""
    key = (uri, None if manifest is None else manifest.digest)
    facts = project.facts.get(key)
    if facts is None:
        if len(project.facts) >= _REMEMBERED:
            project.facts.clear()
        facts = project.facts[key] = _dataset_facts(project, uri, manifest)
    return facts if change is None else replace(facts, change=change)


def _dataset_facts(project: Project, uri: str, manifest: Manifest | None) -> DatasetFacts:
    dataset = project.catalogue.datasets[uri]
    producer = project.graph.producer.get(uri)
    files = None if manifest is None or manifest.token is not None else manifest
    return DatasetFacts(
        uri=project.absolute(uri),
        name=dataset.name,
        digest=None if manifest is None else manifest.digest,
        columns=dataset.columns if manifest is None or manifest.columns is None else manifest.columns,
        rows=None if manifest is None else manifest.rows,
        size=None if files is None else files.size,
        files=None if files is None else len(files.files),
        suffix=dataset.suffix,
        kind=project.catalogue.assets[producer].kind if producer else None,
        description=dataset.description or None,
        owners=dataset.owners,
        tags=dataset.tags,
        licence=dataset.licence,
    )


def job_facts(project: Project, asset: Asset) -> JobFacts:
    """The asset as a job."""
    revisions = _REVISIONS.get(project.reading)
    if revisions is None:
        files = (file for one in project.catalogue.assets.values() for file in one.files)
        revisions = _REVISIONS[project.reading] = Revisions(files)
    return JobFacts(
        project=project.name,
        asset=asset.name,
        engine_version=_engine_version(),
        description=asset.description or None,
        owners=asset.policies.owners,
        tags=asset.policies.tags,
        kind=asset.kind,
        source=None if asset.location is None else _source(revisions, asset.location, asset.files),
    )


def _source(revisions: Revisions, location: Location, files: tuple[str, ...]) -> SourceLocation:
    file, line = location.file, location.line
    checkout = revisions.of(file)
    if checkout is None:
        return SourceLocation(path=file, line=line)
    return SourceLocation(
        path=checkout.relative(file),
        line=line,
        repo_url=checkout.url,
        commit=checkout.commit,
        branch=checkout.branch,
        dirty=revisions.differ(checkout, (file, *files)),
        file=str(Path(file).resolve()),
    )


@lru_cache(maxsize=1)
def _engine_version() -> str:
    try:
        return metadata.version("penstock")
    except metadata.PackageNotFoundError:  # on the path, but not installed
        return "unknown"
