"""What of conditions and policies there is not where partitions are: told with what to write instead. Pure.

Each partition is a consumer of its own, with events, and without a history of which anybody is reminded: what counts
time since a success, or goes through the events of a whole dataset one by one, has no meaning for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..catalogue import Asset, Catalogue
from ..conditions.impossible import aligned_uris
from ..conditions.leaves import Fresh, Stale, dataset_leaves
from ..conditions.tree import leaves
from ..faults import Fault
from ..policies import Each

_KIND = "unsuited_to_partitions"


def unsuited(catalogue: Catalogue) -> Iterator[Fault]:
    """Conditions and policies that nothing would come of, because the asset has partitions, or a dataset that they are
    about has some."""
    divided = {uri for uri, one in catalogue.datasets.items() if one.partitions is not None}
    for asset in catalogue.assets.values():
        found = [*_of_the_asset(asset), *_of_datasets(asset, divided)]
        for text, hint in found:
            yield Fault(kind=_KIND, message=f"asset {asset.name}: {text}", hint=hint, where=asset.location)


def _of_the_asset(asset: Asset) -> Iterator[tuple[str, str]]:
    """What an asset with partitions cannot say."""
    if asset.partitions is None:
        return
    mode = asset.policies.consume
    if isinstance(mode, Each):
        about = f"each({mode.uri})" if mode.uri else "each(…)"
        text = f"consume={about} makes one run of each event, and it is made partition by partition"
        yield text, "Leave consume= out: each key has runs of its own, which take the events of that key."
    if asset.policies.deadline is not None:
        text = "a deadline is met by one run, and it has a run for each of its partitions"
        yield text, "Put the deadline on an asset without partitions that reads it, e.g. a report of .all() of it."
    if asset.condition is None:
        return
    for leaf in leaves(asset.condition):
        if isinstance(leaf, Stale):
            text = f"{leaf.label} counts from one success, and it has one for each of its partitions"
            hint = 'Write a timetable, which selects the last window that is over: Cron("0 3 * * *"); or make old '
            yield text, hint + "partitions again by a backfill: penstock backfill create --reprocess all."
    for uri in dict.fromkeys(leaf.uri for leaf in dataset_leaves(asset.condition) if leaf.match):
        text = f"its condition waits for the pattern {uri}, and no key of it says which of its partitions that concerns"
        yield text, 'Name one dataset with partitions, e.g. Dataset("raw/{source}/docs.csv", partitions=Dynamic(…)).'
    for uri in dict.fromkeys(aligned_uris(asset.condition)):
        text = f"its condition has {uri} in aligned=True, which pairs versions of whole datasets"
        yield text, "Leave aligned=True out: each key reads the same key of what it is made from."


def _of_datasets(asset: Asset, divided: Collection[str]) -> Iterator[tuple[str, str]]:
    """What an asset cannot say of a dataset that has partitions; `divided` are the URIs of those."""
    mode = asset.policies.consume
    if asset.partitions is None and isinstance(mode, Each) and not mode.match and mode.uri in divided:
        text = f"consume=each({mode.uri}) pins the version of each event, and {mode.uri} has one for each partition"
        yield text, "Give the asset the same partitions: then each key has a run of its own."
    if asset.condition is None:
        return
    for leaf in leaves(asset.condition):
        if isinstance(leaf, Fresh) and leaf.uri in divided:
            text = f"{leaf.label} asks for the age of one version, and {leaf.uri} has one for each partition"
            yield text, "Leave it out; .rollup(after=…) says how long a roll-up waits for what is late."
    for uri in dict.fromkeys(aligned_uris(asset.condition) if asset.partitions is None else ()):
        if uri in divided:
            text = f"its condition has {uri}, which has partitions, in aligned=True, which pairs whole datasets"
            yield text, "Leave aligned=True out, or give the asset the same partitions."
