"""Checks: what policies promise of runs: how many may be active, and who keeps its events after a failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import select

from ....storage.meta.catalogue import definitions
from ....storage.meta.checking.check import Check, Found, asked
from ....storage.meta.database.engine import Transaction

_ACTIVE = """
SELECT r.asset_id, a.name, r.partition, count(*) AS many FROM runs r JOIN assets a ON a.id = r.asset_id
WHERE r.ended_at IS NULL GROUP BY r.asset_id, a.name, r.partition HAVING count(*) > 1
"""
_KEPT = """
SELECT r.asset_id, a.name, r.partition, r.id, r.state, count(*) AS many
FROM runs r JOIN assets a ON a.id = r.asset_id
JOIN consumptions c ON c.run_id = r.id AND c.current = {yes} AND c.outcome IN ('run', 'superseded')
WHERE r.state IN ('failed', 'canceled', 'refused')
GROUP BY r.asset_id, a.name, r.partition, r.id, r.state
"""


def _policies(tx: Transaction, asset_id: int) -> Sequence[Mapping[str, Any]]:
    """Those of every definition that an asset ever had: nobody knows which a process went by that was late."""
    bodies = tx.execute(select(definitions.c.body).where(definitions.c.asset_id == asset_id)).scalars()
    return [body["policies"] for body in bodies]


def _active(tx: Transaction) -> Iterator[Found]:
    for row in list(asked(tx, _ACTIVE)):
        limit = max((int(one["max_active_runs"]) for one in _policies(tx, row["asset_id"])), default=1)
        if row["many"] > limit:
            yield Found(
                f"asset {row['name']} {row['partition']}".rstrip(), f"{row['many']} active runs", f"{limit} at most"
            )


def _kept(tx: Transaction) -> Iterator[Found]:
    @cache
    def keeps(asset_id: int) -> bool:
        return any(isinstance(one["consume"], Mapping) for one in _policies(tx, asset_id))

    for row in list(asked(tx, _KEPT)):
        if not keeps(row["asset_id"]):
            yield Found(
                f"run {row['id']} of {row['name']} {row['partition']}".rstrip(),
                f"{row['state']}, and it still has {row['many']} events",
                "that they are pending again: a run keeps what it took under `each` alone",
            )


CHECKS = (
    Check(
        name="active-runs",
        rule="No more runs of an asset, or of a partition of one, are active than may be.",
        find=_active,
    ),
    Check(
        name="given-back",
        rule="What a run took that did not succeed is pending again, unless each event has a run of its own.",
        find=_kept,
        advice="The next news of those datasets starts the asset all the same; `penstock materialize` makes it now. "
        "Report this.",
    ),
)
