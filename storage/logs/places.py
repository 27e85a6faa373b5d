"""Where the log of an attempt lies: `LOGS/2026-01-05/RUN/1.log`, in the setting `logs`.

The day is that of the run's id, which holds the time at which the run was planned: whoever knows the id finds the
file, and whoever removes what is old looks at the names of folders alone. While an attempt writes, its log lies on this
machine; where `logs` is a URL, it is brought there when the attempt has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..files.remote import Remote
from ..settings import ProjectSettings

CLEANED = "cleaned.txt"
"""The file beside the days that holds the id of the newest run whose log was removed."""
NO_DAY = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """Where logs lie: `folder` on this machine, and `url` where they are brought to in the end, "" where they stay."""

    folder: Path
    url: str = ""
    storage_options: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def file(self, run_id: str, attempt: int) -> Path:
        """The log of an attempt on this machine, whether or not it is there."""
        return self.folder / day_of(run_id) / run_id / f"{attempt}.log"

    def url_of(self, run_id: str, attempt: int) -> str:
        """Where the log of an attempt is brought to."""
        return f"{self.url}/{day_of(run_id)}/{run_id}/{attempt}.log"

    def store(self) -> Remote:
        """What holds them in the end, where that is a URL.

        Raises
        ------
        MissingExtra: the library for its protocol is not installed, or nobody knows the protocol.
        """
        protocol, _, rest = self.url.partition("://")
        return Remote(f"{protocol}://{rest.partition('/')[0]}", self.storage_options)


def logs_of(settings: ProjectSettings) -> LogPlace:
    """Where the logs of a project lie."""
    where = settings.logs
    if "://" not in where:
        return LogPlace(folder=Path(where))
    options = settings.values.storage_options.get(where.partition("://")[0], {})
    return LogPlace(folder=settings.home / "logs", url=where, storage_options=options)


def day_of(run_id: str) -> str:
    """The day in UTC at which a run was planned, by its id, a UUID of version 7.

    >>> day_of("01a21ff0-bad5-7000-909d-59475a768353")
    '2026-11-28'
    """
    digits = run_id.replace("-", "")
    try:
        seconds = int(digits[:12], 16) / 1000
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return NO_DAY
