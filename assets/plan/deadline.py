"""Deadlines: by when the condition of an asset has to have held, and what follows if it has not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...storage.types import OnDeadline
from ..declare.policies import Deadline
from .case import Case
from .reasons import Reason
from .state import AssetState
from .taking import Taken, everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A deadline passed without a run, for this reason: its tick is taken; with `then="skip"`, so is what is
    pending."""

    asset: str
    label: str
    tick: datetime
    then: OnDeadline
    reason: Reason
    takes: tuple[Taken, ...] = ()


def overdue(case: Case, now: datetime) -> datetime | None:
    """The deadline that passed without a run, where that asks for one; None for an asset that is paused. For whoever
    knows that the condition makes none."""
    deadline = case.asset.policies.deadline
    if deadline is None or deadline.then is not OnDeadline.RUN or case.own.pause is not None:
        return None
    return _passed(deadline, case.own, now)


def missed_deadline(case: Case, reason: Reason, now: datetime) -> Missed | None:
    """The deadline that passed without a run, where that is to be told, or what is pending to be given up. `reason`:
    why nothing happens."""
    deadline = case.asset.policies.deadline
    if deadline is None or deadline.then is OnDeadline.RUN or case.own.pause is not None or case.request is not None:
        return None
    tick = _passed(deadline, case.own, now)
    if tick is None:
        return None
    taken = everything(case.own) if deadline.then is OnDeadline.SKIP else ()
    return Missed(
        asset=case.asset.name, label=deadline.label, tick=tick, then=deadline.then, reason=reason, takes=taken
    )


def reached(case: Case, now: datetime) -> dict[str, datetime]:
    """The tick of the deadline that has passed, by its label, where the condition holds and its run only has to wait
    for another: it is met. A run that follows on it would come too late to say so."""
    deadline = case.asset.policies.deadline
    if deadline is None or case.request is not None:
        return {}
    tick = _passed(deadline, case.own, now)
    return {} if tick is None else {deadline.label: tick}


def met(case: Case, now: datetime) -> dict[str, datetime]:
    """The tick of the deadline to come, by its label, where the condition holds: whoever is confirmed or skipped takes
    it beforehand, as no run that executes stands for it. Empty where it was taken before."""
    deadline = case.asset.policies.deadline
    if deadline is None or case.request is not None or case.partition:
        return {}  # deadlines are not of partitions
    if case.verdict is None or not case.verdict.holds:
        return {}
    timetable = deadline.timetable
    coming = now if timetable.previous(now) == now else timetable.next(now)
    taken = case.own.ticks.get(deadline.label)
    return {} if coming is None or (taken is not None and taken >= coming) else {deadline.label: coming}


def _passed(deadline: Deadline, own: AssetState, now: datetime) -> datetime | None:
    """The last deadline, if no run was planned since the one before it and nobody has taken note of it."""
    tick = deadline.timetable.previous(now)
    since = own.since.get(deadline.label, own.registered_at)
    if tick is None or tick <= max(since, own.ticks.get(deadline.label, since)):
        return None
    before = deadline.timetable.previous(tick - datetime.resolution)
    # A run that was made because of a deadline is planned a moment after it, and must not pass for one of the next.
    met = own.tried_at is not None and not own.late and (before is None or own.tried_at > before)
    return None if met else tick
