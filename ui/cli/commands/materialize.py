"""`penstock materialize`: make a selection, and what that causes, up to date."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from ....assets.plan.preview import Foreseen
from ....assets.plan.reasons import Reason
from ....assets.plan.selection import select as selected
from ....assets.run.api import foresee, make, require_reached, typed_parameters, unused
from ....assets.run.backfilling.pending import pending_backfills
from ....assets.run.progress import Made, Outcome, Result
from ....assets.run.project.foretold import Foretold, foretold
from ....assets.run.project.project import Project, open_project
from ....storage.errors import UsageError
from ....storage.types import ReasonKind, RunState
from ...read.assets import OutputLine, outputs
from ...read.backfills import BackfillLine, backfill
from ...read.failures import error_text
from ...read.later import Later, later
from ...read.status import Undelivered, undelivered
from ...words.quantities import count, duration, listed, several, short_id
from ..console import err, out, say, say_verbatim, table, word
from ..definitions import definitions_of, show_foretold
from ..faults import FAILED
from ..group import invocation
from ..live import result_of, watching
from ..options import Json, Names, Select
from ..outcomes import COLUMNS, alike, rows_of
from ..plain import apart, plain, show
from ..reasons import brief, told
from ..sources import show_looked, show_unseen
from .backfill import tally_of
from .plan import show_foreseen, show_pending

app = typer.Typer(add_completion=False)

_MANY = 50
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in ', re.MULTILINE)


@app.command(name="materialize")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    names: Names = None,
    select: Select = None,
    force: Annotated[bool, typer.Option("--force", help="Make them although nothing changed.")] = False,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="ASSET.NAME=VALUE", help="A run parameter, for this once. May be repeated."),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="The selection alone; what it causes downstream stays pending.")
    ] = False,
    partitions: Annotated[
        str | None,
        typer.Option(
            "--partitions",
            metavar="KEYS",
            help="Keys of assets with partitions: 2026-01-01..2026-01-05, last:7, eu,us, all, day=last:7;region=eu.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be made, and why; make nothing.")] = False,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False,
) -> None:
    """Make a selection, and what that causes, up to date.

    Without a selection, everything. What is up to date is skipped, and said to be. Exits with 1 when something failed.

    Of assets with partitions, --partitions says which keys. Selected assets that another selected one reads are made
    first, key by key, as far as these keys are read.
    """
    given = _parameters(param or ())
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with open_project(settings, definitions, planning=dry_run) as project:
            asked = _Asked(
                names=tuple(selected(project.graph, [*(names or ()), *(select or ())])),
                force=force,
                parameters=typed_parameters(project, given),
                only=only,
                partitions=partitions,
            )
            require_reached(project, asked.names, asked.parameters, only=only)
            done = None if dry_run else _made(project, asked, quiet=quiet)
            divided = done.foretold if done is not None else foretold(project)
            foreseen = [] if done is not None else _foreseen(project, asked)
            pending = () if done is not None else pending_backfills(project)
    if done is None:
        if json:
            show({"assets": foreseen, "backfills": pending, **plain(divided)})
        elif not quiet:
            show_foretold(out(), divided)
            show_foreseen(out(), foreseen)
            show_pending(out(), pending)
            idle = unused(asked.parameters, (one.asset for one in foreseen if one.outcome != "hold"))
            _show_unused(out(), idle, {one.asset: one.reason for one in foreseen})
        return
    idle = unused(asked.parameters, (one.asset for one in done.result.outcomes if one.run_id is not None))
    if json:
        show({**_plain(done), "unused_parameters": idle, **plain(divided)})
    elif not quiet:
        _show(out(), done)
        _show_unused(out(), idle, {one.asset: one.reason for one in done.result.outcomes})
        _show_lacking(out(), done)
    _show_errors(err(), done.result, trace=invocation(ctx).traceback)
    if not done.result.ok:
        raise typer.Exit(FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line asks for."""

    names: tuple[str, ...]
    force: bool
    parameters: Mapping[str, Mapping[str, Any]]
    only: bool
    partitions: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What was done; `standing` is what the datasets of the assets that did not run hold, by asset; `makers`
    dataset → the asset that writes it; `undelivered` the lineage that has not arrived, `backfills` those that it
    went on with, `later` the news of which these runs took none, `foretold` what its definitions left."""

    result: Result
    standing: Mapping[str, tuple[OutputLine, ...]]
    makers: Mapping[str, str]
    undelivered: tuple[Undelivered, ...]
    backfills: tuple[BackfillLine, ...]
    later: tuple[Later, ...]
    foretold: Foretold


def _made(project: Project, asked: _Asked, *, quiet: bool) -> _Done:
    expected = len(asked.names) if asked.partitions is None else 0  # how many keys that is, the wave works out
    with watching(quiet=quiet, expected=expected) as watch:
        result = make(
            project,
            asked.names,
            force=asked.force,
            parameters=asked.parameters,
            only=asked.only,
            listener=watch,
            partitions=asked.partitions,
        )
    made = dict.fromkeys(outcome.asset for outcome in result.outcomes if outcome.run_id is not None)
    others = {outcome.asset for outcome in result.outcomes if not outcome.made and not outcome.partition}
    return _Done(
        result=result,
        standing=outputs(project.store, others),
        makers={project.graph.dataset_name(uri): name for uri, name in project.graph.producer.items()},
        undelivered=undelivered(project.store),
        backfills=tuple(backfill(project.store, one).backfill for one in result.backfills),
        later=later(project.store, {project.ids.assets[name]: project.catalogue.assets[name] for name in made}),
        foretold=watch.foretold,
    )


def _foreseen(project: Project, asked: _Asked) -> list[Foreseen]:
    return foresee(
        project,
        asked.names,
        force=asked.force,
        parameters=asked.parameters,
        only=asked.only,
        partitions=asked.partitions,
    )


def _parameters(texts: Sequence[str]) -> dict[str, str]:
    """`["ranker.epochs=5"]` as `{"ranker.epochs": "5"}`.

    Raises
    ------
    UsageError: one has no `=`, or one parameter is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"--param {text} gives no value", hint="Write --param ASSET.NAME=VALUE.")
        name = key.strip()
        if name in found:
            raise UsageError(
                f"--param gives {name} twice: {name}={found[name]} and {name}={value}",
                hint="A run has one value of a parameter: leave one of them out.",
            )
        found[name] = value
    return found


