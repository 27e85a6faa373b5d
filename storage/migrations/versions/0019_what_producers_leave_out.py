"""What producers say is not to be made is kept by run and output, and what their resources left over by attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables, which begin empty: before, no run could be skipped and no resource be declared."""
    op.create_table(
        "omissions",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "dataset_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("omissions_by_dataset", "omissions", ["dataset_id", "run_id"], unique=False)
    op.create_table(
        "leftovers",
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("attempt", WHOLE, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("error", TEXT, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "attempt", "resource"),
        sqlite_with_rowid=False,
    )
