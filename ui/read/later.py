"""What has its turn later: news that an asset takes one after the other, and that a run by hand took none of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...assets.declare.catalogue import Asset
from ...assets.declare.policies import Each
from ...storage.meta import pending
from ...storage.meta.catalogue import uris_of
from ...storage.meta.database.engine import Store
from ...storage.types import Consume


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """So many events of these datasets (their URIs) are pending for an asset and may start a run of it."""

    asset: str
    events: int
    uris: tuple[str, ...]


def later(store: Store, assets: Mapping[int, Asset]) -> tuple[Later, ...]:
    """That of those of these assets, by id, that consume by `each` or `branch`; one without is left out."""
    asked = {number: one for number, one in assets.items() if _keeps(one)}
    if not asked:
        return ()
    with store.read() as tx:
        found = pending.sums(tx, list(asked))
        uris = uris_of(tx, sorted({dataset_id for _, dataset_id in found}))
    sums = ((number, uris[dataset_id], one.causes) for (number, dataset_id), one in found.items() if one.causes)
    return tuple(_of(asked, [one for one in sums if _starts(asked[one[0]], one[1])]))


def _of(asked: Mapping[int, Asset], sums: list[tuple[int, str, int]]) -> Iterable[Later]:
    for number, asset in asked.items():
        mine = {uri: causes for one, uri, causes in sums if one == number}
        if mine:
            yield Later(asset=asset.name, events=sum(mine.values()), uris=tuple(sorted(mine)))


def _keeps(asset: Asset) -> bool:
    mode = asset.policies.consume
    return asset.partitions is None and (mode is Consume.BRANCH or isinstance(mode, Each))


def _starts(asset: Asset, uri: str) -> bool:
    mode = asset.policies.consume
    return not isinstance(mode, Each) or mode.is_about(uri)
