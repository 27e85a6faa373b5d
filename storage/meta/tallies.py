"""Tallies: sums of what is pending for a consumer of a dataset up to a number, remembered where that is long.

    what is pending = what the tally has + what came since

What is pending changes in two ways only: by an event, which has a higher number than all before it, and by a statement
that takes events, gives them back or begins the subscription anew. Each of those forgets the tally, in the row that it
writes anyway, and raises `turns`. So a tally that is there is right; and one is written only where `turns` is as it was
in the snapshot that it was counted in.

A tally is plain data: `whole` are sums over all that is pending, `leaves` those of narrowed leaves, by a key that says
the leaf in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, bindparam, literal_column, select, text, update

from .catalogue import subscriptions
from .database.engine import Transaction
from .database.prepared import Listed, Prepared, among

PAIR = subscriptions.c.asset_id * literal_column("4294967296") + subscriptions.c.dataset_id
"""An asset and a dataset as one number: ids stay below 2 ** 31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The sums of what is pending of one dataset for one consumer up to a number, as of so many turns."""

    asset_id: int
    dataset_id: int
    turns: int
    upto: int
    whole: Mapping[str, Any]
    leaves: Mapping[str, Mapping[str, Any]]


_KNOWN = Listed(
    select(
        subscriptions.c.asset_id,
        subscriptions.c.dataset_id,
        subscriptions.c.turns,
        subscriptions.c.summed,
        subscriptions.c.tally,
    ).where(among(subscriptions.c.asset_id), text("tally IS NOT NULL"))
)
_TURNS = Listed(
    select(subscriptions.c.asset_id, subscriptions.c.dataset_id, subscriptions.c.turns).where(
        among(subscriptions.c.asset_id), among(PAIR, "pairs")
    )
)
_REMEMBERED = Prepared(
    update(subscriptions)
    .where(
        subscriptions.c.asset_id == bindparam("b_asset"),
        subscriptions.c.partition == "",
        subscriptions.c.dataset_id == bindparam("b_dataset"),
        subscriptions.c.turns == bindparam("b_turns"),
    )
    .values(summed=bindparam("b_upto"), tally=bindparam("b_tally", type_=JSON()))
)


def known(tx: Transaction, asset_ids: Sequence[int]) -> dict[tuple[int, int], Tally]:
    """The tallies of these consumers, by (asset id, dataset id)."""
    return {
        (asset, dataset): Tally(asset_id=asset, dataset_id=dataset, turns=turns, upto=upto, **tally)
        for asset, dataset, turns, upto, tally in _KNOWN.rows(tx, asset_ids)
    }


def turns(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """How often what is pending has changed otherwise than by an event, for these (asset id, dataset id)."""
    wanted = list(pairs)
    numbers = list(dict.fromkeys(asset for asset, _ in wanted))
    coded = [(asset << 32) + dataset for asset, dataset in wanted]
    return {(asset, dataset): found for asset, dataset, found in _TURNS.rows(tx, numbers, pairs=coded)}


def remember(tx: Transaction, tallies: Sequence[Tally]) -> None:
    """These are the tallies, where nothing but events came since they were counted."""
    if tallies:
        _REMEMBERED.run_many(
            tx,
            [
                {
                    "b_asset": one.asset_id,
                    "b_dataset": one.dataset_id,
                    "b_turns": one.turns,
                    "b_upto": one.upto,
                    "b_tally": {"whole": one.whole, "leaves": one.leaves},
                }
                for one in tallies
            ],
        )


def forget(tx: Transaction) -> None:
    """No tally is left: all is counted anew. They are made again by whoever counts much."""
    tx.execute(update(subscriptions).values(summed=subscriptions.c.floor, tally=None))
