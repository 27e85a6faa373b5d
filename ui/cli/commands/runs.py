"""`penstock runs [RUN]`: the runs, or one of them with everything that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console

from ....assets.declare.durations import as_duration
from ....storage.errors import UsageError
from ....storage.types import ReasonKind, RunState
from ...read.assets import assets
from ...read.failures import Failure
from ...read.run import Attempt, RunDetail, run
from ...read.runs import RunLine, Runs, Wanted, runs
from ...read.store import now_of
from ...words.quantities import called, count, duration, instant, moment, short_id, size
from ..console import Cell, Column, Gives, out, say, say_verbatim, table, word
from ..options import Json, Limit, Offset
from ..outcomes import state_of
from ..plain import plain, show
from ..reasons import brief
from ..store import store_of
from .versions import published

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="run", style="dim"),
    Column(title="asset", gives=Gives.LAST),
    Column(title="state"),
    Column(title="why", gives=Gives.FIRST),
    Column(title="created"),
    Column(title="took", right=True),
)
Row = tuple[Cell, ...]
_GIVING = ("dataset", "what", "worker", "error")


@app.command(name="runs")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Show this one: its id, or as much of its beginning or end as is unique."),
    ] = None,
    asset: Annotated[str | None, typer.Option("--asset", metavar="ASSET", help="Only those of this asset.")] = None,
    partition: Annotated[
        str | None, typer.Option("--partition", metavar="KEY", help="Only those of partitions with this key.")
    ] = None,
    state: Annotated[
        RunState | None,
        typer.Option("--state", metavar="STATE", help="Only those in this state: failed, success, skipped, …"),
    ] = None,
    group: Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Only those of assets of it.")] = None,
    reason: Annotated[
        ReasonKind | None, typer.Option("--reason", metavar="REASON", help="Only those made for it: tick, manual, …")
    ] = None,
    backfill: Annotated[
        str | None, typer.Option("--backfill", metavar="BACKFILL", help="Only those that this backfill asked for.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="AGO", help="Only those planned at most so long ago: 12h, 7d.")
    ] = None,
    error: Annotated[
        str | None, typer.Option("--error", metavar="TEXT", help="Only those whose error has this text in it.")
    ] = None,
    limit: Limit = 20,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """The runs, or one of them with everything that is known of it.

    The list is newest first. Of one run: what it read, what caused it, its attempts, what it published, its lineage
    events, and its error.
    """
    with store_of(ctx) as store:
        if run_id is not None:
            detail = run(store, run_id)
            show(_plain(detail)) if json else _show_one(detail)
            return
        wanted = Wanted(
            states=frozenset({state} if state is not None else ()),
            asset=asset,
            partition=partition,
            group=group,
            reason=reason,
            backfill=backfill,
            since=None if since is None else now_of(store) - as_duration(since),
            error=error,
        )
        page = runs(store, wanted, limit=limit, offset=offset)
        if asset is not None and not page.items and not assets(store, names=[asset]).items:
            raise UsageError(f"there is no asset {asset!r} on record", hint="`penstock status` shows the assets.")
    if json:
        show({"runs": page.items, "more": page.more})
    else:
        _show_all(page, wanted)


def _show_all(page: Runs, wanted: Wanted) -> None:
    console = out()
    if not page.items:
        asked = page.offset or wanted != Wanted()
        say(console, "There are no such runs." if asked else "There are no runs yet: `penstock materialize`.")
        return
    rows = [
        (
            short_id(one.id),
            _made_of(one),
            state_of(one),
            f"{brief(one.reason)}; {one.told}" if one.told else brief(one.reason),
            moment(one.created_at),
            duration(one.took),
        )
        for one in page.items
    ]
    table(console, _COLUMNS, rows)
    if page.more:
        say(console, (f"There are older ones: --offset {page.offset + len(rows)}", "dim"))


def _made_of(line: RunLine) -> str:
    return f"{line.asset} {line.partition}".rstrip()


def _show_one(detail: RunDetail) -> None:
    console, line = out(), detail.run
    say(console, "Run ", (line.id, "bold"), " of asset ", (_made_of(line), "bold"), ": ", state_of(line))
    _lines(console, [(name, value) for name, value in _facts(detail).items() if value])
    for section in _SECTIONS:
        rows = section.rows(detail)
        if rows:
            say(console, (section.title, "bold"))
            gives = {head: Gives.LAST if head in _GIVING else Gives.NEVER for head in section.heads}
            table(console, [Column(title=head, gives=gives[head]) for head in section.heads], rows, indent=2)
    if line.error is not None:
        _error(console, line.error)


def _facts(detail: RunDetail) -> dict[str, str]:
    line = detail.run
    return {
        "why": line.reason.text,
        "producer": line.told,
        "created": instant(line.created_at),
        "started": instant(line.started_at),
        "ended": instant(line.ended_at) + (f", after {duration(line.took)}" if line.took else ""),
        "tried again": f"at {instant(detail.retry_at)}" if detail.retry_at is not None else "",
        "covers": " to ".join(instant(time) for time in detail.nominal if time is not None),
        "materialization": line.materialization_id or "",
        "backfill": line.backfill_id or "",
        "run key": detail.key,
        **{f"parameter {name}": repr(value) for name, value in detail.parameters.items()},
    }


def _read(detail: RunDetail) -> list[Row]:
    return [
        (pin.parameter, f"{pin.name} {pin.partition}".rstrip(), f"@{pin.number} {called(pin.digest, pin.token)}")
        for pin in detail.pins
    ]


def _consumed(detail: RunDetail) -> list[Row]:
    events = [(f"{one.dataset} @{one.number}", word(one.kind), instant(one.at), one.outcome) for one in detail.consumed]
    return [*events, *((timetable, "tick", instant(tick), "") for timetable, tick in detail.ticks.items())]


def _attempts(detail: RunDetail) -> list[Row]:
    return [
        (
            str(one.number),
            word(one.outcome or RunState.RUNNING),
            instant(one.started_at),
            duration(one.took),
            one.worker,
            _what_ended(one),
        )
        for one in detail.attempts
    ]


def _what_ended(one: Attempt) -> str:
    """By what an attempt ended that made nothing."""
    how = f" (signal {one.signal})" if one.signal is not None else ""
    how = f" (exit code {one.exit_code})" if one.exit_code is not None else how
    return "" if one.error is None else one.error.first_line + how


def _published(detail: RunDetail) -> list[Row]:
    return [
        (one.dataset, count(one.number), called(one.digest, one.token), word(one.kind), count(one.rows), size(one.size))
        for one in detail.published
    ]


def _lineage(detail: RunDetail) -> list[Row]:
    return [(one.kind, instant(one.at)) for one in detail.lineage]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A table about one run; it is shown where it has rows."""

    title: str
    heads: tuple[str, ...]
    rows: Callable[[RunDetail], list[Row]]


