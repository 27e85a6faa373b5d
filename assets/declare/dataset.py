"""`Dataset`: data at a URI. A value; it opens nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Never

from ...storage import uri as uris
from ...storage.errors import DefinitionError, InvalidURI
from ...storage.manifest import Column, digest_of
from ...storage.types import Capture
from . import keywords
from .conditions.leaves import DatasetLeaf, News
from .faults import Location, caller, report
from .keywords import told
from .partitions.partition import Partitioning
from .partitions.paths import name_of, require_template

_KEYWORDS = ("name", "aliases", "watch", "capture", "licence", "owners", "tags", "description", "columns",
             "partitions")  # fmt: skip


@dataclass(frozen=True, slots=True, init=False)
class Dataset(News):
    """Data at a URI: an input that others write, or what an asset writes.

    Parameters
    ----------
    uri: where it lies. Without a scheme it lies under the data root: `"chunks.parquet"`. A trailing slash marks a
        directory: `"models/ranker/"`. The suffix decides the format.
    name: handle, unique in the project; by default the last part of the URI without its suffix (`"chunks"`).
    aliases: further URIs that mean the same data, `["s3://old/docs.parquet"]`: what names one of them names this.
    watch: how often it is to be looked at by fingerprint (`"1m"`), for data that others write.
    capture: `"verify"` (default): a fingerprint is kept and checked around each read; `"copy"`: the bytes too.
    licence, owners, tags, description: kept with the dataset and sent with its lineage.
    columns: declared schema, name → type: `{"id": "String", "size": pl.Int64}`; see `column_types`.
    partitions: how it is divided, `Daily(start="2026-01-01")`; then the URI has a place for each dimension:
        `"daily/{day}.parquet"`.

    Raises
    ------
    InvalidURI: the URI cannot be an identity (credentials, a query, `..` out of the root, …).

    >>> Dataset("s3a://corpus//docs.parquet").uri
    's3://corpus/docs.parquet'
    """

    uri: str
    name: str
    aliases: tuple[str, ...] = ()
    watch: timedelta | None = None
    capture: Capture = Capture.VERIFY
    licence: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    columns: tuple[Column, ...] | None = None
    partitions: Partitioning | None = None
    location: Location | None = field(default=None, compare=False, repr=False)

    def __init__(
        self,
        uri: str,
        *,
        name: str | None = None,
        aliases: Iterable[str] = (),
        watch: str | timedelta | None = None,
        capture: Capture | str = Capture.VERIFY,
        licence: str | None = None,
        owners: Iterable[str] = (),
        tags: Iterable[str] = (),
        description: str = "",
        columns: Mapping[str, object] | Iterable[Column] | None = None,
        partitions: Partitioning | None = None,
        location: Location | None = None,
        **unknown: Never,
    ) -> None:
        where = location or caller()
        try:
            identity = uris.normalise(uri)
        except InvalidURI as error:
            report(error, where)
            identity = _in_place_of(uri)
        if partitions is not None:  # braces are escaped in web addresses, and here they are no part of one
            identity = _ESCAPED_HOLE.sub(r"{\1}", identity)
        about = f"dataset {identity}: "
        for key in unknown:
            report(keywords.unknown_keyword(key, _KEYWORDS, of="Dataset", about=about), where)
        given = {"aliases": aliases, "watch": watch, "capture": capture, "licence": licence, "owners": owners,
                 "tags": tags, "description": description, "columns": columns, "partitions": partitions}  # fmt: skip
        called = told(keywords.text_or_none, "name", name, instead=None, about=about, where=where)
        values: dict[str, Any] = {"uri": identity, "name": called or name_of(identity), "location": where}
        for key, (read, default) in _READ.items():
            values[key] = told(read, key, given[key], instead=default, about=about, where=where)
        values["aliases"] = tuple(one for one in values["aliases"] if one != identity)
        try:
            require_template(identity, values["partitions"])
        except DefinitionError as error:
            report(error, where)
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @property
    def suffix(self) -> str:
        """The suffix that decides the format: `".parquet"`, `"/"` for a directory, `""` for none."""
        return uris.suffix(self.uri)

    def with_columns(self, given: Mapping[str, object] | Iterable[Column] | None) -> Dataset:
        """The same with the columns that the asset which writes it declares, where it declares none itself.

        >>> Dataset("a.parquet").with_columns({"id": "Int64"}).columns
        (Column(name='id', type='Int64'),)
        """
        columns = told(keywords.columns, "columns", given, instead=None, about=f"dataset {self.uri}: ")
        if columns is None or columns == self.columns:
            return self
        if self.columns is not None:
            report(
                DefinitionError(
                    f"dataset {self.uri}: its columns are declared at Dataset(…), and otherwise at the asset that "
                    "writes it",
                    hint="Say columns= once.",
                ),
                self.location,
            )
            return self
        found = copy(self)
        object.__setattr__(found, "columns", columns)
        return found

    @staticmethod
    def match(pattern: str) -> DatasetLeaf:
        """Holds when any dataset has a pending event whose URI is `pattern`, where `*` stands for anything but a slash.

        The datasets need not be declared: they are known once somebody tells of an event of theirs. The condition names
        no dataset that could be bound to a parameter, so that a producer reads what it lists itself.

        >>> Dataset.match("s3://corpus/raw/*/docs.parquet").label
        's3://corpus/raw/*/docs.parquet'
        """
        try:
            return DatasetLeaf(uri=uris.normalise(pattern), match=True)
        except InvalidURI as error:
            report(error)
            return DatasetLeaf(uri=_in_place_of(pattern), match=True)

    def as_condition(self) -> DatasetLeaf:
        """Holds when this dataset has a pending event."""
        return DatasetLeaf(uri=self.uri, dataset=self)


def read_partitions(key: str, value: Any) -> Partitioning | None:
    """How something is divided, or that it is not."""
    if value is None or isinstance(value, Partitioning):
        return value
    raise DefinitionError(f"{key}={value!r} are no partitions", hint=f'Write e.g. {key}=Daily(start="2026-01-01").')


def one_partitioning(said: Partitioning | None, outputs: tuple[Dataset, ...]) -> Partitioning | None:
    """How an asset is divided: as every dataset that it writes."""
    found = [said] if said is not None else []
    found += [output.partitions for output in outputs if output.partitions is not None]
    first = found[0] if found else None
    for output in outputs:
        if output.partitions != first:
            report(
                DefinitionError(
                    f"{output.uri} is {'not divided' if output.partitions is None else output.partitions.label}, and "
                    f"the asset is {'not divided' if first is None else first.label}",
                    hint="What one producer writes has one partitioning: say partitions= at the asset alone.",
                )
            )
    return first


def _aliases(key: str, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(uris.normalise, keywords.texts(key, value))))


_READ: Mapping[str, tuple[Callable[[str, Any], Any], Any]] = {
    "aliases": (_aliases, ()),
    "watch": (keywords.duration_or_none, None),
    "capture": (keywords.word(Capture), Capture.VERIFY),
    "licence": (keywords.text_or_none, None),
    "owners": (keywords.texts, ()),
    "tags": (keywords.texts, ()),
    "description": (keywords.text, ""),
    "columns": (keywords.columns, None),
    "partitions": (read_partitions, None),
}
"""Keyword → how it is read, and what stands in the place of what cannot be."""


_ESCAPED_HOLE = re.compile(r"%7B([A-Za-z_][A-Za-z0-9_]*)%7D")
_STAND_IN = re.compile(r"\bunusable/[0-9a-f]{8}/")


def tells_stand_in(text: str) -> bool:
    """Whether a text speaks of an identity that stands in the place of one that cannot be; what is wrong with that one
    is told already."""
    return _STAND_IN.search(text) is not None


def _in_place_of(uri: object) -> str:
    """An identity for what has none, so that the other faults of a project can be found: of the same name and suffix,
    and of nothing else that the text says, which may be a secret."""
    plain = re.split(r"[?#]", str(uri), maxsplit=1)[0].rpartition("@")[2]
    last = re.sub(r"[^\w.\-]+", "_", plain.rstrip("/").rpartition("/")[2]).strip(".") or "dataset"
    return f"unusable/{digest_of(str(uri).encode(errors='replace'))[:8]}/{last}{'/' if plain.endswith('/') else ''}"
