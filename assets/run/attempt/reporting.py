"""How far an attempt says that it is: told to who watches at once, and kept in the database twice a second at most."""

from __future__ import annotations

import logging
import math
import threading
from time import monotonic

from sqlalchemy.exc import DBAPIError

from ....storage.errors import PenstockError, ProducerError
from ....storage.files.json_types import article
from ....storage.logs.flushing import INTERVAL, later
from ....storage.masking import mask
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.progress import Advance, note_progress
from ..progress import Advanced, Listener
from ..project.project import Project
from .assignment import Assignment

_TOLD = 0.1
"""Seconds between two words to a listener."""
_LONGEST = 200
"""Characters of a text or a unit that are kept."""


class Reporting:
    """What `ctx.progress` of one attempt does; may be called by several threads.

    Attributes
    ----------
    recorded: whether a row was written, which the end of the run removes.
    """

    def __init__(self, project: Project, work: Assignment, tell: Listener) -> None:
        self._project, self._work, self._tell = project, work, tell
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._newest: Advanced | None = None
        self._told = self._kept = -math.inf
        self._promised = self._closed = False
        self.recorded = False

    def say(self, done: float, total: float | None = None, unit: str = "", text: str = "") -> None:
        """So much is done.

        Raises
        ------
        ProducerError: a number is none.
        """
        work = self._work
        said = Advanced(
            asset=work.asset.name,
            run_id=work.run_id,
            partition=work.partition,
            done=_number("done", done),
            total=None if total is None else _number("total", total),
            unit=_line(unit),
            text=_line(text),
        )
        moment = monotonic()
        with self._lock:
            self._newest = said
            tell = moment - self._told >= _TOLD
            self._told = moment if tell else self._told
            keep = moment - self._kept >= INTERVAL
            if not keep and not self._promised:
                self._promised = True
                later(self._keep)
        if tell:
            self._tell(said)
        if keep:
            self._keep()

    def close(self) -> None:
        """Nothing is written any more: what comes next is the end of the run, which removes the row."""
        with self._writing:
            self._closed = True

    def _keep(self) -> None:
        """Bring the newest word into the database. A producer is not to fail for want of that: it is logged."""
        with self._writing:
            with self._lock:
                said, self._newest, self._promised, self._kept = self._newest, None, False, monotonic()
            if said is None or self._closed:
                return
            try:
                with self._project.store.write() as tx:
                    one = Advance(done=said.done, total=said.total, unit=said.unit, text=said.text, at=moment_of(tx))
                    self.recorded = True
                    note_progress(tx, said.run_id, one)
            except (PenstockError, DBAPIError) as error:
                logging.getLogger("penstock").warning("progress of %s could not be kept: %s", said.asset, error)


def _number(name: str, value: object) -> float:
    try:
        found = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ProducerError(
            f"ctx.progress({name}=…) got {value if isinstance(value, float) else article(type(value).__name__)}, "
            "where a number was expected",
            hint='Give what is done and what there is in all: ctx.progress(3, total=10, unit="pages").',
        )
    return found


def _line(text: object) -> str:
    return mask(" ".join(str(text).split()))[:_LONGEST]
