"""Declared columns that cannot be held, or contradict each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...storage.files.formats.registry import format_for, known_suffixes
from ...storage.files.formats.spelling import fits
from ...storage.types import ValueKind
from .catalogue import Asset, Catalogue
from .faults import Fault


def column_faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Columns of what has none; and what a producer counts on, where its input declares something else."""
    opaque = {
        uri
        for asset in catalogue.assets.values()
        for uri in asset.outputs
        if asset.given(uri).kind is ValueKind.OPAQUE  # what its columns are, only its declaration says
    }
    for dataset in catalogue.datasets.values():
        if dataset.columns is not None and dataset.uri not in opaque and _has_no_columns(dataset.suffix):
            yield Fault(
                kind="no_columns",
                message=f"dataset {dataset.uri}: columns= is declared, and {_named(dataset.suffix)} has no columns",
                hint=f"Take columns= out, or change the suffix to one of: {_tabular()}.",
                where=dataset.location,
            )
    for asset in catalogue.assets.values():
        yield from _contradicted(asset, catalogue)


def _contradicted(asset: Asset, catalogue: Catalogue) -> Iterator[Fault]:
    for one in asset.inputs:
        dataset = catalogue.datasets[one.uri]
        if not one.expects:
            continue
        if _has_no_columns(dataset.suffix):
            yield Fault(
                kind="no_columns",
                message=f"asset {asset.name}: parameter {one.parameter!r} expects columns of {one.uri}, and "
                f"{_named(dataset.suffix)} has none",
                hint=f"Take it out of expects=; columns are those of {_tabular()}.",
                where=asset.location,
            )
            continue
        types: Mapping[str, str] = {column.name: column.type for column in dataset.columns or ()}
        for column in one.expects if dataset.columns is not None else ():
            found = types.get(column.name)
            if found is None or not (fits(found, column.type) or fits(column.type, found)):
                yield Fault(
                    kind="column_mismatch",
                    message=f"asset {asset.name}: parameter {one.parameter!r} expects column {column.name!r} of "
                    f"type {column.type}, but {one.uri} declares {'it ' + found if found else 'no such column'}",
                    hint=f"It declares: {', '.join(f'{name} {kind}' for name, kind in types.items())}.",
                    where=asset.location,
                )


def _has_no_columns(suffix: str) -> bool:
    """Whether what lies there has a format, and one without columns: what an unknown suffix holds, nobody knows."""
    info = format_for(suffix)
    return info is not None and ValueKind.LAZY_FRAME not in info.reads


def _named(suffix: str) -> str:
    return "a directory" if suffix == "/" else f"`{suffix}`"


def _tabular() -> str:
    return ", ".join(suffix for suffix in known_suffixes() if not _has_no_columns(suffix))
