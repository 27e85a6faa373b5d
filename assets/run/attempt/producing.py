"""Calling a producer: inputs read at their pins, the call, and what came back as named values. It asks no store."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ....storage import uri as uris
from ....storage.errors import ProducerError, ValueMismatch
from ....storage.files.formats.registry import format_for, holds_objects
from ....storage.files.joining import joined
from ....storage.files.json_types import article, mismatch
from ....storage.files.observe import Fingerprint, Moved, read_observed
from ....storage.files.reading import read
from ....storage.files.staging import KIND_NAMES, output_path
from ....storage.manifest import Manifest
from ....storage.meta.versions import Head
from ....storage.types import ValueKind
from ...code.parameters import coerce
from ...declare.catalogue import Asset, Input
from ...declare.values import Opaque, Output, Skip, Version
from ..project.project import Project
from .assignment import Assignment
from .columns import with_columns
from .context import Context, plain
from .objects import require_input
from .reporting import Reporting
from .throttling import throttle

_PREFERRED = (ValueKind.LAZY_FRAME, ValueKind.OBJECT, ValueKind.JSON, ValueKind.TEXT, ValueKind.PATH, ValueKind.BYTES)
"""In which form an input without an annotation is read: the first of these that its format gives."""


Fingerprints = Mapping[tuple[str, str], Fingerprint]
"""URI and key → how a version looked that was only observed; the key is "" of a dataset without partitions."""

READ_ANEW = "Nothing was published. The dataset is looked at again and read anew."
"""The hint of an `InputMoved` after which the run is planned again."""


class InputMoved(ProducerError):
    """Data that others write was overwritten while it was read: what came of it is discarded. Or `since`: what was
    pinned was overwritten or deleted before, so that nothing was read."""

    kind = "input_moved"

    def __init__(
        self, uri: str, name: str, *, partition: str = "", since: Literal["", "overwritten", "deleted"] = ""
    ) -> None:
        text = f"input {name} was overwritten while it was read"
        hint = (
            'Run it again when its writer is at rest; with Dataset(…, capture="copy") a copy of what was seen is read.'
        )
        if since:
            text = f"input {name} is not what was pinned any more: others have {since} it since"
            there = "what is there now" if since == "overwritten" else "what is there, once it is back"
            hint = (
                f"Those bytes were not kept, and no rerun can read them: `penstock materialize` makes it from {there}. "
                'With Dataset(…, capture="copy") a copy is kept from the next version on.'
            )
        super().__init__(text, hint=f"Nothing was published. {hint}")
        self.uri, self.partition = uri, partition


def inputs_of(project: Project, work: Assignment, seen: Fingerprints) -> dict[str, Any]:
    """Every input in the form its annotation asks for, read from the pinned version.

    Parameters
    ----------
    seen: how the pinned versions looked that were only observed.
    """
    return {one.parameter: _input(project, work, one, seen) for one in work.asset.inputs}


def _input(project: Project, work: Assignment, one: Input, seen: Fingerprints) -> Any:
    """One input, and what is declared of it holds."""
    if one.parameter in work.several:
        value = read_several(project, one, work.several[one.parameter], seen)
    else:
        value = read_input(project, one, work.inputs.get(one.parameter), seen)
        require_input(project, work.asset, one, value)
    return with_columns(project, one, value, kind_read(project, one))


def read_input(project: Project, one: Input, head: Head | None, seen: Fingerprints) -> Any:
    """One input, read from the pinned version; None where it is optional and has none.

    Raises
    ------
    InputMoved: it was only observed, and is no longer what was pinned.
    StorageFault, ValueMismatch: as `storage.files.reading.read`.
    ValueMismatch: it holds a JSON value of another type than the annotation names.
    """
    if head is None:
        return None
    name, place = project.graph.dataset_name(one.uri), project.place(one.uri, head.partition)
    if head.partition:
        name = f"{name} {head.partition}"
    kind = kind_read(project, one)
    if kind is ValueKind.VERSION:
        return Version(
            dataset=name,
            uri=one.uri,
            digest=head.digest,
            manifest=head.manifest,
            published_at=head.at,
            metadata=head.metadata,
        )
    if head.manifest.token is not None and (one.uri, head.partition) not in seen:
        raise ValueMismatch(
            f"input {name} is data without files (version {head.manifest.token!r}), parameter {one.parameter} asks "
            f"for {kind}",
            hint=f"Annotate it {one.parameter}: penstock.Version and open the data by its own means.",
        )
    value = _value(project, one, head, kind, seen.get((one.uri, head.partition)))
    if wrong := mismatch(value, one.json, optional=one.optional):
        raise ValueMismatch(
            f"input {name} (version {head.digest[:12]}): {wrong} (annotation "
            f"{one.parameter}: {one.annotation}, suffix {place.suffix!r})",
            hint=f"Annotate it as what the dataset holds ({one.parameter}: Any takes every JSON value, bytes the file "
            "as it is), or make the dataset what the annotation says.",
        )
    return value


def _value(project: Project, one: Input, head: Head, kind: ValueKind, seen: Fingerprint | None) -> Any:
    """The pinned version in this form, whatever type the annotation names."""
    name, place = project.graph.dataset_name(one.uri), project.place(one.uri, head.partition)
    name = f"{name} {head.partition}".rstrip()
    allow_pickle = project.settings.values.allow_pickle
    if head.held:
        return read(head.manifest, kind=kind, place=place, dataset=name, allow_pickle=allow_pickle)
    if seen is None:
        raise InputMoved(one.uri, name, since="overwritten")
    try:
        manifest = head.manifest if head.manifest.token is None else seen.manifest(place.suffix)
        return read_observed(manifest, seen, kind=kind, place=place, dataset=name, allow_pickle=allow_pickle)
    except Moved as error:
        raise InputMoved(one.uri, name) from error


def read_several(project: Project, one: Input, heads: Mapping[str, Head], seen: Fingerprints) -> Any:
    """Several partitions, in the order of their keys: frames and tables as one, of anything else key → value.

    Raises
    ------
    StorageFault, ValueMismatch: as `storage.files.reading.read`.
    """
    kind = kind_read(project, one)
    each = replace(one, json=())  # the annotation is about all of them together
    values = ((key, read_input(project, each, head, seen)) for key, head in heads.items())
    if kind in (ValueKind.LAZY_FRAME, ValueKind.FRAME, ValueKind.TABLE, ValueKind.FRAMES):
        return joined(values, kind, column=one.key_column, name=project.graph.dataset_name(one.uri))
    return dict(values)


def kind_read(project: Project, one: Input) -> ValueKind:
    """The form in which an input is read: as annotated, else the first of `_PREFERRED` that its format gives."""
    if one.kind is not None:
        return one.kind
    info = format_for(project.place(one.uri).suffix)
    return next((kind for kind in _PREFERRED if info is not None and kind in info.reads), ValueKind.PATH)


def call(project: Project, work: Assignment, arguments: Mapping[str, Any], context: Context) -> Any:
    """What the producer returns, called with inputs, typed parameters and, where it asks, the context, the partition.

    Raises
    ------
    Whatever it raises; ProducerError when it is `async def`, which an inline run cannot await.
    """
    asset = work.asset
    function = project.functions[asset.name].function
    if asset.partition is not None and asset.partitions is not None:
        arguments = {**arguments, asset.partition: asset.partitions.partition(work.partition)}
    if asset.context is not None:
        arguments = {**arguments, asset.context: context}
    process, folder = os.getpid(), Path.cwd()
    try:
        value = function(**arguments)
    finally:
        if os.getpid() != process:
            # A child that the producer forked and that comes back here would go on with the whole wave.
            os._exit(1)
        os.chdir(folder)  # or every later producer would run where this one went
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise ProducerError(
            f"asset {asset.name}: its producer is `async def`, which cannot be called here",
            hint="Make it a plain `def`; inside, run the coroutine with asyncio.run(…).",
        )
    return value


def parameters_of(project: Project, work: Assignment) -> dict[str, Any]:
    """The run's parameters in the types that the producer annotates."""
    values = work.made_from.get("parameters", {})
    if not values:
        return {}
    return {
        one.name: coerce(project.functions[work.asset.name].function, one.name, values[one.name])
        for one in work.asset.parameters
    }


