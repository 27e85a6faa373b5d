"""A tick of a deadline that was missed is kept with the reason. Of those that are there already it stays unknown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which the ticks of before leave empty."""
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"  # see 0002
    with op.batch_alter_table("ticks", recreate=anew, table_kwargs={"sqlite_with_rowid": False}) as table:
        table.add_column(sa.Column("reason", sa.JSON(), nullable=True))
