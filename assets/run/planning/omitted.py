"""Loading why what assets lack was not made, where its producer said so: asked only of what has no version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from ....storage.meta import omissions
from ....storage.meta.database.engine import Transaction
from ....storage.types import ReasonKind
from ...declare.catalogue import Asset
from ...plan.reasons import Reason
from ...plan.state import AssetState, HeadState
from ..project.project import Project

Omitted = Mapping[tuple[str, str], str]
"""(URI, key) → why its producer did not make it; the key is "" of a dataset without partitions."""

_LOOKED_UP = 500
"""Of so many keys that are lacking it is looked up; what lacks more of them is told without."""


def load_omitted(
    project: Project,
    tx: Transaction,
    assets: Iterable[Asset],
    heads: Mapping[str, HeadState],
    states: Iterable[AssetState],
    *,
    before: Omitted,
) -> Omitted:
    """Why what these assets read and lack was left out, of what was; with what is known of it `before`."""
    by_us = project.graph.producer
    whole: set[str] = set()
    divided: set[str] = set()
    for asset in assets:
        for one in asset.inputs:
            if one.uri in heads or one.uri not in by_us:
                continue
            (whole if project.catalogue.datasets[one.uri].partitions is None else divided).add(one.uri)
    found: dict[tuple[int, str], str] = {}
    ids = project.ids.datasets
    if whole:
        found |= omissions.newest(tx, [ids[uri] for uri in whole])
    if divided:
        keys = (key for one in states for read in one.reads.values() if not read.enough for key in read.lacking)
        found |= omissions.newest(tx, [ids[uri] for uri in divided], islice(dict.fromkeys(keys), _LOOKED_UP))
    uris = {ids[uri]: uri for uri in (*whole, *divided)}
    return {**{(uris[number], key): why for (number, key), why in found.items()}, **before}


def omitted_in_turn(asset: Asset, key: str, reason: Reason) -> Omitted:
    """What an asset that is held for this reason does not make, where it is for want of what was left out."""
    if reason.kind is not ReasonKind.LEFT_OUT:
        return {}
    why = f"for want of {', '.join(reason.names)}, {reason.detail or 'left out'}"
    return {(uri, key): why for uri in asset.outputs}
