"""Alignment: versions of several datasets that are of one generation.

A source A feeds B and C, which feed D; B takes a second and C ten. Whoever reads the newest of both mixes what came
from different versions of A. Aligned inputs agree on the digest of every ancestor they share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..declare.conditions.leaves import DatasetLeaf
from ..declare.conditions.tree import AllOf
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


def newest_aligned(candidates: Mapping[str, Sequence[Candidate]], *, news: bool = True) -> dict[str, Candidate] | None:
    """The newest versions, one of each dataset, that agree pairwise and of which one is news; None without any.

    Newest: of two choices, the one whose numbers are higher on the whole. A version that a newer choice needs is never
    passed over for an older one. Without `news` it is enough that one is pending.
    """
    names = sorted(candidates, key=lambda name: (len(candidates[name]), name))  # where little can be chosen, first
    newest_first = [sorted(candidates[name], key=lambda one: -one.head.number) for name in names]
    if not names or not all(newest_first):
        return None
    rest = [sum(several[0].head.number for several in newest_first[place:]) for place in range(len(names) + 1)]
    best: tuple[int, tuple[Candidate, ...]] = -1, ()

    def extend(choice: tuple[Candidate, ...], weight: int) -> None:
        """Try every version of the next dataset that agrees with the choice, for as long as it can become the best."""
        nonlocal best
        place = len(choice)
        if place == len(names):
            if any(one.fresh or one.confirmed if news else one.upto for one in choice):
                best = weight, choice
            return
        for one in newest_first[place]:
            if weight + one.head.number + rest[place + 1] <= best[0]:
                return  # the others are older still
            if all(agree(one, other) for other in choice):
                extend((*choice, one), weight + one.head.number)

    extend((), 0)
    return dict(zip(names, best[1], strict=True)) if best[1] else None


def aligned(condition: AllOf, own: AssetState) -> tuple[Verdict, ...]:
    """The verdicts of the datasets of an aligned node: each pinned to its version of the newest aligned choice."""
    leaves = [child for child in condition.children if isinstance(child, DatasetLeaf)]
    known = {leaf.uri: own.candidates.get(leaf.uri, ()) for leaf in leaves}
    choice = newest_aligned(known)
    if choice is None:
        why = _lacking(known)
        return tuple(
            Verdict(holds=False, label=leaf.label, uri=leaf.uri, why=why if known[leaf.uri] else "") for leaf in leaves
        )
    return tuple(_verdict(leaf, choice[leaf.uri]) for leaf in leaves)


def _lacking(known: Mapping[str, Sequence[Candidate]]) -> str:
    """Why there is no choice among what is known; nothing is where nothing is pending of any of them."""
    if newest_aligned(known, news=False) is not None:
        return "nothing fresh is pending"
    return "no version of the same generation as the others"


def _verdict(leaf: DatasetLeaf, chosen: Candidate) -> Verdict:
    pending = LeafState(
        count=chosen.upto,
        newest=chosen.head.number,
        causes=int(chosen.fresh),
        confirmed=int(chosen.confirmed),
        newest_at=chosen.head.at,
        arrived_at=chosen.arrived_at,
        oldest_at=chosen.arrived_at if chosen.fresh else None,
        upto=chosen.upto,
        pin=chosen.head,
    )
    return Verdict(holds=True, label=leaf.label, uri=leaf.uri, cause=chosen.fresh, leaf=pending)
