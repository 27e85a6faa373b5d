"""People are told of failures and the like: what, and by which messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "messages",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("destination", TEXT, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("count", WHOLE, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("next_at", TIME, nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    _partial("messages_pending", "messages", ["destination", "id"], "state = 'pending'")
    op.create_index("messages_delivered", "messages", ["destination", "delivered_at"])
    op.create_table(
        "notifications",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("destination", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("how", TEXT, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("message_id", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    key = ["destination", "kind", "asset_id", "partition", "about"]
    op.create_index("one_notification", "notifications", key, unique=True)
    _partial("notifications_waiting", "notifications", ["destination", "id"], "message_id IS NULL")
    op.create_index("notifications_of_messages", "notifications", ["message_id"])


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
