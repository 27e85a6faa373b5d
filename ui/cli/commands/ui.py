"""`penstock ui`: the app in the browser, by itself."""

from __future__ import annotations

import webbrowser
from multiprocessing.connection import wait
from typing import Annotated

import typer

from ....assets.run.supervision.signals import LEAVE, Termination
from ...app.door import Door
from ..console import err, say
from ..settings import settings_of

app = typer.Typer(add_completion=False)


@app.command(name="ui")
def command(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Where it can be reached.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="At which port; 0 for one that is free.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """Serve the app: the assets, the runs and the lineage of the project.

    It shows what is on record; what is asked for in it waits until `penstock up` is at work. From elsewhere than this
    machine it can be reached once a login is configured.
    """
    settings = settings_of(ctx)
    wanted = settings.values.app
    door = Door(
        settings,
        host=host or wanted.host,
        port=wanted.port if port is None else port,
        tell=lambda text: say(err(), text),
    )
    termination = Termination(also=LEAVE)
    door.open()
    try:
        say(err(), (settings.project, "bold"), f": the app is at {door.address}; Ctrl-C ends it")
        if browser:
            webbrowser.open(door.address)
        wait([termination.fileno()])
    finally:
        door.close()