def _show(console: Console, done: _Done) -> None:
    result = done.result
    show_looked(console, result.looked, result.outcomes)
    skipped = [one for one in result.outcomes if _whole_skip(one)]
    shown = result.outcomes if len(skipped) <= _MANY else [one for one in result.outcomes if not _whole_skip(one)]
    if shown:
        table(console, COLUMNS, rows_of(shown, partial(_standing, done)))
    if len(shown) < len(result.outcomes):
        say(console, (f"… and {count(len(skipped))} that were skipped: --json lists them", "dim"))
    if legend := told(one.reason for one in result.outcomes):
        say(console, (legend, "dim"))
    tally = Counter(result_of(outcome) for outcome in result.outcomes)
    facts = ", ".join(f"{count(number)} {name}" for name, number in tally.items())
    say(console, f"{facts or 'There was nothing to make'} in {duration(result.seconds)}.")
    for one in done.later:
        wait = "event waits for its turn" if one.events == 1 else "events wait for their turns"
        say(console, ("Later: ", "yellow"), f"{count(one.events)} {wait} at {one.asset}; a run by hand takes none.")
    for line in done.backfills:
        became = tally_of(line) or "nothing to be made"
        say(
            console,
            f"Went on with backfill {short_id(line.id)}: ",
            word(line.state),
            f", {became} of {count(line.total)}.",
        )
    for one in done.undelivered:
        _show_undelivered(console, one, refused=result.refused.get(one.destination, 0))


def _whole_skip(one: Outcome) -> bool:
    """Whether it is an asset that was skipped; of partitions, those that went alike are one row anyway."""
    return one.state is RunState.SKIPPED and not one.partition and not one.told


def _show_undelivered(console: Console, one: Undelivered, *, refused: int) -> None:
    """What waits for a destination, and what it refused for good while this was made; what it refused before is told by
    `penstock status`."""
    if one.pending:
        verb, them = ("waits", "it") if one.pending == 1 else ("wait", "them")
        say(
            console,
            ("Lineage: ", "yellow"),
            f"{several(one.pending, 'event')} {verb} for {one.destination} ({one.error or 'no answer'}); the next "
            f"materialization sends {them}.",
        )
    if refused and one.dead:
        say(
            console,
            ("Lineage: ", "yellow"),
            f"{one.destination} refused {several(refused, 'event')} for good ({one.error or 'no answer'}); mend that, "
            f"then `penstock resend` sends {'it' if refused == 1 else 'them'} again.",
        )


