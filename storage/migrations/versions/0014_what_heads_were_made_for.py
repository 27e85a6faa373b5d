"""A head that was made for another window than its key means now says for which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")  # numbers of 64 bits, as on SQLite


def upgrade() -> None:
    """Add the columns, which begin empty: what was left before counts as it did until the definition changes again."""
    op.add_column("partition_heads", sa.Column("made_start", WHOLE, nullable=True))
    op.add_column("partition_heads", sa.Column("made_end", WHOLE, nullable=True))
