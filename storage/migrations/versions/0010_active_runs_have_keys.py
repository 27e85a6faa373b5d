"""The runs that have not ended are found by the keys of their partitions too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the key into the index."""
    where = sa.text("ended_at IS NULL")
    op.drop_index("active_runs", table_name="runs")
    columns = ["asset_id", "ended_at", "partition"]
    op.create_index("active_runs", "runs", columns, unique=False, sqlite_where=where, postgresql_where=where)
