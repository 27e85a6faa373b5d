"""`penstock status`: where each asset stands, and how the project stands as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ....storage.types import PartKind
from ...read.assets import AssetLine, OutputLine, assets
from ...read.behind import Behind
from ...read.drift import Drift, Standing, drift
from ...read.limits import limits
from ...read.status import Advance, Status, status
from ...words.quantities import advance, count, duration, instant, moment, several, short, short_id, size
from ..console import Cell, Column, Gives, out, say, table, word
from ..limits import show_limits
from ..names import titled
from ..options import Json, Names, Select
from ..outcomes import state_of
from ..plain import plain, show
from ..settings import settings_of
from ..store import store_of
from .notify import show_unsent
from .versions import BEHIND

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="asset", gives=Gives.LAST),
    Column(title="version"),
    Column(title="rows", right=True),
    Column(title="size", right=True),
    Column(title="published"),
    Column(title="last run"),
)


@app.command(name="status")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    names: Names = None,
    select: Select = None,
    stores: Annotated[bool, typer.Option("--stores", help="Look for drift on object stores too.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=100_000, help="At most so many assets.")
    ] = 1000,
    after: Annotated[
        str | None, typer.Option("--after", metavar="ASSET", help="Begin with the asset that comes after this one.")
    ] = None,
    json: Json = False,
) -> None:
    """Where each asset stands.

    What keeps the project at work, with its heartbeat; what was asked for in the app and waits; of each asset its
    newest version and its last run; whether somebody else wrote to its URI (at partitions it does not look), or the
    newest version could not be put there; a pause, a missed deadline; then what is under way, what was left undone and
    why, what is taken of pools and rate limits, and what lineage has not been delivered. For what would run now, ask
    `penstock plan`.
    """
    with store_of(ctx) as store:
        selections = [*(names or ()), *(select or ())]
        page = assets(store, selections=selections, limit=limit, after=after)
        lines = page.items
        whole = status(store, only={line.name for line in lines} if selections else None)
        limited = limits(store, settings_of(ctx).values.pools)
        written = {output.uri for line in lines for output in line.outputs}
        drifted = tuple(one for one in drift(store, settings_of(ctx), stores=stores) if one.uri in written)
    unseen = [output.dataset for line in lines for output in line.outputs if output.partitions]
    if json:
        show(
            {
                **plain(whole),
                **plain(limited),
                "assets": lines,
                "more": page.more,
                "drift": drifted,
                "not_looked_at": unseen,
            }
        )
        return
    console = out()
    counts = ", ".join(f"{count(number)} {state.replace('_', ' ')}" for state, number in whole.runs.items())
    counts += f" ({count(whole.counts.left_behind)} left behind)" if whole.left_behind else ""
    shown = several(len(lines), "asset") + (" shown" if page.more or after else "")
    say(console, (whole.project, "bold"), f": {shown}; runs: {counts or 'none yet'}")
    _show_parts(console, whole)
    _show_asked(console, whole)
    if not lines and not whole.runs:
        say(console, "Nothing has been recorded yet: `penstock materialize` makes the first versions.")
        return
    late = [one for one in whole.behind if one.uri in written]
    at_uri = {one.uri: _at_uri(one) for one in drifted} | _behind(late)
    columns = (*_COLUMNS, Column(title="at its URI")) if at_uri else _COLUMNS
    if lines:
        table(console, columns, [row[: len(columns)] for line in lines for row in _rows(line, at_uri)])
    else:
        say(console, "No asset is declared any more: `penstock runs` shows what was made.")
    if page.more:
        say(console, (f"There are more: --after {lines[-1].name}", "dim"))
    for line in lines:
        _show_said(console, line)
    _show_drift(console, drifted)
    if late:
        say(console, ("Behind: ", "yellow"), BEHIND)
        _show_more(console, len(whole.behind), whole.counts.behind)
    _show_unseen(console, unseen)
    _show_latest(console, whole)
    _show_held(console, whole)
    _show_unfinished(console, whole)
    _show_leftovers(console, whole)
    show_limits(console, limited)
    for one in whole.undelivered:
        say(
            console,
            (f"Lineage to {one.destination}: ", "yellow"),
            f"{several(one.pending, 'event')} under way, {count(one.dead)} refused"
            + (f"; last error: {one.error}" if one.error else "")
            + ("; `penstock resend` sends what was refused again" if one.dead else ""),
        )
    show_unsent(console, whole.unsent)
    say(console, (f"Database {whole.database}, form {whole.revision or 'none'} ({whole.form})", "dim"))


def _show_parts(console: Console, whole: Status) -> None:
    if all(one.gone for one in whole.parts):
        say(console, ("Nothing is at work: `penstock up` starts it.", "dim"))
    if not whole.parts:
        return
    columns = (
        Column(title="part", style="cyan"),
        Column(title="process", gives=Gives.LAST),
        Column(title="state"),
        Column(title="since"),
        Column(title="heard of", right=True),
        Column(title="does", gives=Gives.FIRST),
    )
    rows = [
        (
            one.kind,
            "/".join(one.name.split("/")[:2]),
            Text("gone", style="red") if one.gone else word(one.state),
            moment(one.started_at),
            f"{duration(one.silent_for)} ago",
            one.doing,
        )
        for one in whole.parts
    ]
    table(console, columns, rows)
    for one in whole.parts:
        if one.problem:
            say(console, (f"{one.kind}: ", "bold red"), one.problem)


def _show_asked(console: Console, whole: Status) -> None:
    """What was asked for in the app and is not over, and who would carry it out."""
    if not whole.asked:
        return
    columns = (
        Column(title="asked for in the app"),
        Column(title="of", gives=Gives.LAST),
        Column(title="by"),
        Column(title="when"),
        Column(title="state"),
    )
    shown = whole.asked[:_NAMED_COMMANDS]
    rows = [
        (one.kind.replace("_", " "), one.about, one.asked_by, moment(one.asked_at), word(one.state)) for one in shown
    ]
    table(console, columns, rows)
    _show_more(console, len(shown), whole.counts.asked)
    if not any(one.kind is PartKind.SCHEDULER and not one.gone for one in whole.parts):
        say(console, ("Nobody is at work: ", "yellow"), "it waits until `penstock up` is started.")


_NAMED_COMMANDS = 20


def _show_said(console: Console, line: AssetLine) -> None:
    """What else is to be said of an asset: how its newest run failed, what its producer said, a pause, a deadline."""
    if line.last_run is not None and line.last_run.error is not None:
        say(console, (f"{line.name} {line.last_run.state}: ", "bold red"), line.last_run.error)
        say(console, (f"penstock runs {short_id(line.last_run.id)} shows everything that is known of it.", "dim"))
    if line.last_run is not None and line.last_run.told:
        say(console, (f"{line.name}: ", "yellow"), line.last_run.told)
    if line.paused is not None:
        say(console, (f"{line.name} is paused ", "yellow"), f"since {moment(line.paused.since)}: {line.paused.why}")
    if line.missed is not None:
        said = f"of {instant(line.missed.tick)}: {line.missed.reason.text}"
        say(console, (f"{line.name} missed its deadline ", "yellow"), said)


def _rows(line: AssetLine, at_uri: Mapping[str, str]) -> list[tuple[Cell, ...]]:
    """One row for each output; what is said of the asset stands in the first."""
    last = line.last_run
    rows: list[tuple[Cell, ...]] = []
    for number, output in enumerate(line.outputs):
        said: Cell = "" if number else "never" if last is None else state_of(last)
        rows.append(
            (
                titled(line.name, [output.dataset]),
                _version(output),
                count(output.rows),
                size(output.size),
                moment(output.published_at),
                said,
                Text(at_uri.get(output.uri, ""), style="yellow"),
            )
        )
    return rows


def _version(output: OutputLine) -> str:
    if output.partitions is not None:
        return several(output.partitions, "partition")
    return short(output.digest) or "none"


def _at_uri(one: Drift) -> str:
    return "cannot be looked at" if one.found is None else one.found.value


def _behind(late: Sequence[Behind]) -> dict[str, str]:
    """URI → that it, or how many of its partitions, are behind the newest version."""
    partitions = Counter(one.uri for one in late if one.partition)
    return {one.uri: "behind" for one in late} | {uri: f"{count(number)} behind" for uri, number in partitions.items()}


def _show_drift(console: Console, drifted: Sequence[Drift]) -> None:
    """What the words in the last column mean, as far as they occur."""
    for one in drifted:
        if one.found is None:
            say(console, (f"{one.dataset}: ", "yellow"), one.detail)
    found = {one.found for one in drifted}
    for standing, meaning in _MEANINGS.items():
        if standing in found:
            say(console, (f"{standing.value[0].upper()}{standing.value[1:]} at its URI: ", "yellow"), meaning)


def _show_unseen(console: Console, unseen: Sequence[str]) -> None:
    """Of which datasets nobody has looked at what stands at the URIs: they may have very many."""
    if unseen:
        named = ", ".join(unseen[:_NAMED]) + (f" and {len(unseen) - _NAMED} more" if len(unseen) > _NAMED else "")
        say(console, (f"Not looked at for drift: the partitions of {named}; a materialization of a key looks.", "dim"))


_NAMED = 4
_MEANINGS = {
    Standing.CHANGED: "somebody else wrote there. No version is touched by it; delete what is there, and "
    "`penstock materialize` shows the newest version again.",
    Standing.SUSPECT: "size or content may be other than what was put there; `penstock materialize` reads it and says.",
    Standing.MISSING: "somebody removed it; `penstock materialize` shows the newest version again.",
}


def _show_latest(console: Console, whole: Status) -> None:
    latest = whole.latest
    if latest is None:
        return
    length = "" if latest.ended_at is None else f", {duration(latest.ended_at - latest.started_at)}"
    say(
        console,
        f"Last materialization {moment(latest.started_at)}: ",
        Text("left behind: its process is gone", style="yellow") if latest.left_behind else word(latest.state),
        f" ({several(len(latest.selection), 'asset')} asked for{length})",
    )
    if latest.held:
        columns = (Column(title="not made"), Column(title="why", gives=Gives.FIRST))
        table(console, columns, [(name, reason.text) for name, reason in latest.held.items()])


def _show_held(console: Console, whole: Status) -> None:
    if whole.held:
        columns = (Column(title="held by planners"), Column(title="why", gives=Gives.FIRST))
        table(console, columns, [(name, reason.text) for name, reason in whole.held.items()])
        _show_more(console, len(whole.held), whole.counts.held)


def _show_more(console: Console, shown: int, there: int, how: str = "") -> None:
    if shown < there:
        say(console, (f"… and {count(there - shown)} more{how}", "dim"))


def _advance(one: Advance | None) -> str:
    """How far a run says that it is."""
    return "" if one is None else advance(one.done, one.total, one.unit, one.text)


def _show_unfinished(console: Console, whole: Status) -> None:
    if not whole.unfinished:
        return
    say(console, (f"{several(whole.counts.unfinished, 'run')} not ended:", "yellow"))
    columns = (
        Column(title="run", style="dim"),
        Column(title="asset", gives=Gives.LAST),
        Column(title="state"),
        Column(title="since"),
        Column(title="worker", gives=Gives.LAST),
        *((Column(title="progress", gives=Gives.FIRST),) if whole.progress else ()),
    )
    rows = [
        (
            short_id(one.id),
            one.asset,
            state_of(one),
            moment(one.started_at or one.created_at),
            one.worker or "",
            *((_advance(whole.progress.get(one.id)),) if whole.progress else ()),
        )
        for one in whole.unfinished
    ]
    table(console, columns, rows)
    _show_more(console, len(rows), whole.counts.unfinished, ": `penstock runs --state scheduled`, running, …")
    if whole.left_behind:
        say(
            console,
            ("Left behind: ", "yellow"),
            "its process is gone; `penstock up`, or the next `penstock materialize`, tries it again, or ends it.",
        )


def _show_leftovers(console: Console, whole: Status) -> None:
    for one in whole.leftovers:
        said = f"resource {one.resource} of {one.asset}, set up at {instant(one.at)} for run {short_id(one.run_id)}: "
        say(console, ("Left over: ", "yellow"), said + (one.error or "the next materialization cleans it up"))
    _show_more(console, len(whole.leftovers), whole.counts.leftovers)
