"""`backfill` and what belongs to it: what a program calls. The command line calls the same functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from ....storage.errors import UsageError
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.past.naming import backfill_named, short_name
from ....storage.settings import read_settings
from ....storage.types import BackfillState, Propagate, Reprocess
from ...declare.definitions import Definitions
from ...declare.partitions.selection import selection_text
from ...plan.backfills.lifecycle import require
from ...plan.backfills.order import Order
from ...plan.selection import select as selected
from ..api import Things, prepared
from ..progress import Listener, silent
from ..project.project import Project, open_project, open_store
from ..project.trial import Trial, for_good
from ..termination import Terminated
from .controlling import Controlled, change
from .creating import Asked, create
from .terms import is_declared
from .working import BackfillResult, result_of, work_on


def backfill(
    things: Things | Iterable[Things] | Definitions | None = None,
    *,
    partitions: str,
    select: str | Sequence[str] = (),
    reprocess: Reprocess | str = Reprocess.MISSING,
    propagate: Propagate | str = Propagate.NONE,
    order: Order | str = Order.FORWARDS,
    max_active_runs: int | None = None,
    later: bool = False,
    project_folder: str | Path | None = None,
    listener: Listener | None = None,
    **settings: Any,
) -> BackfillResult:
    """Make partitions of any assets that have some, whatever starts these otherwise: recorded, so that it goes on after
    a crash, and made inline, partition by partition, upstream first: each as soon as what it reads is made.

    Parameters
    ----------
    things, select, project_folder, listener, settings: as `materialize` takes them.
    partitions: the keys, as `materialize` takes them: `"2026-01-01..2026-01-31"`, `"last:7"`, `"day=last:7;region=eu"`.
    reprocess: `"missing"`: those that are neither made nor failed; `"failed"`: these, and those whose last run failed;
        `"all"`: every one, although nothing changed. One with an active run is left alone.
    propagate: what its events start downstream: `"none"`: nothing; `"within"`: the partitions that lie within the
        windows that are asked for, once each; `"all"`: whatever waits for them.
    order: `"forwards"`: the oldest windows first; `"backwards"`: the newest.
    max_active_runs: so many of its runs may be active at once, in all processes together; this one makes one at a time,
        and others that go on with the backfill make what it has planned and not begun.
    later: record it and make nothing: the next `materialize`, planner or `resume_backfill` goes on with it.

    Returns
    -------
    BackfillResult: where it stands; `result.ok` is False when something failed or was held, or somebody
    paused or canceled it meanwhile. A failure raises nothing.

    Raises
    ------
    DefinitionError: the definitions have faults; nothing was recorded.
    UsageError: the selection, a number or a word cannot be read; there are no such partitions, or another backfill that
        has not ended is of some of them.
    KeyboardInterrupt, SystemExit: Ctrl-C or SIGTERM: the run at work is canceled, the backfill stays running.

    >>> result = backfill([daily], partitions="2026-01-01..2026-01-31")     # doctest: +SKIP
    >>> result.state.value, result.runs                                     # doctest: +SKIP
    ('success', {<RunState.SUCCESS: 'success'>: 31})
    """
    keys = selection_text(partitions)
    wanted, started = word_of(Reprocess, "reprocess", reprocess), word_of(Propagate, "propagate", propagate)
    backwards = word_of(Order, "order", order) is Order.BACKWARDS
    known, definitions = prepared(things, project_folder, settings)
    with open_project(known, definitions) as project:
        asked = Asked(
            names=tuple(selected(project.graph, [select] if isinstance(select, str) else list(select))),
            keys=keys,
            reprocess=wanted,
            propagate=started,
            backwards=backwards,
            max_active_runs=max_active_runs,
        )
        row = create(project, asked, listener=listener).backfill
        return result_of(project, row.id) if later else _worked(project, row.id, listener)


def resume_backfill(
    backfill_id: str,
    things: Things | Iterable[Things] | Definitions | None = None,
    *,
    project_folder: str | Path | None = None,
    listener: Listener | None = None,
    **settings: Any,
) -> BackfillResult:
    """A backfill that was paused is running again, and one that is running is gone on with, inline, to its end.

    Parameters
    ----------
    backfill_id: its id, or as much of its beginning or end as is unique.

    The others, what is returned and what is raised are those of `backfill`.

    Raises
    ------
    UsageError: there is no such backfill, it has ended, or its assets are not declared.
    """
    known, definitions = prepared(things, project_folder, settings)
    with open_project(known, definitions) as project:
        return resume_in(project, backfill_id, listener=listener)


def resume_in(project: Project, backfill_id: str, *, listener: Listener | None = None) -> BackfillResult:
    """`resume_backfill` in an open project."""
    row = for_good(project, lambda trial: to_resume(trial, backfill_id), tell=listener or silent)
    if row.state is not BackfillState.RUNNING:
        change(project.store, row.id, BackfillState.RUNNING)
    return _worked(project, row.id, listener)


def to_resume(trial: Trial, backfill_id: str) -> Backfill:
    """The backfill that is to be gone on with.

    Raises
    ------
    UsageError: there is no such backfill, it has ended, or its assets are not declared.
    """
    row = backfill_named(trial.tx, trial.project.name, backfill_id)
    name = short_name(row.id)
    if not is_declared(trial.project, row):
        raise UsageError(
            f"backfill {name} of {', '.join(row.selection)} is of assets that are not declared any more",
            hint=f"Declare them, or `penstock backfill cancel {name}`, and ask for what there is.",
        )
    if row.state is not BackfillState.RUNNING:
        require(name, row.state, BackfillState.RUNNING)
    return row


def pause_backfill(backfill_id: str, *, project_folder: str | Path | None = None, **settings: Any) -> Controlled:
    """Nothing more of a backfill is made until it is resumed; a run that is being made goes on to its end.

    Parameters
    ----------
    backfill_id: its id, or as much of its beginning or end as is unique.
    project_folder, settings: as `materialize` takes them.

    Returns
    -------
    Controlled: the backfill, and how many of its runs were given up that nobody had begun.

    Raises
    ------
    UsageError: there is no such backfill, or it is not running.
    """
    return _changed(backfill_id, BackfillState.PAUSED, project_folder, settings)


def cancel_backfill(backfill_id: str, *, project_folder: str | Path | None = None, **settings: Any) -> Controlled:
    """Nothing more of a backfill is made; what is made stays, and a run that is being made goes on to its end.

    The parameters, what is returned and what is raised are those of `pause_backfill`; canceling twice is refused.
    """
    return _changed(backfill_id, BackfillState.CANCELED, project_folder, settings)


def _changed(
    backfill_id: str, new: BackfillState, project_folder: str | Path | None, settings: Mapping[str, Any]
) -> Controlled:
    known = read_settings(None if project_folder is None else Path(project_folder), **settings)
    with open_store(known) as store:
        return change(store, backfill_id, new)


def _worked(project: Project, backfill_id: str, listener: Listener | None) -> BackfillResult:
    with project.store.read() as tx:
        row = backfill_named(tx, project.name, backfill_id)
    try:
        return work_on(project, row, listener=listener)
    except Terminated as error:  # SIGTERM: an interrupt of the keyboard would end the process with another code
        raise SystemExit(error.exit_code) from error


_Word = TypeVar("_Word", bound=StrEnum)


def word_of(kind: type[_Word], name: str, given: _Word | str) -> _Word:
    """A word that somebody wrote, as the member that it is.

    Raises
    ------
    UsageError: it is none of them; the hint lists these.

    >>> word_of(Reprocess, "reprocess", "failed").value
    'failed'
    """
    words = [one.value for one in kind]
    if given not in words:
        raise UsageError(f"{name}={given!r} is no word for it", hint=f"Write one of {', '.join(words)}.")
    return kind(given)
