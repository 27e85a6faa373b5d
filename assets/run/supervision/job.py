"""What a warm process of a worker does with a task: the run of this id is attempted, to its end, and told; or what
resources of killed processes left over is cleaned up.

The project is opened once; what changes later is loaded by the processes that come after this one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from ....storage.errors import DatabaseFault
from ....storage.meta import runs
from ....storage.types import AttemptOutcome
from ...execute.asking import asked_to_end
from ..attempt.assignment import resume
from ..attempt.failing import expired
from ..attempt.fencing import TooLate
from ..attempt.publication import describe
from ..attempt.worker import attempt
from ..ending import superseded
from ..identity import works_for
from ..project.project import Project, open_project
from ..termination import Terminated, heeding_termination
from ..tidying import tidy
from .code import definitions_of
from .order import Order
from .registered import when_registered

TIDY = "tidy"
"""The task of cleaning up what resources left over."""


@contextmanager
def attempts(order: Order, worker: str) -> Generator[Callable[[str], dict[str, Any] | None]]:
    """What is done with the id of a run, in the name of a worker: when that is gone, so is the attempt.

    The answer says how the run ended, for whoever watches; None when it was no longer there to be made. Where the store
    cannot be used it is `{"prevented": …}`, the error as an attempt keeps it: nobody here can write that down.
    """
    works_for(worker)
    settings = order.settings()
    with open_project(settings, definitions_of(settings)) as project:
        when_registered(project)
        yield lambda task: tidy(project) if task == TIDY else _patiently(project, task)


def _patiently(project: Project, run_id: str) -> dict[str, Any] | None:
    try:
        return _attempted(project, run_id)
    except DatabaseFault as error:
        return {"prevented": describe(error)}


def _attempted(project: Project, run_id: str) -> dict[str, Any] | None:
    with project.store.read() as tx:
        run = runs.run(tx, run_id)
        work = None if run is None else resume(project, tx, run)
    if run is None:
        return None
    if work is None:  # what it reads is bound otherwise by now, or its code is another since it was claimed
        superseded(project, run)
        return None
    try:
        with heeding_termination(asked_to_end):
            outcome = expired(project, work) or attempt(project, work, captured=True, patient=True)
    except Terminated:  # the attempt has ended its run as canceled, and told
        return {"asset": run.asset, "partition": run.partition, "state": "canceled"}
    if outcome is None:
        return None
    state = None if outcome.state is None else outcome.state.value
    if outcome.error is not None and outcome.error["kind"] == TooLate.kind:
        state = AttemptOutcome.LOST.value  # this attempt; the run has gone on without it
    return {
        "asset": outcome.asset,
        "partition": outcome.partition,
        "state": state,
        "seconds": outcome.seconds,
        "error": "" if outcome.error is None else f"{outcome.error['type']}: {outcome.error['message']}",
        "warning": outcome.warning,
        "again_at": None if outcome.again is None else outcome.again.at.isoformat(),
    }