_SECTIONS = (
    _Section(title="read", heads=("parameter", "dataset", "version"), rows=_read),
    _Section(title="consumed", heads=("what", "kind", "when", "outcome"), rows=_consumed),
    _Section(title="attempts", heads=("number", "outcome", "started", "took", "worker", "error"), rows=_attempts),
    _Section(title="published", heads=("dataset", "number", "version", "kind", "rows", "size"), rows=_published),
    _Section(title="lineage events", heads=("type", "time"), rows=_lineage),
)


def _lines(console: Console, rows: Iterable[tuple[Cell, Cell]]) -> None:
    table(console, (Column(title="", style="dim"), Column(title="", gives=Gives.LAST)), rows, indent=2)


def _error(console: Console, error: Failure) -> None:
    say(console, ("Error: ", "bold red"), error.text)
    if error.hint:
        say(console, (error.hint, "dim"))
    if error.gave_up:
        say(console, (f"Not tried again: {error.gave_up}.", "dim"))
    if error.trace:
        say_verbatim(console, error.trace)


def _plain(detail: RunDetail) -> dict[str, Any]:
    """The run with everything around it, without the ids of the database."""
    return {
        **plain(detail.run),
        "key": detail.key,
        "made_from": plain(detail.made_from),
        "nominal_start": plain(detail.nominal[0]),
        "nominal_end": plain(detail.nominal[1]),
        "pins": [
            {
                "parameter": pin.parameter,
                "dataset": pin.name,
                "uri": pin.uri,
                **({"partition": pin.partition} if pin.partition else {}),
                "number": pin.number,
                "version": pin.token,
                "digest": pin.digest,
            }
            for pin in detail.pins
        ],
        "consumed": plain(detail.consumed),
        "ticks": plain(detail.ticks),
        "retry_at": plain(detail.retry_at),
        "attempts": plain(detail.attempts),
        "published": [published(one) for one in detail.published],
        "lineage": [plain(one.body) for one in detail.lineage],
    }
