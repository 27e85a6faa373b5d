"""Whether what semantics promise is true of a store. Every check sees one snapshot, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ....storage.errors import PenstockError
from ....storage.meta.checking import every
from ....storage.meta.checking.check import SHOWN, Check, Checked, Found, examine
from ....storage.meta.database.engine import Store, Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.settings import ProjectSettings
from ..project.project import Project
from . import bytes as of_bytes
from . import lost, partitions, policies
from .bytes import Looking, Tell
from .stored import as_registered


def silent(looked: int, whole: int) -> None:
    """Nobody is told how many bytes of how many were looked at."""


def check(
    store: Store,
    settings: ProjectSettings,
    *,
    looking: Looking | None = None,
    at: datetime | None = None,
    shown: int = SHOWN,
    tell: Tell = silent,
) -> Iterator[Checked]:
    """What each check finds, in order, as it is found; everything is sound where each found nothing.

    The rows of all projects that share the database are checked; of this one also that nothing is asleep which could
    be made now, and where it is asked for, its bytes.

    Parameters
    ----------
    looking: how closely bytes are looked at; None: not at all.
    at: what counts as now; None: the time of the store.
    shown: so many violations of each check are kept word by word.
    tell: is told how many bytes of how many were looked at.
    """
    with store.read() as tx:
        yield from check_in(tx, store, settings, looking=looking, at=at, shown=shown, tell=tell)


def check_in(
    tx: Transaction,
    store: Store,
    settings: ProjectSettings,
    *,
    looking: Looking | None = None,
    at: datetime | None = None,
    shown: int = SHOWN,
    tell: Tell = silent,
) -> Iterator[Checked]:
    """The same of what a transaction sees."""
    now = moment_of(tx) if at is None else at
    yield from examine(tx, (*every.CHECKS, *policies.CHECKS), shown=shown)
    project, told = _registered(store, settings, tx)
    readable = Check(
        name="stored-definitions",
        rule="The definitions that are registered can be read.",
        find=lambda _: told,
        advice="Register them anew with `penstock materialize`; where that does not help, restore a backup.",
    )
    of_time = () if project is None else (*partitions.checks(project, now), *lost.checks(project, now))
    further = () if looking is None else of_bytes.checks(settings, looking, tell)
    yield from examine(tx, (readable, *of_time, *further), shown=shown)


def _registered(store: Store, settings: ProjectSettings, tx: Transaction) -> tuple[Project | None, list[Found]]:
    """The project as it is registered; or why it cannot be read."""
    try:
        return as_registered(store, settings, tx), []
    except (LookupError, TypeError, ValueError, PenstockError) as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        return None, [
            Found(f"the definitions of project {store.project}", told, "definitions that this penstock wrote")
        ]


def violations(
    store: Store, settings: ProjectSettings, *, looking: Looking | None = None, at: datetime | None = None
) -> list[str]:
    """Every violation in a line, with the name of its check; none where everything is sound."""
    found = check(store, settings, looking=looking, at=at, shown=1_000_000)
    return [f"{each.check}: {each.text}" for one in found for each in one.violations]
