"""Partitions are planned: ranges of them are on an agenda, and events are found by their keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables, which begin empty, and the index."""
    op.create_table(
        "partition_agenda",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("start", WHOLE, nullable=False),
        sa.Column("end", WHOLE, nullable=False),
        sa.Column("done", WHOLE, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("touched", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.PrimaryKeyConstraint("asset_id", "line", "start", "end"),
        sqlite_with_rowid=False,
    )
    _index("due_partitions", "partition_agenda", ["asset_id", "at", "line", "start"], "at IS NOT NULL")
    op.create_table(
        "partition_news",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("asset_id", "dataset_id"),
        sqlite_with_rowid=False,
    )
    _index("events_of_partitions", "events", ["dataset_id", "partition", "number"], "partition <> ''")


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
