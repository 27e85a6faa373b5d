"""Migrations of the metadata store, run by alembic."""
