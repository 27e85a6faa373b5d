"""`penstock partitions ASSET`: which partitions are made, and which are missing."""

from __future__ import annotations

from functools import partial
from shlex import quote
from typing import Annotated

import typer

from ....assets.run.project.foretold import Foretold, foretold
from ....assets.run.project.project import open_project
from ....assets.run.project.redivided import Redivided
from ....assets.run.project.trial import on_trial
from ....storage.errors import DefinitionError
from ...read.partitions import Partitions, PartitionState, partitions_in
from ...words.quantities import count
from ..console import Column, err, out, say, table, word
from ..definitions import definitions_of, show_foretold
from ..options import Json
from ..plain import apart, show
from ..settings import settings_of
from ..store import store_of

app = typer.Typer(add_completion=False)

_COLUMNS = (
    Column(title="from"),
    Column(title="to"),
    Column(title="keys", right=True),
    Column(title="state"),
)


@app.command(name="partitions")
def command(  # noqa: PLR0917  typer reads options from the signature
    ctx: typer.Context,
    asset: Annotated[str, typer.Argument(help="An asset with partitions, or a dataset by name or URI.")],
    state: Annotated[
        PartitionState | None,
        typer.Option("--state", metavar="STATE", help="Only these: made, missing, failed, active."),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="KEY", help="The key with which the page begins: any that there is."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000, help="At most so many.")] = 20,
    json: Json = False,
) -> None:
    """Which partitions are made, and which are missing.

    First how many stand how; then the stretches of keys that stand alike, in their order. A partition that failed, or
    is active, may be made besides. Windows that are not over do not count. By the definitions as they are now, whether
    or not anything was made since; nothing is written.
    """
    ask = partial(partitions_in, text=asset, state=state, limit=limit, first=first)
    with apart(json):
        found, changed = _found(ctx, ask)
    if json:
        show(
            {
                "dataset": found.dataset,
                "asset": found.asset,
                "partitions": found.label,
                "at": found.at,
                "total": found.total,
                "counts": found.counts,
                "left": found.left,
                "stretches": found.stretches,
                "more": found.following is not None,
                "next": found.following,
                "redivided": changed,
            }
        )
    else:
        _show(found, changed)


def _found(ctx: typer.Context, ask: partial[Partitions]) -> tuple[Partitions, tuple[Redivided, ...]]:
    """The answer by the definitions as they are now, and what they make of what is made if they are another than
    before; where there are none, or none that can be loaded, by those that were registered last."""
    settings = settings_of(ctx)
    if settings.values.definitions:
        try:
            with open_project(*definitions_of(ctx), planning=True) as project:
                with on_trial(project) as trial:
                    found = ask(trial.tx, project.name)
                return found, tuple(one for one in foretold(project).redivided if one.dataset == found.dataset)
        except DefinitionError:
            say(
                err(),
                ("Note: ", "yellow"),
                "the definitions have faults, which `penstock check` shows; this is by those that were registered.",
            )
    with store_of(ctx) as store, store.read() as tx:
        return ask(tx, store.project), ()


def _show(found: Partitions, changed: tuple[Redivided, ...]) -> None:
    console = out()
    show_foretold(console, Foretold(redivided=changed))
    by = f", written by asset {found.asset}" if found.asset else ""
    say(console, (found.dataset, "bold"), f": {found.label}{by}")
    told = [f"{count(number)} {state.value}" for state, number in found.counts.items()]  # made, missing, failed, active
    counts = f"{', '.join(told[:2])}; of these {', '.join(told[2:])}"
    left = f"; {count(found.left)} made of an earlier definition" if found.left else ""
    say(console, f"{count(found.total)} by now: {counts}{left}.")
    if not found.stretches:
        return
    table(console, _COLUMNS, [(one.first, one.last, count(one.count), word(one.state)) for one in found.stretches])
    if found.following is not None:
        say(console, (f"There are more: --from {quote(found.following)}", "dim"))
