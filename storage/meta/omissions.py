"""Outputs that a run did not make because its producer said so: all of them where it skipped the run, some where it
left them out. Nothing is said here of runs that failed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Index, insert, select
from sqlmodel import Field

from .catalogue import datasets
from .database.engine import BY_KEY, Row, Transaction, table_of
from .database.prepared import Prepared
from .runs import runs

_AT_ONCE = 500  # parameters of one statement


class OmissionRow(Row, table=True):
    """That a run left an output out, and why; "" where its producer did not say."""

    __tablename__ = "omissions"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index("omissions_by_dataset", "dataset_id", "run_id"), BY_KEY)

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    dataset_id: int = Field(foreign_key="datasets.id", primary_key=True)
    why: str


omissions = table_of(OmissionRow)
_OMITTED = Prepared(insert(omissions))


def omit(tx: Transaction, run_id: str, left_out: Mapping[int, str]) -> None:
    """This run did not make these datasets: id → why."""
    if left_out:
        rows = [{"run_id": run_id, "dataset_id": number, "why": why} for number, why in left_out.items()]
        _OMITTED.run_many(tx, rows)


def omitted_by(tx: Transaction, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Run id → name of a dataset that it left out → why; runs that left nothing out have no part in it."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(run_ids), _AT_ONCE):
        rows = tx.execute(
            select(omissions.c.run_id, datasets.c.name, omissions.c.why)
            .join(datasets, datasets.c.id == omissions.c.dataset_id)
            .where(omissions.c.run_id.in_(run_ids[start : start + _AT_ONCE]))
            .order_by(omissions.c.run_id, datasets.c.name)
        )
        for run_id, name, why in rows:
            found.setdefault(run_id, {})[name] = why
    return found


def newest(tx: Transaction, dataset_ids: Collection[int], keys: Iterable[str] = ("",)) -> dict[tuple[int, str], str]:
    """(dataset id, key) → why it was left out, of these datasets and keys that were, the last time they were: asked of
    what has no version."""
    found: dict[tuple[int, str], tuple[str, str]] = {}
    several = sorted(set(keys))
    for start in range(0, len(several), _AT_ONCE):
        rows = tx.execute(
            select(omissions.c.dataset_id, runs.c.partition, omissions.c.run_id, omissions.c.why)
            .join(runs, runs.c.id == omissions.c.run_id)
            .where(omissions.c.dataset_id.in_(sorted(dataset_ids)))
            .where(runs.c.partition.in_(several[start : start + _AT_ONCE]))
        )
        for number, key, run_id, why in rows:
            one = number, key
            found[one] = max(found.get(one, ("", "")), (run_id, why))  # run ids sort by age
    return {one: why for one, (_, why) in found.items()}
