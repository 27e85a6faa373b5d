"""What people ask for in the app waits for a scheduler."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Add the table. Nobody has asked for anything yet."""
    op.create_table(
        "commands",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("steps", WHOLE, nullable=False),
        sa.Column("remaining", sa.JSON(), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("worker", TEXT, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("one_command", "commands", ["project", "key"], unique=True)
    op.create_index("commands_by_age", "commands", ["project", "id"])
    op.create_index("commands_about", "commands", ["project", "about", "id"])
    open_ones = sa.text("ended_at IS NULL")
    op.create_index(
        "unfinished_commands", "commands", ["project", "ended_at"], sqlite_where=open_ones, postgresql_where=open_ones
    )
