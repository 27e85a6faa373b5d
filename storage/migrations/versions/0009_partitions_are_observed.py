"""What is observed of a dataset that others write is kept for each partition of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Write the observations anew, because their key has a column more."""
    op.execute("CREATE TABLE observations_before AS SELECT * FROM observations")
    op.drop_table("observations")
    op.create_table(
        "observations",
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("fingerprint", sa.JSON(), nullable=False),
        sa.Column("version_id", WHOLE, nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "partition"),
    )
    op.execute(
        "INSERT INTO observations (dataset_id, partition, fingerprint, version_id, looked_at) "
        "SELECT dataset_id, '', fingerprint, version_id, looked_at FROM observations_before"
    )
    op.drop_table("observations_before")
