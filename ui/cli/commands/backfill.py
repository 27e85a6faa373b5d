"""`penstock backfill create|list|show|pause|resume|cancel`: partitions that somebody asks for, whatever starts them
otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from ....assets.plan.backfills.order import Order
from ....assets.plan.selection import select as selected
from ....assets.run.backfilling.api import resume_in
from ....assets.run.backfilling.controlling import Controlled, change
from ....assets.run.backfilling.creating import Asked, Preview, create, foresee_backfill
from ....assets.run.backfilling.working import BackfillResult, work_on
from ....assets.run.project.foretold import Foretold, foretold
from ....assets.run.project.project import Project, open_project
from ....storage.errors import UsageError
from ....storage.types import BackfillState, Propagate, Reprocess, RunState
from ...read.backfills import BackfillDetail, BackfillLine, backfill, backfills
from ...read.failures import error_text
from ...words.quantities import count, duration, instant, listed, moment, several, short_id
from ..console import Cell, Column, Gives, err, out, say, table, word
from ..definitions import definitions_of, show_foretold
from ..faults import FAILED
from ..live import Watch, titled_of, watching
from ..options import Json, Limit, Names, Offset, Select
from ..plain import apart, plain, show
from ..sources import show_looked, show_unseen
from ..store import making_store, store_of
from .plan import show_foreseen

app = typer.Typer(add_completion=False, no_args_is_help=True)

Part = Annotated[
    str, typer.Argument(metavar="BACKFILL", help="Its id, or as much of its beginning or end as is unique.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")]
_NAMED = 5  # failures and holds that are told


@app.callback()
def group() -> None:
    """Ask for partitions, whatever starts their assets otherwise."""


@app.command(name="create")
def create_command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    names: Names = None,
    select: Select = None,
    partitions: Annotated[
        str,
        typer.Option(
            "--partitions", metavar="KEYS", help="2026-01-01..2026-01-31, last:7, eu,us, all, day=last:7;region=eu."
        ),
    ] = "",
    reprocess: Annotated[
        Reprocess,
        typer.Option(
            help="Which are made: those neither made nor failed; also those that failed; or every one anew.",
        ),
    ] = Reprocess.MISSING,
    propagate: Annotated[
        Propagate,
        typer.Option(help="What its events start downstream: nothing; partitions within its windows; whatever waits."),
    ] = Propagate.NONE,
    order: Annotated[Order, typer.Option(help="From the oldest window on, or from the newest.")] = Order.FORWARDS,
    max_active_runs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many of its runs may be active at once, everywhere.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be made, and why; make nothing.")] = False,
    limit: Limit = 20,
    later: Annotated[bool, typer.Option("--later", help="Record it, and make nothing now.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask for partitions, and make them.

    Of several assets what is read is made first, some partitions at a time. A partition with an active run is left
    alone. It goes on after a crash: by the next materialization, or by `penstock backfill resume`. Exits with 1 when
    something failed or was held, or somebody paused or canceled it meanwhile.
    """
    if not partitions:
        raise UsageError(
            "the backfill does not say which partitions", hint="Write e.g. --partitions 2026-01-01..2026-01-31."
        )
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with open_project(settings, definitions, planning=dry_run) as project:
            asked = Asked(
                names=tuple(selected(project.graph, [*(names or ()), *(select or ())])),
                keys=partitions,
                reprocess=reprocess,
                propagate=propagate,
                backwards=order is Order.BACKWARDS,
                max_active_runs=max_active_runs,
            )
            if dry_run:
                show_it = partial(_show_preview, foresee_backfill(project, asked, limit=limit), foretold(project))
            elif later:
                watch = Watch(quiet=quiet)
                created = create(project, asked, listener=watch)
                show_it = partial(_show_recorded, backfill(project.store, created.backfill.id), watch.foretold)
            else:
                show_it = partial(_show_result, *_made(project, asked, quiet=quiet))
    show_it(json=json, quiet=quiet)


