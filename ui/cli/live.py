"""Progress while a materialization works: a live picture on a terminal, plain lines elsewhere.

It goes to standard error, so that standard output holds the result alone. Whatever happens to it, the work goes on.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ...assets.run.progress import Advanced, Listener, Looked, Outcome, Progress, Retrying, Started, Waiting, silent
from ...assets.run.project.foretold import Foretold
from ...storage.errors import typed
from ...storage.types import ReasonKind, RunState
from ..words.quantities import advance, count, duration, several, short, size
from .console import clean, err, say, word
from .definitions import show_foretold

_SHOWN = 8


class Watch:
    """A listener: what changed definitions leave is said at once, and kept; of the rest `show` is told."""

    def __init__(self, *, quiet: bool, show: Listener = silent) -> None:
        self._quiet, self._show = quiet, show
        self.foretold = Foretold()

    def __call__(self, progress: Progress) -> None:
        """Show it, and take note."""
        if not isinstance(progress, Foretold):
            self._show(progress)
            return
        self.foretold = progress
        if not self._quiet:
            show_foretold(err(), progress)


@contextmanager
def watching(*, quiet: bool, expected: int) -> Generator[Watch]:
    """A listener that shows progress until the end of the block; with `quiet` it shows nothing."""
    console = err()
    if quiet:
        yield Watch(quiet=True)
    elif not console.is_terminal or console.is_dumb_terminal:
        yield Watch(quiet=False, show=lambda progress: _line(console, progress))
    else:
        picture = Picture(expected=expected)
        live = Live(
            console=console,
            get_renderable=picture.drawn,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        with live:
            yield Watch(quiet=False, show=picture)


def is_news(looked: Looked) -> bool:
    """Whether something was found that was not so before; what a probe gave says nothing to people."""
    return looked.news != "unchanged" and not looked.news.startswith("probe ")


def titled_of(one: Waiting | Started | Retrying | Advanced | Outcome) -> str:
    """What people call it: the asset, with the key of its partition."""
    return f"{one.asset} {one.partition}" if one.partition else one.asset


def result_of(outcome: Outcome) -> str:
    """One word for what became of an asset: `changed`, `confirmed`, `skipped`, `failed`, `canceled` or `held`."""
    if outcome.state is None:
        return "confirmed" if outcome.reason.kind is ReasonKind.CONFIRMED else "held"
    if outcome.state is RunState.SUCCESS:
        return "changed" if any(one.kind == "changed" for one in outcome.made) else "confirmed"
    return outcome.state.value


def _line(console: Console, progress: Progress) -> None:
    match progress:
        case Looked(name=name, news=news):
            if progress.error:
                say(console, f"{name} {news}")
            elif is_news(progress):
                say(console, f"looked at {name}: {news}")
        case Waiting():
            say(console, f"{titled_of(progress)}: another process makes it now, waiting")
        case Started(reason=reason):
            say(console, f"{titled_of(progress)}: running, {reason.text}")
        case Retrying(error=error) if error:
            say(console, f"{titled_of(progress)}: {first_line(error)}; {_again(progress)}")
        case Retrying():
            say(console, f"{titled_of(progress)}: {_again(progress)}")
        case Outcome(state=RunState.SUCCESS | RunState.FAILED | RunState.CANCELED):
            facts = [result_of(progress), *(_made(progress)), duration(progress.seconds)]
            say(console, f"{titled_of(progress)}: {', '.join(facts)}")
        case Outcome(state=RunState.SKIPPED) if progress.told:
            say(console, f"{titled_of(progress)}: {progress.told}, {duration(progress.seconds)}")
        case _:
            pass  # what did not run is told at the end, with its reason


def first_line(error: Mapping[str, Any]) -> str:
    """A stored error in one line: its type, and how what it says begins."""
    return typed(str(error["type"]), str(error["message"]).strip().partition("\n")[0])


def _again(retrying: Retrying) -> str:
    """`again in 4 s, try 2 of 5`."""
    seconds = round(retrying.seconds, 1)
    length = duration(seconds) if seconds >= 60 else f"{seconds:g} s"
    budget = "" if retrying.number is None else f", try {retrying.number} of {retrying.of}"
    return f"again {f'in {length}' if seconds else 'at once'}{budget}"


def _made(outcome: Outcome) -> list[str]:
    if len(outcome.made) > 1:
        return [several(len(outcome.made), "dataset")]
    return [
        text
        for one in outcome.made
        for text in (short(one.digest), several(one.rows, "row") if one.rows is not None else "", size(one.size))
        if text
    ]


class Picture:
    """What a terminal shows while the work goes on: what runs and for how long, what ended last, and how much is done.

    A listener; what it hears costs next to nothing, it is drawn a few times a second by another thread.
    """

    def __init__(self, *, expected: int) -> None:
        self._expected = expected
        self._begun = monotonic()
        self._running: dict[str, tuple[float, str]] = {}
        self._ended: deque[Outcome] = deque(maxlen=_SHOWN)
        self._done: Counter[str] = Counter()
        self._looked = 0
        self._spinner = Spinner("dots", style="blue")

    def __call__(self, progress: Progress) -> None:
        """Take note."""
        match progress:
            case Foretold():
                pass  # said above the picture, where it stays
            case Looked():
                self._looked += 1
            case Waiting():
                self._running[titled_of(progress)] = (monotonic(), "another process makes it now, waiting")
            case Retrying():
                self._running[titled_of(progress)] = (monotonic(), _again(progress))
            case Started(reason=reason):
                self._running[titled_of(progress)] = (monotonic(), reason.text)
            case Advanced():
                since, _ = self._running.get(titled_of(progress), (monotonic(), ""))
                how = advance(progress.done, progress.total, progress.unit, progress.text)
                self._running[titled_of(progress)] = (since, how)
            case Outcome():
                self._running.pop(titled_of(progress), None)
                self._done[result_of(progress)] += 1
                if progress.state is not RunState.SKIPPED or progress.told:
                    self._ended.append(progress)

    def drawn(self) -> RenderableType:
        """The picture as it is now."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(overflow="ellipsis", no_wrap=True, style="dim")
        for outcome in list(self._ended):
            grid.add_row(
                word(result_of(outcome)),
                clean(titled_of(outcome)),
                duration(outcome.seconds) if outcome.run_id else "",
                ", ".join(_made(outcome)) or clean(outcome.told or outcome.reason.text),
            )
        for asset, (since, why) in list(self._running.items()):
            grid.add_row(word("running"), clean(asset), duration(monotonic() - since), clean(why))
        return Group(grid, self._total()) if grid.row_count else self._total()

    def _total(self) -> RenderableType:
        done = sum(self._done.values())
        of = f" of {count(self._expected)}" if self._expected >= done else ""
        facts = ", ".join(f"{count(number)} {name}" for name, number in self._done.items())
        before = f"looked at {several(self._looked, 'source')}" if self._looked else "planning"
        text = f"{count(done)}{of} done" if done else before
        self._spinner.update(
            text=Text(f"{text}{f': {facts}' if facts else ''}  {duration(monotonic() - self._begun)}", style="dim")
        )
        return self._spinner
