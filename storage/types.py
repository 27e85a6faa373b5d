"""The words that are written to the database, defined once.

Changing a member here changes what is persisted: add, never rename, and write a migration.
Costs nothing to import: no library, no I/O.
"""

from __future__ import annotations

from enum import StrEnum

FORMAT_VERSION = 1
"""Version of every JSON document that penstock persists (manifests, definitions, reasons)."""


class EventKind(StrEnum):
    """What an event says of a dataset."""

    CHANGED = "changed"  # a version with another digest than the head before
    CONFIRMED = "confirmed"  # the same digest as the head before
    REMOVED = "removed"  # the dataset no longer exists where it was observed


class RunState(StrEnum):
    """Where a run stands; the allowed transitions are the table in `assets/plan/lifecycle.py`."""

    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"  # planned, recorded, not handed out
    QUEUED = "queued"  # handed to an executor
    RUNNING = "running"  # a worker has claimed it
    DEFERRED = "deferred"  # waits for something outside, holds no worker slot
    UP_FOR_RETRY = "up_for_retry"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    REFUSED = "refused"
    CANCELED = "canceled"


FINAL_STATES = frozenset({RunState.SUCCESS, RunState.FAILED, RunState.SKIPPED, RunState.REFUSED, RunState.CANCELED})


class ReasonKind(StrEnum):
    """Why a run was made, or why none was: the closed list that every face shows alike."""

    # why a run was made
    FIRST_BUILD = "first_build"
    INPUT_CHANGED = "input_changed"
    INPUT_UPDATED = "input_updated"
    TICK = "tick"
    STALE = "stale"
    DEADLINE = "deadline"
    CODE_CHANGED = "code_changed"
    PARAMETERS_CHANGED = "parameters_changed"
    MISSING = "missing"  # the head's bytes are gone
    BACKFILL = "backfill"
    MANUAL = "manual"
    RETRY = "retry"
    # why there was none
    WAITING = "waiting"  # the condition does not hold; the detail says what for
    NO_VERSION = "no_version"  # an input that is not optional has no version
    PAUSED = "paused"
    AT_LIMIT = "at_limit"
    SETTLING = "settling"
    UNCHANGED = "unchanged"
    CONFIRMED = "confirmed"  # the condition held by confirmed events alone
    UPSTREAM_FAILED = "upstream_failed"
    AWAITING_APPROVAL = "awaiting_approval"
    REFUSED = "refused"


class AttemptOutcome(StrEnum):
    """How one try of a run ended."""

    SUCCESS = "success"
    FAILED = "failed"  # the producer or the publication raised
    LOST = "lost"  # its worker vanished
    CANCELED = "canceled"


class ValueKind(StrEnum):
    """In which form a producer takes or gives a dataset; decided by its annotation."""

    LAZY_FRAME = "lazy_frame"  # polars.LazyFrame: scanned on reading, sunk in streaming mode on writing
    FRAME = "frame"  # polars.DataFrame
    TABLE = "table"  # pyarrow.Table
    FRAMES = "frames"  # Iterator/Iterable/Generator of polars.DataFrame, written as a stream
    BYTES = "bytes"
    TEXT = "text"  # str
    JSON = "json"  # dict, list, int, float, bool, TypedDict, Any
    PATH = "path"  # pathlib.Path: a file, or a directory
    VERSION = "version"  # the pinned manifest itself; input only
    OPAQUE = "opaque"  # data without files; output only


KIND_NAMES = {
    ValueKind.LAZY_FRAME: "polars.LazyFrame",
    ValueKind.FRAME: "polars.DataFrame",
    ValueKind.TABLE: "pyarrow.Table",
    ValueKind.FRAMES: "Iterator[polars.DataFrame]",
    ValueKind.BYTES: "bytes",
    ValueKind.TEXT: "str",
    ValueKind.JSON: "a JSON value (dict, list, int, …)",
    ValueKind.PATH: "pathlib.Path",
    ValueKind.VERSION: "penstock.Version",
    ValueKind.OPAQUE: "penstock.Opaque",
}
"""How messages spell a kind: as the annotation that asks for it."""


class Capture(StrEnum):
    """What is kept of data that others write."""

    VERIFY = "verify"  # a fingerprint, checked before and after each read
    COPY = "copy"  # the bytes too


class Publish(StrEnum):
    """How a dataset's own URI follows its head."""

    COPY = "copy"  # made equal to the head
    NONE = "none"  # left alone; only the immutable version exists


class Consume(StrEnum):
    """How many pending events one run takes."""

    BATCH = "batch"


class ConsumptionOutcome(StrEnum):
    """What became of an event that a consumer took."""

    RUN = "run"  # a run took it
    CONFIRMED = "confirmed"  # held by confirmed events alone: the consumer's output was confirmed
    RETURNED = "returned"  # its run failed or was canceled: pending again, completing only


class MaterializationState(StrEnum):
    """Where a materialization (one call of `materialize`) stands."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"  # at least one run failed, or an asset was held because of one
    CANCELED = "canceled"


class OutboxState(StrEnum):
    """Where one lineage event stands on its way to one destination."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # the destination refused it for good
