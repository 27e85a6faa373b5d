"""What definitions that are not registered yet make of what there is: said by whoever asks, and before they are
registered by whoever registers them. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....storage.meta.database.engine import Transaction
from ...declare.catalogue import Asset, Catalogue
from ..backfilling.leaving import Curtailed, curtailed
from .project import Project
from .redivided import Redivided, redivided


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """What becomes of partitions that are made, and of backfills that have not ended. False where everything stays."""

    redivided: tuple[Redivided, ...] = ()
    curtailed: tuple[Curtailed, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.redivided or self.curtailed)

    @property
    def texts(self) -> list[str]:
        """All of it, in sentences."""
        return [one.text for one in (*self.redivided, *self.curtailed)]

    def about(self, asset: Asset) -> Foretold:
        """The part of it that is about an asset: what it writes and reads, and the backfills of it."""
        uris = {*asset.outputs, *(one.uri for one in asset.inputs)}
        return Foretold(
            redivided=tuple(one for one in self.redivided if one.uri in uris),
            curtailed=tuple(one for one in self.curtailed if one.asset == asset.name),
        )


def foretold(project: Project) -> Foretold:
    """What the definitions of a project make of what there is."""
    with project.store.read() as tx:
        return foretold_in(tx, project.name, project.catalogue)


def foretold_in(tx: Transaction, project: str, catalogue: Catalogue) -> Foretold:
    """The same of any catalogue, as far as a transaction sees."""
    return Foretold(
        redivided=tuple(redivided(tx, project, catalogue)), curtailed=tuple(curtailed(tx, project, catalogue))
    )
