"""Which partitions of a backfill are to be made, and why the others are not. Rules only.

| the partition | `missing` | `failed` | `all` |
| --- | --- | --- | --- |
| has an active run | left alone | left alone | left alone |
| is neither made nor failed | made | made | made |
| its last run failed | left alone | made | made |
| is made, and its last run did not fail | left alone | left alone | made |

What the backfill has seen to once is done, whatever came of it: so one that goes on after a crash makes the rest alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ....storage.types import FINAL_STATES, Reprocess, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How partitions of one asset stand.

    Attributes
    ----------
    made: keys that have a version; failed: keys whose last run failed; active: keys with a run that has not ended.
    own: key → state of the newest run that this backfill made of it.
    """

    made: Collection[str] = ()
    failed: Collection[str] = ()
    active: Collection[str] = ()
    own: Mapping[str, RunState] = field(default_factory=dict[str, RunState])


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be done with some partitions of one asset.

    Attributes
    ----------
    make: the keys that are to be made now, in order.
    wait: those of which a run of this backfill has not ended.
    done: those that it has seen to.
    spared: those that are left alone: `made`, `failed` or `active`, by key.
    """

    make: tuple[str, ...]
    wait: tuple[str, ...]
    done: tuple[str, ...]
    spared: Mapping[str, str]


def choose(keys: Sequence[str], reprocess: Reprocess, facts: Facts, *, news: bool = False) -> Choice:
    """What is to be done with these keys. `news`: they are started by what the backfill published, made or not.

    >>> facts = Facts(made={"2"}, failed={"3"}, active={"4"})
    >>> choose("12345", Reprocess.MISSING, facts).make, choose("12345", Reprocess.FAILED, facts).make
    (('1', '5'), ('1', '3', '5'))
    """
    make: list[str] = []
    wait: list[str] = []
    done: list[str] = []
    spared: dict[str, str] = {}
    for key in keys:
        own = facts.own.get(key)
        if own is not None and own is not RunState.CANCELED:
            (done if own in FINAL_STATES else wait).append(key)
            continue
        why = _spared(key, reprocess, facts, news=news)
        if why is None:
            make.append(key)
        else:
            spared[key] = why
    return Choice(make=tuple(make), wait=tuple(wait), done=tuple(done), spared=spared)


def _spared(key: str, reprocess: Reprocess, facts: Facts, *, news: bool) -> str | None:
    """Why a key is left alone; None when it is to be made."""
    if key in facts.active:
        return "active"
    if news or reprocess is Reprocess.ALL:
        return None
    if key in facts.failed:
        return None if reprocess is Reprocess.FAILED else "failed"
    return "made" if key in facts.made else None
