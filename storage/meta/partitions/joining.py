"""Joining, for consumers with partitions: a dataset without partitions turns out to be another one, because that has it
as an alias, and each partition stands to the newest event of that one as it stood to the newest of the former, and to
its newest change as to the newest change.

What was told before these is not told again for them: a partition reads the newest version in any case. Who waited for
the dataset already stands to what was told again of it as to what it had before, where that has the same version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, insert, select, true, update

from ...types import ConsumptionOutcome, EventKind
from ..catalogue import FORGOTTEN, subscriptions
from ..database.engine import WHOLE, Transaction
from ..events import consumptions, events
from ..joining import Again
from . import agenda


class Last(NamedTuple):
    """What was told last of a dataset: the id and the number of its newest event, and of the newest that said that it
    had changed, which may be the same one."""

    event: int
    number: int
    change: int
    changed: int


class Moving(NamedTuple):
    """A consumer with partitions that waited for a dataset, or for another one that turned out to be that.

    Attributes
    ----------
    own: id of the dataset that both are now.
    last: what was told last of the one that it waited for.
    completing: up to which number of that it can complete and start nothing.
    waited: whether that was the dataset itself.
    """

    asset_id: int
    own: int
    last: Last
    completing: int
    waited: bool

    @property
    def news(self) -> bool:
        """Whether what was told last may start partitions: whether it does, each of them knows."""
        return not self.waited and self.last.changed > self.completing


def moving(tx: Transaction, same: Mapping[int, int], asset_ids: Collection[int]) -> list[Moving]:
    """Which of these assets wait for a dataset that turned out to be another one, or for that one. Before anything is
    told again, and before subscriptions change. `same`: dataset id → id of what it is now."""
    if not same or not asset_ids:
        return []
    waits = subscriptions.c.asset_id, subscriptions.c.dataset_id, subscriptions.c.completing
    rows = tx.execute(
        select(*waits).where(
            subscriptions.c.dataset_id.in_(sorted({*same, *same.values()})),
            subscriptions.c.asset_id.in_(sorted(asset_ids)),
            subscriptions.c.partition == "",
            subscriptions.c.ended_at.is_(None),
        )
    ).all()
    owns = set(same.values())
    there = {(asset_id, dataset_id) for asset_id, dataset_id, _ in rows if dataset_id in owns}
    newest = {number: _last(tx, number) for number in {dataset_id for _, dataset_id, _ in rows}}
    found: dict[tuple[int, int], Moving] = {}
    for asset_id, dataset_id, completing in rows:
        waited = dataset_id in owns
        own, last = dataset_id if waited else same[dataset_id], newest[dataset_id]
        if last is None or (not waited and (asset_id, own) in there):
            continue
        before = found.get((asset_id, own))
        if before is None or before.last.event < last.event:
            found[asset_id, own] = Moving(asset_id, own, last, completing, waited)
    return list(found.values())


_THERE = (
    select(events.c.id, events.c.number)
    .where(events.c.dataset_id == bindparam("b_dataset"), events.c.partition == "", events.c.version_id.is_not(None))
    .order_by(events.c.number.desc())
    .limit(1)
)
_CHANGED = _THERE.where(events.c.kind == EventKind.CHANGED)


def _last(tx: Transaction, dataset_id: int) -> Last | None:
    found = tx.execute(_THERE, {"b_dataset": dataset_id}).first()
    changed = tx.execute(_CHANGED, {"b_dataset": dataset_id}).first()
    return None if found is None or changed is None else Last(*found, *changed)


_RETURNED = consumptions.c.outcome == ConsumptionOutcome.RETURNED
_later = consumptions.alias("later")


def _copied(which: Any) -> Any:
    return insert(consumptions).from_select(
        ["asset_id", "partition", "event_id", "run_id", "outcome", "current", "at"],
        select(
            consumptions.c.asset_id,
            consumptions.c.partition,
            bindparam("b_event", type_=WHOLE),
            consumptions.c.run_id,
            consumptions.c.outcome,
            consumptions.c.current,
            consumptions.c.at,
        )
        .where(
            consumptions.c.asset_id == bindparam("b_asset"),
            consumptions.c.event_id == bindparam("b_former"),
            consumptions.c.partition != "",
            which,
            ~exists().where(
                _later.c.asset_id == consumptions.c.asset_id,
                _later.c.partition == consumptions.c.partition,
                _later.c.event_id == bindparam("b_event", type_=WHOLE),
            ),
        )
        .order_by(consumptions.c.id),
    )


_COPIED, _COPIED_RETURNED = _copied(true()), _copied(_RETURNED)
_BEGINS = (
    update(subscriptions)
    .where(
        subscriptions.c.asset_id == bindparam("b_asset"),
        subscriptions.c.dataset_id == bindparam("b_own"),
        subscriptions.c.partition == "",
        subscriptions.c.ended_at.is_(None),
    )
    .values(completing=bindparam("b_completing"), **FORGOTTEN)
)


def go_on(tx: Transaction, moved: Sequence[Moving], again: Mapping[int, Sequence[Again]]) -> None:
    """What each partition made of the former events it made of the newest; for those that made nothing of them, these
    are news, if the former were. After subscriptions have changed. `again`: what was told again, by dataset."""
    for one in moved:
        now = _last(tx, one.own)
        known = bool(again.get(one.own)) and again[one.own][-1].known
        if now is None or (one.waited and not known):
            continue
        _stand(tx, one.asset_id, one.last, now)
        if one.waited and one.last.changed > one.completing:
            continue
        if one.waited:
            begins = now.number
        elif one.news:
            begins = now.changed - 1
        elif one.last.number > one.completing and now.event != now.change:
            begins = now.number - 1
        else:
            continue
        it = {"b_asset": one.asset_id, "b_own": one.own, "b_completing": begins}
        if tx.execute(_BEGINS, it).rowcount and not one.waited:
            agenda.hear(tx, one.asset_id, {one.own: begins})


def _stand(tx: Transaction, asset_id: int, before: Last, now: Last) -> None:
    """Each partition stands to the newest event as it stood to the newest before, and so to the changes. Where the one
    is told as the other, what a failed run gave back starts nothing."""
    pairs = {(before.event, now.event), (before.change, now.change)}
    if now.change == now.event:
        pairs = {(before.event, now.event)}
    for former, event in sorted(pairs):
        tx.execute(_COPIED, {"b_asset": asset_id, "b_former": former, "b_event": event})
    if now.change == now.event and before.change != before.event:
        tx.execute(_COPIED_RETURNED, {"b_asset": asset_id, "b_former": before.change, "b_event": now.event})
