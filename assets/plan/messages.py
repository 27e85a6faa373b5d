"""What people read: the subject and the body of a message, in plain text. Pure.

A message says what happened, why, since when, and what can be done. It has no secrets: whoever notes a happening has
taken them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...storage.types import NotificationKind

Kind = NotificationKind
SAME = 12
"""Happenings of a summary, or partitions of one message, that are named; the others are counted."""
_LONG = 1500  # characters of an error; a text message takes fewer still, and cuts by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One happening, as a message tells it.

    Attributes
    ----------
    said: by key, each may be missing: `error` (why), `since` (when it began), `count` (how many in a row), `run`,
        `attempt`, `next_at` (when it is tried again), `deadline`, `worker`.
    """

    kind: NotificationKind
    asset: str
    partition: str
    at: datetime
    said: Mapping[str, Any]

    @property
    def name(self) -> str:
        """`chunks`, or `daily 2026-01-01`."""
        return f"{self.asset} {self.partition}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A message to read; `kind` is the gravest thing that it tells."""

    kind: NotificationKind
    subject: str
    body: str


_VERBS: Mapping[NotificationKind, str] = {
    Kind.FAILED: "failed",
    Kind.RECOVERED: "is well again",
    Kind.RETRY: "is tried again",
    Kind.LATE: "is late",
    Kind.PAUSED: "paused itself",
    Kind.CHECK_FAILED: "failed a check",
}
_COUNTED: Mapping[NotificationKind, str] = {Kind.RETRY: "tried again", Kind.CHECK_FAILED: "with a failed check"}
"""What follows a number of them, where that is not the word itself: `3 failed, 4 tried again`."""
_GRAVEST = (Kind.PAUSED, Kind.FAILED, Kind.CHECK_FAILED, Kind.LATE, Kind.RETRY, Kind.RECOVERED)


def message(project: str, groups: Sequence[Sequence[Fact]]) -> Text:
    """What tells these happenings: those of one group as one, several groups summed up.

    >>> at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    >>> failed = Fact(kind=Kind.FAILED, asset="chunks", partition="", at=at, said={"error": "ValueError: no text"})
    >>> print(message("kb", [[failed]]).subject)
    kb: chunks failed
    """
    return _alone(project, groups[0]) if len(groups) == 1 else _summed(project, groups)


def _alone(project: str, facts: Sequence[Fact]) -> Text:
    """The newest of a group in full, and how many went before it."""
    newest = facts[-1]
    lines = [f"{_sentence(newest)}.", ""]
    if error := newest.said.get("error"):
        lines += [_cut(str(error)), ""]
    lines += [f"{key}: {value}" for key, value in _details(project, newest, facts[:-1])]
    partitions = list(dict.fromkeys(one.partition for one in facts if one.kind is newest.kind and one.partition))
    name = newest.name if len(partitions) < 2 else f"{newest.asset} ({len(partitions)} partitions)"
    if len(partitions) > 1:
        lines.insert(-1, f"partitions: {_some(partitions)}")
    return Text(kind=newest.kind, subject=f"{project}: {name} {_VERBS[newest.kind]}", body="\n".join(lines))


def _sentence(fact: Fact) -> str:
    said = fact.said
    match fact.kind:
        case Kind.FAILED:
            row = int(said.get("count", 1))
            return f"{fact.name} failed" + (f", {row} times in a row" if row > 1 else "")
        case Kind.RETRY:
            at = said.get("next_at")
            return f"{fact.name} is tried again" + (f" at {_time(at)}" if at else "")
        case Kind.LATE:
            return f"{fact.name} was to be made by {_time(said['deadline'])}, and was not"
        case Kind.PAUSED:
            return f"{fact.name} paused itself: its condition starts nothing until it is resumed"
        case other:
            return f"{fact.name} {_VERBS[other]}"


def _details(project: str, newest: Fact, before: Sequence[Fact]) -> Iterator[tuple[str, str]]:
    """What stands below the reason, a line each."""
    yield "project", project
    yield "at", _time(newest.at)
    since = min([*(one.at for one in before if one.kind is not newest.kind), *_since(newest)], default=None)
    if since is not None and newest.kind in (Kind.RECOVERED, Kind.PAUSED, Kind.FAILED):
        yield "failing since" if newest.kind is not Kind.RECOVERED else "had been failing since", _time(since)
    if before:
        kinds = [f"{number} {_COUNTED.get(kind, kind.value)}" for kind, number in _counted(before).items()]
        yield "not told before", f"{', '.join(kinds)} since {_time(before[0].at)}"
    if run := newest.said.get("run"):
        attempt, worker = newest.said.get("attempt"), newest.said.get("worker")
        yield "run", f"{run}" + (f", attempt {attempt}" if attempt else "") + (f", by {worker}" if worker else "")
    yield "next", _next(newest)


def _since(fact: Fact) -> list[datetime]:
    found = fact.said.get("since")
    return [] if found is None else [datetime.fromisoformat(found)]


def _next(fact: Fact) -> str:
    match fact.kind:
        case Kind.PAUSED:
            return f"mend it, then `penstock resume {fact.asset}`"
        case Kind.LATE:
            return f"`penstock why {fact.asset}`"
        case _:
            run = fact.said.get("run")
            return f"`penstock runs {str(run)[-8:]}`" if run else f"`penstock why {fact.asset}`"


def _summed(project: str, groups: Sequence[Sequence[Fact]]) -> Text:
    """A line for each group, up to `SAME`; the gravest first."""
    facts = [one for group in groups for one in group]
    counts = _counted(facts)
    kinds = sorted(counts, key=_GRAVEST.index)
    ordered = sorted(groups, key=lambda group: _GRAVEST.index(group[-1].kind))
    told = ", ".join(f"{counts[kind]} {_COUNTED.get(kind, kind.value)}" for kind in kinds)
    begin, end = min(one.at for one in facts), max(one.at for one in facts)
    lines = [f"Since {_time(begin)}, until {_time(end)}, {told}; more than may be told one by one.", ""]
    lines += [_line(group) for group in ordered[:SAME]]
    left = [one for group in ordered[SAME:] for one in group]
    if left:
        lines.append(f"and {len(left)} more")
    lines += ["", f"project: {project}", "next: `penstock status`"]
    return Text(kind=kinds[0], subject=f"{project}: {told}", body="\n".join(lines))


def _line(group: Sequence[Fact]) -> str:
    newest = group[-1]
    alike = sum(one.kind is newest.kind for one in group)  # what went before it is told with it, and counted apart
    times = f" ({alike} times)" if alike > 1 else ""
    error = " ".join(str(newest.said.get("error", "")).split())
    why = f": {error[:120]}{'…' if len(error) > 120 else ''}" if error else ""
    return f"- {newest.name} {_VERBS[newest.kind]}{times}{why}"


def _counted(facts: Sequence[Fact]) -> dict[NotificationKind, int]:
    counts: dict[NotificationKind, int] = {}
    for one in facts:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return counts


def _some(names: Sequence[str]) -> str:
    left = len(names) - SAME
    return ", ".join(names[:SAME]) + (f" and {left} more" if left > 0 else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]} …"


def _time(at: datetime | str) -> str:
    """`2026-01-01 10:00 UTC`, to the minute: who reads it may be anywhere."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