_HELD = {ReasonKind.UPSTREAM_FAILED, ReasonKind.NO_VERSION, ReasonKind.LEFT_OUT, ReasonKind.PAUSED, ReasonKind.AT_LIMIT}
"""Why something is not made that has a reason to be."""


def _show_unused(console: Console, idle: Sequence[str], held: Mapping[str, Reason]) -> None:
    """Run parameters of which nothing came: what they are for was `held`, or got no news."""
    for one in idle:
        asset = one.rpartition(".")[0]
        again = f"`penstock materialize {asset} --param {one}=…`"
        why = (
            f"{asset} was held ({brief(held[asset])}); once that is mended, {again} makes it."
            if asset in held and held[asset].kind in _HELD
            else f"there was no run of {asset}; {again} makes one."
        )
        say(console, ("Parameter: ", "yellow"), f"{one} had no effect: {why}")


def _show_lacking(console: Console, done: _Done) -> None:
    """The next step where an input was never made, and its asset was not asked for."""
    told = {one.asset for one in done.result.outcomes}
    for one in done.result.outcomes:
        makers = {done.makers.get(name, "") for name in one.reason.names}
        if one.reason.kind is ReasonKind.NO_VERSION and makers - told - {""}:
            say(
                console,
                ("Input: ", "yellow"),
                f"{listed(one.reason.names)} was never made; `penstock materialize +{one.asset}` makes what "
                f"{one.asset} reads, and then {one.asset}.",
            )


def _standing(done: _Done, one: Outcome) -> Sequence[OutputLine]:
    """What the datasets of an asset that did not run hold; of a partition that is not asked for."""
    return () if one.partition else done.standing.get(one.asset, ())


def _show_errors(console: Console, result: Result, *, trace: bool) -> None:
    show_unseen(console, result.looked)
    for found in alike(result.outcomes):
        outcome, title = found.first, f"{found.first.asset} {found.keys}".rstrip()
        if outcome.warning:
            published = "published, but " if outcome.made else ""
            say(console, (f"{title}: ", "bold yellow"), f"{published}{outcome.warning}")
        if outcome.error is None:
            continue
        error = outcome.error
        place = _place(error.get("trace") or "")
        say(console, (f"{title} failed: ", "bold red"), f"{error_text(error)}{place}")
        if error.get("hint"):
            say(console, (str(error["hint"]), "dim"))
        if trace and error.get("trace"):
            say_verbatim(console, str(error["trace"]))
        elif outcome.run_id:
            say(console, (f"penstock runs {short_id(outcome.run_id)} shows everything that is known of it.", "dim"))


def _place(trace: str) -> str:
    """Where in the project's own code it went wrong: the deepest frame that is of no installed library."""
    own = [
        found for found in _FRAME.finditer(trace) if not re.search(r"[/\\](?:site|dist)-packages[/\\]", found["file"])
    ]
    return f" ({own[-1]['file']}:{own[-1]['line']})" if own else ""


def _plain(done: _Done) -> dict[str, Any]:
    result = done.result
    return {
        "id": result.id,
        "state": result.state,
        "seconds": round(result.seconds, 3),
        "looked": result.looked,
        "undelivered": done.undelivered,
        "backfills": result.backfills,
        "later": done.later,
        "assets": [
            {
                "asset": one.asset,
                **({"partition": one.partition} if one.partition else {}),
                "result": result_of(one),
                "run": one.run_id,
                "state": one.state,
                "reason": one.reason,
                "seconds": round(one.seconds, 3),
                "outputs": [_output(output) for output in one.made or _standing(done, one)],
                "error": one.error,
                "warning": one.warning,
                **({"left_out": dict(one.left_out)} if one.left_out else {}),
            }
            for one in result.outcomes
        ],
    }


def _output(output: Made | OutputLine) -> dict[str, Any]:
    """A dataset as it stands now; `kind` says what the run published, None where it was left as it is."""
    return {
        "dataset": output.dataset,
        "uri": output.uri,
        "digest": output.digest,
        "kind": output.kind if isinstance(output, Made) else None,
        "rows": output.rows,
        "size": output.size,
    }
