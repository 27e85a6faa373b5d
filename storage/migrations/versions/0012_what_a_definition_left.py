"""How many partitions of a dataset are left under keys of an earlier definition stands in its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")  # numbers of 64 bits, as on SQLite


def upgrade() -> None:
    """Add the column. What was left before counts as made until the definition changes again.

    The default stays: without it SQLite would have to write the table anew, and others point to its rows.
    """
    op.add_column("datasets", sa.Column("partitions_left", WHOLE, nullable=False, server_default=sa.text("0")))
