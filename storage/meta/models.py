"""Every table of the metadata store, imported once: what migrations are compared with."""

from __future__ import annotations

from sqlalchemy import MetaData

from .agenda import AgendaRow
from .attempts import AttemptRow
from .backfills.backfills import BackfillRow
from .cancellations import CancellationRow
from .catalogue import (
    AliasRow,
    AssetRow,
    DatasetRow,
    DefinitionRow,
    PatternRow,
    ProjectRow,
    SubscriptionRow,
    TimetableRow,
)
from .commands import CommandRow
from .database.engine import Row
from .edges import EdgeRow
from .events import ConsumptionRow, EventRow
from .holds import HoldRow
from .leases import LeaseRow
from .leftovers import LeftoverRow
from .limits import RateLimitRow
from .materializations import MaterializationRow
from .messages import MessageRow
from .notifications import NotificationRow
from .omissions import OmissionRow
from .outbox import LineageEventRow, OutboxRow
from .partitions.agenda import PartitionAgendaRow, PartitionNewsRow
from .partitions.heads import PartitionHeadRow
from .partitions.holds import PartitionHoldRow
from .partitions.ranges import PartitionRangeRow
from .parts import PartRow
from .pauses import PauseRow
from .progress import ProgressRow
from .runs import RunRow
from .ticks import TickRow
from .unsynced import UnsyncedRow
from .versions import ObservationRow, PinRow, VersionRow
from .watching import WatchRow

TABLES: tuple[type[Row], ...] = (
    ProjectRow,
    AssetRow,
    DatasetRow,
    DefinitionRow,
    SubscriptionRow,
    TimetableRow,
    PatternRow,
    AliasRow,
    AgendaRow,
    WatchRow,
    HoldRow,
    MaterializationRow,
    BackfillRow,
    RunRow,
    AttemptRow,
    OmissionRow,
    LeftoverRow,
    PauseRow,
    ProgressRow,
    VersionRow,
    UnsyncedRow,
    ObservationRow,
    EventRow,
    ConsumptionRow,
    TickRow,
    PinRow,
    PartitionHeadRow,
    PartitionRangeRow,
    PartitionAgendaRow,
    PartitionNewsRow,
    PartitionHoldRow,
    EdgeRow,
    LineageEventRow,
    OutboxRow,
    MessageRow,
    NotificationRow,
    LeaseRow,
    PartRow,
    CancellationRow,
    CommandRow,
    RateLimitRow,
)


def metadata() -> MetaData:
    """The schema as the models say it."""
    return Row.metadata
