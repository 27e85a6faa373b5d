"""How many partitions of a dataset are made stands in its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")  # numbers of 64 bits, as on SQLite


def upgrade() -> None:
    """Add the column, and count what is there.

    The default stays: without it SQLite would have to write the table anew, and others point to its rows.
    """
    op.add_column("datasets", sa.Column("partitions_made", WHOLE, nullable=False, server_default=sa.text("0")))
    op.execute(
        "UPDATE datasets SET partitions_made = "
        "coalesce((SELECT sum(keys) FROM partition_ranges WHERE dataset_id = datasets.id), 0)"
    )
