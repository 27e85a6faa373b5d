"""The words that are written to the database, defined once.

Changing a member here changes what is persisted: add, never rename, and write a migration.
Costs nothing to import: no library, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What JSON can say: run parameters, metadata, lineage events."""

FORMAT_VERSION = 1
"""Version of every JSON document that penstock persists (manifests, definitions, reasons)."""

ANY_LINE = "/"
"""The line of a range on the agenda of partitions that holds what lies between its bounds on every line. No key has a
slash in it."""


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
    LEFT_OUT = "left_out"  # an input has no version because its producer said so
    AWAITING_APPROVAL = "awaiting_approval"
    REFUSED = "refused"


class AttemptOutcome(StrEnum):
    """How one try of a run ended."""

    SUCCESS = "success"
    FAILED = "failed"  # the producer or the publication raised
    LOST = "lost"  # its worker vanished
    PREVENTED = "prevented"  # the machine did not let it: a full disk, a database that is away, a stop at once
    CANCELED = "canceled"
    SKIPPED = "skipped"  # the producer said that there was nothing to be made


class NotificationKind(StrEnum):
    """What people are told of."""

    FAILED = "failed"  # a run failed for good
    RECOVERED = "recovered"  # a run succeeded where the one before had failed
    RETRY = "retry"  # a run that failed, or lost its worker, is tried again
    LATE = "late"  # a deadline passed without a run
    PAUSED = "paused"  # an asset paused itself
    CHECK_FAILED = "check_failed"  # nothing tells it yet: there are no checks


class ValueKind(StrEnum):
    """In which form a producer takes or gives a dataset; decided by its annotation."""

    LAZY_FRAME = "lazy_frame"  # polars.LazyFrame: scanned on reading, sunk in streaming mode on writing
    FRAME = "frame"  # polars.DataFrame
    TABLE = "table"  # pyarrow.Table
    FRAMES = "frames"  # Iterator/Iterable/Generator of polars.DataFrame, written as a stream
    BYTES = "bytes"
    TEXT = "text"  # str: all of a file of text, or a JSON value that is a text
    JSON = "json"  # dict, list, int, float, bool, TypedDict, Any
    OBJECT = "object"  # any Python object, where a format keeps these: a pickle
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
    ValueKind.OBJECT: "any Python object",
    ValueKind.PATH: "pathlib.Path",
    ValueKind.VERSION: "penstock.Version",
    ValueKind.OPAQUE: "penstock.Opaque",
}
"""How messages spell a kind: as the annotation that asks for it."""


class JsonType(StrEnum):
    """What a JSON value is on its outside: the types that an annotation names."""

    MAPPING = "dict"  # Mapping, TypedDict
    LIST = "list"  # Sequence
    TEXT = "str"
    INTEGER = "int"
    NUMBER = "float"
    TRUTH = "bool"


class Capture(StrEnum):
    """What is kept of data that others write."""

    VERIFY = "verify"  # a fingerprint, checked before and after each read
    COPY = "copy"  # the bytes too


class Publish(StrEnum):
    """How a dataset's own URI follows its head."""

    COPY = "copy"  # made equal to the head
    NONE = "none"  # left alone; only the immutable version exists


class Consume(StrEnum):
    """Which pending events one run takes."""

    BATCH = "batch"  # every one of the condition, whichever branch held
    BRANCH = "branch"  # those of the branches that held
    LATEST = "latest"  # the newest of each dataset; older ones are superseded
    EACH = "each"  # one event of one dataset a run, in order


class OnError(StrEnum):
    """What follows under `each` when the run of an event fails for good."""

    STOP = "stop"  # the asset pauses; the event is tried again when it is resumed
    SKIP = "skip"  # the next event is taken


class OnResume(StrEnum):
    """What becomes of the events that came while an asset was paused."""

    BATCH = "batch"  # they are pending, with the times at which they came
    DROP = "drop"  # they are dropped


class OnRegister(StrEnum):
    """What the data that are there already mean to an asset that is new."""

    WAIT = "wait"  # they can complete its condition; news starts it
    BUILD = "build"  # they start it


class OnDeadline(StrEnum):
    """What follows when a condition has not held by its deadline."""

    ALERT = "alert"  # it is told, and waits on
    RUN = "run"  # a run with what is there
    SKIP = "skip"  # what is pending is given up


class Gap(StrEnum):
    """When a wall-clock time ticks that a change of the clocks leaves out."""

    SHIFT = "shift"  # as far behind the gap as it lies in it: 02:30 becomes 03:30
    END = "end"  # where the gap ends: 02:30 becomes 03:00
    SKIP = "skip"  # not at all


