"""`penstock why ASSET`: what the planner would do with it, and its condition with what it has and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ....assets.run.explaining.api import require_whole
from ....assets.run.explaining.of_partition import why_partition
from ....assets.run.explaining.why import why_now
from ....storage.types import FINAL_STATES
from ...read.why import Last, Read, Why, why_then
from ...words.conditions import age
from ...words.quantities import instant, listed, several, short, short_id
from ..console import Column, Gives, out, say, table, word
from ..definitions import definitions_of
from ..options import Json
from ..plain import apart, plain, show
from ..reasons import worded
from ..settings import settings_of
from ..tree import condition_tree

app = typer.Typer(add_completion=False)


@app.command(name="why")
def command(
    ctx: typer.Context,
    asset: Annotated[str, typer.Argument(help="Name of an asset.")],
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="At an earlier time: 2026-01-05T03:00Z, or -2h for two hours ago."),
    ] = None,
    partition: Annotated[
        str | None, typer.Option(metavar="KEY", help="One partition of an asset that has some, now.")
    ] = None,
    json: Json = False,
) -> None:
    """Why an asset would run, or would not; now or at an earlier time.

    What the planner would do with it, its condition with what each part has and lacks, what a run would read, and its
    newest run. With --at the same as it was then, by the definition and the news of then; what is not recorded is said.
    """
    if at is not None:
        require_whole(asset, partition)
    if partition is not None:
        with apart(json):
            found = why_partition(*definitions_of(ctx), asset, partition)
    elif at is not None:
        found = why_then(settings_of(ctx), asset, at)
    else:
        with apart(json):
            found = why_now(*definitions_of(ctx), asset)
    if json:
        show(_plain(found))
        return
    console = out()
    _decision(console, found)
    if found.condition is not None:
        console.print(condition_tree(found.condition, found.at))
    _reads(console, found.reads)
    _around(console, found)
    if found.last is not None:
        _last(console, found.last, found)
    for note in found.notes:
        say(console, ("Note: ", "yellow"), note)


_SAID = {"run": "made", "skip": "skipped", "confirm": "confirmed", "hold": "held"}


def _decision(console: Console, found: Why) -> None:
    when = f" at {instant(found.at)}" if found.then else ""
    would = " would have been " if found.then else " would be "
    name = f"{found.asset} {found.partition}".rstrip()
    done = Text(_SAID[found.decision], style=word(found.decision).style)
    say(console, (name, "bold"), would, done, f"{when}:")
    say(console, f"  {worded(found.reason)}")


def _version(one: Read) -> str:
    if one.partitions:
        return several(one.partitions, "partition")
    return f"@{one.head.number} {one.version or short(one.head.digest)}" if one.head else "no version"


def _reads(console: Console, reads: Iterable[Read]) -> None:
    rows = [
        (
            one.parameter,
            one.dataset,
            _version(one),
            "not the newest" if one.narrowed else "optional" if one.optional and one.head is None else "",
        )
        for one in reads
    ]
    if rows:
        heads = ("parameter", "dataset", "version", "")
        table(console, [Column(title=head, gives=_GIVES.get(head, Gives.NEVER)) for head in heads], rows)


_GIVES = {"dataset": Gives.LAST, "": Gives.FIRST}


def _around(console: Console, found: Why) -> None:
    """What else bears on it: pause, runs that are active, deadline, the next moment."""
    if found.pause is not None:
        say(console, ("Paused ", "yellow"), f"since {instant(found.pause.since)}: {found.pause.why}.")
    if found.active:
        say(console, f"Runs that have not ended: {found.active} of at most {found.limit}.")
    deadline = found.deadline
    if deadline is not None:
        passed = "" if deadline.missed is None else f"; {instant(deadline.missed)} passed without a run"
        passed += "" if deadline.reason is None else f": {deadline.reason.text}"
        next_at = "" if deadline.next_at is None else f", next at {instant(deadline.next_at)}"
        say(console, f"Deadline ({deadline.then}): {deadline.label}{next_at}{passed}.")
    if found.next_at is not None:
        say(console, (f"Time alone changes this next at {instant(found.next_at)}.", "dim"))


def _last(console: Console, last: Last, found: Why) -> None:
    state = word(last.state) if last.state in FINAL_STATES else word("not ended")
    say(
        console,
        ("Newest run ", "bold"),
        short_id(last.run_id),
        ": ",
        state,
        f", {age(found.at - last.created_at)} before",
    )
    say(console, f"  {last.reason.text}")
    if last.told:
        say(console, f"  Its producer: {last.told}.")
    took = [f"{one.dataset}@{one.number} ({one.outcome})" for one in last.consumed]
    took += [f"{label} of {instant(tick)}" for label, tick in last.ticks.items()]
    if took:
        say(console, f"  It took {listed(took)}.")
    if last.read:
        say(console, f"  It read {listed([f'{one.name} {short(one.digest)}' for one in last.read])}.")


def _plain(found: Why) -> dict[str, Any]:
    """The answer without the ids of the database."""
    return {**plain(found), "reads": [_read(one) for one in found.reads], "last": _run(found.last)}


def _read(one: Read) -> dict[str, Any]:
    head = one.head
    return {
        "parameter": one.parameter,
        "dataset": one.dataset,
        "optional": one.optional,
        "number": None if head is None else head.number,
        "digest": None if head is None else head.digest,
        "at": None if head is None else plain(head.at),
        "narrowed": one.narrowed,
        **({} if one.partitions is None else {"partitions": one.partitions}),
    }


def _run(last: Last | None) -> dict[str, Any] | None:
    if last is None:
        return None
    read = [{"parameter": one.parameter, "dataset": one.name, "digest": one.digest} for one in last.read]
    return {**plain(last), "read": read}
