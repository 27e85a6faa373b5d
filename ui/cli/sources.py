"""What was found at the sources: at the datasets that others write, and by probes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console

from ...assets.run.progress import Looked, Outcome
from ...storage.types import ReasonKind
from ..words.quantities import listed, several
from .console import say
from .live import is_news


def show_looked(console: Console, looked: Iterable[Looked], outcomes: Sequence[Outcome] = ()) -> None:
    """A line of what was looked at, if anything was; `outcomes` are what became of the sources with a probe."""
    if sources := looked_at(looked, outcomes):
        say(console, ("Looked at ", "bold"), sources)


def show_unseen(console: Console, looked: Iterable[Looked]) -> None:
    """A line for each that could not be looked at, with the next step."""
    for failed in {one.name: one for one in looked if one.error}.values():
        say(console, (f"{failed.name} {failed.news}: ", "bold red"), failed.error)
        if failed.hint:
            say(console, (failed.hint, "dim"))


def looked_at(looked: Iterable[Looked], outcomes: Sequence[Outcome] = ()) -> str:
    """What was found at the sources, those that others write and those with a probe, in a sentence; "" without any."""
    found: dict[str, str] = {}
    for one in looked:
        if is_news(one) or found.get(one.name, _SAME) == _SAME:  # looked at twice, what was news stays so
            found[one.name] = _found(one, outcomes)
    news = [f"{name} {what}" for name, what in found.items() if what != _SAME]
    same = [name for name, what in found.items() if what == _SAME]
    if not found:
        return ""
    if not news:
        return f"{several(len(same), 'source')} ({listed(same)}): nothing changed."
    rest = f"; {listed(same)} unchanged" if same else ""
    return f"{several(len(found), 'source')}: {'; '.join(news)}{rest}."


_SAME = "unchanged"


def _found(looked: Looked, outcomes: Sequence[Outcome]) -> str:
    """In a word what was found; of a probe, whose fingerprint says nothing to people, what became of it."""
    if not looked.news.startswith("probe "):
        return looked.news
    outcome = next((one for one in outcomes if one.asset == looked.name), None)
    if outcome is None:
        return _SAME
    kinds = {outcome.reason.kind, *outcome.reason.also}
    if ReasonKind.FIRST_BUILD in kinds:
        return "new"
    return "changed" if ReasonKind.INPUT_CHANGED in kinds else _SAME
