"""Removing what no version and no run needs any more: bytes, logs, and messages that arrived long ago."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ...storage.errors import UsageError
from ...storage.files.sweep import Swept
from ...storage.logs.cleaning import CleanedLogs, clean_logs
from ...storage.logs.places import logs_of
from ...storage.meta import messages
from ...storage.meta.database.engine import Store
from ...storage.meta.database.engine import now as moment_of
from ...storage.meta.database.looking import recorded, to_look
from ...storage.meta.past import history
from ...storage.settings import ProjectSettings
from ...storage.uri import redacted
from .attempt.sweeping import sweep_roots
from .notifying.hearing import address
from .project.project import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What went, or would: bytes by root, logs, and how many messages."""

    roots: Mapping[str, Swept]
    logs: CleanedLogs
    messages: int


def clean(settings: ProjectSettings, *, older_than: timedelta, dry_run: bool = False) -> Cleaning:
    """Staged and orphaned bytes that are older, and logs and messages that are older than the settings say, are gone;
    with `dry_run` nothing is.

    Raises
    ------
    UsageError: the metadata store names no version. Without one on record everything would look orphaned, and a wrong
        setting would cost the data.
    StorageFault: something cannot be removed; what was removed before stays so.
    """
    if not recorded(settings.database_url):
        raise _unknown(settings)
    values = settings.values
    with to_look(settings.database_url, project=settings.project) as store:
        with store.read() as tx:
            if not history.has_versions(tx):
                raise _unknown(settings)
            active, now = history.unended(tx), moment_of(tx)
        logs = clean_logs(
            logs_of(settings), days=values.log_days, total=values.log_total, active=active, now=now, dry_run=dry_run
        )
        roots = sweep_roots(store, settings, older_than=older_than, dry_run=dry_run)
        told = _messages(store, settings, dry_run=True) if dry_run else 0
    if not dry_run and values.notifications:
        with open_store(settings) as store:
            told = _messages(store, settings, dry_run=False)
    return Cleaning(roots=roots, logs=logs, messages=told)


def _messages(store: Store, settings: ProjectSettings, *, dry_run: bool) -> int:
    """How many messages that have arrived are forgotten: those that no limit of their destination asks for any more."""
    found = 0
    for name, one in settings.values.notifications.items():
        kept = max(timedelta(days=settings.values.log_days), one.quiet, one.rate[1])
        with store.read() if dry_run else store.write() as tx:
            before = moment_of(tx) - kept
            found += messages.clear(tx, address(settings, name), before=before, dry_run=dry_run)
    return found


def _unknown(settings: ProjectSettings) -> UsageError:
    return UsageError(
        f"the metadata store {redacted(settings.database_url)} names no version, so nothing says what may go",
        hint="See with `penstock config` that this is the store that the data belongs to.",
    )
