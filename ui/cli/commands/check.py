"""`penstock check`: validate the definitions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import typer

from ....assets.code.errors import unnamed
from ....assets.declare.catalogue import Asset, Catalogue
from ....assets.declare.definitions import Definitions
from ....assets.declare.faults import Fault, FaultyDefinitions
from ....assets.plan.graph import Graph
from ....assets.run.attempt.delivery import misaddressed
from ....assets.run.attempt.secrets import unknown
from ....assets.run.notifying.hearing import misheard
from ....assets.run.project.foretold import Foretold, foretold_in
from ....assets.run.project.permitted import require_permitted, require_pools
from ....assets.run.project.places import require_places
from ....assets.run.project.project import configured_parameters, environment
from ....storage.errors import DatabaseFault, SettingsFault
from ....storage.settings import ProjectSettings, readable_settings
from ...read.store import opened
from ...words.quantities import several
from ..console import out, say
from ..definitions import definitions_in, show_foretold, strangers
from ..group import invocation
from ..options import Json
from ..plain import apart, plain, show
from ..settings import settings_of

app = typer.Typer(add_completion=False)


@app.command()
def check(ctx: typer.Context, json: Json = False) -> None:
    """Validate the definitions and the settings; every fault is shown.

    The project's code is imported, nothing is run or recorded. Exits with 2
    when there are faults.
    """
    with apart(json):
        settings, definitions = _without_faults(ctx)
        catalogue, gaps = definitions.resolve(), definitions.gaps
        divided = _foretold(settings, catalogue)
        missing = {
            name: found for name, one in definitions.needs.items() if (found := unknown(one.every_secret, settings))
        }
        unnamed = {name: found for name, asset in catalogue.assets.items() if (found := _unnamed(asset))}
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
                **({"missing_secrets": missing} if missing else {}),
                **({"unknown_errors": unnamed} if unnamed else {}),
                **plain(divided),
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
    show_foretold(out(), divided)
    for name, found in gaps.items():
        for gap in found:
            say(out(), (f"{name}: ", "yellow"), f"its code fingerprint cannot cover {gap}")
    for name, found in unnamed.items():
        told = f"retries= names {', '.join(map(repr, found))}, which nothing here is called: no error is one of it"
        say(out(), (f"{name}: ", "yellow"), told)
    for name, found in missing.items():
        for secret in found:
            told = f"secret {secret} is not here; a worker needs it as a variable, or in a file of {settings.secrets}"
            say(out(), (f"{name}: ", "yellow"), told)


def _foretold(settings: ProjectSettings, catalogue: Catalogue) -> Foretold:
    """What these definitions would make of what there is; nothing where nobody can look."""
    try:
        with opened(settings) as store, store.read() as tx:
            return foretold_in(tx, store.project, catalogue)
    except DatabaseFault:  # whoever has to open the store says so
        return Foretold()


def _unnamed(asset: Asset) -> list[str]:
    """What `retries=` of an asset names that is no class of errors here."""
    retries = asset.policies.retries
    return [] if retries is None else unnamed((*retries.on, *retries.never_on))


def _without_faults(ctx: typer.Context) -> tuple[ProjectSettings, Definitions]:
    """The settings and the definitions, in which nothing is wrong.

    Raises
    ------
    SettingsFault, FaultyDefinitions: something is; all of it together. Where the settings cannot all be read, the
        definitions are looked at by those that can.
    """
    unread: list[SettingsFault] = []
    try:
        settings = settings_of(ctx)
    except SettingsFault as error:
        readable = readable_settings(invocation(ctx).folder)
        if readable is None:
            raise
        settings, unread = readable, [error]
    definitions = definitions_in(ctx, settings, apart=True)
    faults = [
        *definitions.check(),
        *definitions.tell(partial(require_permitted, settings)),
        *definitions.tell(partial(require_pools, settings)),
        *definitions.tell(lambda catalogue: require_places(catalogue, settings)),
    ]
    wrong = [*unread, *_misfits(settings, definitions)]
    if faults:
        raise FaultyDefinitions([*(fault for error in wrong for fault in _as_faults(error)), *faults])
    if len(wrong) > 1:
        raise SettingsFault("\n".join(one.message for one in wrong), hint=wrong[0].hint)
    if wrong:
        raise wrong[0]
    return settings, definitions


def _as_faults(error: SettingsFault) -> Iterator[Fault]:
    head, *lines = error.message.split("\n  ")
    for line in lines or [head]:
        yield Fault(kind=error.kind, message=line, hint=error.hint)


def _misfits(settings: ProjectSettings, definitions: Definitions) -> Iterator[SettingsFault]:
    """What the settings say of assets that are not there, or of run parameters, or of distributions."""
    hint = "Mend the names and the values, or take them out; `penstock list` shows the assets."
    for check in (partial(configured_parameters, settings, definitions.functions), partial(environment, settings)):
        try:
            check()
        except SettingsFault as error:
            yield error
    yield from misaddressed(settings)
    if not definitions.check():
        yield from misheard(settings, Graph.of(definitions.resolve()))
    if unused := strangers(settings, definitions):
        yield SettingsFault("\n  ".join(["settings do not fit the definitions:", *unused]), hint=hint)
