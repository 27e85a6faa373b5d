"""What a changed definition makes of partitions that are made: told before it is registered, and kept when it is.

Versions are never lost by it: each stays readable under the key that it was made for. What is told is which of them
are partitions by the new definition, and which are not; when it is registered, these alone count as made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....storage.errors import UsageError
from ....storage.meta.catalogue import Ids
from ....storage.meta.database.engine import Transaction
from ....storage.meta.partitions.heads import heads_made, mark_made_for
from ....storage.meta.partitions.holds import forget
from ....storage.meta.partitions.ranges import count_left, remake
from ....storage.meta.past import history
from ...declare.catalogue import Catalogue
from ...declare.dataset import Dataset
from ...declare.partitions.partition import Known, Partitioning, Place
from ...declare.partitions.plain import partitioning_from_plain, partitioning_to_plain
from ...declare.partitions.product import as_product
from ...declare.partitions.redividing import keeps_all, what_becomes_of
from ...plan.partitions.concern import is_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Redivided:
    """A dataset that is divided otherwise than what is made of it.

    Attributes
    ----------
    uri, before_uri: where it lies now, and where it lay.
    before, now: how people read how it was divided, and is.
    kept: how many of the partitions that are made are partitions still.
    shifted: how many of them have a key that means another window now.
    left: how many have a key that is none any more.
    """

    dataset: str
    uri: str
    before_uri: str
    before: str
    now: str
    kept: int
    shifted: int
    left: int

    @property
    def text(self) -> str:
        """What is kept and what is not, and what to do, in sentences."""
        made = self.kept + self.shifted + self.left
        change = f"was {self.before} and becomes {self.now}"
        if self.before == self.now:
            change = f"stays {self.now}"
            change += ", between other bounds or of other keys" if self.uri == self.before_uri else ""
        moved = "" if self.uri == self.before_uri else f" at {self.uri} instead of {self.before_uri}"
        said = [
            f"{self.dataset} {change}{moved}. Of {made} partitions that are made {self.kept} stay partitions of it."
        ]
        if self.left:
            said.append(f"Not so {self.left}, whose versions are kept and which nothing reads: there is no such key.")
        if self.shifted:
            said.append(
                f"Not so {self.shifted}, whose key means another window now: what is read there is what was made for "
                "the one before, until `penstock backfill create` makes it again."
            )
        return " ".join(said)


def redivided(tx: Transaction, project: str, catalogue: Catalogue) -> Iterator[Redivided]:
    """The datasets of which something is made that would be divided otherwise once this catalogue is registered; those
    of which everything stays are left out. Costs, for each of them, the partitions that are made."""
    by_name = {one.name: one for one in catalogue.datasets.values()}
    for known in history.known_datasets(tx, project):
        plain = known.declaration.get("partitions")
        dataset = catalogue.datasets.get(known.uri, by_name.get(known.name))
        if plain is None or dataset is None or known.removed_at is not None:
            continue
        same_place = dataset.uri == known.uri
        if same_place and dataset.partitions is not None and partitioning_to_plain(dataset.partitions) == plain:
            continue
        before = partitioning_from_plain(plain)
        counts = _counted(tx, known.id, before, dataset if same_place else None)
        if counts["shifted"] or counts["left"]:
            yield Redivided(
                dataset=dataset.name,
                uri=dataset.uri,
                before_uri=known.uri,
                before=before.label,
                now="undivided" if dataset.partitions is None else dataset.partitions.label,
                kept=counts["kept"],
                shifted=counts["shifted"],
                left=counts["left"],
            )


def _counted(tx: Transaction, dataset_id: int, before: Partitioning, dataset: Dataset | None) -> Counter[str]:
    """How many of the partitions that are made are what by the new definition; None: they lie elsewhere."""
    partitions = None if dataset is None else dataset.partitions
    return Counter(
        "left" if partitions is None else what_becomes_of(key, before, partitions, made_for)
        for key, made_for in heads_made(tx, dataset_id)
    )


def divided_before(tx: Transaction, project: str) -> dict[int, Mapping[str, Any]]:
    """Dataset id → how it was divided by its last definition, in plain form, of those that were."""
    known = history.known_datasets(tx, project)
    return {one.id: plain for one in known if (plain := one.declaration.get("partitions")) is not None}


def redivide(tx: Transaction, catalogue: Catalogue, ids: Ids, before: Mapping[int, Mapping[str, Any]]) -> None:
    """Of the datasets that are divided otherwise than before the partitions of now count as made, and the others apart.
    Costs the partitions that are made, of those of which not all are kept."""
    written = {uri for asset in catalogue.assets.values() for uri in asset.outputs}
    for uri, dataset in catalogue.datasets.items():
        number, partitions = ids.datasets[uri], dataset.partitions
        plain = before.get(number)
        if partitions is None or plain is None or partitioning_to_plain(partitions) == plain:
            continue
        if not keeps_all(partitioning_from_plain(plain), partitions) or count_left(tx, number):
            _redivide(tx, number, partitioning_from_plain(plain), partitions, held=uri in written)
            for name in (one.name for one in catalogue.assets.values() if uri in one.outputs):
                forget(tx, ids.assets[name])


def _redivide(tx: Transaction, dataset_id: int, before: Partitioning, now: Partitioning, *, held: bool) -> None:
    """`held`: whether an asset writes it; what others write is under its key whatever that means."""
    product, left, places, bounds = as_product(now), 0, list[Place](), dict[str, tuple[int, int] | None]()
    for key, made_for in heads_made(tx, dataset_id):
        there = product.place(key) if is_key(product, key, Known()) else None
        was = made_for or _bounds_of(before, key)
        if there is not None and (not held or was is None or was == there[1:]):
            places.append(there)
            was = None
        else:
            left += 1
        if was != made_for:
            bounds[key] = was
    mark_made_for(tx, dataset_id, bounds)
    remake(tx, dataset_id, places, left=left)


def _bounds_of(before: Partitioning, key: str) -> tuple[int, int] | None:
    """The bounds that a definition gave to a key; None where it had it not."""
    try:
        _, start, end = before.place(key)
    except UsageError:
        return None
    return start, end