def context_of(project: Project, work: Assignment, parameters: Mapping[str, Any], reporting: Reporting) -> Context:
    """The context of one attempt."""

    def output() -> Path:
        if len(work.asset.outputs) != 1:
            raise ProducerError(
                f"asset {work.asset.name} writes {len(work.asset.outputs)} datasets, so ctx.output is not one path",
                hint="Write each where you like and return its Path: it is copied.",
            )
        return output_path(project.place(work.asset.outputs[0], work.partition), work.run_id, attempt=work.attempt)

    return Context(
        asset=work.asset.name,
        run_id=work.run_id,
        attempt=work.attempt,
        parameters=dict(parameters),
        output=output,
        throttle=partial(throttle, project),
        reporting=reporting,
        partition=work.partition,
    )


def outputs_of(project: Project, asset: Asset, value: Any) -> Iterator[tuple[str, Any]]:
    """(URI, value) of each output, as the producer gives them; a `Skip` as the value of one of several leaves it out.

    Raises
    ------
    Skip: the producer skips the run.
    ProducerError: an unknown or repeated output, or no mapping and no `Output`s where several were declared.
    ValueMismatch: one is left out that its `TypedDict` requires.
    """
    if isinstance(value, Skip):
        raise value
    if not asset.several:
        one = value.value if isinstance(value, Output) else value
        if isinstance(one, Skip):
            raise one
        yield asset.outputs[0], one
        return
    uris = {project.graph.dataset_name(uri): uri for uri in asset.outputs}
    given: set[str] = set()
    for name, item in _named(asset, value):
        if name not in uris or name in given:
            raise ProducerError(
                f"asset {asset.name} gave {'twice' if name in given else 'an unknown'} output {name!r}",
                hint=f"It declares: {', '.join(uris)}; each at most once.",
            )
        given.add(name)
        yield uris[name], item
    left = [name for name, uri in uris.items() if asset.given(uri).required and name not in given]
    if left:
        raise ValueMismatch(
            f"asset {asset.name}: its annotation says that it always gives {', '.join(left)}, but its producer left "
            f"{'it' if len(left) == 1 else 'them'} out",
            hint="Nothing was published. Give all of them, or write NotRequired[…] in the TypedDict around what may "
            "be left out.",
        )


