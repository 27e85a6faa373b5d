"""What a condition asks of the store beyond sums. It follows from the definitions alone, and is worked out once."""

from __future__ import annotations

from dataclasses import dataclass

from ...declare.catalogue import Asset
from ...declare.conditions.impossible import aligned_uris
from ...declare.conditions.leaves import DatasetLeaf, Fresh, Stale
from ...declare.conditions.tree import leaves
from ...declare.policies import Each


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the condition of an asset asks beyond sums.

    Attributes
    ----------
    leaves: its leaves about datasets; selective: whether one of them has to ask each event.
    fresh: URIs of datasets whose age it asks for.
    aligned: URIs of datasets that are to be of one generation.
    each: the datasets of which each event has a run of its own.
    timed: whether time alone can make it hold, by other than a timetable.
    """

    leaves: tuple[DatasetLeaf, ...]
    selective: bool
    fresh: tuple[str, ...]
    aligned: tuple[str, ...]
    each: Each | None
    timed: bool

    def takes_singly(self, uri: str) -> bool:
        """Whether each event of this dataset has a run of its own."""
        return self.each is not None and self.each.is_about(uri)


def asked(asset: Asset) -> Asked:
    """What the condition of this asset asks."""
    about: list[DatasetLeaf] = []
    fresh: list[str] = []
    selective, timed = False, asset.policies.deadline is not None
    for leaf in leaves(asset.condition):
        if isinstance(leaf, DatasetLeaf):
            about.append(leaf)
            selective = selective or leaf.selective
        elif isinstance(leaf, Fresh):
            fresh.append(leaf.uri)
        else:
            timed = timed or isinstance(leaf, Stale)
    aligned = () if asset.condition is None else tuple(dict.fromkeys(aligned_uris(asset.condition)))
    mode = asset.policies.consume
    return Asked(
        leaves=tuple(about),
        selective=selective,
        fresh=tuple(fresh),
        aligned=aligned,
        each=mode if isinstance(mode, Each) else None,
        timed=timed,
    )
