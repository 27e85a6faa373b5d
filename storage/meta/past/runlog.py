"""The runs, as readers look for them: by what they are of and how they went, newest first, and counted. Reads only.

Newest first is by id, which sorts by age: so a page begins behind the last run of the page before, and costs what it
shows. Times are turned into ids first. What is rare is found by an index of its own: runs at work, and those that
ended badly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, and_, cast, extract, func, or_, select, text

from ...types import FINAL_STATES, ReasonKind, RunState
from ..catalogue import assets, definitions
from ..database.engine import Transaction
from ..runs import BADLY, ENDED_BADLY, Run, run_of, runs, runs_with_assets


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs are looked for; what is None or empty does not matter.

    Attributes
    ----------
    states: in any of these.
    asset, partition, backfill: exactly this one; `backfill` is its whole id.
    group: of assets that are declared in this group now.
    reason: this word is among those of the reason.
    since, until: planned then or later, then or earlier.
    error: the text of the error has this in it, whatever its case.
    """

    states: frozenset[RunState] = frozenset()
    asset: str | None = None
    partition: str | None = None
    group: str | None = None
    reason: ReasonKind | None = None
    backfill: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None


def runs_wanted(
    tx: Transaction, project: str, wanted: Wanted, *, limit: int, before: str | None = None, offset: int = 0
) -> list[Run]:
    """These runs, newest first; `before` is the id of a run: only older ones."""
    query = _narrowed(tx, runs_with_assets(), project, wanted, states=True).order_by(runs.c.id.desc())
    if before is not None:
        query = query.where(runs.c.id < before)
    return [run_of(row) for row in tx.execute(query.limit(limit).offset(offset)).mappings()]


def states_wanted(tx: Transaction, project: str, wanted: Wanted) -> dict[RunState, int]:
    """How many of these there are in each state, whichever states are wanted; one without any is left out."""
    query = select(runs.c.state, func.count())
    if not _from_runs(tx, wanted, states=False):
        query = query.join(assets, assets.c.id == runs.c.asset_id)  # once for each run: as long as all the rest
    query = _narrowed(tx, query, project, wanted, states=False).group_by(runs.c.state)
    return {RunState(state): number for state, number in _rows(tx, query)}


def _narrowed(tx: Transaction, query: Any, project: str, wanted: Wanted, *, states: bool) -> Any:
    elsewhere = select(assets.c.id).where(assets.c.project != project)  # none, mostly
    from_runs = _from_runs(tx, wanted, states=states)
    owner = runs.c.asset_id.not_in(elsewhere) if from_runs else assets.c.project == project
    conditions: list[ColumnElement[bool]] = [owner]
    if states and wanted.states:
        conditions.append(runs.c.state.in_(sorted(wanted.states)))
        if not wanted.states & FINAL_STATES:
            conditions.append(runs.c.ended_at.is_(None))
        elif wanted.states <= BADLY:
            conditions.append(text(ENDED_BADLY))  # pyright: ignore[reportArgumentType]
    if wanted.asset is not None:
        conditions.append(assets.c.name == wanted.asset)
    if wanted.partition is not None:
        conditions.append(runs.c.partition == wanted.partition)
    if wanted.group is not None:
        inside = select(assets.c.id).select_from(_declared()).where(assets.c.project == project, wanted.group == _GROUP)
        conditions.append(runs.c.asset_id.in_(inside))
    if wanted.reason is not None:
        conditions.append(_among_words(wanted.reason))
    if wanted.backfill is not None:
        conditions.append(runs.c.backfill_id == wanted.backfill)
    if wanted.error:
        conditions.append(text(ENDED_BADLY))  # pyright: ignore[reportArgumentType]
        said = (runs.c.error[key].as_string() for key in ("message", "type"))
        conditions.append(or_(*(one.icontains(wanted.error, autoescape=True) for one in said)))
    return query.where(and_(*conditions, *_within(wanted.since, wanted.until)))


def _from_runs(tx: Transaction, wanted: Wanted, *, states: bool) -> bool:
    """Whether the runs are gone through, and those of other projects left out. SQLite would begin with the assets of
    the project, which are all of them mostly, and sort their runs."""
    few = wanted.asset is not None or wanted.group is not None
    few = few or (states and bool(wanted.states) and not wanted.states & FINAL_STATES)
    return tx.dialect.name == "sqlite" and not few


