"""The manifest: what one version consists of, and the digest that names it.

Pure values, known to `files` (which makes them) and to `meta` (which keeps them). No I/O here.

The digest of a version is blake3 over the canonical JSON of its files, so it depends on paths, sizes, rows and
bytes alone: not on when, where or by whom it was made. The columns are kept beside it for readers; they follow from
the bytes and are no part of the digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from blake3 import blake3

from .errors import DatabaseFault
from .types import FORMAT_VERSION


def digest_of(data: bytes) -> str:
    """The digest of a byte string, as it is written everywhere: 64 hexadecimal digits of blake3.

    >>> digest_of(b"")[:16]
    'af1349b9f5f9a1a6'
    """
    return blake3(data).hexdigest()


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: object, *, fractions: bool = True) -> bytes:
    """The one spelling of a JSON value that digests are taken over: sorted keys, no spaces, UTF-8.

    `fractions=False` says that no number in it has a fraction: orjson spells everything else alike, ten times as fast.

    >>> canonical_json({"b": 1, "a": [True, "é"]}, fractions=False)
    b'{"a":[true,"\\xc3\\xa9"],"b":1}'
    """
    if not fractions:
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # integers beyond 64 bits, keys that are no texts
            pass
    return _CANONICAL.encode(value).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a dataset: its name and its type in polars' spelling (`"Int64"`, `"List(String)"`)."""

    name: str
    type: str


def columns_to_plain(columns: tuple[Column, ...] | None) -> list[list[str]] | None:
    """Columns as they are persisted, as part of something that has a form of its own."""
    return None if columns is None else [[column.name, column.type] for column in columns]


def columns_from_plain(plain: Iterable[Iterable[str]] | None) -> tuple[Column, ...] | None:
    """The columns that `columns_to_plain` wrote."""
    return None if plain is None else tuple(Column(name=name, type=kind) for name, kind in plain)


def require_form(plain: Mapping[str, Any], what: str) -> None:
    """What was persisted has the form that this penstock reads.

    Raises
    ------
    DatabaseFault: it was written in a newer one.
    """
    if plain.get("v") != FORMAT_VERSION:
        raise DatabaseFault(
            f"{what} is written in form {plain.get('v')!r}, this penstock reads form {FORMAT_VERSION}",
            hint="Upgrade penstock to the version that wrote it.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a version.

    `path` is relative to the dataset ("" for a dataset that is one file), with forward slashes; `size` in bytes;
    `rows` where the format has rows; `digest` is blake3 of the bytes, or for an observed object on a store that gives
    no bytes cheaply, `etag:…`.
    """

    path: str
    size: int
    digest: str
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one version consists of.

    Attributes
    ----------
    suffix: of every file (`".parquet"`), or "/" for a directory, or "" for data without files.
    files: sorted by path.
    columns: names and types, where the format has them.
    token: the version that an `Opaque` names itself, for data without files.
    """

    suffix: str
    files: tuple[FileEntry, ...] = ()
    columns: tuple[Column, ...] | None = None
    token: str | None = None
    _digest: str = field(default="", init=False, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits; equal for equal content, whoever made it and whenever."""
        if not self._digest:
            named = {"files": [[f.path, f.size, f.rows, f.digest] for f in self.files], "token": self.token}
            object.__setattr__(self, "_digest", digest_of(canonical_json(named, fractions=False)))
        return self._digest

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def rows(self) -> int | None:
        """Rows of all files together; None where a file has no rows."""
        counts = [file.rows for file in self.files]
        known = [count for count in counts if count is not None]
        return sum(known) if known and len(known) == len(counts) else None

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready; `from_plain` gives an equal manifest back."""
        return {
            "v": FORMAT_VERSION,
            "suffix": self.suffix,
            "files": [[f.path, f.size, f.rows, f.digest] for f in self.files],
            "columns": columns_to_plain(self.columns),
            "token": self.token,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Manifest:
        """The manifest that `to_plain` wrote.

        Raises
        ------
        DatabaseFault: it was written in a newer form than this penstock reads.
        """
        require_form(plain, "a manifest")
        return cls(
            suffix=plain["suffix"],
            files=tuple(FileEntry(path=p, size=s, rows=r, digest=d) for p, s, r, d in plain["files"]),
            columns=columns_from_plain(plain["columns"]),
            token=plain["token"],
        )
