"""Making what an asset writes: what its producer needs is set up, it is called, and what it gives is staged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ....lineage.facets import LONGEST_MESSAGE, clipped
from ....storage.errors import ProducerError
from ....storage.files.staging import stage
from ....storage.masking import mask, masked
from ....storage.types import ValueKind
from ...declare.values import Skip
from ..project.places import require_writable
from ..project.project import Project
from .assignment import Assignment
from .columns import require_columns
from .objects import require_output
from .producing import Fingerprints, call, context_of, inputs_of, opaque_of, outputs_of, parameters_of, require_kind
from .publication import Produced
from .reporting import Reporting
from .resources import set_up


@dataclass(slots=True, kw_only=True)
class Making:
    """What has come of an attempt so far: what is staged, and what is to be told beside its outcome."""

    results: list[Produced] = field(default_factory=list[Produced])
    told: list[str] = field(default_factory=list[str])


def produce(
    project: Project, work: Assignment, seen: Fingerprints, making: Making, reporting: Reporting
) -> dict[str, str]:
    """Set up what the producer needs, call it, stage each output as it comes, and tear down what was set up; `making`
    grows, so that a failure can discard what was staged.

    Returns
    -------
    URI → why, of the outputs that it left out; "" where it did not say.

    Raises
    ------
    Skip: it left all of them out, with a reason.
    """
    parameters = parameters_of(project, work)
    context = context_of(project, work, parameters, reporting)
    with set_up(project, work, making.told) as needed:
        inputs = inputs_of(project, work, seen)
        value = call(project, work, {**inputs, **parameters, **needed}, context)
        left_out = _stage(project, work, value, making.results)
    results = making.results
    if not results and left_out:
        raise Skip("; ".join(dict.fromkeys(filter(None, left_out.values()))))
    if not results:
        raise ProducerError(
            f"asset {work.asset.name}: its producer gave none of its {len(work.asset.outputs)} outputs",
            hint="Yield at least one penstock.Output(name, value), or return penstock.Skip(reason).",
        )
    for number, result in enumerate(results):
        said = {"rows": result.manifest.rows, "size": result.manifest.size, "files": len(result.manifest.files)}
        results[number] = Produced(
            uri=result.uri,
            manifest=result.manifest,
            staged=result.staged,
            metadata=masked({**said, **result.metadata, **context.said}),
        )
    made = {result.uri for result in results}
    return {
        uri: clipped(mask(left_out.get(uri, "")), longest=LONGEST_MESSAGE)
        for uri in work.asset.outputs
        if uri not in made
    }


def _stage(project: Project, work: Assignment, value: Any, results: list[Produced]) -> dict[str, str]:
    """Stage each output as it comes; URI → why, of those that are left out by `Skip`."""
    left_out: dict[str, str] = {}
    for uri, given in outputs_of(project, work.asset, value):
        if isinstance(given, Skip):
            left_out[uri] = given.reason
            continue
        form, kind = work.asset.given(uri), require_kind(work.asset, uri, given)
        if kind is ValueKind.OPAQUE:
            manifest, said = opaque_of(work.asset, uri, given)
            results.append(Produced(uri=uri, manifest=manifest, staged=None, metadata=said))
            continue
        place = project.place(uri, work.partition)
        require_writable(place, project.graph.dataset_name(uri))
        require_output(project, work.asset, uri, given)
        staged = stage(
            given,
            kind=kind,
            place=place,
            run_id=work.run_id,
            dataset=project.graph.dataset_name(uri),
            json=form.json if kind in (ValueKind.JSON, ValueKind.TEXT, ValueKind.OBJECT) else (),
            annotation=form.annotation,
            allow_pickle=project.settings.values.allow_pickle,
            attempt=work.attempt,
        )
        results.append(Produced(uri=uri, manifest=staged.manifest, staged=staged, metadata={}))
        require_columns(project, work.asset, uri, staged.manifest)
    return left_out
