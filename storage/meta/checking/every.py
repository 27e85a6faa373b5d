"""Every check of the rows alone, in the order in which they are told."""

from __future__ import annotations

from . import catalogue, commands, consuming, events, lineage, partitions, references, runs, unsynced
from .check import Check

CHECKS: tuple[Check, ...] = (
    *references.CHECKS,
    *catalogue.CHECKS,
    *events.CHECKS,
    *consuming.CHECKS,
    *runs.CHECKS,
    *commands.CHECKS,
    *partitions.CHECKS,
    *lineage.CHECKS,
    *unsynced.CHECKS,
)
