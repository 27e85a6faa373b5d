"""Runs are looked for: by time down to the last of them, and those that ended badly among many that did not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_BADLY = sa.text("state IN ('canceled', 'failed', 'refused')")


def upgrade() -> None:
    """Widen one index and add another."""
    op.drop_index("runs_by_time", "runs")
    op.create_index("runs_by_time", "runs", ["created_at", "id"])
    op.create_index("runs_ended_badly", "runs", ["id"], sqlite_where=_BADLY, postgresql_where=_BADLY)
