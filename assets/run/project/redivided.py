"""What a changed definition makes of partitions that are made: told before it is registered. Reads only.

Versions are never lost by it: each stays readable under the key that it was made for. What is told is which of them
are partitions by the new definition, and which are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.looking import to_look
from ....storage.meta.partitions.heads import keys_made
from ....storage.meta.past import history
from ....storage.settings import ProjectSettings
from ...declare.catalogue import Catalogue
from ...declare.dataset import Dataset
from ...declare.partitions.partition import Partitioning
from ...declare.partitions.plain import partitioning_from_plain, partitioning_to_plain
from ...declare.partitions.redividing import what_becomes_of


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
                "the one before, until `penstock backfill create --reprocess all` makes it again."
            )
        return " ".join(said)


def redivided(settings: ProjectSettings, catalogue: Catalogue) -> tuple[Redivided, ...]:
    """The datasets of which something is made that would be divided otherwise once this catalogue is registered; those
    of which everything stays are left out. Costs, for each of them, the partitions that are made.

    Raises
    ------
    DatabaseFault: the store cannot be opened.
    """
    with to_look(settings.database_url, project=settings.project) as store, store.read() as tx:
        return tuple(_redivided(tx, store.project, catalogue))


def _redivided(tx: Transaction, project: str, catalogue: Catalogue) -> Iterator[Redivided]:
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
        "left" if partitions is None else what_becomes_of(key, before, partitions) for key in keys_made(tx, dataset_id)
    )
