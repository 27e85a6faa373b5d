"""`penstock check`: validate the definitions."""

from __future__ import annotations

import typer

from ..console import out, say
from ..definitions import definitions_of
from ..options import Json
from ..plain import apart, show
from ..quantities import several

app = typer.Typer(add_completion=False)


@app.command()
def check(ctx: typer.Context, json: Json = False) -> None:
    """Validate the definitions; every fault is shown.

    The project's code is imported, nothing is run or recorded. Exits with 2 when there are faults.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx)
        catalogue = definitions.resolve()
        gaps = definitions.gaps
    written = {uri for asset in catalogue.assets.values() for uri in asset.outputs}
    observed = len(catalogue.datasets) - len(written)
    waiting = sum(asset.condition is not None for asset in catalogue.assets.values())
    if json:
        counts = {"assets": len(catalogue.assets), "datasets": len(catalogue.datasets), "observed": observed}
        show(
            {
                "project": settings.project,
                **counts,
                "conditions": waiting,
                "gaps": {name: list(found) for name, found in gaps.items()},
            }
        )
        return
    say(
        out(),
        ("No faults", "green"),
        f" in the definitions of {settings.project}: {several(len(catalogue.assets), 'asset')} with "
        f"{several(waiting, 'condition')}, {several(len(catalogue.datasets), 'dataset')}, of which others write "
        f"{observed:,}.",
    )
    for name, found in gaps.items():
        for gap in found:
            say(out(), (f"{name}: ", "yellow"), f"its code fingerprint cannot cover {gap}")
