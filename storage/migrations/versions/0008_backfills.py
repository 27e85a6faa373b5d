"""Backfills have a row each, and runs say which backfill asked for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table, and the column to the runs, which those of before leave empty."""
    op.create_table(
        "backfills",
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("keys", TEXT, nullable=False),
        sa.Column("total", WHOLE, nullable=False),
        sa.Column("reprocess", TEXT, nullable=False),
        sa.Column("propagate", TEXT, nullable=False),
        sa.Column("backwards", sa.Boolean(), nullable=False),
        sa.Column("max_active_runs", WHOLE, nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("steps", WHOLE, nullable=False),
        sa.Column("looked", WHOLE, nullable=False),
        sa.Column("spared", WHOLE, nullable=False),
        sa.Column("held", WHOLE, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("backfills_by_time", "backfills", ["project", "created_at", "id"], unique=False)
    _index("unfinished_backfills", "backfills", ["project", "ended_at"], "ended_at IS NULL")
    op.add_column("runs", sa.Column("backfill_id", TEXT, nullable=True))
    _index("runs_of_backfills", "runs", ["backfill_id", "asset_id", "partition"], "backfill_id IS NOT NULL")


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
