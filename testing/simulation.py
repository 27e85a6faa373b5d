"""`simulate`: what definitions would do with a script of events, times and outcomes. No producer is called, nothing is
kept, no clock is read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import ModuleType

from ..assets.declare.asset import AssetFunction
from ..assets.declare.catalogue import Catalogue
from ..assets.declare.dataset import Dataset
from ..assets.declare.definitions import Definitions
from ..assets.plan.graph import Graph
from ..assets.plan.simulate.simulation import simulate as played
from ..assets.plan.simulate.story import Story
from ..storage.errors import UsageError

Things = AssetFunction | Dataset | ModuleType
"""What can be handed over as definitions: assets, datasets, modules that hold them."""


def simulate(
    things: Things | Iterable[Things] | Definitions | Catalogue,
    script: str,
    *,
    start: datetime | None = None,
    after: Story | None = None,
) -> Story:
    """What these definitions would do: the planner itself, with events, clock and outcomes from a script.

    Everything that happens at one moment happens before it is planned at that moment. Runs succeed at once, each with a
    new version, unless the script says otherwise; producers are never called, and every one that is called for stands
    in the story. It ends with the last line: `wait 2h` sees what comes of it. Assets are registered when it begins, and
    no data are there yet.

    Parameters
    ----------
    things: assets, or modules of them, or `Definitions`.
    script: a line for each thing that happens, `#` begins a comment.

        =============================  =================================================================
        `2026-01-05T10:00Z …`          at this time; `+5m …`: so long after the line before; else: with it
        `docs changed rows=10`         an event, with metadata; `version=…` names its content
        `docs confirmed`, `removed`    the same content once more; it is gone
        `vectors fails`, `cancelled`   how the run ends that is active, or else the next one; also `unchanged` (the
                                       same bytes as before) and `skipped` (by its producer)
        `vectors breaks`, `works`      from now on every run fails, or none
        `vectors takes 10s`            from now on runs last so long
        `vectors gives rows=10`        from now on runs publish these metadata
        `vectors registered`           it is new then, and was not there before
        `pause vectors`                and `resume vectors`, `resume vectors drop`, `materialize vectors [force]`
        `scheduler stops`, `starts`    nothing is planned meanwhile, but what is materialized
        `wait 2h`                      time passes
        =============================  =================================================================

    start: the time that the first line counts from, if it says none; aware.
    after: goes on where another story ended, perhaps with other definitions: assets keep their history, also under a
        new name (`previously=`), and the leaves of their conditions that stay keep what is pending.

    Returns
    -------
    Story: `runs` with asset, time, reason, consumed events (`docs@2` is the second event of docs), pins and state;
        `confirmations`; `held`, why nothing happens with an asset at the end; `print(story.text)` shows all of it.

    Raises
    ------
    DefinitionError: the definitions have faults.
    UsageError: lines of the script cannot be read; every one of them is told, with its number.

    >>> from penstock import Dataset, asset
    >>> docs = Dataset("docs.json")
    >>> @asset("count.json", on=docs)
    ... def count(docs: list) -> int:
    ...     return len(docs)
    >>> story = simulate([docs, count], "2026-01-05T10:00Z docs changed")
    >>> [(run.asset, run.reason.text, run.consumed) for run in story.runs]
    [('count', 'input changed (docs) and first build', ('docs@1',))]
    """
    if start is not None and start.tzinfo is None:
        raise UsageError(
            f"simulate(start={start.isoformat()}) has no time zone", hint="Write e.g. datetime(2026, 1, 5, tzinfo=UTC)."
        )
    return played(Graph.of(_catalogue(things)), script, start=start, after=after)


def _catalogue(things: Things | Iterable[Things] | Definitions | Catalogue) -> Catalogue:
    if isinstance(things, Catalogue):
        return things
    if isinstance(things, Definitions):
        return things.resolve()
    several = [things] if isinstance(things, AssetFunction | Dataset | ModuleType) else list(things)
    return Definitions(*several).resolve()
