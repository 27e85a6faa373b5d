"""`penstock.why`: the one call for an asset or a partition of it, now or at an earlier time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from ....storage.errors import UsageError
from ....storage.settings import read_settings
from ...declare.asset import AssetFunction
from ...declare.definitions import Definitions
from ..api import Things, prepared
from .of_partition import why_partition
from .why import Why, why_now, why_then


def why(
    things: Things | Iterable[Things] | Definitions | None,
    asset: str | AssetFunction,
    *,
    at: datetime | str | None = None,
    partition: str | None = None,
    project_folder: str | Path | None = None,
    **settings: Any,
) -> Why:
    """What the planner would do with an asset, and why; nothing is run.

    Parameters
    ----------
    things: as `materialize` takes them; None: the definitions that the settings name. Of no account with `at`.
    asset: its name, or the decorated function.
    at: an earlier time, by the definition and the news of then: aware, or as a text `"2026-01-05T03:00Z"`, `"-2h"`.
    partition: the key of one partition of an asset that has some, now: `"2026-01-05"`.
    project_folder, settings: as `materialize` takes them.

    Raises
    ------
    DefinitionError: the definitions have faults.
    UsageError: there is no such asset or partition, or it was not there then; the time is naive or to come; a partition
        is asked about at an earlier time.

    >>> why([chunks], chunks).reason.text                                   # doctest: +SKIP
    'waiting for docs'
    """
    name = asset if isinstance(asset, str) else asset.name
    if at is not None:
        require_whole(name, partition)
        return why_then(read_settings(None if project_folder is None else Path(project_folder), **settings), name, at)
    known, definitions = prepared(things, project_folder, settings)
    if partition is not None:
        return why_partition(known, definitions, name, partition)
    return why_now(known, definitions, name)


def require_whole(name: str, partition: str | None) -> None:
    """An asset is asked about as a whole, for it is asked how it was.

    Raises
    ------
    UsageError: a partition is named.
    """
    if partition is not None:
        raise UsageError(
            f"which partitions were made at an earlier time is not looked up: why {name}, partition {partition}, "
            "answers for now alone",
            hint="Leave the time out; or leave the partition out, and it is answered for the asset as a whole.",
        )
