"""A tick is kept with the time at which it was taken or noted. Of those that are there already it stays unknown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which the ticks of before leave empty."""
    # SQLite writes the whole table anew, as a new database has it: otherwise the column would stand behind its keys.
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("ticks", recreate=anew, table_kwargs={"sqlite_with_rowid": False}) as table:
        table.add_column(sa.Column("noted_at", sa.DateTime(timezone=True), nullable=True))
