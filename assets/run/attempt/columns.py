"""Declared columns, held against what a producer gave, and against what is read that nobody else has held.

Formats that have no columns, and forms that show none (bytes, text, a path, JSON values), are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ....storage.errors import ValueMismatch
from ....storage.files.formats.registry import format_for
from ....storage.files.formats.spelling import fits
from ....storage.manifest import Column, Manifest
from ....storage.types import ValueKind
from ...declare.catalogue import Asset, Input
from ...declare.column_types import UnknownType, spelled
from ..project.project import Project

_TABULAR = (ValueKind.LAZY_FRAME, ValueKind.FRAME, ValueKind.TABLE, ValueKind.FRAMES)


def require_columns(project: Project, asset: Asset, uri: str, manifest: Manifest) -> None:
    """What was written has every column that its dataset declares, of the declared type; it may have more.

    Compared is what the version says of itself: of CSV and NDJSON what their writer states, or, where the producer gave
    text or a file, what is inferred from it.

    Raises
    ------
    ValueMismatch: a declared column is missing, or of another type; every one is named.
    """
    declared = project.catalogue.datasets[uri].columns
    info = format_for(manifest.suffix)
    if declared is None or info is None or ValueKind.LAZY_FRAME not in info.reads:
        return
    found = manifest.columns or ()
    if wrong := _wrong({column.name: column.type for column in found}, declared):
        raise ValueMismatch(
            f"asset {asset.name}: what its producer gave for dataset {project.graph.dataset_name(uri)!r} has not the "
            f"columns that are declared: {wrong}. Declared: {_listed(declared)}; found: {_listed(found)}",
            hint="Nothing was published. Give the columns as they are declared (a frame states types, text has them "
            "inferred), or change columns=.",
        )


def with_columns(project: Project, one: Input, value: Any, kind: ValueKind) -> Any:
    """The value of an input, which has the columns that are declared of a dataset that others write, and those that its
    producer expects; an iterator of frames is compared as it is consumed.

    Raises
    ------
    ValueMismatch: one is missing, or of another type; every one is named.
    """
    wanted = project.graph.expected(one)
    if not wanted or value is None or kind not in _TABULAR:
        return value
    name = project.graph.dataset_name(one.uri)
    if kind is ValueKind.FRAMES:
        return _compared(name, value, wanted)
    _require(name, _schema(value, kind), wanted)
    return value


def _compared(name: str, frames: Iterable[Any], wanted: Sequence[Column]) -> Iterator[Any]:
    for frame in frames:
        _require(name, _schema(frame, ValueKind.FRAME), wanted)
        yield frame


def _require(name: str, found: Mapping[str, str], wanted: Sequence[Column]) -> None:
    if wrong := _wrong(found, wanted):
        shown = _listed(Column(name=name, type=kind) for name, kind in found.items())
        raise ValueMismatch(
            f"input {name} has not the columns that are declared: {wrong}. Declared: {_listed(wanted)}; found: {shown}",
            hint="Mend its source, or change what is declared: columns= of the dataset, expects= of the asset.",
        )


def _schema(value: Any, kind: ValueKind) -> dict[str, str]:
    """The columns of a frame or a table, as it says them itself."""
    if kind is ValueKind.TABLE:
        fields: Iterable[Any] = value.schema
        return {str(field.name): _spelled(field.type) for field in fields}
    schema: Mapping[str, Any] = value.collect_schema() if kind is ValueKind.LAZY_FRAME else value.schema
    return {name: str(of) for name, of in schema.items()}


def _spelled(kind: object) -> str:
    try:
        return spelled(kind)
    except UnknownType:  # polars has none like it
        return str(kind)


def _wrong(found: Mapping[str, str], declared: Iterable[Column]) -> str:
    return "; ".join(
        f"{one.name!r} is {found[one.name]} instead of {one.type}" if one.name in found else f"{one.name!r} is missing"
        for one in declared
        if not fits(found.get(one.name, ""), one.type)
    )


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in columns) or "none"
