"""The backfills that the next materialization goes on with, whatever that is for: told before it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....storage.meta.backfills import backfills, made
from ....storage.meta.database.engine import Transaction
from ....storage.meta.past.naming import short_name
from ...plan.backfills.counting import seen_to
from ..project.project import Project
from ..project.trial import on_trial
from .advancing import left_of_scope, unfinished
from .terms import terms_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A backfill on record that is running, and that somebody has to go on with.

    Attributes
    ----------
    assets: those that it is of, upstream first; keys: as they were asked for.
    total: of how many partitions it is; left: how many of them are not seen to.
    gone: how many of these are none any more, and will be held.
    """

    backfill: str
    assets: tuple[str, ...]
    keys: str
    total: int
    left: int
    gone: int = 0

    @property
    def text(self) -> str:
        """What will be gone on with, in a sentence.

        >>> Pending(backfill="4f1a09c2", assets=("a",), keys="last:7", total=7, left=5).text
        'Backfill 4f1a09c2 of a, last:7, is gone on with: 5 of its 7 partitions are left.'
        """
        gone = f", of which {self.gone} are none any more and will be held" if self.gone else ""
        of = f"of {', '.join(self.assets)}, {self.keys}," if self.assets else f"of {self.keys}"
        return (
            f"Backfill {short_name(self.backfill)} {of} is gone on with: {self.left} of its {self.total} partitions "
            f"are left{gone}."
        )


def pending_backfills(project: Project) -> tuple[Pending, ...]:
    """The backfills that wait for somebody who makes their partitions, oldest first."""
    with project.store.read() as tx:
        if not backfills.unfinished(tx, project.name):
            return ()
    with on_trial(project) as trial:
        return tuple(_pending(trial.project, trial.tx))


def _pending(project: Project, tx: Transaction) -> Iterator[Pending]:
    for row in unfinished(project, tx):
        terms = terms_of(project, row)
        gone = sum(one.count for one in left_of_scope(project, tx, row, terms))
        runs = made.tally(made.counts_of(tx, row.id))
        yield Pending(
            backfill=row.id,
            assets=tuple(name for name in project.graph.in_order({*terms.scope, *terms.gone})),
            keys=row.keys,
            total=row.total,
            left=max(gone, row.total - seen_to(row.looked, of=row.total, runs=runs, others=row.spared + row.held)),
            gone=gone,
        )
