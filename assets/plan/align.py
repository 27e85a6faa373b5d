"""Alignment: versions of several datasets that are of one generation.

A source A feeds B and C, which feed D; B takes a second and C ten. Whoever reads the newest of both mixes what came
from different versions of A. Aligned inputs agree on the digest of every ancestor they share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from ..declare.conditions import AllOf
from ..declare.leaves import DatasetLeaf
from .state import AssetState, Candidate, LeafState
from .verdict import Verdict


def agree(one: Candidate, other: Candidate) -> bool:
    """Whether two versions were made from the same version of every ancestor that they share.

    >>> a1, a2 = {"a": frozenset({"1"})}, {"a": frozenset({"2"})}
    >>> agree(Candidate(head=None, fresh=True, ancestors=a1), Candidate(head=None, fresh=True, ancestors=a2))
    False
    """
    shared = one.ancestors.keys() & other.ancestors.keys()
    return all(one.ancestors[uri] == other.ancestors[uri] for uri in shared)


def newest_aligned(candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, Candidate] | None:
    """The newest versions, one of each dataset, that agree pairwise and of which one is fresh; None without any.

    Newest: of two choices, the one whose numbers are higher on the whole. A version that a newer choice needs is never
    passed over for an older one.
    """
    names = sorted(candidates)
    if not names or not all(candidates[name] for name in names):
        return None
    best: tuple[int, tuple[Candidate, ...]] | None = None
    for choice in _agreeing(names, candidates):
        if not any(one.fresh for one in choice):
            continue
        weight = sum(one.head.number for one in choice)
        if best is None or weight > best[0]:
            best = weight, choice
    return None if best is None else dict(zip(names, best[1], strict=True))


def _agreeing(names: Sequence[str], candidates: Mapping[str, Sequence[Candidate]]) -> Iterator[tuple[Candidate, ...]]:
    """Every choice whose members agree pairwise."""
    for choice in product(*(candidates[name] for name in names)):
        if all(agree(one, other) for place, one in enumerate(choice) for other in choice[:place]):
            yield choice


def aligned(condition: AllOf, own: AssetState) -> tuple[Verdict, ...]:
    """The verdicts of the datasets of an aligned node: each pinned to its version of the newest aligned choice."""
    leaves = [child for child in condition.children if isinstance(child, DatasetLeaf)]
    known = {leaf.uri: own.candidates.get(leaf.uri, ()) for leaf in leaves}
    choice = newest_aligned(known)
    return tuple(_verdict(leaf, known[leaf.uri], None if choice is None else choice[leaf.uri]) for leaf in leaves)


def _verdict(leaf: DatasetLeaf, candidates: Sequence[Candidate], chosen: Candidate | None) -> Verdict:
    if chosen is None:
        why = "no version of the same generation as the others" if candidates else ""
        return Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=why)
    pending = LeafState(
        count=chosen.upto,
        newest=chosen.head.number,
        causes=int(chosen.fresh),
        newest_at=chosen.head.at,
        oldest_at=chosen.head.at if chosen.fresh else None,
        upto=chosen.upto,
        pin=chosen.head,
    )
    return Verdict(holds=True, label=leaf.label, uri=leaf.uri, cause=chosen.fresh, leaf=pending)
