"""A consumer remembers with which event it began, and an event when it was told.

Of those that are there already it stays unknown.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Add the columns, which the rows of before leave empty."""
    op.add_column("events", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subscriptions", sa.Column("began", WHOLE, nullable=True))