def _named(asset: Asset, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return
    if value is None or not hasattr(value, "__iter__"):
        raise ProducerError(
            f"asset {asset.name}{f' ({asset.location})' if asset.location else ''} declares several outputs, but its "
            f"producer returned {'None' if value is None else article(type(value).__name__)}",
            hint="Return a mapping of output name to value, or yield penstock.Output(name, value).",
        )
    for item in value:
        if not isinstance(item, Output):
            raise ProducerError(
                f"asset {asset.name} declares several outputs, but its producer "
                + (
                    f"yielded {article(type(item).__name__)}"
                    if isinstance(value, Iterator)
                    else f"returned {article(type(value).__name__)}"
                ),
                hint="Return a mapping of output name to value, or yield penstock.Output(name, value).",
            )
        yield item.name, item.value


def opaque_of(asset: Asset, uri: str, value: Any) -> tuple[Manifest, dict[str, Any]]:
    """What is recorded of data without files: a manifest that its token names, and its metadata as plain JSON.

    Raises
    ------
    ProducerError: the token is no text, or empty; or the metadata is not plain.
    """
    token = value.version
    if not isinstance(token, str) or not token:
        raise ProducerError(
            f"asset {asset.name}: its producer returned Opaque(version={token!r}) for {uri}, which names no version",
            hint="Give a text that changes exactly when the data does: a snapshot id, a revision.",
        )
    return Manifest(suffix="", token=token), plain(f"asset {asset.name}: Opaque.metadata", value.metadata)


def kind_of(value: Any) -> ValueKind | None:
    """The form of a value whose producer is not annotated; None where nothing fits."""
    module = type(value).__module__.partition(".")[0]
    named = _BY_TYPE.get((module, type(value).__name__))
    return named or next((kind for types, kind in _BY_CLASS if isinstance(value, types)), None)


_BY_CLASS: tuple[tuple[tuple[type, ...], ValueKind], ...] = (
    ((Opaque,), ValueKind.OPAQUE),
    ((Path,), ValueKind.PATH),
    ((bytes, bytearray), ValueKind.BYTES),
    ((str,), ValueKind.TEXT),
    ((Iterator,), ValueKind.FRAMES),
    ((Mapping, list, tuple, int, float, bool), ValueKind.JSON),
)
_BY_TYPE = {
    ("polars", "LazyFrame"): ValueKind.LAZY_FRAME,
    ("polars", "DataFrame"): ValueKind.FRAME,
    ("pyarrow", "Table"): ValueKind.TABLE,
}


_NO_OBJECTS = frozenset({ValueKind.OPAQUE, ValueKind.PATH, ValueKind.LAZY_FRAME})
"""What is never pickled: it stands for data that lies elsewhere."""


def require_kind(asset: Asset, uri: str, value: Any) -> ValueKind:
    """The kind under which an output is written: as annotated, else as its value is.

    Raises
    ------
    ProducerError: the producer returned None, or a value that no format takes.
    ValueMismatch: it gave data where `Opaque` is annotated, or `Opaque` where data are.
    """
    form = asset.given(uri)
    if value is None:
        said = f"; its annotation says {form.annotation}" if form.annotation else ""
        where = f" ({asset.location})" if asset.location else ""
        raise ProducerError(
            f"asset {asset.name}{where}: its producer {'gave' if asset.several else 'returned'} None for {uri}{said}",
            hint="Let every way through the function return the data"
            + ("; an output that is not to be made is left out. " if asset.several else ". ")
            + "Data without files is penstock.Opaque(version=…).",
        )
    if form.kind is not None and isinstance(value, Opaque) != (form.kind is ValueKind.OPAQUE):
        given = article(type(value).__qualname__)
        raise ValueMismatch(
            f"asset {asset.name}: the annotation says {form.annotation or KIND_NAMES[form.kind]}, but its producer "
            f"returned {given} for {uri} (suffix {uris.suffix(uri)!r})",
            hint="Data without files is penstock.Opaque(version=…), annotated so; data with files is the data itself.",
        )
    kind = form.kind or kind_of(value)
    if form.kind is None and kind not in _NO_OBJECTS and holds_objects(uris.suffix(uri), reading=False):
        return ValueKind.OBJECT
    if kind is None:
        raise ProducerError(
            f"asset {asset.name}: its producer returned a {type(value).__module__}.{type(value).__qualname__}, which "
            f"cannot be kept at {uri}",
            hint="Return a frame, a table, bytes, text, a JSON value or a Path. Any other Python object is a pickle: "
            "at a URI that ends in `.pkl`, with `allow_pickle = true` in the settings.",
        )
    if kind is ValueKind.TEXT and form.kind is None:
        info = format_for(uris.suffix(uri))
        if info is not None and ValueKind.TEXT not in info.writes and ValueKind.JSON in info.writes:
            return ValueKind.JSON  # nobody has said that it is more than a text among JSON values
    return kind
