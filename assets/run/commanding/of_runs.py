"""The commands about one run: it is canceled, or made again.

To cancel goes beyond the store (a process may get a signal), so a scheduler first writes down that it is at it. Should
it die then, the next one asks again, which changes nothing where the first had come through.
"""

from __future__ import annotations

from dataclasses import replace

from ....storage.meta import parts
from ....storage.meta.past.naming import run_named, run_title
from ....storage.meta.waiting_runs import stands
from ....storage.types import CommandState
from ..ending import SUPERSEDED
from ..identity import gone
from ..project.trial import Trial
from ..rerunning import decided_again, differs, record_again
from ..supervision.canceling import Asked, ask_to_cancel
from .claiming import Claim


def cancel(claim: Claim) -> bool:
    """The run is canceled, or whoever is at it is asked to end it, as by `penstock cancel`; whether it goes on at
    once."""
    project, command = claim.project, claim.command
    with project.store.read() as tx:
        run = run_named(tx, project.name, command.about)
        at_work = {one.name for one in parts.parts_of(tx, project.name)}
    if command.state is CommandState.WAITING:
        with project.store.write() as tx:
            claim.go_on(tx, remaining={}, outcome={"runs": [run.id]})
        return True
    if command.worker not in (None, claim.worker) and command.worker in at_work and not gone(command.worker):
        return False  # another scheduler is at it
    done = ask_to_cancel(project, run.id)
    with project.store.write() as tx:
        claim.end(tx, runs=[run.id], said=f"{run_title(run)}: {_SAID[done.asked]}")
    return False


_SAID = {
    Asked.ENDED: "canceled, nobody was at it",
    Asked.OVER: "it had ended before",
    Asked.WORKER: "its worker ends it, with everything that it has started",
    Asked.PROCESS: "the process that makes it was told to end",
}


def rerun(claim: Claim) -> bool:
    """The run is recorded anew for a worker, with the same pins, as by `penstock rerun`; over once one has begun it. A
    run that was given up before, because the code changed, is recorded once more. Whether it goes on at once."""
    project, command = claim.project, claim.command
    if command.state is CommandState.AT_WORK:
        made = list(command.outcome["runs"])
        with project.store.read() as tx:
            stand = stands(tx, made).get(made[-1])
        if stand is None or not stand.given_up(SUPERSEDED):
            if stand is not None and stand.begun:
                with project.store.write() as tx:
                    claim.end(tx, **command.outcome)
            return False
    with project.store.write() as tx:
        run, work = decided_again(Trial(project=project, tx=tx), command.about)
        reason = replace(work.reason, detail=f"{work.reason.detail}; {claim.detail}")
        work = replace(work, reason=reason, materialization_id=None)
        record_again(tx, run, work)
        said = f"{run_title(run)} is made again, from the same inputs"
        changed = ", by another code" if differs(run, work.made_from) else ""
        claim.go_on(tx, remaining={}, outcome={"runs": [work.run_id], "said": said + changed})
    return False
