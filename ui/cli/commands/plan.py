"""`penstock plan`: what a scheduler would do now with every asset, and why."""

from __future__ import annotations

import typer
from rich.console import Console

from ....assets.plan.preview import Foreseen
from ....assets.plan.selection import select as selected
from ....assets.run.api import outlook
from ....assets.run.identity import now
from ....assets.run.project import open_project
from ..console import Column, Gives, out, say, table, word
from ..definitions import definitions_of
from ..options import Json, Select
from ..plain import apart, show
from ..quantities import instant, several

app = typer.Typer(add_completion=False)

_COLUMNS = (Column(title="asset", gives=Gives.LAST), Column(title="would"), Column(title="why", gives=Gives.FIRST))


@app.command(name="plan")
def command(ctx: typer.Context, select: Select = None, json: Json = False) -> None:
    """What would run now, and why; what would not, and why not.

    By the conditions alone: what a scheduler would do. `possible` depends on what a run before it gives. Nothing is
    run; what others write is looked at. For what a command of yours would do: `penstock materialize --dry-run`.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx)
        with open_project(settings, definitions) as project:
            names = selected(project.graph, select or ())
            found = outlook(project, now())
    foreseen = [one for one in found.assets if one.asset in set(names)]
    if json:
        show({"at": found.at, "changed": found.changed, "assets": foreseen, "next_wakeup": found.next_wakeup})
        return
    console = out()
    if found.changed:
        say(console, ("News: ", "bold"), f"{', '.join(found.changed)} changed since the last look.")
    show_foreseen(console, foreseen)
    runs = sum(one.outcome == "run" for one in foreseen)
    possible = sum(one.outcome == "possible" for one in foreseen)
    facts = ([several(runs, "run")] if runs else []) + ([several(possible, "possible run")] if possible else [])
    say(console, f"{', '.join(facts)}." if facts else "Nothing would run.")
    if found.next_wakeup is not None:
        say(console, (f"Time alone changes this next at {instant(found.next_wakeup)}.", "dim"))


def show_foreseen(console: Console, foreseen: list[Foreseen]) -> None:
    """What would become of each asset, as a table."""
    table(console, _COLUMNS, [(one.asset, word(one.outcome), one.reason.text) for one in foreseen])
