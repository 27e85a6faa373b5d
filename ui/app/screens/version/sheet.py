"""Lineage as a table to be kept: CSV, one line for each version, the one that was asked about first. Pure."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from io import StringIO

from ....read.tracing import Traced

_TITLES = (
    "dataset", "partition", "version", "made_as", "digest", "rows", "bytes", "licence", "uri", "asset",
    "run", "commit", "code", "parameters", "published_at", "newest",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(lines: Iterable[Traced]) -> str:
    """The lines with their titles. A cell that a spreadsheet would compute begins with an apostrophe instead.

    `version` is a number, and `made_as` every one under which the same bytes were made.
    """
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_TITLES)
    for one in lines:
        writer.writerow([_cell(value) for value in _values(one)])
    return written.getvalue()


def _values(one: Traced) -> tuple[object, ...]:
    version = one.version
    return (
        version.dataset, one.partition, one.number, _listed(made.number for made in one.made),
        version.digest, version.rows, version.size, one.licence or "unknown",
        version.uri, one.asset, one.run, one.commit, one.code,
        json.dumps(dict(one.parameters), ensure_ascii=False) if one.parameters else "",
        "" if one.published_at is None else one.published_at.isoformat(), "yes" if one.is_head else "no",
    )  # fmt: skip


def _listed(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))


def _cell(value: object) -> object:
    """
    >>> _cell("=1+1"), _cell(None), _cell(3)
    ("'=1+1", '', 3)
    """
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
