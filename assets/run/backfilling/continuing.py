"""A materialization, and the backfills on record that it goes on with afterwards: what was asked for comes first, and
is told as it stands in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from ....storage.meta.database.engine import now as moment_of
from ....storage.types import ReasonKind
from ..materialize import run_wave
from ..progress import Listener, Outcome, Progress, Result, silent
from ..project.keys import asked_keys
from ..project.project import Project
from ..wave import state_of
from .advancing import unfinished
from .working import work_on

Named = tuple[str, str]
"""Asset and key; "" without one."""

_CURABLE = {ReasonKind.NO_VERSION, ReasonKind.LEFT_OUT, ReasonKind.UPSTREAM_FAILED, ReasonKind.WAITING}
"""Why something was held that somebody else may have mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a materialization was asked for; as `materialize` takes it."""

    names: tuple[str, ...]
    partitions: str | None = None
    force: bool = False
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    only: bool = False


def make_and_go_on(project: Project, wanted: Wanted, *, listener: Listener | None = None) -> Result:
    """Make what is asked for, then go on with the backfills that wait for somebody, then make what was asked for and
    was held for want of what these have made.

    Returns
    -------
    Result: of everything together; of what was held and is not any more, what became of it.
    """
    begun = perf_counter()
    result = _wave(project, wanted, wanted.names, partitions=wanted.partitions, listener=listener)
    with project.store.read() as tx:
        rows = unfinished(project, tx)
    if not rows:
        return result
    heard = _Heard(held={_name(one) for one in result.outcomes if one.run_id is None}, tell=listener or silent)
    states = {row.id: work_on(project, row, listener=heard).state for row in rows}
    outcomes = {_name(one): heard.mended.get(_name(one), one) for one in result.outcomes}
    with project.store.read() as tx:
        _, asked = asked_keys(project, tx, wanted.names, wanted.partitions, moment_of(tx))
    curable = _curable(project, wanted, asked, outcomes, heard.made)
    further: Result | None = None
    if curable:
        names = [name for name in wanted.names if name in curable]
        keys = {name: some for name, some in curable.items() if some}
        further = _wave(project, wanted, names, keys=keys, listener=listener)
        outcomes |= {_name(one): one for one in further.outcomes}
    kept = [one for one in outcomes.values() if not (one.asset in heard.divided and one.reason.unnamed)]

    def is_asked(one: Outcome) -> bool:
        return one.asset in wanted.names and (not one.partition or one.partition in asked.get(one.asset, ()))

    return replace(
        result,
        state=state_of(kept, is_asked),
        outcomes=tuple(kept),
        looked=result.looked if further is None else (*result.looked, *further.looked),
        refused=result.refused if further is None else {**result.refused, **further.refused},
        seconds=perf_counter() - begun,
        backfills=states,
    )


def _wave(
    project: Project,
    wanted: Wanted,
    names: Sequence[str],
    *,
    partitions: str | None = None,
    keys: Mapping[str, Sequence[str]] | None = None,
    listener: Listener | None,
) -> Result:
    return run_wave(
        project,
        names,
        force=wanted.force,
        parameters=wanted.parameters,
        only=wanted.only,
        listener=listener,
        partitions=partitions,
        keys=keys or {},
    )


@dataclass(kw_only=True)
class _Heard:
    """Listens to the backfills: `mended` is what became of what was held before, `made` the assets that they have made,
    `divided` those of them that they made partitions of. Keeps nothing of the rest, which may be very many."""

    held: set[Named]
    tell: Listener
    mended: dict[Named, Outcome] = field(default_factory=dict[Named, Outcome])
    made: set[str] = field(default_factory=set[str])
    divided: set[str] = field(default_factory=set[str])

    def __call__(self, progress: Progress) -> None:
        if isinstance(progress, Outcome):
            if progress.made:
                self.made.add(progress.asset)
            if progress.partition:
                self.divided.add(progress.asset)
            if _name(progress) in self.held:
                self.mended[_name(progress)] = progress
        self.tell(progress)


def _name(one: Outcome) -> Named:
    return one.asset, one.partition


def _curable(
    project: Project,
    wanted: Wanted,
    asked: Mapping[str, Sequence[str]],
    outcomes: Mapping[Named, Outcome],
    made: set[str],
) -> dict[str, tuple[str, ...]]:
    """What was asked for and is held still, where something upstream of it has been made meanwhile: by asset, with the
    keys of one that has partitions."""
    below = set(project.graph.reach(made, project.graph.downstream))
    found: dict[str, tuple[str, ...]] = {}
    for (name, key), one in outcomes.items():
        if one.run_id is not None or one.reason.kind not in _CURABLE or name not in below or name not in wanted.names:
            continue
        if key and key in asked.get(name, ()):
            found[name] = (*found.get(name, ()), key)
        elif project.catalogue.assets[name].partitions is None:
            found[name] = ()
    return found
