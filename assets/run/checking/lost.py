"""Checks: nothing that could be made now is asleep.

A planner looks at what the agenda says, and at nothing else. So here everything is planned that the agenda does not
say, by the definitions that are registered: what comes of it would wait until something else wakes its asset, perhaps
for ever. Looks at the bytes of heads, as planning does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select

from ....storage.meta import agenda, catalogue
from ....storage.meta.agenda import agenda as agenda_rows
from ....storage.meta.checking.check import Check, Found
from ....storage.meta.checking.partitions import LOOK_AGAIN
from ....storage.meta.database.engine import Transaction
from ...plan.planner import Plan, plan
from ..planning.snapshot import load
from ..project.project import Project


def checks(project: Project, now: datetime) -> tuple[Check, ...]:
    """Those of assets without partitions, as they are at `now`."""

    def find(tx: Transaction) -> Iterator[Found]:
        return _asleep(project, tx, now)

    return (
        Check(
            name="lost-news",
            rule="What could be made now is on the agenda, and what time alone will bring is on it by then.",
            find=find,
            advice=LOOK_AGAIN,
        ),
    )


def asleep(project: Project, tx: Transaction, now: datetime) -> list[str]:
    """The names of the assets that no planner would look at now: neither news nor time brings them."""
    found = agenda.due(tx, project.name, now=now)
    awake = {project.names.get(number, "") for number in found.touched}
    for uri in catalogue.uris_of(tx, list(found.news)).values():
        awake.update(project.concerned(uri))
    return [
        name for name, asset in project.catalogue.assets.items() if asset.condition is not None and name not in awake
    ]


def _asleep(project: Project, tx: Transaction, now: datetime) -> Iterator[Found]:
    names = [name for name in asleep(project, tx, now) if _is_plannable(project, name)]
    if not names:
        return
    decided = plan(project.graph, load(project, tx, names, now=now).state, now)
    looked = _looked_at(tx, [project.ids.assets[name] for name in names])
    late: dict[datetime, list[str]] = {}
    for name in names:
        at, next_at = looked.get(project.ids.assets[name]), decided.wakeups.get(name)
        if why := what_comes(decided, name):
            yield Found(f"asset {name}", _told(at), f"that a planner looks at it now: {why}")
        elif next_at is not None and (at is None or at > next_at):
            late.setdefault(next_at, []).append(name)
    # Whether something comes then is for a plan of then to say: the clock may have gone back since a tick was taken.
    for then, some in late.items():
        decided = plan(project.graph, load(project, tx, some, now=then).state, then)
        for name in some:
            if why := what_comes(decided, name):
                at, by = looked.get(project.ids.assets[name]), f"{then:%Y-%m-%d %H:%M:%S}"
                yield Found(f"asset {name}", _told(at), f"that a planner looks at it at {by}: {why}")


def _told(at: datetime | None) -> str:
    return f"asleep until {'it has news' if at is None else f'{at:%Y-%m-%d %H:%M:%S}'}"


def what_comes(decided: Plan, name: str) -> str:
    """What is to be done with an asset now, in words; "" where nothing is."""
    runs = [f"it would be made ({one.reason.text})" for one in decided.runs if one.asset == name]
    runs += ["its output would be confirmed" for one in decided.confirmations if one.asset == name]
    runs += [f"its deadline of {one.tick:%Y-%m-%d %H:%M} has passed" for one in decided.missed if one.asset == name]
    return "; ".join(runs[:1])


def _is_plannable(project: Project, name: str) -> bool:
    """Whether it can be planned without code of the project; one with partitions is looked at by partition."""
    asset = project.catalogue.assets[name]
    return asset.partitions is None and not any(one.function for one in project.reading.every_relation(asset).values())


def _looked_at(tx: Transaction, asset_ids: Sequence[int]) -> dict[int, datetime]:
    rows = tx.execute(select(agenda_rows.c.asset_id, agenda_rows.c.at).where(agenda_rows.c.at.is_not(None)))
    wanted = set(asset_ids)
    return {number: at for number, at in rows if number in wanted}
