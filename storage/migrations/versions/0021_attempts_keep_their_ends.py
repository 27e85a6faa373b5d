"""A run that is to be tried again says when, and an attempt what ended it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")  # numbers of 64 bits, as on SQLite


def upgrade() -> None:
    """Add the columns. Of what ended before nothing more is known: a run's own error is that of its last attempt."""
    op.add_column("runs", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempts", sa.Column("error", sa.JSON(), nullable=True))
    op.add_column("attempts", sa.Column("exit_code", WHOLE, nullable=True))
    op.add_column("attempts", sa.Column("signal", WHOLE, nullable=True))
