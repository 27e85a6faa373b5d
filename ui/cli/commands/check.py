"""`penstock check`: validate the definitions."""

from __future__ import annotations

import typer

from ....assets.declare.definitions import Definitions
from ....assets.run.project.permitted import require_permitted
from ....assets.run.project.places import require_places
from ....assets.run.project.project import configured_parameters
from ....storage.errors import SettingsFault
from ....storage.settings import ProjectSettings
from ..console import out, say
from ..definitions import definitions_of, strangers
from ..options import Json
from ..plain import apart, show
from ..quantities import several

app = typer.Typer(add_completion=False)


@app.command()
def check(ctx: typer.Context, json: Json = False) -> None:
    """Validate the definitions; every fault is shown.

    So are the settings that speak of them. The project's code is imported, nothing is run or recorded. Exits with 2
    when there are faults.
    """
    with apart(json):
        settings, definitions = definitions_of(ctx, strict=True)
        catalogue = definitions.resolve()
        require_permitted(settings, catalogue)
        require_places(catalogue, settings)
        _require_used(settings, definitions)
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


def _require_used(settings: ProjectSettings, definitions: Definitions) -> None:
    """The run parameters in the settings are those of assets, and of their types.

    Raises
    ------
    SettingsFault: they are not.
    """
    wrong: list[str] = []
    try:
        configured_parameters(settings, definitions.functions)
    except SettingsFault as error:
        wrong.append(error.message)
    unused = strangers(settings, definitions)
    if unused:
        wrong.append("settings do not fit the definitions:\n" + "\n".join(f"  {text}" for text in unused))
    if wrong:
        raise SettingsFault(
            "\n".join(wrong), hint="Mend the names and the values, or take them out; `penstock list` shows the assets."
        )
