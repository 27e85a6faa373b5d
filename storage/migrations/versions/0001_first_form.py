"""The first form: catalogue, runs, versions, events and their consumption, edges, outbox, leases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# As on SQLite: numbers of 64 bits, texts in the order of their code points.
WHOLE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def _when(condition: str) -> dict[str, Any]:
    """An index over the rows alone for which this holds."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:  # noqa: PLR0915  every table there is
    """Make every table of an empty database."""
    op.create_table(
        "leases",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "materializations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("held", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("materializations_by_time", "materializations", ["project", "started_at", "id"], unique=False)
    op.create_index(
        "unfinished_materializations",
        "materializations",
        ["project", "ended_at"],
        unique=False,
        **_when("ended_at IS NULL"),
    )
    op.create_table(
        "projects",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("catalogue_digest", TEXT, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "assets",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("definition_digest", TEXT, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("head_run_id", TEXT, nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project", "name"),
    )
    op.create_table(
        "agenda",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("touched", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.PrimaryKeyConstraint("asset_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("due_on_agenda", "agenda", ["at"], unique=False, **_when("at IS NOT NULL"))
    op.create_table(
        "datasets",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("uri", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("producer_id", WHOLE, nullable=True),
        sa.Column("declaration", sa.JSON(), nullable=False),
        sa.Column("last_number", WHOLE, nullable=False),
        sa.Column("planned_number", WHOLE, nullable=False),
        sa.Column("head_version_id", WHOLE, nullable=True),
        sa.Column("shown_version_id", WHOLE, nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["producer_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["project"], ["projects.name"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project", "uri"),
    )
    op.create_index("ix_datasets_name", "datasets", ["name"], unique=False)
    op.create_index("news", "datasets", ["project", "id"], unique=False, **_when("last_number > planned_number"))
    op.create_table(
        "definitions",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_definitions_asset_id", "definitions", ["asset_id"], unique=False)
    op.create_table(
        "patterns",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("pattern", TEXT, nullable=False),
        sa.Column("removals", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.PrimaryKeyConstraint("asset_id", "pattern"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("materialization_id", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("made_from", sa.JSON(), nullable=False),
        sa.Column("nominal_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("nominal_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("worker", TEXT, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["materialization_id"], ["materializations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("active_runs", "runs", ["asset_id", "ended_at"], unique=False, **_when("ended_at IS NULL"))
    op.create_index(
        "executed_runs",
        "runs",
        ["asset_id", "created_at", "id"],
        unique=False,
        **_when("state <> 'skipped' OR attempts > 0"),
    )
    op.create_index("ix_runs_materialization_id", "runs", ["materialization_id"], unique=False)
    op.create_index("runs_by_asset", "runs", ["asset_id", "id"], unique=False)
    op.create_index("runs_by_time", "runs", ["created_at"], unique=False)
    op.create_table(
        "timetables",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.PrimaryKeyConstraint("asset_id", "label"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "aliases",
        sa.Column("project", TEXT, nullable=False),
        sa.Column("uri", TEXT, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["project"], ["projects.name"]),
        sa.PrimaryKeyConstraint("project", "uri"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_aliases_dataset_id", "aliases", ["dataset_id"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lineage_events",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_lineage_events_run_id", "lineage_events", ["run_id"], unique=False)
    op.create_table(
        "pauses",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("run_id", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("one_current_pause", "pauses", ["asset_id"], unique=True, **_when("until IS NULL"))
    op.create_index("pauses_by_asset", "pauses", ["asset_id", "since"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("floor", WHOLE, nullable=False),
        sa.Column("completing", WHOLE, nullable=False),
        sa.Column("removals", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("asset_id", "partition", "dataset_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_subscriptions_dataset_id", "subscriptions", ["dataset_id"], unique=False)
    op.create_table(
        "ticks",
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("timetable", TEXT, nullable=False),
        sa.Column("tick", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("asset_id", "partition", "timetable", "tick"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "versions",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("rows", WHOLE, nullable=True),
        sa.Column("size", WHOLE, nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dataset_id", "partition", "digest"),
    )
    op.create_index("ix_versions_digest", "versions", ["digest"], unique=False)
    op.create_table(
        "edges",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("output_version_id", WHOLE, nullable=False),
        sa.Column("input_version_id", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["input_version_id"], ["versions.id"]),
        sa.ForeignKeyConstraint(["output_version_id"], ["versions.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "output_version_id", "input_version_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_edges_input_version_id", "edges", ["input_version_id"], unique=False)
    op.create_index("ix_edges_output_version_id", "edges", ["output_version_id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("version_id", WHOLE, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dataset_id", "number"),
    )
    op.create_index("ix_events_run_id", "events", ["run_id"], unique=False)
    op.create_index("ix_events_version_id", "events", ["version_id"], unique=False)
    op.create_table(
        "observations",
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("fingerprint", sa.JSON(), nullable=False),
        sa.Column("version_id", WHOLE, nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.PrimaryKeyConstraint("dataset_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", WHOLE, nullable=False),
        sa.Column("destination", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["lineage_events.id"]),
        sa.PrimaryKeyConstraint("event_id", "destination"),
        sqlite_with_rowid=False,
    )
    op.create_index("outbox_dead", "outbox", ["destination", "event_id"], unique=False, **_when("state = 'dead'"))
    op.create_index("outbox_pending", "outbox", ["destination", "event_id"], unique=False, **_when("state = 'pending'"))
    op.create_index(
        "outbox_pending_by_run",
        "outbox",
        ["destination", "run_id", "event_id"],
        unique=False,
        **_when("state = 'pending'"),
    )
    op.create_table(
        "consumptions",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("asset_id", WHOLE, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("event_id", WHOLE, nullable=False),
        sa.Column("run_id", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"]),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_consumptions_run_id", "consumptions", ["run_id"], unique=False)
    op.create_index(
        "one_current_consumption",
        "consumptions",
        ["asset_id", "partition", "event_id"],
        unique=True,
        sqlite_where=sa.text("current = 1"),
        postgresql_where=sa.text("current"),
    )
    op.create_index(
        "returned_consumptions",
        "consumptions",
        ["asset_id", "partition", "event_id"],
        unique=False,
        **_when("outcome = 'returned'"),
    )
    op.create_table(
        "pins",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("parameter", TEXT, nullable=False),
        sa.Column("dataset_id", WHOLE, nullable=False),
        sa.Column("version_id", WHOLE, nullable=False),
        sa.Column("event_id", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.PrimaryKeyConstraint("run_id", "parameter"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pins_version_id", "pins", ["version_id"], unique=False)
