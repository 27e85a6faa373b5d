"""`penstock cancel RUN`: a run ends, wherever it stands."""

from __future__ import annotations

from time import monotonic, sleep
from typing import Annotated

import typer

from ....assets.run.project.project import Project, open_project
from ....assets.run.supervision.canceling import Asked, ask_to_cancel
from ....storage.errors import EnvironmentFault
from ....storage.types import FINAL_STATES, RunState
from ...read.runs import run_line
from ...words.quantities import short_id
from ..console import out, say, word
from ..definitions import definitions_of
from ..options import Json
from ..plain import apart, show

app = typer.Typer(add_completion=False)

_POLL = 0.1
_SAID = {
    Asked.ENDED: "nobody was at it",
    Asked.OVER: "it had ended before",
    Asked.WORKER: "its worker ended it, with everything that it had started",
    Asked.PROCESS: "the process that made it was told to end, and did",
}
_TOLD = {Asked.WORKER: "its worker was asked to end it", Asked.PROCESS: "the process that makes it was told to end"}


@app.command(name="cancel")
def command(
    ctx: typer.Context,
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="Its id, or as much of its beginning or end as is unique.")
    ],
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for its end.")] = 30,
    json: Json = False,
) -> None:
    """Cancel a run, wherever it stands.

    One that nobody is at is ended at once. One that is at work is asked to end, and after ten seconds its process is
    killed with everything that it has started. What it had consumed is pending again and starts nothing by itself:
    `penstock rerun` makes it again, from the same versions.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with open_project(settings, definitions) as project:
            named = run_line(project.store, run_id).id
            done = ask_to_cancel(project, named)
            state = _awaited(project, named, wait)
    ended = state in FINAL_STATES
    run = done.run
    if json:
        show(
            {
                "run": named,
                "asset": run.asset,
                "partition": run.partition,
                "asked": done.asked,
                "state": state,
            }
        )
    else:
        name = f"{run.asset} {run.partition}".rstrip()
        say(
            out(),
            "Run ",
            short_id(named),
            " of ",
            (name, "bold"),
            ": ",
            word(state.value),
            f"; {_said(done.asked, state)}",
        )
    if not ended:
        raise EnvironmentFault(
            f"run {short_id(named)} is still {state.value} after {wait:g} s",
            hint="It ends as soon as its worker can: `penstock runs` shows it. `--wait` says how long to wait.",
        )


def _said(asked: Asked, state: RunState) -> str:
    """What came of asking, by where the run stands now."""
    if asked not in _TOLD or state is RunState.CANCELED:
        return _SAID[asked]
    return "it ended by itself before it was made to" if state in FINAL_STATES else _TOLD[asked]


def _awaited(project: Project, run_id: str, patience: float) -> RunState:
    """Where the run stands once it has ended, or after so many seconds."""
    until = monotonic() + patience
    while True:
        state = run_line(project.store, run_id).state
        if state in FINAL_STATES or monotonic() >= until:
            return state
        sleep(_POLL)