@app.command(name="list")
def list_command(
    ctx: typer.Context,
    state: Annotated[
        BackfillState | None, typer.Option("--state", metavar="STATE", help="Only those in this state: running, …")
    ] = None,
    limit: Limit = 20,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """The backfills, newest first."""
    with store_of(ctx) as store:
        page = backfills(store, state=state, limit=limit, offset=offset)
    if json:
        show({"backfills": page.items, "more": page.more})
        return
    console = out()
    if not page.items:
        say(console, "There are no such backfills: `penstock backfill create` asks for one.")
        return
    rows = [
        (
            short_id(one.id),
            listed(one.assets),
            one.keys,
            word(one.state),
            f"{count(one.looked)} of {count(one.total)}",
            tally_of(one),
            moment(one.created_at),
        )
        for one in page.items
    ]
    table(console, _COLUMNS, rows)
    if page.more:
        say(console, (f"There are older ones: --offset {page.offset + len(rows)}", "dim"))


_COLUMNS = (
    Column(title="backfill", style="dim"),
    Column(title="assets", gives=Gives.LAST),
    Column(title="keys", gives=Gives.LAST),
    Column(title="state"),
    Column(title="seen to", right=True),
    Column(title="what became of them", gives=Gives.FIRST),
    Column(title="created"),
)


@app.command(name="show")
def show_command(ctx: typer.Context, part: Part, json: Json = False) -> None:
    """One backfill: what was asked for, how far it has come, and what could not be made."""
    with store_of(ctx) as store:
        detail = backfill(store, part)
    if json:
        show(_plain(detail))
        return
    console, line = out(), detail.backfill
    say(console, "Backfill ", (line.id, "bold"), ": ", word(line.state))
    table(console, (Column(title="", style="dim"), Column(title="", gives=Gives.LAST)), _facts(line), indent=2)
    if detail.by_asset:
        rows = [(name, _runs(runs)) for name, runs in detail.by_asset.items()]
        table(console, (Column(title="asset", gives=Gives.LAST), Column(title="partitions")), rows, indent=2)
    if detail.reasons:
        rows = [(what, why.text) for what, why in detail.reasons.items()]
        table(console, (Column(title="held", gives=Gives.LAST), Column(title="why", gives=Gives.FIRST)), rows, indent=2)


@app.command(name="pause")
def pause_command(ctx: typer.Context, part: Part, json: Json = False) -> None:
    """Make nothing more of it until it is resumed; a run that is being made goes on to its end."""
    with making_store(ctx) as store:
        done = change(store, part, BackfillState.PAUSED)
    _show_change(
        done, "is paused", f"`penstock backfill resume {short_id(done.backfill.id)}` goes on with it.", json=json
    )


@app.command(name="cancel")
def cancel_command(ctx: typer.Context, part: Part, json: Json = False) -> None:
    """Make nothing more of it; what is made stays, and a run that is being made goes on to its end."""
    with making_store(ctx) as store:
        done = change(store, part, BackfillState.CANCELED)
    _show_change(done, "is canceled", "What is made stays.", json=json)


@app.command(name="resume")
def resume_command(ctx: typer.Context, part: Part, json: Json = False, quiet: Quiet = False) -> None:
    """Go on with one that was paused, or that a process left behind, and make the rest.

    Exits with 1 when something failed or was held, or somebody paused or canceled it meanwhile.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with open_project(settings, definitions) as project:
            line = backfill(project.store, part).backfill
            with watching(quiet=quiet, expected=line.total - line.looked) as watch:
                result = resume_in(project, line.id, listener=watch)
            detail = backfill(project.store, line.id)
    _show_result(detail, result, watch.foretold, json=json, quiet=quiet)


def _made(project: Project, asked: Asked, *, quiet: bool) -> tuple[BackfillDetail, BackfillResult, Foretold]:
    watch = Watch(quiet=quiet)
    created = create(project, asked, listener=watch)
    name = short_id(created.backfill.id)
    try:
        with watching(quiet=quiet, expected=created.look) as listener:
            result = work_on(project, created.backfill, listener=listener)
        return backfill(project.store, result.id), result, watch.foretold
    except KeyboardInterrupt:
        say(
            err(),
            f"Backfill {name} stays running: `penstock backfill resume {name}` goes on with it, and so does the next "
            "materialization.",
        )
        raise


def _show_preview(foreseen: Preview, found: Foretold, *, json: bool, quiet: bool) -> None:
    if json:
        show(
            {
                "total": foreseen.total,
                "look": foreseen.look,
                "assets": [{"asset": name, **plain(one)} for name, one in foreseen.counts.items()],
                "foreseen": foreseen.foreseen,
                "left_out": foreseen.left_out,
                "looked": foreseen.looked,
                **plain(found),
            }
        )
        return
    if quiet:
        return
    console = out()
    show_foretold(console, found)
    show_looked(console, foreseen.looked)
    heads = ("would be looked at", "active", "failed", "made already", "of")
    columns = (Column(title="asset", gives=Gives.LAST), *(Column(title=head, right=True) for head in heads))
    rows = [
        (name, *map(count, (one.look, one.active, one.failed, one.made, one.total)))
        for name, one in foreseen.counts.items()
    ]
    table(console, columns, rows)
    if foreseen.foreseen:
        show_foreseen(console, list(foreseen.foreseen))
    if foreseen.left_out:
        say(console, (f"{listed(foreseen.left_out)} left out: no partitions.", "dim"))
    say(console, _sum_of(foreseen))
    show_unseen(err(), foreseen.looked)


def _sum_of(foreseen: Preview) -> str:
    """What would become of all of it, in a sentence or two: of what is not shown nobody knows how much would be skipped
    or held back, unless all that is shown would be made."""
    found = Counter(one.outcome for one in foreseen.foreseen)
    told = [f"{count(found[outcome])} would {what}" for outcome, what in _BECOMES.items() if found[outcome]]
    rest, what = foreseen.look - found.total(), several(foreseen.look, "partition")
    more = f" These are the first; there are {several(rest, 'more partition')}: --limit." if rest > 0 else ""
    if rest > 0 and not found:
        return f"{what} would be looked at, after those that come first and are left alone: --limit shows them."
    if found["run"] == found.total():
        return f"{what} would be made.{more}"
    shown = f"of the {count(found.total())} shown " if rest > 0 else ""
    return f"{what} would be looked at: {shown}{', '.join(told)}.{more}"


_BECOMES = {"run": "be made", "possible": "perhaps be made", "skip": "be skipped as unchanged", "hold": "be held back"}


def _show_recorded(detail: BackfillDetail, found: Foretold, *, json: bool, quiet: bool) -> None:
    line = detail.backfill
    said = (
        f" of {several(line.total, 'partition')} is recorded. The next materialization makes them, or "
        f"`penstock backfill resume {short_id(line.id)}`."
    )
    _show_said(detail, found, said, json=json, quiet=quiet)


def _show_said(detail: BackfillDetail, found: Foretold, *said: Cell, json: bool, quiet: bool) -> None:
    if json:
        show({**_plain(detail), **plain(found)})
    elif not quiet:
        say(out(), "Backfill ", (short_id(detail.backfill.id), "bold"), *said)


def _show_result(detail: BackfillDetail, result: BackfillResult, found: Foretold, *, json: bool, quiet: bool) -> None:
    line = detail.backfill
    said = f", {tally_of(line) or 'nothing to be made'} of {count(line.total)} in {duration(result.seconds)}."
    _show_said(detail, found, ": ", word(line.state), said, json=json, quiet=quiet)
    _show_errors(err(), detail, result)
    if not result.ok:
        raise typer.Exit(FAILED)


_STOPPED = {
    BackfillState.PAUSED: ("paused", "`penstock backfill resume {name}` goes on with it."),
    BackfillState.CANCELED: ("canceled", "`penstock backfill create` asks for the rest anew."),
}


def _show_errors(console: Console, detail: BackfillDetail, result: BackfillResult) -> None:
    if result.state in _STOPPED:
        done, hint = _STOPPED[result.state]
        name, made = short_id(result.id), count(result.runs.get(RunState.SUCCESS, 0))
        text = f"{done} by somebody else, {made} of {count(detail.backfill.total)} made. {hint.format(name=name)}"
        say(console, (f"Backfill {name} ", "bold red"), text)
    for outcome in result.failed[:_NAMED]:
        error = outcome.error or {}
        say(console, (f"{titled_of(outcome)} failed: ", "bold red"), error_text(error))
    for what, why in list(detail.reasons.items())[:_NAMED]:
        say(console, (f"{what} held: ", "bold yellow"), why.text)
    if len(result.failed) > _NAMED or len(detail.reasons) > _NAMED:
        text = f"`penstock backfill show {short_id(result.id)}` and `penstock runs --state failed` show the rest."
        say(console, (text, "dim"))


def _show_change(done: Controlled, what: str, hint: str, *, json: bool) -> None:
    if json:
        show({"backfill": done.backfill.id, "state": done.backfill.state, "given_up": done.given_up})
        return
    given_up = f" {several(done.given_up, 'run')} that nobody had begun {_were(done.given_up)} given up."
    say(
        out(),
        "Backfill ",
        (short_id(done.backfill.id), "bold"),
        f" {what}.{given_up if done.given_up else ''} {hint}",
    )


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def tally_of(line: BackfillLine) -> str:
    """What became of its partitions: `118 made, 1 failed, 3 held, 5 left alone`."""
    rest = {"held": line.held, "left alone": line.spared}
    return ", ".join(filter(None, (_runs(line.runs), *(f"{count(n)} {what}" for what, n in rest.items() if n))))


def _runs(runs: Mapping[RunState, int]) -> str:
    words = {RunState.SUCCESS: "made"}
    return ", ".join(f"{count(number)} {words.get(state, state.value)}" for state, number in runs.items())


def _facts(line: BackfillLine) -> Sequence[tuple[str, str]]:
    facts = {
        "assets": ", ".join(line.assets),
        "keys": line.keys,
        "reprocess": line.reprocess.value,
        "propagate": line.propagate.value,
        "order": line.order.value,
        "active runs": "" if line.max_active_runs is None else f"at most {count(line.max_active_runs)}",
        "created": instant(line.created_at),
        "ended": instant(line.ended_at),
        "seen to": f"{count(line.looked)} of {count(line.total)}: {tally_of(line) or 'nothing yet'}",
    }
    return [(name, value) for name, value in facts.items() if value]


def _plain(detail: BackfillDetail) -> dict[str, Any]:
    return {**plain(detail.backfill), "by_asset": plain(detail.by_asset), "reasons": plain(detail.reasons)}
