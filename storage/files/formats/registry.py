"""Which format a suffix means, and in which forms it can be taken and given: pure data.

Imports neither polars nor pyarrow, so that declarations can be checked without them. Third parties add formats by the
entry point group `penstock.formats`; each entry point names a `FormatInfo` in a module that is cheap to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ...errors import DefinitionError
from ...types import ValueKind

if TYPE_CHECKING:
    from .seam import Format

GROUP = "penstock.formats"
_HERE = __name__.rpartition(".")[0]

ANY_FILE = frozenset({ValueKind.BYTES, ValueKind.PATH})
"""What every file can be taken and given as, whatever its suffix."""
_OBJECTS = frozenset({ValueKind.OBJECT, ValueKind.JSON, ValueKind.TEXT})
_TABULAR = ANY_FILE | {ValueKind.LAZY_FRAME, ValueKind.FRAME, ValueKind.TABLE, ValueKind.FRAMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatInfo:
    """What is known of a format without loading it.

    Attributes
    ----------
    name: `"parquet"`; what messages and lineage call it.
    suffixes: in lower case with the dot; the first is the usual one.
    reads, writes: the forms in which a consumer can take and a producer can give a file of this format.
    target: `"module:Class"`; the class is a `Format` and takes no arguments.
    opt_in: loading such a file can run code, so settings must allow it.
    scans_urls: a LAZY_FRAME of it can be read from an S3 URL without fetching the file first.
    """

    name: str
    suffixes: tuple[str, ...]
    reads: frozenset[ValueKind]
    writes: frozenset[ValueKind]
    target: str
    opt_in: bool = False
    scans_urls: bool = False


def _both(name: str, suffixes: tuple[str, ...], kinds: frozenset[ValueKind], target: str, **more: bool) -> FormatInfo:
    return FormatInfo(name=name, suffixes=suffixes, reads=kinds, writes=kinds, target=f"{_HERE}.{target}", **more)


BUILT_IN: tuple[FormatInfo, ...] = (
    _both("parquet", (".parquet",), _TABULAR, "parquet:Parquet", scans_urls=True),
    _both("arrow", (".arrow", ".feather"), _TABULAR, "arrow:Arrow"),
    _both("csv", (".csv",), _TABULAR | {ValueKind.TEXT}, "csv:Csv"),
    _both("ndjson", (".ndjson", ".jsonl"), _TABULAR | {ValueKind.JSON}, "ndjson:NdJson"),
    _both("json", (".json",), ANY_FILE | {ValueKind.TEXT, ValueKind.JSON}, "json:Json"),
    _both("text", (".txt", ".md"), ANY_FILE | {ValueKind.TEXT}, "text:Text"),
    _both("pickle", (".pkl", ".pickle"), ANY_FILE | _OBJECTS, "pickle:Pickle", opt_in=True),
    _both("directory", ("/",), frozenset({ValueKind.PATH}), "raw:Raw"),
)
RAW = _both("bytes", (), ANY_FILE, "raw:Raw")
"""What a file is whose suffix nobody knows."""

_BY_SUFFIX = {suffix: info for info in BUILT_IN for suffix in info.suffixes}


def format_for(suffix: str) -> FormatInfo | None:
    """The format of a suffix (`".parquet"`, `"/"`), or None: then the file is bytes or a path and nothing else.

    >>> info = format_for(".jsonl")
    >>> info.name if info else None
    'ndjson'

    Raises
    ------
    DefinitionError: an installed plug-in's format cannot be loaded, or claims a suffix that is taken.
    """
    return _BY_SUFFIX.get(suffix) or _plugged_in().get(suffix)


def holds_objects(suffix: str, *, reading: bool) -> bool:
    """Whether what lies under a suffix is read, or written, as any Python object.

    >>> holds_objects(".pkl", reading=True), holds_objects(".json", reading=True)
    (True, False)
    """
    info = format_for(suffix)
    return info is not None and ValueKind.OBJECT in (info.reads if reading else info.writes)


def known_suffixes() -> tuple[str, ...]:
    """Every suffix that has a format, plug-ins included, sorted."""
    return tuple(sorted({*_BY_SUFFIX, *_plugged_in()}))


@cache
def load(info: FormatInfo) -> Format:
    """The format itself; one instance per process.

    Raises
    ------
    DefinitionError: its `target` does not name a class that can be loaded.
    """
    module, _, name = info.target.partition(":")
    try:
        return cast("Format", getattr(import_module(module), name)())
    except (ImportError, AttributeError) as error:
        raise DefinitionError(
            f"the format {info.name!r} cannot be loaded from {info.target!r}: {error}",
            hint="Install what provides it, or remove the plug-in.",
        ) from error


@cache
def _plugged_in() -> dict[str, FormatInfo]:
    from importlib.metadata import entry_points  # noqa: PLC0415  15 ms, needed for unusual suffixes only

    found: dict[str, FormatInfo] = {}
    for point in entry_points(group=GROUP):
        try:
            info = point.load()
        except Exception as error:
            raise DefinitionError(
                f"the format plug-in {point.name!r} ({point.value}) cannot be loaded: {error}",
                hint="Mend or uninstall the package that provides it.",
            ) from error
        if not isinstance(info, FormatInfo):
            raise DefinitionError(
                f"the format plug-in {point.name!r} ({point.value}) names a {type(info).__name__}, not a FormatInfo"
            )
        for suffix in info.suffixes:
            taken = _BY_SUFFIX.get(suffix) or found.get(suffix)
            if taken is not None:
                raise DefinitionError(
                    f"the format plug-in {point.name!r} claims {suffix!r}, which {taken.name!r} has already",
                    hint="Uninstall one of the two.",
                )
            found[suffix] = info
    return found
