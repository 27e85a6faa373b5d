"""An event that tells another one again, because its dataset is an alias of this one now, says which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")  # numbers of 64 bits, as on SQLite


def upgrade() -> None:
    """Add the column. What was told again before does not say so."""
    op.add_column("events", sa.Column("again_of", WHOLE, nullable=True))
