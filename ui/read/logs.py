"""The logs of a run: which attempts it had, their lines as they come, and what is to be said where there are none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from time import sleep

from ...assets.run.identity import gone
from ...storage.errors import StorageFault, UsageError
from ...storage.logs.lines import Line
from ...storage.logs.places import LogPlace
from ...storage.logs.reading import LogReader, cleaned_to
from ...storage.meta import runs as rows
from ...storage.meta.database.engine import Store, Transaction
from ...storage.meta.parts import parts_of
from ...storage.meta.past import history
from ...storage.meta.past.naming import NothingSo, run_named, short_name
from ...storage.types import RunState
from .failures import Failure

_POLL = 0.3
"""Seconds between two looks at a log that is followed."""
_NEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line of an attempt."""

    attempt: int
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What a run is now, for whoever reads its logs: `attempts` is how many it has had, `error` why it failed.
    `left_behind`: it has not ended, its process is gone, and no part is at work that would see to it."""

    run_id: str
    asset: str
    partition: str
    state: RunState
    attempts: int
    ended: bool
    left_behind: bool
    error: Failure | None


def logged(store: Store, named: str, *, partition: str | None = None) -> Logged:
    """The run that is meant: by its id, as much of it as is unique, or the newest of an asset that was begun.

    Raises
    ------
    UsageError: there is no such run, or there are several; or the asset has none.
    """
    with store.read() as tx:
        if partition is None and not any(one.name == named for one in history.declared_assets(tx, store.project)):
            return _logged(tx, store.project, _run_named(tx, store.project, named))
        newest = _newest(tx, store.project, named, partition)
        found = None if newest is None else _logged(tx, store.project, newest)
    if found is None:
        of = f"{named} {partition or ''}".rstrip()
        raise UsageError(
            f"no run of {of} has begun yet", hint=f"`penstock runs --asset {named}` shows all that were planned."
        )
    return found


def _run_named(tx: Transaction, project: str, named: str) -> rows.Run:
    try:
        return run_named(tx, project, named)
    except NothingSo:
        near = get_close_matches(named, [one.name for one in history.declared_assets(tx, project)], n=1)
        hint = "`penstock runs` shows the runs, `penstock list` the assets."
        raise UsageError(
            f"there is no run and no asset {named!r} in project {project}",
            hint=f"Did you mean {near[0]}? {hint}" if near else hint,
        ) from None


def _newest(tx: Transaction, project: str, asset: str, partition: str | None) -> rows.Run | None:
    offset = 0
    while True:
        page = rows.recent(tx, project, asset=asset, partition=partition, limit=_NEWEST, offset=offset)
        found = next((one for one in page if one.attempts), None)
        if found is not None or len(page) < _NEWEST:
            return found
        offset += _NEWEST


def _logged(tx: Transaction, project: str, run: rows.Run) -> Logged:
    alone = run.ended_at is None and run.worker is not None and gone(run.worker)
    return Logged(
        run_id=run.id,
        asset=run.asset,
        partition=run.partition,
        state=run.state,
        attempts=run.attempts,
        ended=run.ended_at is not None,
        left_behind=alone and all(gone(one.name) for one in parts_of(tx, project)),
        error=None if run.error is None else Failure.of(run.error),
    )


def now_logged(store: Store, run_id: str) -> Logged:
    """The same run, as it is now."""
    with store.read() as tx:
        found = rows.run(tx, run_id)
        assert found is not None, "runs are never removed"
        return _logged(tx, store.project, found)


def lines(
    store: Store,
    place: LogPlace,
    one: Logged,
    *,
    attempt: int | None = None,
    follow: bool = False,
    alone: Callable[[], object] = bool,
) -> Iterator[Said]:
    """The lines of a run, of all its attempts or of this one, oldest first; with `follow` until the run has ended, also
    of attempts that are yet to come; `alone` is called once if nobody is at the run, and goes on waiting.

    Raises
    ------
    UsageError: it had no such attempt.
    StorageFault: logs lie at a URL that cannot be asked.
    """
    if attempt is not None and not follow and not 1 <= attempt <= one.attempts:
        had = "no attempt yet" if not one.attempts else f"{one.attempts} attempt{'s'[: one.attempts - 1]}"
        raise UsageError(f"run {short_name(one.run_id)} of {one.asset} had {had}, there is no attempt {attempt}")
    number = attempt or 1
    reader, told = LogReader(place, one.run_id, number), False
    while True:
        try:
            for line in reader.more():
                yield Said(attempt=number, line=line)
        except OSError as error:
            raise StorageFault(
                f"the log of run {short_name(one.run_id)} cannot be read: {error}",
                hint="The setting `logs` says where it lies.",
            ) from error
        if number < one.attempts and attempt is None:
            number += 1
            reader = LogReader(place, one.run_id, number)
        elif not follow or one.ended or (attempt is not None and one.attempts > attempt):
            return
        else:
            if one.left_behind and not told:
                told = True
                alone()
            sleep(_POLL)
            one = now_logged(store, one.run_id)  # then once more: what came before it ended is read after it


def why_empty(place: LogPlace, one: Logged) -> str:
    """Why there is not a line of a run, as a sentence."""
    title = f"run {short_name(one.run_id)} of {one.asset} {one.partition}".rstrip()
    if not one.attempts:
        return f"{title} has not begun ({one.state.value.replace('_', ' ')})."
    try:
        cleaned = cleaned_to(place)
    except OSError:
        cleaned = ""
    if one.run_id <= cleaned:
        return f"The log of {title} is gone: `penstock clean` removed what was written up to then."
    return f"{title[0].upper()}{title[1:]} wrote nothing{'' if one.ended else ' so far'}."


class LogTail:
    """The last lines of one attempt, as they come: each look costs what is new.

    Attributes
    ----------
    lines: the newest, oldest first, at most so many.
    left_out: how many older ones there were.
    """

    def __init__(self, place: LogPlace, run_id: str, attempt: int, *, most: int = 1000) -> None:
        self._reader = LogReader(place, run_id, attempt)
        self.lines: deque[Line] = deque(maxlen=most)
        self._read = 0

    @property
    def left_out(self) -> int:
        """How many lines are not among them any more."""
        return self._read - len(self.lines)

    def look(self) -> None:
        """What has come since the last look is among them.

        Raises
        ------
        StorageFault: logs lie at a URL that cannot be asked.
        """
        try:
            for line in self._reader.more():
                self.lines.append(line)
                self._read += 1
        except OSError as error:
            raise StorageFault(
                f"the log cannot be read: {error}", hint="The setting `logs` says where it lies."
            ) from error
