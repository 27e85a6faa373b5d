"""Checks: whatever a row names is there. The databases see to most of that; a file that was damaged or written by hand
may differ, and some columns name what no key of theirs protects."""

from __future__ import annotations

from collections.abc import Iterator

from ..database.engine import Transaction
from ..models import metadata
from .check import REPORT, Check, Found, asked

_FURTHER = (
    ("datasets", "head_version_id", "versions", "id"),
    ("datasets", "shown_version_id", "versions", "id"),
    ("assets", "head_run_id", "runs", "id"),
    ("runs", "backfill_id", "backfills", "id"),
    ("outbox", "run_id", "runs", "id"),
    ("events", "again_of", "events", "id"),
)
"""What no foreign key says: table and column, and what it names."""


def _named() -> Iterator[tuple[str, str, str, str]]:
    for table in metadata().sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda one: one.parent.name):
            yield table.name, key.parent.name, key.column.table.name, key.column.name
    yield from _FURTHER


def _dangling(tx: Transaction) -> Iterator[Found]:
    for table, column, other, named in _named():
        query = (
            f"SELECT one.{column} AS it, count(*) AS many FROM {table} one LEFT JOIN {other} two "  # noqa: S608  names of our own
            f"ON two.{named} = one.{column} WHERE one.{column} IS NOT NULL AND two.{named} IS NULL "
            f"GROUP BY one.{column}"
        )
        for row in asked(tx, query):
            yield Found(
                f"{table}.{column} {row['it']}",
                f"{row['many']} rows name it",
                f"a row of {other} that has this {named}",
            )


CHECKS = (Check(name="references", rule="Whatever a row names is there.", find=_dangling, advice=REPORT),)