class Fold(StrEnum):
    """When a wall-clock time ticks that a change of the clocks shows twice."""

    SECOND = "second"
    FIRST = "first"
    BOTH = "both"


class Catchup(StrEnum):
    """Which of several ticks that are due at once are made up for; or a number, of the newest."""

    LATEST = "latest"  # the newest
    ALL = "all"
    NONE = "none"  # the newest, if nobody was away when it became due


class Late(StrEnum):
    """What follows when a part of a window comes after its roll-up has been made."""

    EACH = "each"  # the window is made again, as often as something comes
    COMPLETE = "complete"  # once more, when all of its parts are there
    IGNORE = "ignore"  # nothing


class Fanout(StrEnum):
    """Which partitions news of a dataset without partitions starts."""

    NONE = "none"  # it completes all of them
    LATEST = "latest"  # the newest
    ALL = "all"


class ConsumptionOutcome(StrEnum):
    """What became of an event that a consumer took."""

    RUN = "run"  # a run took it
    CONFIRMED = "confirmed"  # held by confirmed events alone: the consumer's output was confirmed
    RETURNED = "returned"  # its run failed or was canceled: pending again, completing only
    RELEASED = "released"  # its run never began, or its backfill left it: pending again, as it was before
    SUPERSEDED = "superseded"  # a run took a newer one of the same dataset
    DROPPED = "dropped"  # given up: on resuming, or at a deadline
    CLOSED = "closed"  # the condition no longer names the dataset, or it was told again of what both URIs are
    SUPPRESSED = "suppressed"  # a backfill published it, and was told to start nothing by it


class MaterializationState(StrEnum):
    """Where a materialization (one call of `materialize`) stands."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"  # at least one run failed, or an asset was held because of one
    CANCELED = "canceled"


class BackfillState(StrEnum):
    """Where a backfill stands; the allowed transitions are the table in `assets/plan/backfills/lifecycle.py`."""

    RUNNING = "running"  # its partitions are being made, or wait for somebody who makes them
    PAUSED = "paused"  # nothing of it is planned until it is resumed
    SUCCESS = "success"  # every partition was looked at, and none failed or was held
    FAILED = "failed"  # every partition was looked at, and some failed or were held
    CANCELED = "canceled"


class Reprocess(StrEnum):
    """Which of its partitions a backfill makes; those with an active run are left alone."""

    MISSING = "missing"  # those that are not made and have not failed
    FAILED = "failed"  # these, and those whose last run failed
    ALL = "all"  # every one, although nothing changed


class Propagate(StrEnum):
    """What the events of a backfill may start."""

    NONE = "none"  # nothing
    WITHIN = "within"  # the partitions downstream that lie within its range, once each
    ALL = "all"  # whatever waits for them: they are news like any other


class OutboxState(StrEnum):
    """Where one lineage event stands on its way to one destination."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # the destination refused it for good


class PartKind(StrEnum):
    """What a part of a running system does."""

    SCHEDULER = "scheduler"  # plans
    WORKER = "worker"  # makes runs
    RELAY = "relay"  # delivers lineage


class PartState(StrEnum):
    """Where a part stands."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"  # it ends once what it has begun is done


class CommandKind(StrEnum):
    """What a person asks for in the app."""

    MATERIALIZE = "materialize"  # make an asset
    PAUSE = "pause"  # an asset is started by nothing but a person
    RESUME = "resume"  # its condition starts it again
    CANCEL = "cancel"  # end a run
    RERUN = "rerun"  # make a run again, from the versions that it had pinned
    BACKFILL = "backfill"  # make partitions of an asset
    PAUSE_BACKFILL = "pause_backfill"
    RESUME_BACKFILL = "resume_backfill"
    CANCEL_BACKFILL = "cancel_backfill"


class CommandState(StrEnum):
    """Where a command stands; the last three are final."""

    WAITING = "waiting"  # no scheduler has begun it
    AT_WORK = "at_work"  # begun: something of it waits for a run to begin or to end
    CARRIED_OUT = "carried_out"  # what was asked for is done, or recorded for workers who have begun it
    REFUSED = "refused"  # it asks for what is not there, or cannot be
    FAILED = "failed"  # a fault of penstock or of the machine came between


class LogStream(StrEnum):
    """Where a line of a log comes from; stands in each line of the files."""

    STDOUT = "stdout"
    STDERR = "stderr"
    LOG = "log"  # a record of Python's logging
    NOTE = "note"  # penstock itself: what was left out
