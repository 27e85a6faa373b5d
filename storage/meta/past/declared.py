"""What is declared, now or at a time, in short: for views of very many assets, and of one without the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select

from ...types import RunState
from ..catalogue import assets, datasets, definitions
from ..database.engine import Transaction
from ..database.prepared import Prepared, Raw
from ..pauses import pauses
from ..runs import runs
from .history import Declared


def declared_asset(tx: Transaction, project: str, name: str) -> Declared | None:
    """The asset of this name; None where none is declared now."""
    query = (
        select(assets.c.id, assets.c.name, definitions.c.body, assets.c.registered_at, assets.c.succeeded_at)
        .join(definitions, definitions.c.asset_id == assets.c.id)
        .where(assets.c.project == project, assets.c.name == name, assets.c.removed_at.is_(None))
        .order_by(definitions.c.id.desc())
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    return Declared(
        id=row.id,
        name=row.name,
        definition=row.body,
        registered_at=row.registered_at,
        succeeded_at=row.succeeded_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """Of a definition what a map of very many needs, as `assets/declare/plain.py` wrote it.

    Attributes
    ----------
    name: what the asset was called by that definition.
    outputs, inputs: URIs of datasets.
    """

    asset_id: int
    name: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    condition: Mapping[str, Any] | None
    partitions: Mapping[str, Any] | None
    group: str
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    description: str


def sketches(tx: Transaction, project: str, at: datetime | None = None) -> list[Sketch]:
    """The assets that are declared now, or were at a time, by name. An asset that had been left out for a while, and
    came back, counts as declared all the time: when it was left out is not recorded.

    Costs a fourth of what whole definitions cost: the database takes them apart.
    """
    newest = select(func.max(definitions.c.id)).where(definitions.c.asset_id == assets.c.id)
    there = assets.c.removed_at.is_(None)
    if at is not None:
        newest = newest.where(definitions.c.recorded_at <= at)
        there = or_(there, assets.c.removed_at > at)
    body = definitions.c.body
    query = (
        select(
            assets.c.id,
            body["name"],
            body["outputs"],
            body["inputs"],
            body["condition"],
            body["policies"],
            body["partitions"],
            body["description"],
        )
        .join(definitions, definitions.c.id == newest.correlate(assets).scalar_subquery())
        .where(assets.c.project == project, there)
    )
    found = [
        Sketch(
            asset_id=number,
            name=name,
            outputs=tuple(outputs),
            inputs=tuple(one["uri"] for one in inputs),
            condition=condition,
            partitions=partitions,
            group=policies["group"] or "",
            tags=tuple(policies["tags"]),
            owners=tuple(policies["owners"]),
            description=description,
        )
        for number, name, outputs, inputs, condition, policies, partitions, description in tx.execute(query)
    ]
    return sorted(found, key=lambda one: one.name)


def dataset_names(tx: Transaction, project: str) -> dict[str, str]:
    """What the dataset at each URI is called, declared or not; of several there that which is still declared."""
    query = select(datasets.c.uri, datasets.c.name).where(datasets.c.project == project)
    query = query.order_by(datasets.c.removed_at.is_(None), datasets.c.name.desc(), datasets.c.id.desc())
    return {row.uri: row.name for row in tx.execute(query)}


def declared_names(tx: Transaction, project: str) -> dict[int, tuple[str, datetime | None]]:
    """The assets that are declared now, by id: name, and when it last published."""
    query = select(assets.c.id, assets.c.name, assets.c.succeeded_at).where(
        assets.c.project == project, assets.c.removed_at.is_(None)
    )
    return {number: (name, succeeded_at) for number, name, succeeded_at in tx.execute(query)}


def declaration_stamp(tx: Transaction, project: str) -> tuple[int | None, ...]:
    """What is another whenever an asset or a dataset is declared otherwise, anew, or no more."""
    newest = select(func.max(definitions.c.id)).join(assets, assets.c.id == definitions.c.asset_id)
    known = select(func.max(datasets.c.id), func.count(datasets.c.removed_at)).where(datasets.c.project == project)
    there = select(func.count(), func.count(assets.c.removed_at)).where(assets.c.project == project)
    rows = [tx.execute(one).one() for one in (newest.where(assets.c.project == project), known, there)]
    return tuple(value for row in rows for value in row)


def paused_at(tx: Transaction, project: str, at: datetime | None = None) -> set[int]:
    """The ids of the assets that are paused now, or were at a time."""
    lasting = pauses.c.until.is_(None)
    if at is not None:
        lasting = and_(pauses.c.since <= at, or_(lasting, pauses.c.until > at))
    query = select(pauses.c.asset_id).join(assets, assets.c.id == pauses.c.asset_id)
    return set(tx.execute(query.where(assets.c.project == project, lasting)).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """How an asset stood at a time: the state of its newest run, and when one had last succeeded; None before."""

    state: RunState | None
    succeeded_at: datetime | None


def stood_at(tx: Transaction, project: str, at: datetime) -> dict[int, Stood]:
    """How every asset that there was stood, by id. A run that had not ended counts as running if it had begun, else as
    scheduled: what became of it in between is not recorded."""
    ours = select(assets.c.id).where(assets.c.project == project)
    newest = select(func.max(runs.c.id)).where(runs.c.asset_id.in_(ours), runs.c.created_at <= at)
    query = select(runs.c.asset_id, runs.c.state, runs.c.started_at, runs.c.ended_at)
    states: dict[int, RunState] = {}
    for asset_id, state, started_at, ended_at in tx.execute(
        query.where(runs.c.id.in_(newest.group_by(runs.c.asset_id)))
    ):
        begun = RunState.RUNNING if started_at is not None and started_at <= at else RunState.SCHEDULED
        states[asset_id] = RunState(state) if ended_at is not None and ended_at <= at else begun
    made = (
        select(runs.c.asset_id, func.max(runs.c.ended_at))
        .where(runs.c.asset_id.in_(ours), runs.c.state == RunState.SUCCESS.value, runs.c.ended_at <= at)
        .group_by(runs.c.asset_id)
    )
    succeeded = dict(tx.execute(made).all())
    return {
        number: Stood(state=states.get(number), succeeded_at=succeeded.get(number))
        for number in states.keys() | succeeded.keys()
    }


Standings = Sequence[Raw]
"""How assets stood when they were last asked for, as the database has it."""


def stand_now(
    tx: Transaction, project: str, known: Standings = ()
) -> tuple[Standings, list[tuple[int, str, datetime | None, str | None]]]:
    """How the assets stand that are declared now: id, name, when each last published, and the state of its newest run;
    of those only where that is not as in `known`, which is the first of what was given the last time. Cheaper than
    `last_runs`."""
    return _STANDING.others(tx, {"b_project": project}, known)  # pyright: ignore[reportReturnType]  as they are selected


_STANDING = Prepared(
    select(
        assets.c.id,
        assets.c.name,
        assets.c.succeeded_at,
        select(runs.c.state)
        .where(runs.c.asset_id == assets.c.id)
        .order_by(runs.c.id.desc())
        .limit(1)
        .correlate(assets)
        .scalar_subquery(),
    )
    .where(assets.c.project == bindparam("b_project"), assets.c.removed_at.is_(None))
    .order_by(assets.c.id)
)
