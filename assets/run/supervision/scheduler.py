"""The scheduler: pass after pass of the planner, and what dead workers left behind is given to others.

A pass follows whatever is committed that a planner has to look at, and the next moment that is written down. Any
number of schedulers may run.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from time import monotonic

from ....storage.errors import Bug
from ....storage.meta import parts
from ....storage.meta.database.bell import Topic
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.waiting_runs import all_have_ended
from ....storage.types import PartKind
from ..attempt.showing import show_all
from ..commanding.carrying import carry_out as carry_out_commands
from ..identity import gone
from ..notifying.hearing import misheard
from ..project.project import Project, open_registered
from ..recovery import reclaim
from ..tick import tick
from .canceling import carry_out
from .claiming import expire_waiting, give_up_others, with_clocks
from .code import files_of
from .order import Order
from .part import IDLE, LOOK, Part, Silence

_RECLAIM = 2.0
"""Seconds between two looks at what dead workers left."""
_SHARE, _LONGEST_REST = 0.25, 0.025
"""A planner that finds nothing to do takes so much of a core, and of the time in which others could write, at most:
news that nobody waits for comes with every run of a crowd. It rests for so many seconds at most, and never after a pass
that has planned something."""


def run_scheduler(order: Order, line: Connection) -> None:
    """Plan until asked to stop: the process of a scheduler."""
    part = Part(PartKind.SCHEDULER, line)
    settings = order.settings()
    with open_registered(settings, part.load(settings)) as project, project.store.listener(Topic.PLANNER) as bell:
        show_all(project)
        work = _Planning(project=project, part=part, clocked=with_clocks(project))
        part.beat(project.store, now=True)
        for fault in misheard(settings, project.graph):
            part.say(f"{fault.message}. {fault.hint}")
        part.ready(files_of(settings.folder))
        while not part.stopping:
            bell.heard()
            begun = monotonic()
            pause = part.patiently(work.once)
            if pause:
                part.wait((), min((monotonic() - begun) * (1 / _SHARE - 1), _LONGEST_REST))
                heard = bell.waitables()
                part.wait(heard, pause if heard else min(pause, LOOK))
        part.end(project.store)


@dataclass(kw_only=True)
class _Planning:
    """What a scheduler has in mind between two passes; `clocked`: the assets whose runs may wait for so long only."""

    project: Project
    part: Part
    clocked: Set[str]
    silence: Silence = field(default_factory=Silence)
    reclaimed: float = float("-inf")
    planned: int = 0

    def once(self) -> float:
        """One pass, and what is due beside it; seconds until the next, unless something rings before."""
        project = self.project
        if monotonic() - self.reclaimed >= _RECLAIM:
            self.reclaimed = monotonic()
            self._reclaim()
        try:
            more = carry_out_commands(project)
            done = tick(project)
        except Bug as error:
            self.part.say(f"{error.message} {error.hint}")
            return LOOK
        self.planned += len(done.record.runs) + done.backfilled
        self.part.doing = f"runs planned: {self.planned:,}, of {len(project.catalogue.assets)} assets"
        self.part.beat(project.store)
        if more or done.record.runs or done.backfilled:
            return 0.0
        with project.store.read() as tx:
            look = IDLE if all_have_ended(tx) else LOOK
            left = look if done.next_at is None else (done.next_at - moment_of(tx)).total_seconds()
        return min(max(left, 0.0), look)

    def _reclaim(self) -> None:
        project = self.project
        carry_out(project)
        give_up_others(project)
        expire_waiting(project, self.clocked)
        with project.store.read() as tx:
            told = parts.parts_of(tx, project.name)
        silent = self.silence.listen(one for one in told if one.name != self.part.name)
        count = reclaim(project, silent)
        over = [one.name for one in told if one.name in silent or gone(one.name)]
        if over:
            with project.store.write() as tx:
                parts.end(tx, project.name, over)
        if count:
            self.part.say(f"{count} run{'s'[: count - 1]} of workers that are gone or silent: given to others")
