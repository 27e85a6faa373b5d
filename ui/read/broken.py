"""Which partitions of an asset failed and have not been made since. A key that the definition has no more is no
partition, whatever became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...assets.declare.partitions.partition import Known
from ...assets.declare.partitions.plain import partitioning_from_plain
from ...assets.declare.partitions.product import Product, as_product
from ...assets.plan.partitions.concern import is_key
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.partitions.states import failed_partitions
from ...storage.meta.past.declared import declared_asset

_PAGE = 500


def failed_keys(tx: Transaction, asset_id: int, product: Product, first: str | None = None) -> Iterator[str]:
    """The partitions of which the last run failed, in the order of their texts, from `first` on; read as they are asked
    for."""
    free, seen = Known(), ""
    while keys := failed_partitions(tx, asset_id, limit=_PAGE, first=first):
        yield from (key for key in keys if key != seen and is_key(product, key, free))
        if len(keys) < _PAGE:
            return
        first = seen = keys[-1]


def is_broken(tx: Transaction, asset_id: int, plain: Mapping[str, Any] | None) -> bool:
    """Whether there are any, of an asset that is divided so."""
    if plain is None:
        return False
    product = as_product(partitioning_from_plain(plain))
    return next(failed_keys(tx, asset_id, product), None) is not None


def failures(store: Store, asset: str) -> int:
    """How many there are of an asset; 0 of what is none or has no partitions."""
    with store.read() as tx:
        found = declared_asset(tx, store.project, asset)
        plain = None if found is None else found.definition.get("partitions")
        if found is None or plain is None:
            return 0
        return sum(1 for _ in failed_keys(tx, found.id, as_product(partitioning_from_plain(plain))))
