"""A materialization that is on record for as long as a process works: when that is gone, its runs are known to be left
alone."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...storage.meta import materializations
from ...storage.meta.database.engine import now as moment_of
from ...storage.types import MaterializationState
from .ending import release
from .identity import new_id, worker_name
from .project.project import Project


@dataclass(slots=True, kw_only=True)
class Recorded:
    """The materialization at work; `state` is how it ends unless it is stopped, `held` the stored reasons of what it
    does not make, by asset and key."""

    id: str = field(default_factory=new_id)
    state: MaterializationState = MaterializationState.SUCCESS
    held: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


@contextmanager
def recorded(project: Project, selection: Sequence[str]) -> Generator[Recorded]:
    """Within the block a materialization of these assets is at work. However it ends: what was planned and not begun is
    given up, and the end is recorded."""
    one, store = Recorded(), project.store
    with store.write() as tx:
        materializations.begin(
            tx,
            id=one.id,
            project=project.name,
            worker=worker_name(),
            selection=list(selection),
            now=moment_of(tx),
        )
    try:
        yield one
    except (KeyboardInterrupt, SystemExit):
        one.state = MaterializationState.CANCELED
        raise
    except BaseException:
        one.state = MaterializationState.FAILED
        raise
    finally:
        try:
            release(project, one.id)
        finally:
            with store.write() as tx:
                materializations.end(tx, id=one.id, state=one.state, held=one.held, now=moment_of(tx))
