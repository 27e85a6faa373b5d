"""What waits for the disk says which root it belongs to, however that is reached, and which process sees to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# As on SQLite: texts in the order of their code points.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column. What stands there already has the path of its root, and nobody who sees to it."""
    with op.batch_alter_table("unsynced") as table:
        table.add_column(sa.Column("holder", TEXT, nullable=False, server_default=""))
    with op.batch_alter_table("unsynced") as table:
        table.alter_column("holder", server_default=None)
