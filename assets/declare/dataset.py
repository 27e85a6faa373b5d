"""`Dataset`: data at a URI. A value; it opens nothing."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from ...storage import uri as uris
from ...storage.errors import DefinitionError
from ...storage.manifest import Column
from ...storage.types import Capture
from .conditions import Conditional, DatasetLeaf
from .durations import as_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where something was declared: a file and its line (1-based)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def caller(depth: int = 1) -> Location:
    """Where the function `depth` frames above the caller of this one stands."""
    # inspect.stack() would read source files, which takes milliseconds.
    frame = sys._getframe(depth + 1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return Location(file=frame.f_code.co_filename, line=frame.f_lineno)


def as_columns(columns: Mapping[str, object] | Iterable[Column] | None) -> tuple[Column, ...] | None:
    """Declared columns as values: a mapping of name to type (text such as `"Int64"`, or a polars type)."""
    if columns is None:
        return None
    if not isinstance(columns, Mapping):
        return tuple(columns)
    types = cast("Mapping[str, object]", columns)
    return tuple(
        Column(name=name, type=kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind)))
        for name, kind in types.items()
    )


def _texts(texts: str | Iterable[str]) -> tuple[str, ...]:
    """One text is one text, not its letters."""
    return (texts,) if isinstance(texts, str) else tuple(texts)


_KEYWORDS = ("name", "watch", "capture", "licence", "owners", "tags", "description", "columns")


@dataclass(frozen=True, slots=True, init=False)
class Dataset(Conditional):
    """Data at a URI: an input that others write, or what an asset writes.

    Parameters
    ----------
    uri: where it lies. Without a scheme it lies under the data root: `"chunks.parquet"`. A trailing slash marks a
        directory: `"models/ranker/"`. The suffix decides the format.
    name: handle, unique in the project; by default the last part of the URI without its suffix (`"chunks"`).
    watch: how often it is to be looked at by fingerprint (`"1m"`), for data that others write.
    capture: `"verify"` (default): a fingerprint is kept and checked around each read; `"copy"`: the bytes too.
    licence, owners, tags, description: kept with the dataset and sent with its lineage.
    columns: declared schema, name → polars type: `{"id": "String", "size": "Int64"}`.

    Raises
    ------
    InvalidURI: the URI cannot be an identity (credentials, a query, `..` out of the root, …).

    >>> Dataset("s3a://corpus//docs.parquet").uri
    's3://corpus/docs.parquet'
    """

    uri: str
    name: str
    watch: timedelta | None = None
    capture: Capture = Capture.VERIFY
    licence: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    columns: tuple[Column, ...] | None = None
    location: Location | None = field(default=None, compare=False, repr=False)

    def __init__(
        self,
        uri: str,
        *,
        name: str | None = None,
        watch: str | timedelta | None = None,
        capture: Capture | str = Capture.VERIFY,
        licence: str | None = None,
        owners: Iterable[str] = (),
        tags: Iterable[str] = (),
        description: str = "",
        columns: Mapping[str, object] | Iterable[Column] | None = None,
        location: Location | None = None,
        **unknown: object,
    ) -> None:
        identity = uris.normalise(uri)
        for key in unknown:
            near = difflib.get_close_matches(key, _KEYWORDS, n=1)
            raise DefinitionError(
                f"dataset {identity}: {key}= is not a keyword of Dataset",
                hint=f"Did you mean {near[0]}=?" if near else f"Known: {', '.join(_KEYWORDS)}.",
            )
        if capture not in tuple(Capture):
            raise DefinitionError(
                f"dataset {identity}: capture={str(capture)!r} is not known",
                hint=f"Use one of: {', '.join(Capture)}.",
            )
        values = {
            "uri": identity,
            "name": name or uris.name_of(identity),
            "watch": None if watch is None else as_duration(watch),
            "capture": Capture(capture),
            "licence": licence,
            "owners": _texts(owners),
            "tags": _texts(tags),
            "description": description,
            "columns": as_columns(columns),
            "location": location or caller(),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @property
    def suffix(self) -> str:
        """The suffix that decides the format: `".parquet"`, `"/"` for a directory, `""` for none."""
        return uris.suffix(self.uri)

    def as_condition(self) -> DatasetLeaf:
        """Holds when this dataset has a pending event."""
        return DatasetLeaf(uri=self.uri, dataset=self)

    def updated(self) -> DatasetLeaf:
        """Like the dataset itself, but a `confirmed` event (nothing changed) may start a run too."""
        return DatasetLeaf(uri=self.uri, confirmed=True, dataset=self)
