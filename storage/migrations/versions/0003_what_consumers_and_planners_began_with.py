"""A consumer remembers with which event it began, an event when it was told, and planners since when they watch and why
they held what they held.

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


TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns, which the rows of before leave empty, and the tables, which begin empty."""
    op.add_column("events", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subscriptions", sa.Column("began", WHOLE, nullable=True))
    op.create_table(
        "holds",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.PrimaryKeyConstraint("asset_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "watches",
        sa.Column("project", TEXT, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.name"]),
        sa.PrimaryKeyConstraint("project"),
        sqlite_with_rowid=False,
    )
