"""alembic's environment. It runs on the connection that `storage/meta/migrate.py` hands over, and on no other."""

from __future__ import annotations

from alembic import context

from penstock.storage.meta.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata(), render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
