"""`penstock rerun RUN`: a run is made again, from the versions that it had read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ....assets.run.project.project import open_project
from ....assets.run.rerunning import Rerun, rerun_in
from ...read.failures import error_text
from ...words.quantities import duration, several, short, short_id
from ..console import err, out, say, say_verbatim, word
from ..definitions import definitions_of
from ..faults import FAILED
from ..group import invocation
from ..live import result_of, titled_of, watching
from ..options import Json
from ..plain import apart, plain, show

app = typer.Typer(add_completion=False)


@app.command(name="rerun")
def command(
    ctx: typer.Context,
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="Its id, or as much of its beginning or end as is unique.")
    ],
    only: Annotated[
        bool, typer.Option("--only", help="The run alone; what it causes downstream stays pending.")
    ] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False,
) -> None:
    """Make a run again, from the versions that it had read.

    Whatever is newer by now, it reads what it read then, with the same run parameters; the code is that of now, and if
    that is another it is said. It is a run of its own. Exits with 1 when it failed.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with (
            open_project(settings, definitions) as project,
            watching(quiet=quiet, expected=1) as watch,
        ):
            done = rerun_in(project, run_id, only=only, listener=watch)
    if json:
        show({**_plain(done), **plain(watch.foretold)})
    elif not quiet:
        _show(done)
    _show_error(done, trace=invocation(ctx).traceback)
    if not done.ok:
        raise typer.Exit(FAILED)


def _show(done: Rerun) -> None:
    outcome, console = done.outcome, out()
    if done.code_changed:
        say(console, ("Another code: ", "yellow"), "the producer or what it depends on has changed since that run.")
    made = "".join(f", {one.dataset} {short(one.digest)} {one.kind}" for one in outcome.made)
    took = duration(outcome.seconds)
    say(
        console,
        f"Run {short_id(done.of)} of ",
        (titled_of(outcome), "bold"),
        " was made again: ",
        word(result_of(outcome)),
        f"{made} in {took}, as run {short_id(outcome.run_id)}.",
    )
    if done.wave is not None and done.wave.outcomes:
        caused = ", ".join(f"{titled_of(one)} {result_of(one)}" for one in done.wave.outcomes[:6])
        more = f" and {len(done.wave.outcomes) - 6} more" if len(done.wave.outcomes) > 6 else ""
        say(console, f"It caused {several(len(done.wave.outcomes), 'outcome')}: {caused}{more}.")


def _show_error(done: Rerun, *, trace: bool) -> None:
    for outcome in (done.outcome, *(() if done.wave is None else done.wave.outcomes)):
        if outcome.error is not None:
            say(err(), (f"{titled_of(outcome)} failed: ", "bold red"), error_text(outcome.error))
            if outcome.error.get("hint"):
                say(err(), (str(outcome.error["hint"]), "dim"))
            if trace and outcome.error.get("trace"):
                say_verbatim(err(), str(outcome.error["trace"]))


def _plain(done: Rerun) -> dict[str, Any]:
    outcome = done.outcome
    return {
        "of": done.of,
        "run": outcome.run_id,
        "asset": outcome.asset,
        **({"partition": outcome.partition} if outcome.partition else {}),
        "state": outcome.state,
        "result": result_of(outcome),
        "reason": outcome.reason,
        "code_changed": done.code_changed,
        "outputs": outcome.made,
        "error": outcome.error,
        "caused": [
            {"asset": one.asset, "partition": one.partition, "result": result_of(one), "run": one.run_id}
            for one in (() if done.wave is None else done.wave.outcomes)
        ],
    }