def _among_words(kind: ReasonKind) -> ColumnElement[bool]:
    return or_(runs.c.reason["kind"].as_string() == kind.value, cast(runs.c.reason["also"], Text).contains(f'"{kind}"'))


def _within(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Times as ids: no run that was planned then or later has a smaller id than the smallest of them."""
    # Behind `|| ''` the id is no column to either database: else both walk through all ids from the first on, to find
    # the smallest at once, instead of through the times.
    known = runs.c.id.concat("")
    found: list[ColumnElement[bool]] = []
    if since is not None:
        first = select(func.min(known)).where(runs.c.created_at >= since).scalar_subquery()
        found += [runs.c.id >= first, runs.c.created_at >= since]
    if until is not None:
        last = select(func.max(known)).where(runs.c.created_at <= until).scalar_subquery()
        found += [runs.c.id <= last, runs.c.created_at <= until]
    return found


_GROUP = definitions.c.body[("policies", "group")].as_string()


def _declared() -> Any:
    """Assets that are declared now, with their newest definition."""
    newest = (
        select(definitions.c.asset_id, func.max(definitions.c.id).label("id"))
        .group_by(definitions.c.asset_id)
        .subquery()
    )
    declared = assets.join(newest, and_(newest.c.asset_id == assets.c.id, assets.c.removed_at.is_(None)))
    return declared.join(definitions, definitions.c.id == newest.c.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Runs of an asset in one state, from when the first began until the last ended, None where one is at work.
    `run_id` is the newest of these `count`."""

    asset: str
    state: RunState
    count: int
    run_id: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def went_badly(self) -> bool:
        """Whether it failed, was refused or canceled."""
        return self.state in BADLY


def spans(tx: Transaction, project: str, wanted: Wanted, *, since: datetime, limit: int) -> list[Span]:
    """The runs that were at work after a time, one by one, newest first."""
    columns: tuple[Any, ...] = (runs.c.id, assets.c.name, runs.c.state, runs.c.started_at, runs.c.ended_at)
    query = _at_work(tx, select(*columns), project, wanted, since)
    rows = _rows(tx, query.order_by(runs.c.id.desc()).limit(limit))
    return [
        Span(asset=name, state=RunState(state), count=1, run_id=run_id, started_at=started, ended_at=ended)
        for run_id, name, state, started, ended in rows
    ]


def spans_together(
    tx: Transaction, project: str, wanted: Wanted, *, since: datetime, seconds: int, limit: int
) -> list[Span]:
    """The same, of each asset and state together that began in the same so many seconds; newest first."""
    began: ColumnElement[int] = (
        cast(func.strftime("%s", runs.c.started_at), Integer)
        if tx.dialect.name == "sqlite"
        else cast(func.floor(extract("epoch", runs.c.started_at)), Integer)
    )
    columns: tuple[Any, ...] = (
        assets.c.name,
        runs.c.state,
        func.count(),
        func.max(runs.c.id),
        func.min(runs.c.started_at),
        func.max(runs.c.ended_at),
        func.count(runs.c.ended_at),
    )
    query = _at_work(tx, select(*columns), project, wanted, since)
    query = query.group_by(assets.c.name, runs.c.state, began.op("/")(seconds))
    rows = _rows(tx, query.order_by(func.max(runs.c.id).desc()).limit(limit))
    return [
        Span(
            asset=name,
            state=RunState(state),
            count=number,
            run_id=run_id,
            started_at=started,
            ended_at=ended if known == number else None,
        )
        for name, state, number, run_id, started, ended, known in rows
    ]


def _rows(tx: Transaction, query: Any) -> Iterable[Any]:
    """Rows of columns that are put together here, so that no type is known of them."""
    return tx.execute(query)  # pyright: ignore[reportUnknownVariableType]


def _at_work(tx: Transaction, query: Any, project: str, wanted: Wanted, since: datetime) -> Any:
    query = query.join(assets, assets.c.id == runs.c.asset_id)
    return _narrowed(tx, query, project, wanted, states=True).where(
        runs.c.started_at.is_not(None), or_(runs.c.ended_at.is_(None), runs.c.ended_at >= since)
    )
