"""Partitions have heads of their own, and the ranges in which they are made; a parameter can pin several versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables; the pins are written anew, because their key has a column more."""
    op.create_table(
        "partition_heads",
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("version_id", WHOLE, nullable=False),
        sa.Column("event_id", WHOLE, nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.Column("run_id", TEXT, nullable=True),
        sa.Column("shown_version_id", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "partition"),
        sqlite_with_rowid=False,
    )
    _index("unshown_partitions", "partition_heads", ["dataset_id"], "shown_version_id IS NULL")
    op.create_table(
        "partition_ranges",
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("start", WHOLE, nullable=False),
        sa.Column("end", WHOLE, nullable=False),
        sa.Column("keys", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "line", "start"),
        sqlite_with_rowid=False,
    )
    _index("runs_of_partitions", "runs", ["asset_id", "partition", "id"], "partition <> ''")
    _index(
        "failed_partitions", "runs", ["asset_id", "state", "partition", "id"], "partition <> '' AND state = 'failed'"
    )
    _write_pins_anew()


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)


def _write_pins_anew() -> None:
    op.execute("CREATE TABLE pins_before AS SELECT * FROM pins")
    op.drop_table("pins")
    op.create_table(
        "pins",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("parameter", TEXT, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("version_id", WHOLE, nullable=False),
        sa.Column("event_id", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.PrimaryKeyConstraint("run_id", "parameter", "partition"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pins_version_id", "pins", ["version_id"], unique=False)
    op.execute(
        "INSERT INTO pins (run_id, parameter, partition, dataset_id, version_id, event_id) "
        "SELECT run_id, parameter, '', dataset_id, version_id, event_id FROM pins_before"
    )
    op.drop_table("pins_before")
