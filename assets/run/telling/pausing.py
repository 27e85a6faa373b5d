"""Pausing an asset and resuming it: what a person says of one asset, recorded. Loads no code of the project."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ....storage.errors import UsageError
from ....storage.meta import agenda, catalogue, events, giving_up, pauses
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.past import history
from ....storage.meta.ticks import TickTaken, consume_ticks, last_ticks
from ....storage.settings import read_settings
from ....storage.types import ConsumptionOutcome, OnResume
from ...declare.asset import AssetFunction
from ...declare.plain import asset_from_plain
from ...declare.ticks.timetables import Timetable
from ..project.project import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """An asset goes on.

    Attributes
    ----------
    since, why: of the pause that is over.
    dropped: how many events that were pending were given up.
    returned: the run whose event is pending again; None where none was.
    """

    asset: str
    since: datetime
    why: str
    dropped: int = 0
    returned: str | None = None


def pause(
    asset: str | AssetFunction, *, why: str = "", project_folder: str | Path | None = None, **settings: Any
) -> bool:
    """The asset is started by nothing but a person until it is resumed; what comes meanwhile stays pending.

    Parameters
    ----------
    asset: its name, or the decorated function.
    why: what `plan` and `status` say of it.
    project_folder, settings: as `materialize` takes them.

    Returns
    -------
    bool: False when it was paused already, with the reason of then.

    Raises
    ------
    UsageError: there is no such asset.
    """
    with open_store(read_settings(None if project_folder is None else Path(project_folder), **settings)) as store:
        return pause_in(store, _name(asset), why=why)


def resume(
    asset: str | AssetFunction,
    *,
    drop: bool | None = None,
    project_folder: str | Path | None = None,
    **settings: Any,
) -> Resumed | None:
    """The asset is started by its condition again; None when it was not paused.

    An asset that stopped at an error under `each` tries the same event again.

    Parameters
    ----------
    drop: whether what came meanwhile is given up, an event that it stopped at included; without it, what the asset's
        `on_resume` says.

    The others, and what is raised, are those of `pause`.
    """
    with open_store(read_settings(None if project_folder is None else Path(project_folder), **settings)) as store:
        return resume_in(store, _name(asset), drop=drop)


def pause_in(store: Store, name: str, *, why: str, at: datetime | None = None) -> bool:
    """`pause` in an open store, now or as of another time."""
    with store.write() as tx:
        return pause_with(tx, store.project, name, why=why, at=at)


def pause_with(tx: Transaction, project: str, name: str, *, why: str, at: datetime | None = None) -> bool:
    """`pause` in a transaction."""
    return pauses.begin(tx, _asset(tx, project, name), why=why or "by hand", now=at or moment_of(tx))


def resume_in(store: Store, name: str, *, drop: bool | None = None, at: datetime | None = None) -> Resumed | None:
    """`resume` in an open store, now or as of another time."""
    with store.write() as tx:
        return resume_with(tx, store.project, name, drop=drop, at=at)


def resume_with(
    tx: Transaction, project: str, name: str, *, drop: bool | None = None, at: datetime | None = None
) -> Resumed | None:
    """`resume` in a transaction."""
    returned = None
    moment, asset_id = at or moment_of(tx), _asset(tx, project, name)
    over = pauses.end(tx, asset_id, now=moment)
    if over is None:
        return None
    dropped = 0
    if _drops(tx, asset_id, moment) if drop is None else drop:
        dropped = giving_up.give_up_all(tx, asset_id, outcome=ConsumptionOutcome.DROPPED, now=moment)
        _take_ticks(tx, asset_id, moment)
    else:
        _take_deadline(tx, asset_id, over.since, moment)
        if over.run_id is not None and events.give_back(tx, asset_id=asset_id, run_id=over.run_id, fresh=True):
            returned = over.run_id
    pauses.forgive(tx, asset_id)
    agenda.wake(tx, [asset_id])
    return Resumed(asset=name, since=over.since, why=over.why, dropped=dropped, returned=returned)


def _drops(tx: Transaction, asset_id: int, moment: datetime) -> bool:
    """What the asset's definition says of it."""
    body = catalogue.definition_at(tx, asset_id, moment)
    return body is not None and body["policies"]["on_resume"] == OnResume.DROP


def _take_ticks(tx: Transaction, asset_id: int, moment: datetime) -> None:
    """The newest tick of each timetable is taken, so that none before it counts, whatever is caught up with."""
    body = catalogue.definition_at(tx, asset_id, moment)
    if body is not None:
        _take(tx, asset_id, asset_from_plain(body).timetables, _EVER, moment)


def _take_deadline(tx: Transaction, asset_id: int, since: datetime, moment: datetime) -> None:
    """A deadline that passed during the pause is taken: whoever paused the asset knew, and nothing is missed."""
    body = catalogue.definition_at(tx, asset_id, moment)
    deadline = None if body is None else asset_from_plain(body).policies.deadline
    if deadline is not None:
        _take(tx, asset_id, {deadline.label: deadline.timetable}, since, moment)


def _take(
    tx: Transaction, asset_id: int, timetables: Mapping[str, Timetable], since: datetime, moment: datetime
) -> None:
    """Of each timetable its newest tick, where that came at or after `since` and nobody has taken it."""
    last = last_ticks(tx, [(asset_id, label) for label in timetables])
    passed = {label: one.previous(moment) for label, one in timetables.items()}
    given_up = [
        TickTaken(asset_id, None, label, tick)
        for label, tick in passed.items()
        if tick is not None and tick >= since and tick > last.get((asset_id, label), _EVER)
    ]
    consume_ticks(tx, given_up, now=moment)


_EVER = datetime.min.replace(tzinfo=UTC)


def _name(asset: str | AssetFunction) -> str:
    return asset if isinstance(asset, str) else asset.name


def _asset(tx: Transaction, project: str, name: str) -> int:
    found = catalogue.asset_id_of(tx, project, name)
    if found is not None:
        return found
    names = [one.name for one in history.declared_assets(tx, project)]
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    else:
        nothing = "Nothing has been recorded yet: `penstock materialize` does."
        hint = "`penstock status` shows the assets." if names else nothing
    raise UsageError(f"there is no asset {name!r} in project {project}", hint=hint)
