"""Why partitions are held stands in ranges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table, which begins empty: a partition is in it when it is looked at again."""
    op.create_table(
        "partition_holds",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("start", WHOLE, nullable=False),
        sa.Column("end", WHOLE, nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.PrimaryKeyConstraint("asset_id", "line", "start"),
        sqlite_with_rowid=False,
    )
