"""The supervisor: starts the parts, starts again what dies, loads definitions anew when their files change, and ends
everything in order.

New definitions are loaded by a new scheduler beside the one at work. Once that is ready the old one ends, and so do the
workers, each when another is ready in its place and it has made what it has begun. What does not load changes nothing:
it is told, and the last good ones go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any

from ....storage.types import PartKind
from ...code.collect import ended
from ...execute.ending import kill_tree
from ...execute.nursery import fork_server
from ...execute.processes import context
from .order import PRELOAD, Loading, Message, Order, Problem, Ready, Said, Stop, worded
from .place import Place
from .signals import LEAVE, Termination

_LOOK = 1.0
"""Seconds between two looks at the files of the definitions."""
_QUIET = 0.3
"""Seconds for which they must not have changed: an editor may write several."""
_OFTEN = 0.1
"""Seconds within which one look at files is enough, however much the parts tell meanwhile."""
_STEADY = 60.0
"""Seconds after which a part that dies is started again at once."""

_RUN = {
    PartKind.SCHEDULER: (".scheduler", "run_scheduler"),
    PartKind.WORKER: (".worker", "run_worker"),
    PartKind.RELAY: (".relaying", "run_relay"),
}
"""Where a part is; imported in its own process alone, so that this one stays small."""

_DRAINS = "stopping: nothing new is begun, what has begun is made to its end; asked once more, it stops at once"
_STOPS = "stopping at once: what is at work is killed and given back"
_CHANGED = "the definitions have changed and do not load: "

Stamps = Mapping[Path, tuple[int, int]]
Tell = Callable[[str, Message], None]
"""Called with the name of a part and what it says."""


def pause_after(failures: int) -> float:
    """Seconds until a part that died is started again, after so many deaths in a row.

    >>> [pause_after(one) for one in (1, 2, 3, 10)]
    [0.5, 1.0, 2.0, 30.0]
    """
    return min(0.5 * 2 ** min(failures - 1, 10), 30.0)


def stamps_of(files: Sequence[Path]) -> Stamps:
    """When each of these files was changed last, and its size; (0, 0) of one that is gone."""
    found: dict[Path, tuple[int, int]] = {}
    for one in files:
        try:
            stat = one.stat()
            found[one] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            found[one] = (0, 0)
    return found


@dataclass(kw_only=True, eq=False)
class _Kept:
    """A part that is kept running; `replaces` is the one that ends when this one is ready, `loading` what of the
    definitions it imports just now."""

    kind: PartKind
    name: str
    process: BaseProcess | None = None
    line: Connection | None = None
    ready: bool = False
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    leaving: bool = False
    replaces: _Kept | None = None
    loading: str = ""
    stamps: Stamps = field(default_factory=dict[Path, tuple[int, int]])


class Supervisor:
    """Keeps so many parts of each kind at work. To be made while there is one thread: this process then forks itself
    into the server that forks the parts.

    Parameters
    ----------
    tell: hears what the parts say, and what becomes of them.
    database: the file of the metadata store, where it is one.
    """

    def __init__(
        self, order: Order, wanted: Mapping[PartKind, int], tell: Tell, *, database: Path | None = None
    ) -> None:
        self._order, self._tell, self._database = order, tell, database
        self._place = Place(None, self._warn)
        self._context: Any = context(PRELOAD)
        fork_server(preload=PRELOAD)
        self._kept: list[_Kept] = []
        self._told_ready = False
        self._wrong: set[str] = set()
        self._changed: tuple[Stamps, float] | None = None
        self._failed: Stamps | None = None
        self._looked = float("-inf")
        for kind, count in wanted.items():
            for number in range(count):
                name = kind.value if count == 1 else f"{kind.value}-{number + 1}"
                self._kept.append(_Kept(kind=kind, name=name))

    def run(self) -> int:
        """Until SIGTERM or Ctrl-C: then parts end in order, and at once with a second one. The exit code of it all: 1
        when a part could not even begin, or another file lies where the metadata store lay; 130 or 143 when Ctrl-C or
        SIGTERM stopped it at once; else 0."""
        self._termination = Termination(also=LEAVE)
        begun, asked = monotonic(), 0
        code = 0
        for one in self._kept:
            self._start(one)
        while self._kept:
            if self._termination.asked > asked:
                asked = self._termination.asked
                self._tell("penstock", Said(text=_STOPS if asked > 1 else _DRAINS))
                self._end_all(again=asked > 1)
            heard = self._wait()
            for one in list(self._kept):
                code = self._see_to(one, heard) or code
            over = asked or code or self._told_ready
            if not over and self._kept and all(one.ready for one in self._kept):
                self._told_ready = True
                self._place = Place(self._database, self._warn)
                self._tell("penstock", Ready())
                self._tell("penstock", Said(text=f"ready in {monotonic() - begun:.1f} s"))
            if not asked and not code and monotonic() - self._looked >= _OFTEN:
                self._looked = monotonic()
                self._look_at_files()
                code = self._look_at_store()
        return code or (128 + self._termination.last if asked > 1 else 0)

    def _wait(self) -> set[Any]:
        """The lines and the ends of processes that have something to tell."""
        sources: list[Any] = [self._termination]
        for one in self._kept:
            sources += [] if one.line is None else [one.line]
            sources += [] if one.process is None else [one.process.sentinel]
        heard = wait(sources, self._patience())
        self._termination.drain()
        return set(heard)

    def _patience(self) -> float:
        """Seconds until something is due: a look at the files, again once they have changed, or a part's next start."""
        look = _LOOK if self._changed is None else _QUIET
        return max(0.0, min([look, *(one.not_before - monotonic() for one in self._kept if one.process is None)]))

    def _start(self, one: _Kept) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_run, args=(one.kind, self._order, theirs), name=f"penstock-{one.name}")
        try:
            process.start()
        except (EOFError, OSError) as error:  # the server that forks them has just died: the next start finds another
            ours.close()
            self._again(one, f"could not be started ({type(error).__name__}: {error})")
            return
        finally:
            theirs.close()
        one.process, one.line, one.ready, one.started, one.loading = process, ours, False, monotonic(), ""

    def _see_to(self, one: _Kept, heard: Set[Any]) -> int:
        """Hear a part, if it has something to tell, and see whether it lives; 1 when nothing can be begun."""
        if one.process is None:
            if monotonic() >= one.not_before:
                self._start(one)
            return 0
        dead = one.process.sentinel in heard
        while one.line is not None and (dead or one.line in heard) and _polled(one.line):
            try:
                self._hear(one, one.line.recv())
            except (EOFError, OSError):
                one.line.close()
                one.line = None
        return self._bury(one) if dead else 0

    def _hear(self, one: _Kept, message: Message) -> None:
        match message:
            case Ready(files=files):
                one.ready, one.stamps = True, stamps_of(files)
                if one.replaces is not None:
                    self._promote(one, one.replaces)
            case Loading(definition=definition):
                one.loading = definition
            case Problem() if not self._told_ready:
                self._tell_once(one.name, message)
            case _:
                self._tell(one.name, message)

    def _tell_once(self, name: str, problem: Problem) -> None:
        """What is wrong before everything is ready: all that load the definitions find the same."""
        if problem.text not in self._wrong:
            self._wrong.add(problem.text)
            self._tell(name, problem)

    def _bury(self, one: _Kept) -> int:
        assert one.process is not None
        code, was_ready = one.process.exitcode, one.ready
        one.process.join(1)
        if one.line is not None:
            one.line.close()
        one.process, one.line, one.ready = None, None, False
        fault = ended(one.loading, code or 0) if one.loading else None
        if one.leaving:
            self._kept.remove(one)
            return 0
        if one.replaces is not None and one.kind is PartKind.SCHEDULER:
            self._kept.remove(one)
            if fault is not None:
                self._tell(one.name, Problem(text=f"{fault.message}\n{fault.hint}"))
            self._refuse(one.replaces, "see `penstock check`" if fault is None else fault.message)
            return 0
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        if not was_ready and not self._told_ready and (code is None or code >= 0):  # what is killed is started again
            if fault is not None:
                self._tell_once(one.name, Problem(text=f"{fault.message}\n{fault.hint}"))
            self._tell(one.name, Said(text=f"it could not begin ({how})"))
            self._end_all(again=False)
            with suppress(ValueError):
                self._kept.remove(one)
            return 1
        if monotonic() - one.started > _STEADY:
            one.failures = 0
        self._again(one, f"ended ({how}){f' while it was loading {one.loading}' if one.loading else ''}")
        return 0

    def _again(self, one: _Kept, what: str) -> None:
        """The part is started again, later the more often that was in vain."""
        one.failures += 1
        pause = pause_after(one.failures)
        one.not_before = monotonic() + pause
        self._tell(one.name, Said(text=f"{what}; it is started again in {pause:g} s"))

    def _end_all(self, *, again: bool) -> None:
        for one in list(self._kept):
            one.leaving = True
            if one.process is None or one.process.pid is None:
                self._kept.remove(one)
            elif again and one.kind is not PartKind.WORKER:
                kill_tree(one.process.pid)
            else:
                _ask(one, at_once=again)

    def _look_at_store(self) -> int:
        """1 once another is in its place: then everything ends at once."""
        if not self._place.is_lost():
            return 0
        self._end_all(again=True)
        return 1

    def _warn(self, text: str) -> None:
        self._tell("penstock", Problem(text=text))

    def _look_at_files(self) -> None:
        """Load the definitions anew once their files have changed, and are at rest."""
        one = next((one for one in self._kept if one.stamps and one.ready and not one.leaving), None)
        if one is None or any(other.replaces is not None for other in self._kept):
            return
        found = stamps_of(list(one.stamps))
        if found in (one.stamps, self._failed):
            self._changed = None
        elif self._changed is None or self._changed[0] != found:
            self._changed = (found, monotonic())
        elif monotonic() - self._changed[1] >= _QUIET:
            self._changed, self._failed = None, found
            self._tell("penstock", Said(text="definitions have changed: they are loaded anew"))
            self._replace(one)

    def _replace(self, old: _Kept) -> None:
        new = _Kept(kind=old.kind, name=old.name, replaces=old)
        self._kept.append(new)
        self._start(new)

    def _promote(self, new: _Kept, old: _Kept) -> None:
        """The new one is ready: the old one ends, and after a scheduler each worker is replaced in the same way."""
        new.replaces = None
        old.leaving = True
        _ask(old)
        if new.kind is PartKind.SCHEDULER:
            self._failed = None
            self._tell("penstock", Said(text="the new definitions are at work"))
            for one in [one for one in self._kept if one.kind is PartKind.WORKER and not one.leaving]:
                self._replace(one)

    def _refuse(self, old: _Kept, why: str) -> None:
        """The new definitions do not load: the last good ones go on, and say so."""
        self._tell("penstock", Said(text="the new definitions do not load: the last good ones stay at work"))
        if old.line is not None:
            with suppress(OSError):
                old.line.send(Problem(text=f"{_CHANGED}{why}"))


def _run(kind: PartKind, order: Order, line: Connection) -> None:
    """A part, in its own process; what it cannot begin with is told."""
    try:
        module, name = _RUN[kind]
        getattr(import_module(module, __package__), name)(order, line)
    except Exception as error:
        with suppress(OSError):
            line.send(Problem(text=worded(error)))
        raise SystemExit(1) from None


def _ask(one: _Kept, *, at_once: bool = False) -> None:
    """The part is asked to end."""
    if one.line is not None:
        with suppress(OSError):
            one.line.send(Stop(at_once=at_once))


def _polled(line: Connection) -> bool:
    try:
        return line.poll(0)
    except (OSError, EOFError):
        return True
