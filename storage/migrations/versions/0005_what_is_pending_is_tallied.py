"""Sums of what is pending are remembered where that is long; nothing is remembered yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_PARTIAL = sa.text("tally IS NOT NULL")


def upgrade() -> None:
    """Add the columns: what is settled is all that has been summed up."""
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"  # see 0002
    with op.batch_alter_table("subscriptions", recreate=anew, table_kwargs={"sqlite_with_rowid": False}) as table:
        table.add_column(sa.Column("turns", _WHOLE, nullable=False, server_default="0"))
        table.add_column(sa.Column("summed", _WHOLE, nullable=False, server_default="0"))
        table.add_column(sa.Column("tally", sa.JSON(), nullable=True))
    op.execute("UPDATE subscriptions SET summed = floor")
    with op.batch_alter_table("subscriptions", recreate=anew, table_kwargs={"sqlite_with_rowid": False}) as table:
        table.alter_column("turns", server_default=None)
        table.alter_column("summed", server_default=None)
    op.create_index("tallied", "subscriptions", ["asset_id"], sqlite_where=_PARTIAL, postgresql_where=_PARTIAL)
