"""Edges: which version was made from which, by which run."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert
from sqlmodel import Field

from .database.engine import BY_KEY, Row, Transaction, table_of
from .database.prepared import Prepared


class EdgeRow(Row, table=True):
    """The run made the output version from the input version."""

    __tablename__ = "edges"  # pyright: ignore[reportAssignmentType]
    __table_args__ = BY_KEY

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    output_version_id: int = Field(foreign_key="versions.id", primary_key=True, index=True)
    input_version_id: int = Field(foreign_key="versions.id", primary_key=True, index=True)


edges = table_of(EdgeRow)


_RECORDED = Prepared(insert(edges))


def record_edges(tx: Transaction, *, run_id: str, outputs: Sequence[int], inputs: Sequence[int]) -> None:
    """Every output version of the run came from every input version."""
    rows = [
        {"run_id": run_id, "output_version_id": output, "input_version_id": source}
        for output in dict.fromkeys(outputs)
        for source in dict.fromkeys(inputs)
    ]
    if rows:
        _RECORDED.run_many(tx, rows)
