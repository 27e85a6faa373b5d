"""A consumer remembers with which event it began. Of those that are there already it stays unknown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Add the column, which the rows of before leave empty."""
    op.add_column("subscriptions", sa.Column("began", WHOLE, nullable=True))
