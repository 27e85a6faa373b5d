"""The agenda: which assets a planner has to look at, and when. It is how the cost of planning follows the news.

Two things bring an asset onto it: a moment that was written down for it (its next tick, the end of a run of it, that it
was resumed or registered), and news of a dataset that it waits for, which is not written for each asset but follows
from the dataset's own row.

Nothing is lost to a planner that works on an older snapshot: it takes off the agenda only what it has seen. `touched`
of an asset grows with whatever is written down for it, so that a planner knows if something was meanwhile.

Nor to one whose definitions are not those that are registered. What is due is given with the definition that each
asset is registered with; a planner decides for those that it knows in this form, and wakes the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Index, bindparam, case, insert, or_, select, text, update
from sqlmodel import Field

from .catalogue import NEWS, assets, datasets, projects, registered_at, subscriptions
from .database.bell import Topic, ring
from .database.engine import BY_KEY, Row, Transaction, UtcTime, table_of
from .database.prepared import Listed, Prepared, among


class AgendaRow(Row, table=True):
    """When a planner has to look at an asset next; None: not before there is news."""

    __tablename__ = "agenda"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("due_on_agenda", "at", sqlite_where=text("at IS NOT NULL"), postgresql_where=text("at IS NOT NULL")),
        BY_KEY,
    )

    asset_id: int = Field(foreign_key="assets.id", primary_key=True)
    at: datetime | None = Field(default=None, sa_type=UtcTime)
    touched: int = 0


agenda = table_of(AgendaRow)

AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
"""When a planner has to look at what it should look at now: no clock of any machine is behind that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a planner has to look at, as it was in one snapshot.

    Attributes
    ----------
    touched: asset id → how often something was written down for it, for every asset that is to be looked at.
    definitions: of these assets, the digest of the definition that each is registered with.
    news: dataset id → the number of its newest event, where planners have not looked at all of them.
    catalogue: where there is news, the digest of the catalogue that is registered.
    registered_at: when that was, where there is anything.
    """

    touched: Mapping[int, int]
    definitions: Mapping[int, str]
    news: Mapping[int, int]
    catalogue: str | None = None
    registered_at: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.touched or self.news)


_EARLIER = case((agenda.c.at <= bindparam("b_at"), agenda.c.at), else_=bindparam("b_at", type_=UtcTime()))
_WAKE = Prepared(
    update(agenda).where(agenda.c.asset_id == bindparam("b_asset")).values(at=_EARLIER, touched=agenda.c.touched + 1)
)
_ENTERED = Prepared(insert(agenda))


def enter(tx: Transaction, asset_ids: Sequence[int]) -> None:
    """These assets, which are new, are on the agenda: a planner has to look at them at once."""
    if asset_ids:
        _ENTERED.run_many(tx, [{"asset_id": number, "at": AT_ONCE, "touched": 0} for number in asset_ids])
        ring(tx, Topic.PLANNER)


def wake(tx: Transaction, asset_ids: Sequence[int], *, at: datetime = AT_ONCE) -> None:
    """A planner has to look at these assets at this time, or sooner where that was written down already."""
    if asset_ids:
        _WAKE.run_many(tx, [{"b_asset": number, "b_at": at} for number in asset_ids])
        ring(tx, Topic.PLANNER)


_DUE = select(agenda.c.asset_id, agenda.c.touched, assets.c.definition_digest).join(
    assets, assets.c.id == agenda.c.asset_id
)
_declared_in = (
    select(assets.c.project)
    .where(assets.c.id == agenda.c.asset_id, assets.c.removed_at.is_(None))
    .correlate(agenda)
    .scalar_subquery()
)
"""Not joined: a database that knows little of its tables, as after a registration, would look through every asset of
the project instead of what is due."""
_defined_as = (
    select(assets.c.definition_digest).where(assets.c.id == agenda.c.asset_id).correlate(agenda).scalar_subquery()
)
_REGISTERED_AT = registered_at(bindparam("b_project"))
_BY_TIME = select(agenda.c.asset_id, agenda.c.touched, _defined_as, _REGISTERED_AT).where(
    agenda.c.at.is_not(None), agenda.c.at <= bindparam("b_now"), _declared_in == bindparam("b_project")
)
_BY_NEWS = Listed(
    _DUE.join(subscriptions, subscriptions.c.asset_id == agenda.c.asset_id).where(
        among(subscriptions.c.dataset_id), subscriptions.c.ended_at.is_(None), assets.c.removed_at.is_(None)
    )
)
_BY_NAME = Listed(_DUE.where(among(agenda.c.asset_id), assets.c.removed_at.is_(None)))
_CATALOGUE = select(projects.c.catalogue_digest).where(projects.c.name == bindparam("b_project")).scalar_subquery()
_NEWS = select(datasets.c.id, datasets.c.last_number, _CATALOGUE, _REGISTERED_AT).where(
    datasets.c.project == bindparam("b_project"), text(NEWS)
)


def due(tx: Transaction, project: str, *, now: datetime) -> Due:
    """What a planner has to look at now; costs what there is of it, not the graph and not the history."""
    named = {"b_project": project}
    timed = tx.execute(_BY_TIME, {**named, "b_now": now}).all()
    told = tx.execute(_NEWS, named).all()
    rows: list[Sequence[Any]] = [row[:3] for row in timed]
    news = {number: newest for number, newest, *_ in told}
    if news:
        rows += _BY_NEWS.rows(tx, list(news))
    since = next((row[-1] for row in (*told, *timed)), None)
    found = Due(touched={}, definitions={}, news=news, catalogue=told[0][2] if told else None, registered_at=since)
    return _with(found, rows)


def widened(tx: Transaction, found: Due, asset_ids: Sequence[int]) -> Due:
    """The same with these assets: news concerns them although they do not wait for it."""
    further = [number for number in asset_ids if number not in found.touched]
    return _with(found, _BY_NAME.rows(tx, further)) if further else found


def _with(found: Due, rows: Iterable[Sequence[Any]]) -> Due:
    """The same with these assets: id, how often touched, and the digest of the definition of each."""
    touched, definitions = dict(found.touched), dict(found.definitions)
    for number, count, definition in rows:
        touched[number], definitions[number] = count, definition
    return replace(found, touched=touched, definitions=definitions)


_NEXT_AT = Prepared(
    select(agenda.c.at)
    .where(
        agenda.c.at.is_not(None),
        agenda.c.at > bindparam("b_after", type_=UtcTime()),
        _declared_in == bindparam("b_project"),
    )
    .order_by(agenda.c.at)
    .limit(1)
)
_BEFORE_ALL = AT_ONCE - timedelta(days=1)


def next_at(tx: Transaction, project: str, *, after: datetime = _BEFORE_ALL) -> datetime | None:
    """When a planner has to look again, if there is no news before, at the earliest behind a time; None: not before."""
    return next((at for (at,) in _NEXT_AT.rows(tx, {"b_project": project, "b_after": after})), None)


_PLANNED = Prepared(
    update(datasets)
    .where(datasets.c.id == bindparam("b_dataset"), datasets.c.planned_number < bindparam("b_number"))
    .values(planned_number=bindparam("b_number"))
)
_SEEN = agenda.c.touched == bindparam("b_touched")
_NEXT = bindparam("b_next", type_=UtcTime())
_WRITTEN = Prepared(
    update(agenda)
    .where(agenda.c.asset_id == bindparam("b_asset"))
    .values(
        at=case((or_(_SEEN, agenda.c.at.is_(None), agenda.c.at > _NEXT), _NEXT), else_=agenda.c.at),
        touched=agenda.c.touched + 1,
    )
)
_CLEARED = Prepared(
    update(agenda).where(agenda.c.asset_id == bindparam("b_asset"), _SEEN).values(at=None, touched=agenda.c.touched + 1)
)


def settle(tx: Transaction, found: Due, wakeups: Mapping[int, datetime]) -> None:
    """Planners have looked at what was due in a snapshot, and want to look at these assets again at these times.

    What came after the snapshot stays due.
    """
    if found.news:
        _PLANNED.run_many(tx, [{"b_dataset": number, "b_number": newest} for number, newest in found.news.items()])
    seen = [{"b_asset": number, "b_touched": count} for number, count in found.touched.items()]
    again = [{**row, "b_next": at} for row in seen if (at := wakeups.get(row["b_asset"])) is not None]
    if again:
        _WRITTEN.run_many(tx, again)
    quiet = [row for row in seen if row["b_asset"] not in wakeups]
    if quiet:
        _CLEARED.run_many(tx, quiet)
