"""Plans that are refused. As a rule somebody was faster, and the next plan is another one. The same plan refused
without end says that what is planned and what is recorded contradict each other: a fault of ours, which must stop
nobody else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from ....storage.errors import Bug
from ....storage.meta.database.engine import Transaction
from ....storage.types import ReasonKind
from ...plan.planner import Held, Plan
from ...plan.reasons import Reason
from ..project.project import Project
from .record import record
from .snapshot import Snapshot

MOST = 100
"""So often in a row one plan may be refused. Of two planners that want the same one wins, and the other one's next plan
lacks it: that it stays as it was for so long takes a fault."""


@dataclass(slots=True, kw_only=True)
class Refusals:
    """How often the last plan was refused in a row."""

    last: Plan | None = None
    times: int = 0

    def endless(self, plan: Plan) -> bool:
        """Whether this plan, which was refused just now, was refused too often."""
        now = Plan(runs=plan.runs, confirmations=plan.confirmations, missed=plan.missed)  # all that can be refused
        self.times = self.times + 1 if now == self.last else 1
        self.last = now
        return self.times >= MOST


def refused_alone(project: Project, plan: Plan, snapshot: Snapshot) -> dict[str, Plan]:
    """Of a plan that is refused, the assets whose part is refused by itself, with that; of all of them, where it takes
    several together. Writes nothing."""
    parts = {name: of_asset(plan, name) for name in concerned(plan)}
    found = {name: part for name, part in parts.items() if not _is_taken(project, part, snapshot)}
    return found or parts


def concerned(plan: Plan) -> list[str]:
    """The assets with which something is to be done."""
    return list(dict.fromkeys(one.asset for one in (*plan.runs, *plan.confirmations, *plan.missed)))


def of_asset(plan: Plan, name: str) -> Plan:
    """What is to be done with one asset."""
    return Plan(
        runs=tuple(one for one in plan.runs if one.asset == name),
        confirmations=tuple(one for one in plan.confirmations if one.asset == name),
        missed=tuple(one for one in plan.missed if one.asset == name),
    )


def without(plan: Plan, names: Collection[str], again: datetime) -> Plan:
    """The plan, in which these assets are held, and looked at `again` then."""
    if not names:
        return plan
    held = [Held(asset=name, reason=REFUSED) for name in names]
    return replace(
        plan,
        runs=tuple(one for one in plan.runs if one.asset not in names),
        confirmations=tuple(one for one in plan.confirmations if one.asset not in names),
        missed=tuple(one for one in plan.missed if one.asset not in names),
        held=(*(one for one in plan.held if one.asset not in names), *held),
        wakeups={**plan.wakeups, **dict.fromkeys(names, again)},
    )


REFUSED = Reason(
    kind=ReasonKind.WAITING,
    detail="penstock to be mended: what it plans contradicts what is recorded; please report it",
)


def fault(parts: dict[str, Plan]) -> Bug:
    """That these assets cannot be planned, with what was to be done."""
    told = "; ".join(f"{name}: {_shown(part)}" for name, part in parts.items())
    return Bug(
        f"the same plan was refused {MOST} times in a row, while nobody changed anything it is about. {told}",
        hint="Other assets are planned all the same. Please report this, with `penstock why` of the asset.",
    )


def _shown(plan: Plan) -> str:
    """A plan in a line: why, and up to which event it takes how many of which dataset."""
    decided = (*plan.runs, *plan.confirmations, *plan.missed)
    taken = (f"{one.count} of {one.uri} up to {one.newest}" for each in decided for one in each.takes)
    return f"{' and '.join(one.reason.text for one in decided)}; takes {', '.join(taken) or 'nothing'}"


class _Undone(Exception):
    """It could have been recorded, and is not."""


def _undo(_tx: Transaction) -> None:
    raise _Undone


def _is_taken(project: Project, plan: Plan, snapshot: Snapshot) -> bool:
    try:
        record(project, plan, snapshot, materialization_id=None, now=snapshot.at, beside=_undo)
    except _Undone:
        return True
    return False
